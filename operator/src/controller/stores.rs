//! The watches of children, one a kind, and what they hold. Each also tells the controller whose child has changed.
//!
//! Kinds of which only the version matters are watched as metadata. Secrets are watched without a label, because a user's
//! Secrets carry none, and hold nothing but their metadata. Little is kept of what is watched, because a large cluster has many:
//! [`Known`] of what matters by its version, [`Whole`] of what is looked at.

mod known;
mod packed;
mod registry;
mod store;
mod whole;

use std::{
    fmt::Debug,
    future::{Future, ready},
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
};
use kube::{
    Api, Client, Resource,
    api::PartialObjectMeta,
    runtime::{
        Controller, WatchStreamExt,
        reflector::{self, ObjectRef},
        watcher,
    },
};
use serde::de::DeserializeOwned;

#[cfg(test)]
pub(super) use self::store::Writer;
pub(super) use self::{
    known::Known,
    packed::Packed,
    registry::{RegistryRef, StoredRegistry},
    store::Store,
    whole::{Whole, forget_unused},
};
use super::{Scope, chain, memory::Memories, optional_kinds::OptionalKinds, wakeups::Wakeups};
use crate::{
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
    #[error("{0}: nothing was listed within {within:?}; check that the operator's role allows list and watch", within = READY_WITHIN)]
    NotReady(&'static str),
}

/// What the watches hold of one scope.
#[derive(Clone)]
pub(super) struct Stores {
    pub(super) services: Store<Whole<Service>>,
    pub(super) deployments: Store<Whole<Deployment>>,
    pub(super) claims: Store<Whole<PersistentVolumeClaim>>,
    pub(super) secrets: Store<Known>,
    pub(super) config_maps: Store<Known>,
    pub(super) service_accounts: Store<Known>,
    pub(super) optional: Arc<OptionalKinds>,
}

impl Stores {
    /// Waits until every watch has listed what there is.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        // The optional kinds are waited for by the registries that want them.
        let Self { services, deployments, claims, secrets, config_maps, service_accounts, optional: _ } = self;
        is_ready("Services", services).await?;
        is_ready("Deployments", deployments).await?;
        is_ready("PersistentVolumeClaims", claims).await?;
        is_ready("Secrets", secrets).await?;
        is_ready("ConfigMaps", config_maps).await?;
        is_ready("ServiceAccounts", service_accounts).await
    }
}

async fn is_ready<V>(kinds: &'static str, store: &Store<V>) -> Result<(), Error> {
    listed_in_time(kinds, store.wait_until_ready()).await
}

/// Waits for a store as long as a watch may take.
pub(super) async fn listed_in_time<E>(
    kinds: &'static str,
    listed: impl Future<Output = Result<(), E>>,
) -> Result<(), Error> {
    tokio::time::timeout(READY_WITHIN, listed).await.ok().and_then(Result::ok).ok_or(Error::NotReady(kinds))
}

/// A controller of the registries of `scope`, fed by all watches, and what those hold.
pub(super) fn watch(
    client: &Client,
    scope: &Scope,
    memories: &Arc<Memories>,
    wakeups: &Arc<Wakeups>,
    metrics: &Arc<Metrics>,
) -> (Controller<StoredRegistry>, Stores) {
    let ours = watcher::Config::default().labels(&our_label()).page_size(PAGE_SIZE);
    // Neither kind can hold what a registry refers to, and both are many.
    let secrets = watcher::Config::default()
        .fields("type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token")
        .page_size(PAGE_SIZE);
    let (registries, registry_events) = watch_registries(client, scope, metrics);
    let (services, service_events) = open::<Service, _>(scope.api(client), ours.clone(), metrics);
    let (deployments, deployment_events) = open::<Deployment, _>(scope.api(client), ours.clone(), metrics);
    let (claims, claim_events) = open::<PersistentVolumeClaim, _>(scope.api(client), ours.clone(), metrics);
    let (config_maps, config_map_events) =
        open::<PartialObjectMeta<ConfigMap>, _>(scope.api(client), ours.clone(), metrics);
    let (service_accounts, service_account_events) =
        open::<PartialObjectMeta<ServiceAccount>, _>(scope.api(client), ours, metrics);
    let (secrets, secret_events) = open::<PartialObjectMeta<Secret>, _>(scope.api(client), secrets, metrics);

    let (optional, optional_triggers) = OptionalKinds::new(client.clone(), scope.clone(), Arc::clone(metrics));
    let optional = Arc::new(optional);

    let (memories, wakeups) = (Arc::clone(memories), Arc::clone(wakeups));
    let secret_triggers = secret_events.flat_map(move |secret: Arc<Known>| {
        // Of a registry that is gone, too: somebody has to sweep after it.
        wakeups.wake(RegistryName::of_pull_secret_copy(secret.name()));
        stream::iter(secret.registry().into_iter().chain(referrers(&secret, &memories)).collect::<Vec<_>>())
    });
    let controller = Controller::for_stream(registry_events, registries)
        .reconcile_on(owners(service_events))
        .reconcile_on(owners(deployment_events))
        .reconcile_on(owners(claim_events))
        .reconcile_on(owners(config_map_events))
        .reconcile_on(owners(service_account_events))
        .reconcile_on(optional_triggers)
        .reconcile_on(secret_triggers);
    (controller, Stores { services, deployments, claims, secrets, config_maps, service_accounts, optional })
}

/// The registries whose children have changed.
fn owners<V: AsRef<Known>>(children: impl Stream<Item = Arc<V>>) -> impl Stream<Item = RegistryRef> {
    children.filter_map(|child| ready((*child).as_ref().registry()))
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

/// A store and what is kept of the objects that are touched. An error is counted, and the watch goes on after a pause of its
/// own: given to the controller, which pauses all watches for an error of one, a dozen that fail at once, as when the API server
/// restarts, would take minutes to recover.
pub(super) fn open<K, V>(
    api: Api<K>,
    config: watcher::Config,
    metrics: &Arc<Metrics>,
) -> (Store<V>, impl Stream<Item = Arc<V>> + Send + use<K, V>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    V: From<K> + Send + Sync + 'static,
{
    let (store, mut writer) = Store::new();
    let metrics = Arc::clone(metrics);
    let kind = K::kind(&()).into_owned();
    let touched = watcher(api, config)
        .default_backoff()
        .inspect(move |event| tell_failure(&kind, event, &metrics))
        .filter_map(|event| ready(event.ok()))
        .flat_map(move |event| stream::iter(writer.apply(event)));
    (store, touched)
}

/// Tells of each object that is touched, for ever.
pub(super) async fn each<V>(touched: impl Stream<Item = Arc<V>>, mut tell: impl FnMut(&V)) {
    touched
        .for_each(|object| {
            tell(&object);
            ready(())
        })
        .await;
}

/// The registries themselves, for which the controller wants a store of its own kind. Errors are told as in [`open`].
fn watch_registries(
    client: &Client,
    scope: &Scope,
    metrics: &Arc<Metrics>,
) -> (reflector::Store<StoredRegistry>, impl Stream<Item = Result<StoredRegistry, watcher::Error>> + Send + use<>) {
    let (store, writer) = reflector::store();
    let metrics = Arc::clone(metrics);
    let events = watcher(scope.api(client), watcher::Config::default().page_size(PAGE_SIZE))
        .default_backoff()
        .reflect(writer)
        .touched_objects()
        .inspect(move |event| tell_failure("PrivateRegistry", event, &metrics))
        .filter_map(|event| ready(event.ok().map(Ok)));
    (store, events)
}

fn referrers(secret: &Known, memories: &Memories) -> Vec<RegistryRef> {
    let names = memories.referrers(secret.namespace(), secret.name());
    names.into_iter().map(|name| ObjectRef::new(&name.name).within(&name.namespace)).collect()
}
