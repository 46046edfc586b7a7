//! What the operator sees of namespaces and service accounts, and whom it tells when they change.
//!
//! Both are watched from the first registry on that asks for copies, not before. Of namespaces there is the metadata, of service
//! accounts what the plan looks at. An operator that was given some namespaces alone has no right to read them as objects: it knows
//! their names, and takes the administrator's list for what their labels cannot say.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt, future::join_all};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::{
    Api, Client, ResourceExt,
    api::PartialObjectMeta,
    runtime::{reflector::Store, watcher},
};
use tokio::sync::watch;

use super::{
    Distributed, LISTED_WITHIN,
    plan::{Account, Asked, Found, Place, Seen},
};
use crate::{
    controller::{Scope, memory::Memories, stores, wakeups::Wakeups},
    metrics::Metrics,
    names::{FIELD_MANAGER, RegistryName, annotation, label},
};

/// What the operator sees beyond a registry's own namespace.
pub(in crate::controller) struct Reach {
    namespaces: Namespaces,
    /// One for each scope.
    accounts: Vec<Store<ServiceAccount>>,
    /// One for each scope.
    secrets: Vec<Store<PartialObjectMeta<Secret>>>,
    /// Namespaces that take copies without a label.
    pub(super) allowed: BTreeSet<String>,
    /// Whether somebody has asked for copies.
    asked: watch::Sender<bool>,
}

enum Namespaces {
    /// All, as they are.
    Watched(Store<PartialObjectMeta<Namespace>>),
    /// Those that the operator was given, by name.
    Given(Vec<String>),
}

/// A stream of what has changed, which does nothing before it is polled.
type Events<K> = futures::stream::BoxStream<'static, Result<K, watcher::Error>>;

impl Reach {
    /// What can be seen from `scopes`, whose Secrets are in `secrets`, and the work of watching it.
    pub(in crate::controller) fn of(
        client: &Client,
        scopes: &[Scope],
        secrets: Vec<Store<PartialObjectMeta<Secret>>>,
        allowed: BTreeSet<String>,
        metrics: &Arc<Metrics>,
    ) -> (Arc<Self>, Watches) {
        let config = || watcher::Config::default().page_size(stores::PAGE_SIZE);
        let (accounts, account_events) = scopes
            .iter()
            .map(|scope| {
                let (store, events) =
                    stores::open(scope.api::<ServiceAccount>(client), config(), trim_account, metrics);
                (store, events.boxed())
            })
            .unzip();
        let (namespaces, namespace_events) = if scopes == [Scope::Cluster] {
            let api = Api::<PartialObjectMeta<Namespace>>::all(client.clone());
            let (store, events) = stores::open(api, config(), |_| {}, metrics);
            (Namespaces::Watched(store), Some(events.boxed()))
        } else {
            let given = scopes.iter().filter_map(|scope| match scope {
                Scope::Namespace(name) => Some(name.clone()),
                Scope::Cluster => None,
            });
            (Namespaces::Given(given.collect()), None)
        };
        let (asked, opened) = watch::channel(false);
        let reach = Arc::new(Self { namespaces, accounts, secrets, allowed, asked });
        (Arc::clone(&reach), Watches { reach, opened, account_events, namespace_events })
    }

    /// Starts the watches, once.
    pub(super) fn ask(&self) {
        self.asked.send_if_modified(|asked| !std::mem::replace(asked, true));
    }

    /// Whether everything is listed within `time`.
    pub(super) async fn is_listed_within(&self, time: Duration) -> bool {
        let secrets = join_all(self.secrets.iter().map(Store::wait_until_ready));
        let accounts = join_all(self.accounts.iter().map(Store::wait_until_ready));
        let namespaces = async {
            match &self.namespaces {
                Namespaces::Watched(store) => store.wait_until_ready().await.is_ok(),
                Namespaces::Given(_) => true,
            }
        };
        let all = async {
            let (secrets, accounts, namespaces) = tokio::join!(secrets, accounts, namespaces);
            namespaces && secrets.into_iter().chain(accounts).all(|listed| listed.is_ok())
        };
        tokio::time::timeout(time, all).await.unwrap_or(false)
    }

    /// The namespaces to which the operator is confined, if it is.
    pub(super) fn confined_to(&self) -> Option<&[String]> {
        match &self.namespaces {
            Namespaces::Watched(_) => None,
            Namespaces::Given(names) => Some(names),
        }
    }

    /// What there is, with what `memory` knows better because the watches have not told it yet.
    pub(super) fn seen(&self, asked: &Asked<'_>, memory: &mut Distributed) -> Seen {
        Seen {
            places: self.places(),
            secrets: memory.corrected_secrets(self.copies(asked.registry)),
            accounts: memory.corrected_accounts(self.accounts_for(asked, memory)),
        }
    }

    fn places(&self) -> Vec<Place> {
        match &self.namespaces {
            Namespaces::Watched(store) => store.state().iter().map(|namespace| place(namespace)).collect(),
            Namespaces::Given(names) => names.iter().map(|name| named_place(name)).collect(),
        }
    }

    fn copies(&self, registry: &RegistryName) -> Vec<Found> {
        let name = registry.pull_secret_copy();
        let found = self.secrets.iter().flat_map(|store| store.state_filter(|secret| secret.name_any() == name));
        found.filter_map(|secret| found_secret(secret.as_ref(), registry)).collect()
    }

    /// The accounts that a registry names, and those that hold an entry of its, or will once the watch shows it.
    fn accounts_for(&self, asked: &Asked<'_>, memory: &Distributed) -> Vec<Account> {
        let concerned = |account: &ServiceAccount| {
            let name = account.metadata.name.as_deref().unwrap_or_default();
            let namespace = account.metadata.namespace.as_deref().unwrap_or_default();
            account.metadata.annotations.is_some()
                || asked.accounts.iter().any(|asked| asked == name)
                || memory.has_edited(namespace, name)
        };
        let accounts = self.accounts.iter().flat_map(|store| store.state_filter(concerned));
        accounts.filter_map(|account| account_of(&account)).collect()
    }
}

/// The watches, as work that somebody has to do.
pub(in crate::controller) struct Watches {
    reach: Arc<Reach>,
    opened: watch::Receiver<bool>,
    account_events: Vec<Events<ServiceAccount>>,
    namespace_events: Option<Events<PartialObjectMeta<Namespace>>>,
}

impl Watches {
    /// Watches once somebody has asked, and wakes the registries that are concerned.
    pub(in crate::controller) async fn run(
        mut self,
        memories: Arc<Memories>,
        wakeups: Arc<Wakeups>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let watch = async {
            // An error means that nobody can ask any more.
            if self.opened.wait_for(|asked| *asked).await.is_err() {
                return;
            }
            let accounts = join_all(self.account_events.into_iter().map(|events| {
                each(events, |account| {
                    let (namespace, name) = (account.namespace().unwrap_or_default(), account.name_any());
                    wakeups.wake(memories.concerned_by_account(&namespace, &name));
                    wakeups.wake(added(&account).iter().filter_map(|entry| whose_entry(entry, &namespace)));
                })
            }));
            let namespaces = async {
                if let Some(events) = self.namespace_events {
                    each(events, |_| wakeups.wake(memories.concerned_by_namespaces())).await;
                }
            };
            let listed = async {
                while !self.reach.is_listed_within(LISTED_WITHIN).await {}
                wakeups.wake(memories.distributing());
            };
            tokio::join!(accounts, namespaces, listed);
        };
        tokio::select! {
            () = watch => {}
            () = shutdown => {}
        }
    }
}

/// Errors are counted and logged where the watch is opened; it goes on.
async fn each<K>(events: impl Stream<Item = Result<K, watcher::Error>>, mut changed: impl FnMut(K)) {
    events
        .for_each(|event| {
            if let Ok(object) = event {
                changed(object);
            }
            std::future::ready(())
        })
        .await;
}

/// The registry that an entry of a service account in `namespace` belongs to.
fn whose_entry(entry: &str, namespace: &str) -> Option<RegistryName> {
    let own = || {
        let name = entry.strip_suffix("-pull")?.to_owned();
        Some(RegistryName { namespace: namespace.to_owned(), name })
    };
    RegistryName::of_pull_secret_copy(entry).or_else(own)
}

/// Whether a Secret is a copy of the pull Secret of `registry`.
pub(super) fn is_copy(secret: &impl ResourceExt, registry: &RegistryName) -> bool {
    let labels = secret.labels();
    let says = |key: &str, value: &str| labels.get(key).is_some_and(|known| known == value);
    secret.name_any() == registry.pull_secret_copy()
        && says(label::MANAGED_BY, FIELD_MANAGER)
        && says(label::REGISTRY_NAMESPACE, &registry.namespace)
        && says(label::REGISTRY_NAME, &registry.name)
}

pub(super) fn found_secret(secret: &impl ResourceExt, registry: &RegistryName) -> Option<Found> {
    Some(Found {
        namespace: secret.namespace()?,
        ours: is_copy(secret, registry),
        resource_version: secret.resource_version()?,
    })
}

fn place(namespace: &PartialObjectMeta<Namespace>) -> Place {
    Place {
        name: namespace.name_any(),
        labels: namespace.labels().clone(),
        terminating: namespace.metadata.deletion_timestamp.is_some(),
    }
}

fn named_place(name: &str) -> Place {
    let labels = BTreeMap::from([(label::NAMESPACE_NAME.to_owned(), name.to_owned())]);
    Place { name: name.to_owned(), labels, terminating: false }
}

pub(super) fn account_of(account: &ServiceAccount) -> Option<Account> {
    Some(Account {
        namespace: account.namespace()?,
        name: account.name_any(),
        resource_version: account.resource_version()?,
        entries: account.image_pull_secrets.iter().flatten().map(|entry| entry.name.clone()).collect(),
        added: added(account),
    })
}

fn added(account: &ServiceAccount) -> BTreeSet<String> {
    let names = account.annotations().get(annotation::IMAGE_PULL_SECRETS);
    names.into_iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Leaves of a service account what the plan looks at: there is one at least in every namespace.
fn trim_account(account: &mut ServiceAccount) {
    let metadata = &mut account.metadata;
    (metadata.labels, metadata.owner_references, metadata.finalizers) = (None, None, None);
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| key == annotation::IMAGE_PULL_SECRETS);
    }
    metadata.annotations = metadata.annotations.take().filter(|annotations| !annotations.is_empty());
    account.secrets = None;
}
