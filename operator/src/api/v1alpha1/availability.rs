//! Who may reach the registry's Pod, and who may evict it.

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Who may reach the registry's Pod. Everybody else may not, where the cluster's network enforces it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicy {
    /// Who may pull and push, as in a `NetworkPolicy`. Defaults to the Pods of the same namespace. Nodes pull with their own
    /// addresses, and an ingress controller comes from its own namespace: both have to be written here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(is_somebody("self"))
        .message("networkPolicy.allowedPeers: a peer needs podSelector, namespaceSelector, or ipBlock alone"))]
    pub allowed_peers: Vec<NetworkPolicyPeer>,

    /// Who may read the server's metrics on port 5001, beside the operator. Defaults to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new(is_somebody("self"))
        .message("networkPolicy.metricsPeers: a peer needs podSelector, namespaceSelector, or ipBlock alone"))]
    pub metrics_peers: Vec<NetworkPolicyPeer>,
}

/// CEL: whether the API server would take these peers.
fn is_somebody(peers: &str) -> String {
    format!("{peers}.all(peer, has(peer.ipBlock) != (has(peer.podSelector) || has(peer.namespaceSelector)))")
}

/// How many of the registry's Pods may be evicted at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodDisruptionBudget {
    /// Pods that may be gone at once because a node is drained. With 0, the default, a drain waits until the budget or the Pod
    /// is deleted by hand; a Pod that is not ready never holds it up.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub max_unavailable: i32,
}
