//! The watches of children, one a kind, and what they hold. Each also tells the controller whose child has changed.
//!
//! Kinds of which only the version matters are watched as metadata. Secrets are watched without a label, because a user's
//! Secrets carry none, and hold nothing but their metadata.

use std::{fmt::Debug, hash::Hash, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::PartialObjectMeta,
    core::DeserializeGuard,
    runtime::{
        Controller, WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;

use super::{Scope, chain, memory::Memories, optional_kinds::OptionalKinds, wakeups::Wakeups};
use crate::{
    api::v1alpha1::PrivateRegistry,
    metrics::Metrics,
    names::{FIELD_MANAGER, RegistryName, label},
};

/// Objects of one answer of a list: a first list of a large cluster does not have to fit into memory at once.
pub(super) const PAGE_SIZE: u32 = 100;
/// How long the watches may take to hold what there is.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Why the stores cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch has not listed what there is.
    #[error("{0}: nothing was listed within 30 s; check that the operator's role allows list and watch")]
    NotReady(&'static str),
}

/// What the watches hold of one scope.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) services: Store<Service>,
    pub(super) deployments: Store<Deployment>,
    pub(super) claims: Store<PersistentVolumeClaim>,
    pub(super) secrets: Store<PartialObjectMeta<Secret>>,
    pub(super) config_maps: Store<PartialObjectMeta<ConfigMap>>,
    pub(super) service_accounts: Store<PartialObjectMeta<ServiceAccount>>,
    pub(super) optional: Arc<OptionalKinds>,
}

impl Stores {
    /// Waits until every watch has listed what there is.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        // The optional kinds are waited for by the registries that want them.
        let Self { services, deployments, claims, secrets, config_maps, service_accounts, optional: _ } = self;
        ready("Services", services).await?;
        ready("Deployments", deployments).await?;
        ready("PersistentVolumeClaims", claims).await?;
        ready("Secrets", secrets).await?;
        ready("ConfigMaps", config_maps).await?;
        ready("ServiceAccounts", service_accounts).await
    }
}

pub(super) async fn ready<K>(kinds: &'static str, store: &Store<K>) -> Result<(), Error>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    tokio::time::timeout(READY_WITHIN, store.wait_until_ready())
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or(Error::NotReady(kinds))
}

/// A controller of the registries of `scope`, fed by all watches, and what those hold.
pub(super) fn watch(
    client: &Client,
    scope: &Scope,
    memories: &Arc<Memories>,
    wakeups: &Arc<Wakeups>,
    metrics: &Arc<Metrics>,
) -> (Controller<DeserializeGuard<PrivateRegistry>>, Stores) {
    let ours = watcher::Config::default().labels(&our_label()).page_size(PAGE_SIZE);
    // Neither kind can hold what a registry refers to, and both are many.
    let secrets = watcher::Config::default()
        .fields("type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token")
        .page_size(PAGE_SIZE);
    let source = Source { client, scope, metrics };

    let (registries, registry_events) = source.open(watcher::Config::default().page_size(PAGE_SIZE));
    let (services, service_events) = source.open(ours.clone());
    // Of a Deployment, which is large, only the status is looked at.
    let of_deployments = |deployment: &mut Deployment| deployment.spec = None;
    let (deployments, deployment_events) = open(scope.api(client), ours.clone(), of_deployments, metrics);
    let (claims, claim_events) = source.open(ours.clone());
    let (config_maps, config_map_events) = source.open(ours.clone());
    let (service_accounts, service_account_events) = source.open(ours);
    let (secrets, secret_events) = source.open(secrets);

    let (optional, optional_triggers) = OptionalKinds::new(client.clone(), scope.clone(), Arc::clone(metrics));
    let optional = Arc::new(optional);

    let (memories, wakeups) = (Arc::clone(memories), Arc::clone(wakeups));
    let controller = Controller::for_stream(registry_events, registries)
        .watches_stream(service_events, |child: Service| owner(&child))
        .watches_stream(deployment_events, |child: Deployment| owner(&child))
        .watches_stream(claim_events, |child: PersistentVolumeClaim| owner(&child))
        .watches_stream(config_map_events, |child: PartialObjectMeta<ConfigMap>| owner(&child))
        .watches_stream(service_account_events, |child: PartialObjectMeta<ServiceAccount>| owner(&child))
        .reconcile_on(optional_triggers)
        .watches_stream(secret_events, move |secret: PartialObjectMeta<Secret>| {
            // Of a registry that is gone, too: somebody has to sweep after it.
            wakeups.wake(RegistryName::of_pull_secret_copy(&secret.name_any()));
            owner(&secret).into_iter().chain(referrers(&secret, &memories)).collect::<Vec<_>>()
        });
    (controller, Stores { services, deployments, claims, secrets, config_maps, service_accounts, optional })
}

/// Where watches are opened.
struct Source<'a> {
    client: &'a Client,
    scope: &'a Scope,
    metrics: &'a Arc<Metrics>,
}

impl Source<'_> {
    fn open<K>(
        &self,
        config: watcher::Config,
    ) -> (Store<K>, impl Stream<Item = Result<K, watcher::Error>> + Send + use<K>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        open(self.scope.api::<K>(self.client), config, |_| {}, self.metrics)
    }
}

/// Counts and logs that a watch failed; it goes on by itself.
pub(super) fn tell_failure<K>(kind: &str, event: &Result<K, watcher::Error>, metrics: &Metrics) {
    if let Err(error) = event {
        metrics.watch_failed(kind);
        // The error's own text repeats its cause with the whole answer of the API server.
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), chain);
        tracing::warn!(kind, error = cause, "failed to watch; trying again");
    }
}

/// The label that every object of the operator's has.
pub(super) fn our_label() -> String {
    format!("{}={FIELD_MANAGER}", label::MANAGED_BY)
}

/// A store and the objects that are touched, each after `trim`. An error is counted, and the watch goes on after a pause of its
/// own: given to the controller, which pauses all watches for an error of one, a dozen that fail at once, as when the API server
/// restarts, would take minutes to recover.
pub(super) fn open<K, T>(
    api: Api<K>,
    config: watcher::Config,
    trim: T,
    metrics: &Arc<Metrics>,
) -> (Store<K>, impl Stream<Item = Result<K, watcher::Error>> + Send + use<K, T>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    T: Fn(&mut K) + Send + 'static,
{
    let (reader, writer) = reflector::store();
    let metrics = Arc::clone(metrics);
    let kind = K::kind(&()).into_owned();
    let events = watcher(api, config)
        .default_backoff()
        .modify(move |object| {
            object.meta_mut().managed_fields = None;
            trim(object);
        })
        .reflect(writer)
        .touched_objects()
        .inspect(move |event| tell_failure(&kind, event, &metrics))
        .filter_map(|event| std::future::ready(event.ok().map(Ok)));
    (reader, events)
}

/// What a store calls a child of `registry`.
pub(super) fn reference<K: Resource<DynamicType = ()>>(registry: &RegistryName, name: &str) -> ObjectRef<K> {
    ObjectRef::new(name).within(&registry.namespace)
}

/// The registry that a child belongs to: by its owner reference or, as for a claim that is retained, by its labels.
pub(super) fn owner(child: &impl ResourceExt) -> Option<ObjectRef<DeserializeGuard<PrivateRegistry>>> {
    let owned = child
        .owner_references()
        .iter()
        .find(|owner| {
            owner.kind == PrivateRegistry::kind(&()) && owner.api_version == PrivateRegistry::api_version(&())
        })
        .map(|owner| &owner.name);
    let labelled = || {
        let labels = child.labels();
        let managed = labels.get(label::MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER);
        labels.get(label::INSTANCE).filter(|_| managed)
    };
    Some(ObjectRef::new(owned.or_else(labelled)?).within(&child.namespace()?))
}

fn referrers(
    secret: &PartialObjectMeta<Secret>,
    memories: &Memories,
) -> Vec<ObjectRef<DeserializeGuard<PrivateRegistry>>> {
    let namespace = secret.namespace().unwrap_or_default();
    let names = memories.referrers(&namespace, &secret.name_any());
    names.into_iter().map(|name| ObjectRef::new(&name.name).within(&name.namespace)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner_of(metadata: &serde_json::Value) -> Option<String> {
        let child: ConfigMap = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
        owner(&child).map(|reference| reference.to_string())
    }

    #[test]
    fn a_child_is_found_by_its_owner_reference_or_its_labels() {
        let by_reference = json!({"name": "x", "namespace": "kitchen", "ownerReferences": [
            {"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry", "name": "larder", "uid": "1"}]});
        let by_labels = json!({"name": "x", "namespace": "kitchen", "labels": {
            "app.kubernetes.io/managed-by": "private-registry-operator", "app.kubernetes.io/instance": "cellar"}});
        let by_others = json!({"name": "x", "namespace": "kitchen", "labels": {
            "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "attic"}});
        assert!(owner_of(&by_reference).unwrap().contains("larder.kitchen"), "{:?}", owner_of(&by_reference));
        assert!(owner_of(&by_labels).unwrap().contains("cellar.kitchen"));
        assert_eq!(owner_of(&by_others), None);
    }
}
