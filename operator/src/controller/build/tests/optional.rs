//! The children of those registries that ask for them.

use serde_json::{Value, json};

use super::{built, json_of, metadata};
use crate::controller::{optional_kinds::OptionalKind, tests::fixtures::value};

/// The optional child of this kind.
fn optional(spec: &str, kind: OptionalKind) -> Value {
    let (_, children) = built(spec);
    let all = children.optional.iter().chain(&children.network_policy);
    let child = all.into_iter().find(|child| child.kind == kind).map(|child| json_of(&child.object));
    child.unwrap_or_default()
}

#[test]
fn an_ingress_speaks_tls_on_both_sides_and_lets_large_layers_through() {
    let spec = "{ingress: {host: pantry.example, className: slate, annotations: {nginx.org/proxy-read-timeout: 1h}}}";
    let ingress = optional(spec, OptionalKind::Ingress);
    let mut plain = metadata("larder", "registry");
    plain["annotations"] = ingress["metadata"]["annotations"].clone();
    assert_eq!(ingress["metadata"], plain);
    assert_eq!((&ingress["apiVersion"], &ingress["kind"]), (&json!("networking.k8s.io/v1"), &json!("Ingress")));
    let backend = json!({"service": {"name": "larder", "port": {"name": "registry"}}});
    assert_eq!(
        ingress["spec"],
        json!({
            "ingressClassName": "slate",
            "rules": [{"host": "pantry.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
            "tls": [{"hosts": ["pantry.example"], "secretName": "larder-tls"}],
        })
    );
    let annotation = |key: &str| ingress["metadata"]["annotations"][key].clone();
    assert_eq!(annotation("nginx.ingress.kubernetes.io/backend-protocol"), "HTTPS");
    assert_eq!(annotation("nginx.ingress.kubernetes.io/proxy-body-size"), "0");
    assert_eq!(annotation("nginx.ingress.kubernetes.io/proxy-ssl-secret"), "kitchen/larder-tls");
    assert_eq!(annotation("nginx.ingress.kubernetes.io/proxy-ssl-name"), "larder.kitchen.svc.house.example");
    assert_eq!(annotation("haproxy-ingress.github.io/secure-verify-ca-secret"), "larder-tls");
    assert_eq!(annotation("haproxy-ingress.github.io/secure-verify-hostname"), "larder.kitchen.svc.house.example");
    assert_eq!(annotation("nginx.org/proxy-read-timeout"), "1h", "what the spec says wins");
}

#[test]
fn an_ingress_without_tls_behind_it_says_nothing_of_tls_but_what_is_asked_for() {
    let plain = optional("{tls: {disabled: true}, ingress: {host: pantry.example}}", OptionalKind::Ingress);
    assert_eq!(plain["spec"]["tls"], Value::Null);
    let annotations = plain["metadata"]["annotations"].to_string();
    assert!(!annotations.contains("HTTPS") && !annotations.contains("ssl"), "{annotations}");

    let spec = "{tls: {disabled: true}, ingress: {host: pantry.example, tlsSecretName: badge}}";
    let ended = optional(spec, OptionalKind::Ingress);
    assert_eq!(ended["spec"]["tls"][0]["secretName"], "badge");
}

#[test]
fn a_host_of_an_ingress_is_in_the_pull_secret_and_locations_are_relative() {
    let (_, children) = built("{ingress: {host: pantry.example}}");
    let config: Value = serde_json::from_str(&value(&children.pull.unwrap(), ".dockerconfigjson")).unwrap();
    assert!(config["auths"]["pantry.example"].is_object(), "{config}");
    assert!(children.config.data.unwrap()["config.yml"].contains("relativeurls: true"));
}

#[test]
fn a_network_policy_lets_in_who_is_named_and_the_operator() {
    let policy = |spec: &str| optional(spec, OptionalKind::NetworkPolicy)["spec"]["ingress"].clone();
    let operator = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "steward"}}});
    assert_eq!(
        policy("{networkPolicy: {}}"),
        json!([
            {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 5000}]},
            {"from": [operator], "ports": [{"protocol": "TCP", "port": 5001}]},
        ])
    );
    let (cook, waiter) =
        (json!({"ipBlock": {"cidr": "10.0.0.0/8"}}), json!({"podSelector": {"matchLabels": {"a": "b"}}}));
    let spec = json!({"networkPolicy": {"allowedPeers": [cook], "metricsPeers": [waiter]}});
    let named = policy(&spec.to_string());
    assert_eq!(named[0]["from"], json!([cook]));
    assert_eq!(named[1]["from"], json!([operator, waiter]));
}

#[test]
fn a_budget_holds_a_drain_up_unless_it_says_otherwise() {
    let budget = |spec: &str| optional(spec, OptionalKind::PodDisruptionBudget)["spec"].clone();
    assert_eq!(
        budget("{podDisruptionBudget: {}}"),
        json!({
            "maxUnavailable": 0,
            "selector": {"matchLabels": {
                "app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder",
            }},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        })
    );
    assert_eq!(budget("{podDisruptionBudget: {maxUnavailable: 1}}")["maxUnavailable"], 1);
    assert_eq!(budget("{}"), Value::Null);
}

const MONITORED: &str = "{monitoring: {serviceMonitor: {interval: 15s, labels: {release: lens}}, prometheusRule: {}}}";

#[test]
fn prometheus_reads_the_metrics_through_a_service_that_leads_nowhere_else() {
    let (service, children) = built(MONITORED);
    assert_eq!(json_of(&service)["spec"]["ports"].as_array().unwrap().len(), 1, "no metrics where clients come");
    let selector = json!({"app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder"});
    assert_eq!(
        json_of(&children.metrics_service.unwrap()),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata("larder-metrics", "metrics"),
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": true,
                "selector": selector,
                "ports": [{"name": "metrics", "port": 5001, "targetPort": "debug", "protocol": "TCP", "appProtocol": "http"}],
            },
        })
    );
    let monitor = optional(MONITORED, OptionalKind::ServiceMonitor);
    assert_eq!(monitor["metadata"]["labels"]["release"], "lens");
    let mut labels = selector;
    labels["app.kubernetes.io/component"] = json!("metrics");
    assert_eq!(
        monitor["spec"],
        json!({
            "selector": {"matchLabels": labels},
            "endpoints": [{"port": "metrics", "path": "/metrics", "scheme": "http", "interval": "15s"}],
        })
    );
    assert!(built("{}").1.metrics_service.is_none());
}

/// Names and expressions of the alerts.
fn alerts(spec: &str) -> Vec<(String, String)> {
    let rule = optional(spec, OptionalKind::PrometheusRule);
    assert_eq!(rule["spec"]["groups"][0]["name"], "private-registry-kitchen-larder");
    let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap().clone();
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap().to_owned();
    rules.iter().map(|rule| (text(rule, "alert"), text(rule, "expr"))).collect()
}

#[test]
fn alerts_are_about_this_registry_alone_and_about_what_it_has() {
    let all = alerts(MONITORED);
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "PrivateRegistryDown",
            "PrivateRegistryErrors",
            "PrivateRegistryReloadRefused",
            "PrivateRegistryLoginsNotChecked",
            "PrivateRegistryCertificateEnds",
            "PrivateRegistryVolumeFills",
            "PrivateRegistryVolumeFull",
        ]
    );
    assert_eq!(all[0].1, r#"absent(up{namespace="kitchen",service="larder-metrics"} == 1)"#);
    let half = 15 * 24 * 3600;
    assert!(all[4].1.ends_with(&format!("- time() < {half}")), "half of the 30 days for its renewal: {}", all[4].1);
    assert!(all.iter().all(|(_, expression)| expression.contains(r#"service="larder-metrics""#)), "{all:?}");
    assert!(all.iter().all(|(_, expression)| expression.contains(r#"namespace="kitchen""#)), "{all:?}");

    let short = "{tls: {disabled: true}, storage: {emptyDir: {}}, replicas: 0, monitoring: {serviceMonitor: {}, prometheusRule: {}}}";
    let names: Vec<_> = alerts(short).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "PrivateRegistryErrors",
            "PrivateRegistryReloadRefused",
            "PrivateRegistryLoginsNotChecked",
            "PrivateRegistryVolumeFills",
            "PrivateRegistryVolumeFull",
        ],
        "no certificate, and one that was stopped is meant to be down"
    );
}

const ROUTED: &str =
    "{httpRoute: {hostnames: [pantry.example, shelf.example], parentRefs: [{name: gate, namespace: hall}]}}";

#[test]
fn a_gateway_is_told_where_to_lead_and_whom_to_trust() {
    let route = optional(ROUTED, OptionalKind::HttpRoute);
    assert_eq!(route["metadata"], metadata("larder", "registry"));
    assert_eq!(
        route["spec"],
        json!({
            "hostnames": ["pantry.example", "shelf.example"],
            "parentRefs": [{"name": "gate", "namespace": "hall"}],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": "larder", "port": 443}],
                "timeouts": {"request": "0s"},
            }],
        })
    );
    let policy = optional(ROUTED, OptionalKind::BackendTlsPolicy);
    assert_eq!(
        policy["spec"],
        json!({
            "targetRefs": [{"group": "", "kind": "Service", "name": "larder"}],
            "validation": {
                "hostname": "larder.kitchen.svc.house.example",
                "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "larder-ca"}],
            },
        })
    );
    let (_, children) = built(ROUTED);
    let authorities = children.authorities.unwrap();
    assert_eq!(json_of(&authorities)["metadata"], metadata("larder-ca", "certificate"));
    assert_eq!(authorities.data.unwrap()["ca.crt"], "authorities");
    let config: Value = serde_json::from_str(&value(&children.pull.unwrap(), ".dockerconfigjson")).unwrap();
    assert!(config["auths"]["shelf.example"].is_object(), "{config}");
}

#[test]
fn a_gateway_is_told_of_no_tls_where_there_is_none() {
    let plain = ROUTED.replacen('{', "{tls: {disabled: true}, ", 1);
    assert_eq!(optional(&plain, OptionalKind::BackendTlsPolicy), Value::Null);
    assert_eq!(optional(&plain, OptionalKind::HttpRoute)["spec"]["rules"][0]["backendRefs"][0]["port"], 80);
    assert!(built(&plain).1.authorities.is_none());
}
