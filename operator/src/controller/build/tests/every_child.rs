//! What is true of all children, whatever a registry has: of one that has everything, so that a new child is among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{super::*, json_of, labels, metadata};
use crate::controller::{
    build::config::DRAIN_SECONDS,
    tests::fixtures::{material, observed, password, secret, try_validated, validated, value},
};

/// Asks for every child there is but those of cert-manager.
const EVERYTHING: &str = "
ingress: {host: pantry.example}
httpRoute: {hostnames: [hall.example], parentRefs: [{name: gate}]}
networkPolicy: {}
podDisruptionBudget: {}
monitoring: {serviceMonitor: {}, prometheusRule: {}}
podLabels: {shelf: top}
";

/// Asks for that one.
const CERT_MANAGER: &str = "{tls: {certManager: {issuerRef: {name: notary}}}}";

/// Every child of this spec by `Kind/name`, as it is sent.
fn sent(spec: &str) -> BTreeMap<String, Value> {
    let registry = validated(spec);
    sent_with(&registry, &material(&registry))
}

fn sent_with(registry: &Registry, material: &Material) -> BTreeMap<String, Value> {
    let Resources { service, children, phase: PhantomData } = build(registry, Some(material));
    // No `..`: what is true of all is true of a new one too.
    let Children {
        service_account,
        authority,
        certificate,
        issued,
        credentials,
        htpasswd,
        http,
        pull,
        push,
        config,
        claim,
        deployment,
        authorities,
        metrics_service,
        network_policy,
        optional,
    } = children.unwrap();
    let secrets = [authority, certificate, issued, credentials, htpasswd, Some(http), pull, push];
    let mut objects = vec![json_of(&service), json_of(&deployment), json_of(&config)];
    objects.extend(secrets.iter().flatten().map(json_of));
    objects.extend(service_account.iter().map(json_of));
    objects.extend(claim.iter().map(json_of));
    objects.extend(authorities.iter().map(json_of));
    objects.extend(metrics_service.iter().map(json_of));
    objects.extend(optional.iter().chain(&network_policy).map(|child| json_of(&child.object)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let named = |object: Value| (format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"])), object);
    objects.into_iter().map(named).collect()
}

fn pod(children: &BTreeMap<String, Value>) -> &Value {
    &children["Deployment/larder"]["spec"]["template"]
}

#[test]
fn a_registry_that_asks_for_everything_has_these_children() {
    let mut names: Vec<_> = sent(EVERYTHING).into_keys().chain(sent(CERT_MANAGER).into_keys()).collect();
    names.sort();
    names.dedup();
    let wanted = [
        "BackendTLSPolicy/larder",
        "Certificate/larder",
        "ConfigMap/larder-ca",
        "ConfigMap/larder-config",
        "Deployment/larder",
        "HTTPRoute/larder",
        "Ingress/larder",
        "NetworkPolicy/larder",
        "PersistentVolumeClaim/larder",
        "PodDisruptionBudget/larder",
        "PrometheusRule/larder",
        "Secret/larder-ca",
        "Secret/larder-credentials",
        "Secret/larder-htpasswd",
        "Secret/larder-http",
        "Secret/larder-pull",
        "Secret/larder-push",
        "Secret/larder-tls",
        "Service/larder",
        "Service/larder-metrics",
        "ServiceAccount/larder",
        "ServiceMonitor/larder",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn every_child_and_every_pod_says_in_labels_whose_it_is() {
    for (name, child) in sent(EVERYTHING).into_iter().chain(sent(CERT_MANAGER)) {
        let found = &child["metadata"]["labels"];
        let component = found["app.kubernetes.io/component"].as_str().unwrap_or_default();
        assert!(!component.is_empty(), "{name}");
        assert_eq!(*found, labels(component), "{name}");
    }
    let mut of_pods = labels("registry");
    // A new operator does not roll the Pods of all registries for the sake of a label.
    of_pods.as_object_mut().unwrap().remove("app.kubernetes.io/version");
    of_pods["shelf"] = json!("top");
    assert_eq!(pod(&sent(EVERYTHING))["metadata"]["labels"], of_pods);
}

#[test]
fn every_child_goes_with_its_registry_but_a_claim_that_is_kept() {
    for (name, child) in sent(EVERYTHING).into_iter().chain(sent(CERT_MANAGER)) {
        let owners = &child["metadata"]["ownerReferences"];
        let kept = name == "PersistentVolumeClaim/larder";
        assert_eq!(*owners, if kept { Value::Null } else { metadata("", "")["ownerReferences"].clone() }, "{name}");
    }
}

#[test]
fn the_authority_s_key_is_in_one_secret_and_no_pod_mounts_it() {
    let children = sent(EVERYTHING);
    let encoded = json_of(&ByteString(b"authority key".to_vec()));
    let holding = |(_, child): &(&String, &Value)| child.to_string().contains(encoded.as_str().unwrap());
    let holders: Vec<_> = children.iter().filter(holding).map(|(name, _)| name.as_str()).collect();
    assert_eq!(holders, ["Secret/larder-ca"]);

    let mounted = pod(&children)["spec"]["volumes"].as_array().unwrap();
    let secrets: Vec<_> = mounted.iter().filter_map(|volume| volume["secret"]["secretName"].as_str()).collect();
    assert_eq!(secrets, ["larder-htpasswd", "larder-tls"]);
    assert!(!pod(&children).to_string().contains("larder-ca"));
}

#[test]
fn secrets_are_sent_as_data_and_nothing_else_holds_a_secret() {
    let registry = validated(EVERYTHING);
    let material = material(&registry);
    let words =
        ["leaf key", "authority key", "new-pull", "told-pull", "new-push", "told-push", "hash-1", "signs-uploads"];
    for (name, child) in sent_with(&registry, &material) {
        if child["kind"] == "Secret" {
            assert!(child["data"].is_object() && child["stringData"].is_null(), "{name}");
            continue;
        }
        let text = child.to_string();
        let encoded = |word: &str| json_of(&ByteString(word.as_bytes().to_vec())).as_str().unwrap().to_owned();
        let told = words.iter().find(|word| text.contains(**word) || text.contains(&encoded(word)));
        assert_eq!(told, None, "{name}");
    }
}

#[test]
fn a_change_of_the_configuration_replaces_the_pod_and_one_of_certificates_or_passwords_does_not() {
    let registry = validated("{}");
    let before = material(&registry);
    let mut after = material(&registry);
    let served = after.certificate.as_mut().unwrap();
    served.pair.certificate = b"another leaf".to_vec();
    served.authorities = Some(b"others".to_vec());
    after.lines[0].hash = "another-hash".into();
    after.generated.as_mut().unwrap()[0].published = Some(password("another word"));
    let (before, after) = (sent_with(&registry, &before), sent_with(&registry, &after));
    for changed in ["Secret/larder-tls", "Secret/larder-htpasswd", "Secret/larder-pull"] {
        assert_ne!(before[changed], after[changed]);
    }
    assert_eq!(pod(&before), pod(&after));
    assert_ne!(pod(&before), pod(&sent("{config: {log: {level: debug}}}")));
}

#[test]
fn requests_have_time_to_end_before_the_pod_is_killed() {
    let children = sent("{}");
    let config = children["ConfigMap/larder-config"]["data"]["config.yml"].as_str().unwrap();
    assert!(config.contains(&format!("draintimeout: {DRAIN_SECONDS}s")), "{config}");
    let killed_after = pod(&children)["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(killed_after >= DRAIN_SECONDS + 5, "{killed_after}");
}

#[test]
fn users_of_a_file_may_pull_and_push_and_nothing_else() {
    let line = |user: &str| format!("{user}:{}\n", bcrypt::hash("basil", 4).unwrap());
    let file = line("amy") + &line("bob");
    let guests = secret("guests", "7", &[("htpasswd", file.as_bytes())]);
    let mut observed = observed();
    observed.referenced.insert("guests".into(), Some(guests));
    let registry = try_validated("{auth: {htpasswdSecretRef: {name: guests}}}", &observed).unwrap();
    let children = build(&registry, Some(&material(&registry))).children.unwrap();
    let rights: Value = serde_saphyr::from_str(&value(&children.htpasswd.unwrap(), "access.yml")).unwrap();
    assert_eq!(rights, json!({"rules": [{"users": ["amy", "bob"], "actions": ["pull", "push"]}]}));
}
