//! What is sent, against an API server of a few lines that knows server-side apply of one manager.

mod cluster;
mod growth;
mod optional;
mod server;
mod strangers;

use serde_json::json;

use self::cluster::Cluster;
use super::{Error, Memory};

const CHILDREN: [&str; 12] = [
    "services/larder",
    "serviceaccounts/larder",
    "secrets/larder-ca",
    "secrets/larder-tls",
    "secrets/larder-credentials",
    "secrets/larder-htpasswd",
    "secrets/larder-http",
    "secrets/larder-pull",
    "secrets/larder-push",
    "configmaps/larder-config",
    "persistentvolumeclaims/larder",
    "deployments/larder",
];

#[tokio::test]
async fn everything_is_applied_in_order_once() {
    let mut cluster = Cluster::new();
    let first = cluster.apply("{}").await.unwrap();
    let asked_and_applied = CHILDREN.iter().flat_map(|child| [format!("GET {child}"), format!("PATCH {child}")]);
    assert_eq!(first, asked_and_applied.collect::<Vec<_>>(), "whose name it is, then the object");

    assert!(cluster.apply("{}").await.unwrap().is_empty(), "at rest nothing is sent");
}

#[tokio::test]
async fn an_operator_that_restarts_applies_once_and_changes_nothing() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let before = cluster.server().objects.clone();
    cluster.memory = Memory::default();
    let patches: Vec<_> = CHILDREN.iter().map(|child| format!("PATCH {child}")).collect();
    assert_eq!(cluster.apply("{}").await.unwrap(), patches);
    assert_eq!(cluster.server().objects, before);
    assert!(cluster.apply("{}").await.unwrap().is_empty());
}

#[tokio::test]
async fn only_what_drifted_or_changed_is_applied() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();

    cluster.server().objects.get_mut("configmaps/larder-config").unwrap()["metadata"]["resourceVersion"] = json!("900");
    cluster.server().objects.remove("secrets/larder-pull");
    cluster.watch();
    assert_eq!(cluster.apply("{}").await.unwrap(), ["PATCH secrets/larder-pull", "PATCH configmaps/larder-config"]);

    assert_eq!(cluster.apply("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH deployments/larder"]);
}

#[tokio::test]
async fn what_a_person_writes_into_a_secret_during_a_pass_is_not_overwritten() {
    const PLACE: &str = "secrets/larder-credentials";
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();

    // The watch has seen what was written after the pass had read.
    let written = {
        let mut server = cluster.server();
        let secret = server.objects.get_mut(PLACE).unwrap();
        secret["data"] = json!({"push": "bWluZQ=="});
        secret["metadata"]["resourceVersion"] = json!("900");
        secret.clone()
    };
    cluster.watch();
    let error = cluster.apply_late("{}").await.unwrap_err();
    assert!(matches!(error, Error::Outdated { .. }), "{error}");
    assert_eq!(cluster.server().objects[PLACE], written);

    // Neither is one that was deleted made again from what was in it.
    cluster.server().objects.remove(PLACE);
    cluster.watch();
    let error = cluster.apply_late("{}").await.unwrap_err();
    assert!(matches!(error, Error::Outdated { .. }), "{error}");

    cluster.server().requests.clear();
    assert_eq!(cluster.apply("{}").await.unwrap(), [format!("PATCH {PLACE}")]);
}

#[tokio::test]
async fn what_is_no_longer_wanted_goes_and_what_is_not_ours_stays() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "jam", "namespace": "kitchen"}});
    cluster.server().objects.insert("secrets/jam".into(), foreign);
    cluster.watch();

    let requests = cluster.apply("{tls: {disabled: true}, storage: {emptyDir: {}}}").await.unwrap();

    let mut deleted: Vec<_> = requests.iter().filter(|request| request.starts_with("DELETE")).collect();
    deleted.sort();
    assert_eq!(
        deleted,
        ["DELETE secrets/larder-ca", "DELETE secrets/larder-tls"],
        "and the claim with its images stays"
    );
    assert_eq!(
        requests.iter().position(|request| request.starts_with("DELETE")),
        Some(requests.len() - 2),
        "last of all"
    );
}

#[tokio::test]
async fn of_a_paused_registry_only_secrets_are_applied_and_nothing_goes() {
    let mut cluster = Cluster::new();
    assert!(cluster.apply_paused("{}").await.unwrap().iter().all(|request| request.contains(" secrets/")));

    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    // A person stops the Pod; the certificate's Secret is lost; and the spec changes.
    cluster.server().objects.get_mut("deployments/larder").unwrap()["spec"]["replicas"] = json!(0);
    cluster.server().objects.get_mut("deployments/larder").unwrap()["metadata"]["resourceVersion"] = json!("900");
    cluster.server().objects.remove("secrets/larder-tls");
    cluster.watch();
    assert_eq!(cluster.apply_paused("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH secrets/larder-tls"]);
    // Plain HTTP waits for the Pod, and a port for the Service: clients go on with what they know.
    let secrets = |cluster: &Cluster| {
        ["pull", "push", "tls"].map(|name| cluster.server().objects[&format!("secrets/larder-{name}")].clone())
    };
    let before = secrets(&cluster);
    assert!(cluster.apply_paused("{tls: {disabled: true}, service: {port: 81}}").await.unwrap().is_empty());
    assert_eq!(secrets(&cluster), before);
    let stopped = cluster.server().objects["deployments/larder"]["spec"]["replicas"].clone();
    assert_eq!(stopped, json!(0), "what the person did stays");

    // It goes on with all of it.
    assert_eq!(cluster.apply("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH deployments/larder"]);
    let deployment = cluster.server().objects["deployments/larder"].clone();
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["shelf"], "top");
}

#[test]
fn a_namespace_that_is_being_deleted_is_told_from_a_missing_right() {
    let forbidden = |cause: &str| {
        let status = json!({"status": "Failure", "reason": "Forbidden", "code": 403, "message": "no",
            "details": {"causes": [{"reason": cause}]}});
        let source = kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()));
        let (kind, namespace, name) = ("Service".to_owned(), "kitchen".to_owned(), "larder".to_owned());
        Error::Request { verb: "apply", kind, namespace, name, source }
    };
    assert!(forbidden("NamespaceTerminating").is_namespace_terminating());
    assert!(!forbidden("SomethingElse").is_namespace_terminating());
}
