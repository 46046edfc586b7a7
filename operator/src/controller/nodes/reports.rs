//! What the Pods on nodes say, asked one by one, some at a time.

use std::net::IpAddr;

use futures::{StreamExt, stream};
use k8s_openapi::api::{apps::v1::DaemonSet, core::v1::Pod};
use kube::{Api, Client, api::ListParams};

use super::{
    canary::{self, Trouble},
    requests::Error,
};
use crate::{controller::pods::ask, names::RegistryName, node_trust::Report};

/// Pods that are asked at the same time.
const AT_ONCE: usize = 32;

/// What one node says.
#[derive(Debug)]
pub(super) struct NodeReport {
    pub(super) node: String,
    /// Nothing of a registry that it has not been told of; an error where nobody answers.
    pub(super) answer: Result<Option<Report>, String>,
    /// Why the canary does not run, where there is one.
    pub(super) canary: Option<Trouble>,
}

/// Asks every Pod of the `DaemonSet` about `registry`.
pub(super) async fn ask(
    client: &Client,
    namespace: &str,
    daemon_set: &DaemonSet,
    registry: &RegistryName,
) -> Result<Vec<NodeReport>, Error> {
    let labels = daemon_set.spec.as_ref().and_then(|spec| spec.selector.match_labels.as_ref());
    let selector: Vec<_> = labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let pods = pods.list(&ListParams::default().labels(&selector.join(","))).await.map_err(Error::Pods)?;
    let path = format!("/registries/{}/{}", registry.namespace, registry.name);
    let reports = stream::iter(pods.items.iter().filter_map(place)).map(async |Place { node, address, canary }| {
        let answer = match address {
            Some(address) => ask::json_if_found(address, &path).await,
            None => Err("it does not run yet".to_owned()),
        };
        NodeReport { node, answer, canary }
    });
    Ok(reports.buffer_unordered(AT_ONCE).collect().await)
}

/// Where a Pod is, and what the kubelet says of it.
struct Place {
    node: String,
    address: Option<IpAddr>,
    canary: Option<Trouble>,
}

/// Nothing of a Pod that is about to end.
fn place(pod: &Pod) -> Option<Place> {
    let node = pod.spec.as_ref()?.node_name.clone().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()?.parse().ok());
    Some(Place { node, address, canary: canary::trouble(pod) })
}
