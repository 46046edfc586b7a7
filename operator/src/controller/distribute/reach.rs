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

use futures::{StreamExt, future::join_all, stream::BoxStream};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{Api, Client, ResourceExt, api::PartialObjectMeta, runtime::watcher};

use super::{
    Distributed, LISTED_WITHIN,
    plan::{Account, Asked, Found, Place, Seen},
};
use crate::{
    controller::{
        Scope,
        memory::Memories,
        on_demand::{Demand, Demanded, on_demand},
        stores::{self, Known, Store, each},
        wakeups::Wakeups,
    },
    metrics::Metrics,
    names::{RegistryName, annotation, label},
};

/// What the operator sees beyond a registry's own namespace.
pub(in crate::controller) struct Reach {
    namespaces: Namespaces,
    /// One for each scope.
    accounts: Vec<Store<Account>>,
    /// One for each scope.
    secrets: Vec<Store<Known>>,
    /// Namespaces that take copies without a label.
    pub(super) allowed: BTreeSet<String>,
    /// By which copies are asked for.
    demand: Demand,
}

enum Namespaces {
    /// All, as they are.
    Watched(Store<Place>),
    /// Those that the operator was given, by name.
    Given(Vec<String>),
}

/// A stream of what has changed, which does nothing before it is polled.
type Events<V> = BoxStream<'static, Arc<V>>;

impl Reach {
    /// What can be seen from `scopes`, whose Secrets are in `secrets`, and the work of watching it.
    pub(in crate::controller) fn of(
        client: &Client,
        scopes: &[Scope],
        secrets: Vec<Store<Known>>,
        allowed: BTreeSet<String>,
        metrics: &Arc<Metrics>,
    ) -> (Arc<Self>, Watches) {
        let config = || watcher::Config::default().page_size(stores::PAGE_SIZE);
        let (accounts, account_events) = scopes
            .iter()
            .map(|scope| {
                let (store, events) = stores::open(scope.api::<ServiceAccount>(client), config(), metrics);
                (store, events.boxed())
            })
            .unzip();
        let (namespaces, namespace_events) = if scopes == [Scope::Cluster] {
            let api = Api::<PartialObjectMeta<Namespace>>::all(client.clone());
            let (store, events) = stores::open(api, config(), metrics);
            (Namespaces::Watched(store), Some(events.boxed()))
        } else {
            let given = scopes.iter().filter_map(|scope| match scope {
                Scope::Namespace(name) => Some(name.clone()),
                Scope::Cluster => None,
            });
            (Namespaces::Given(given.collect()), None)
        };
        let (demand, demanded) = on_demand();
        let reach = Arc::new(Self { namespaces, accounts, secrets, allowed, demand });
        (Arc::clone(&reach), Watches { reach, demanded, account_events, namespace_events })
    }

    /// Starts the watches, once.
    pub(super) fn ask(&self) {
        self.demand.ask();
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
            Namespaces::Watched(store) => store.all(|_| true).iter().map(|place| Place::clone(place)).collect(),
            Namespaces::Given(names) => names.iter().map(|name| named_place(name)).collect(),
        }
    }

    fn copies(&self, registry: &RegistryName) -> Vec<Found> {
        let name = registry.pull_secret_copy();
        let found = self.secrets.iter().flat_map(|store| store.named(&name));
        found.filter_map(|secret| found_secret(&secret, registry)).collect()
    }

    /// The accounts that a registry names, and those that hold an entry of its, or will once the watch shows it.
    fn accounts_for(&self, asked: &Asked<'_>, memory: &Distributed) -> Vec<Account> {
        let concerned = |account: &Account| {
            !account.added.is_empty()
                || asked.accounts.contains(&account.name)
                || memory.has_edited(&account.namespace, &account.name)
        };
        let accounts = self.accounts.iter().flat_map(|store| store.all(concerned));
        accounts.map(|account| Account::clone(&account)).collect()
    }
}

/// The watches, as work that somebody has to do.
pub(in crate::controller) struct Watches {
    reach: Arc<Reach>,
    demanded: Demanded,
    account_events: Vec<Events<Account>>,
    namespace_events: Option<Events<Place>>,
}

impl Watches {
    /// Watches once somebody has asked, and wakes the registries that are concerned.
    pub(in crate::controller) async fn run(
        self,
        memories: Arc<Memories>,
        wakeups: Arc<Wakeups>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let Self { reach, demanded, account_events, namespace_events } = self;
        let watch = async {
            let accounts = join_all(account_events.into_iter().map(|events| {
                each(events, |account| {
                    let Account { namespace, name, added, .. } = account;
                    wakeups.wake(memories.concerned_by_account(namespace, name));
                    wakeups.wake(added.iter().filter_map(|entry| whose_entry(entry, namespace)));
                })
            }));
            let namespaces = async {
                if let Some(events) = namespace_events {
                    each(events, |_| wakeups.wake(memories.concerned_by_namespaces())).await;
                }
            };
            let listed = async {
                while !reach.is_listed_within(LISTED_WITHIN).await {}
                wakeups.wake(memories.distributing());
            };
            tokio::join!(accounts, namespaces, listed);
        };
        demanded.run(watch, shutdown).await;
    }
}

/// The registry that an entry of a service account in `namespace` belongs to.
fn whose_entry(entry: &str, namespace: &str) -> Option<RegistryName> {
    let own = || {
        let name = entry.strip_suffix("-pull")?.to_owned();
        Some(RegistryName { namespace: namespace.to_owned(), name })
    };
    RegistryName::of_pull_secret_copy(entry).or_else(own)
}

/// A Secret as the plan looks at it.
pub(super) fn found_secret(secret: &Known, registry: &RegistryName) -> Option<Found> {
    let ours = secret.is_copy_of(registry);
    let resource_version = secret.resource_version()?.to_owned();
    Some(Found { namespace: secret.namespace().to_owned(), ours, resource_version })
}

impl From<PartialObjectMeta<Namespace>> for Place {
    fn from(namespace: PartialObjectMeta<Namespace>) -> Self {
        Self {
            name: namespace.name_any(),
            labels: namespace.labels().clone(),
            terminating: namespace.metadata.deletion_timestamp.is_some(),
        }
    }
}

fn named_place(name: &str) -> Place {
    let labels = BTreeMap::from([(label::NAMESPACE_NAME.to_owned(), name.to_owned())]);
    Place { name: name.to_owned(), labels, terminating: false }
}

/// Of a service account what the plan looks at: there is one at least in every namespace.
impl From<ServiceAccount> for Account {
    fn from(account: ServiceAccount) -> Self {
        Self {
            namespace: account.namespace().unwrap_or_default(),
            name: account.name_any(),
            resource_version: account.resource_version().unwrap_or_default(),
            entries: account.image_pull_secrets.iter().flatten().map(|entry| entry.name.clone()).collect(),
            added: added(&account),
        }
    }
}

fn added(account: &ServiceAccount) -> BTreeSet<String> {
    let names = account.annotations().get(annotation::IMAGE_PULL_SECRETS);
    names.into_iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
