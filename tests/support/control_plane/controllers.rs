//! What the Deployment controller and the binder of claims would write into statuses, where a test needs `Ready`: every
//! Deployment is available at once, every claim bound. No Pods, no volumes.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use futures::StreamExt as _;

use crate::wait::Watched;

/// They play until dropped.
#[derive(Debug)]
pub struct Controllers(Vec<JoinHandle<()>>);

impl Controllers {
    /// For one namespace, or for all of them.
    pub(super) fn play(client: &Client, namespace: Option<&str>) -> Self {
        Self(vec![
            play::<Deployment>(client, namespace, available),
            play::<PersistentVolumeClaim>(client, namespace, bound),
        ])
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Writes the status that follows from each object, where it is another one.
fn play<K>(client: &Client, namespace: Option<&str>, status: fn(&K) -> Option<Value>) -> JoinHandle<()>
where
    K: Watched + Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let client = client.clone();
    let api = namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    tokio::spawn(async move {
        let mut changes = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
        while let Some(change) = changes.next().await {
            let Ok(object) = change else { continue }; // the watch is opened again
            let Some(status) = status(&object) else { continue };
            // Gone meanwhile, or the API server does not answer: the next change comes with the watch.
            let patch = Patch::Merge(json!({"status": status}));
            let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
            let _ = api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await;
        }
    })
}

fn available(deployment: &Deployment) -> Option<Value> {
    let generation = deployment.metadata.generation;
    let replicas = deployment.spec.as_ref()?.replicas.unwrap_or(1);
    if deployment.status.as_ref().is_some_and(|status| status.observed_generation == generation) {
        return None;
    }
    let condition = |type_: &str, reason: &str| json!({"type": type_, "status": "True", "reason": reason});
    Some(json!({
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable"),
            condition("Progressing", "NewReplicaSetAvailable"),
        ],
    }))
}

fn bound(claim: &PersistentVolumeClaim) -> Option<Value> {
    let spec = claim.spec.as_ref()?;
    let wanted = spec.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    let status = claim.status.as_ref();
    let capacity = status.and_then(|status| status.capacity.as_ref()?.get("storage"));
    if capacity == Some(wanted) && status.and_then(|status| status.phase.as_deref()) == Some("Bound") {
        return None;
    }
    Some(json!({"phase": "Bound", "accessModes": spec.access_modes, "capacity": {"storage": wanted}}))
}
