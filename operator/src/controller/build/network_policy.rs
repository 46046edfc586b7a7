//! Who may reach the server's Pod.

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use serde_json::{Value, json};

use crate::{
    controller::{
        optional_kinds::{OptionalChild, OptionalKind},
        registry::Registry,
    },
    names::port,
};

pub(super) fn network_policy(registry: &Registry) -> Option<OptionalChild> {
    let policy = registry.exposure.network_policy.as_ref()?;
    let mut clients = peers(&policy.allowed_peers);
    if clients.is_empty() {
        // No peer at all would be everybody.
        clients.push(json!({"podSelector": {}}));
    }
    // The operator asks the Pods which files they have loaded.
    let operator =
        json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": policy.operator_namespace}}});
    let scrapers: Vec<_> = [operator].into_iter().chain(peers(&policy.metrics_peers)).collect();
    let spec = json!({
        "podSelector": {"matchLabels": registry.name.selector()},
        "policyTypes": ["Ingress"],
        "ingress": [allow(&clients, port::REGISTRY), allow(&scrapers, port::DEBUG)],
    });
    let metadata = registry.child_metadata(registry.name.workload(), "registry");
    Some(OptionalKind::NetworkPolicy.child(metadata, spec))
}

fn peers(peers: &[NetworkPolicyPeer]) -> Vec<Value> {
    peers.iter().map(|peer| json!(peer)).collect()
}

fn allow(peers: &[Value], port: i32) -> Value {
    json!({"from": peers, "ports": [{"protocol": "TCP", "port": port}]})
}
