//! What is said of the ways to the registry from outside, and of kinds that a cluster may lack.

use super::*;
use crate::controller::{
    optional_kinds::{OptionalKind, Unavailable},
    tests::fixtures::observed_behind,
};

/// A registry behind a Service of this type, as the API server has both.
fn exposed(type_: &str, load_balancer: &Value) -> PrivateRegistryStatus {
    let observed = observed_behind(load_balancer);
    Cluster { observed, ..Cluster::serving() }.status(&format!("{{service: {{type: {type_}}}}}"), None, now())
}

#[test]
fn a_load_balancer_is_waited_for_and_then_told() {
    let waiting = exposed("LoadBalancer", &json!([]));
    assert_eq!(condition_of(&waiting, "Ready"), is("False", "WaitingForLoadBalancer"));
    assert_eq!(condition_of(&waiting, "Reconciling"), is("True", "WaitingForLoadBalancer"));
    assert_eq!(waiting.external_endpoint, None);

    let there = exposed("LoadBalancer", &json!([{"ip": "192.0.2.7"}]));
    assert_eq!(condition_of(&there, "Ready"), is("True", "Serving"));
    assert_eq!(condition_of(&there, "ExposureReady"), is("True", "LoadBalancer"));
    assert_eq!((there.external_endpoint.as_deref(), there.node_port), (Some("192.0.2.7"), Some(30443)));
    assert_eq!(there.endpoint.as_deref(), Some("larder.kitchen.svc.house.example"));
}

#[test]
fn a_port_of_the_nodes_is_told_and_no_address_is_made_up() {
    let status = exposed("NodePort", &json!([]));
    assert_eq!(condition_of(&status, "ExposureReady"), is("True", "NodePort"));
    assert_eq!((status.external_endpoint, status.node_port), (None, Some(30443)));
}

#[test]
fn an_ingress_is_told_with_what_its_controller_says() {
    let spec = "{ingress: {host: pantry.example}}";
    let message = |status: PrivateRegistryStatus| {
        let found = status.conditions.iter().find(|known| known.type_ == condition::EXPOSURE_READY);
        found.map(|known| known.message.clone()).unwrap()
    };
    let silent = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&silent, "Ready"), is("True", "Serving"));
    assert_eq!(silent.external_endpoint.as_deref(), Some("pantry.example"));
    assert_eq!(
        message(silent),
        "Ingress larder leads pantry.example to the registry; no controller has put an address into it so far"
    );

    let mut cluster = Cluster::serving();
    let answer = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    cluster.observed.optional.statuses = [(OptionalKind::Ingress, answer)].into();
    assert!(message(cluster.status(spec, None, now())).ends_with("a controller has taken it"));
}

#[test]
fn a_kind_that_is_missing_is_told_and_the_rest_goes_on() {
    let mut cluster = Cluster::serving();
    cluster.observed.optional.unavailable = [(OptionalKind::Ingress, Unavailable::Forbidden)].into();
    let status = cluster.status("{ingress: {host: pantry.example}}", None, now());
    for type_ in ["Ready", "ExposureReady"] {
        assert_eq!(condition_of(&status, type_), is("False", "KindForbidden"));
    }
    assert_eq!(condition_of(&status, "Reconciling"), is("True", "KindForbidden"));
    assert_eq!(status.ready_replicas, Some(1));
}

#[test]
fn prometheus_without_its_kinds_makes_a_registry_no_less_ready() {
    let spec = "{monitoring: {serviceMonitor: {}, prometheusRule: {}}}";
    let told = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&told, "MonitoringReady"), is("True", "Created"));

    let mut cluster = Cluster::serving();
    cluster.observed.optional.unavailable = [(OptionalKind::ServiceMonitor, Unavailable::NotInstalled)].into();
    let missing = cluster.status(spec, None, now());
    assert_eq!(condition_of(&missing, "MonitoringReady"), is("False", "KindNotInstalled"));
    assert_eq!(condition_of(&missing, "Ready"), is("True", "Serving"));
    assert_eq!(condition_of(&missing, "Reconciling"), is("True", "KindNotInstalled"));
    assert!(
        Cluster::serving().status("{}", None, now()).conditions.iter().all(|known| known.type_ != "MonitoringReady")
    );
}

#[test]
fn what_a_gateway_says_of_a_route_is_told() {
    let spec = "{httpRoute: {hostnames: [pantry.example], parentRefs: [{name: gate}]}}";
    let answered = |conditions: &Value| {
        let mut cluster = Cluster::serving();
        let answer = json!({"parents": [{"parentRef": {"name": "gate"}, "conditions": conditions}]});
        cluster.observed.optional.statuses = [(OptionalKind::HttpRoute, answer)].into();
        cluster.status(spec, None, now())
    };
    let accepted = answered(&json!([{"type": "Accepted", "status": "True"}]));
    assert_eq!(condition_of(&accepted, "ExposureReady"), is("True", "HTTPRoute"));
    assert_eq!(accepted.external_endpoint.as_deref(), Some("pantry.example"));

    let refused = answered(&json!([{"type": "Accepted", "status": "False", "message": "no listener has this host"}]));
    for type_ in ["Ready", "ExposureReady"] {
        assert_eq!(condition_of(&refused, type_), is("False", "RouteNotAccepted"));
    }
    let told = refused.conditions.iter().find(|known| known.type_ == "ExposureReady").unwrap();
    assert_eq!(told.message, "HTTPRoute larder is not accepted by Gateway gate: no listener has this host");
}
