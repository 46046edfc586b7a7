//! Why a Pod of the `DaemonSet` ends: to come back, as with every update and restart of the node, or because node trust was switched
//! off, for all nodes or for this one. What it has written stays in the first case, so that no Pod of the node waits for this one, and
//! goes in the second.

use std::path::Path;

use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Node, PodSpec},
};
use kube::{Api, Client, ResourceExt};

use crate::controller::chain;

/// Why a Pod of the `DaemonSet` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// Another one follows, or nobody knows: what was written stays.
    Restart,
    /// The last of ours on this node: what was written goes.
    Uninstall,
}

/// What a Pod of the `DaemonSet` knows of its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    /// The operator's namespace.
    pub(super) namespace: &'a str,
    /// The `DaemonSet`.
    pub(super) daemon_set: &'a str,
    /// The node.
    pub(super) node: &'a str,
    /// The directory on it that the next Pod would keep, where that is known.
    pub(super) directory: Option<&'a Path>,
}

/// Asks the API server about the `DaemonSet` that this Pod is of.
pub(super) async fn departure(client: &Client, post: Post<'_>) -> Departure {
    let found = Api::<DaemonSet>::namespaced(client.clone(), post.namespace).get_opt(post.daemon_set).await;
    if let Err(error) = &found {
        tracing::warn!(error = chain(error), "failed to read the DaemonSet of this Pod");
    }
    let next = match &found {
        Ok(Some(found)) => found.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()),
        _ => None,
    };
    if next.is_some_and(|next| post.directory.is_some_and(|directory| is_left(directory, next))) {
        return Departure::Uninstall;
    }
    match (judge(&found), next) {
        (Departure::Restart, Some(next)) => match Api::<Node>::all(client.clone()).get(post.node).await {
            Ok(node) if is_passed_over(&node, next) => Departure::Uninstall,
            // Nobody knows of a node that cannot be read, and one that is gone takes its files along.
            _ => Departure::Restart,
        },
        (departure, _) => departure,
    }
}

/// Whether Pods like `next` have nothing to do with `directory`: the chart has another one now.
fn is_left(directory: &Path, next: &PodSpec) -> bool {
    let mut mounted = next.volumes.iter().flatten().filter_map(|volume| volume.host_path.as_ref());
    !mounted.any(|mounted| Path::new(&mounted.path) == directory)
}

/// Whether Pods like `next` are for other nodes.
fn is_passed_over(node: &Node, next: &PodSpec) -> bool {
    next.node_selector.iter().flatten().any(|(label, value)| node.labels().get(label) != Some(value))
}

/// The right to read the `DaemonSet` goes with it: Helm deletes the one, then the other, and a Pod may ask in between or later.
fn judge(found: &Result<Option<DaemonSet>, kube::Error>) -> Departure {
    match found {
        Ok(None) => Departure::Uninstall,
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_some() => Departure::Uninstall,
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => Departure::Uninstall,
        Ok(Some(_)) | Err(_) => Departure::Restart,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
    use kube::core::Status;
    use serde_json::{Value, json};

    use super::*;

    fn refused(code: u16) -> Result<Option<DaemonSet>, kube::Error> {
        Err(kube::Error::Api(Status { code, ..Status::default() }.boxed()))
    }

    #[test]
    fn files_go_with_the_daemon_set_and_stay_when_another_pod_follows_or_nobody_knows() {
        let deleted = Some(Time(Timestamp::UNIX_EPOCH));
        let metadata = ObjectMeta { deletion_timestamp: deleted, ..ObjectMeta::default() };
        let going = DaemonSet { metadata, ..DaemonSet::default() };
        for gone in [Ok(None), Ok(Some(going)), refused(401), refused(403)] {
            assert_eq!(judge(&gone), Departure::Uninstall, "{gone:?}");
        }
        for stays in [Ok(Some(DaemonSet::default())), refused(500), refused(429)] {
            assert_eq!(judge(&stays), Departure::Restart, "{stays:?}");
        }
    }

    #[test]
    fn files_go_from_a_node_and_a_directory_that_the_next_pods_are_not_for() {
        let next = json!({"containers": [], "nodeSelector": {"pool": "apps", "kubernetes.io/os": "linux"},
            "volumes": [{"name": "certs", "hostPath": {"path": "/etc/containerd/certs.d"}}, {"name": "none", "emptyDir": {}}]});
        let next: PodSpec = serde_json::from_value(next).unwrap();
        let node = |labels: &Value| serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap();
        for other in [json!({}), json!({"pool": "apps"}), json!({"pool": "ingress", "kubernetes.io/os": "linux"})] {
            assert!(is_passed_over(&node(&other), &next), "{other}");
        }
        assert!(!is_passed_over(&node(&json!({"pool": "apps", "kubernetes.io/os": "linux", "zone": "a"})), &next));
        assert!(is_left(Path::new("/var/lib/rancher/k3s/agent/etc/containerd/certs.d"), &next));
        assert!(!is_left(Path::new("/etc/containerd/certs.d"), &next));
    }
}
