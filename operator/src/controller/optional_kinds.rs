//! Kinds of which a registry has a child only when its spec asks for one. Some are used by few, others come with software that
//! a cluster may not have.
//!
//! Each is asked for once, when the operator starts, and then watched from the moment that a registry wants it or something of
//! ours was found, which an earlier run has left. One that the cluster does not have, or that the operator's role does not allow,
//! is asked for again while a registry wants it, ever more rarely: nothing polls at rest. Watches hold metadata and status.

mod kind;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{
    Stream, StreamExt,
    channel::mpsc::{UnboundedSender, unbounded},
};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    runtime::reflector::{ObjectRef, Store},
};
use serde_json::Value;

pub use self::kind::{OptionalChild, OptionalKind};
use self::watch::Triggers;
use super::{
    Scope,
    stores::{self, RegistryRef},
};
use crate::{metrics::Metrics, names::RegistryName};

/// The wait before a kind that could not be used is asked for again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Why it is not known whether a kind can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not answer, or not with yes or no.
    #[error("failed to list {0}")]
    List(&'static str, #[source] kube::Error),
    /// The watch has not listed what there is.
    #[error(transparent)]
    Watch(#[from] stores::Error),
}

/// Why a kind cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The cluster does not know it.
    NotInstalled,
    /// The operator's role does not allow it.
    Forbidden,
}

/// What there is of a registry's optional children.
#[derive(Debug, Default)]
pub struct Optional {
    /// Kinds that cannot be used.
    pub unavailable: BTreeMap<OptionalKind, Unavailable>,
    /// The status of the child that has the registry's name, by kind.
    pub statuses: BTreeMap<OptionalKind, Value>,
    /// When a kind that the registry wants and cannot have is asked for again.
    pub ask_again: Option<Duration>,
}

/// What is known of the optional kinds in one scope.
pub(super) struct OptionalKinds {
    client: Client,
    scope: Scope,
    metrics: Arc<Metrics>,
    states: Arc<Mutex<States>>,
    /// Held while a kind is asked for, so that passes beside each other do not all ask.
    asking: tokio::sync::Mutex<()>,
    watches: UnboundedSender<Triggers>,
}

type States = HashMap<OptionalKind, State>;

enum State {
    Unavailable {
        why: Unavailable,
        again: Instant,
        wait: Duration,
    },
    /// There, and nothing of it is ours.
    Unused,
    Watched(Store<DynamicObject>),
}

impl State {
    fn unavailable(why: Unavailable, previous: Option<&Self>) -> Self {
        let wait = match previous {
            Some(Self::Unavailable { wait, .. }) => (*wait * 2).min(LONGEST_WAIT),
            _ => FIRST_WAIT,
        };
        Self::Unavailable { why, again: Instant::now() + wait, wait }
    }
}

impl OptionalKinds {
    /// The kinds of `scope`, and the registries whose optional children have changed. The stream has to be polled for the watches
    /// to make progress.
    pub(super) fn new(
        client: Client,
        scope: Scope,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Stream<Item = RegistryRef> + Send + use<>) {
        let (watches, opened) = unbounded::<Triggers>();
        let (states, asking) = (Arc::default(), tokio::sync::Mutex::default());
        (Self { client, scope, metrics, states, asking, watches }, opened.flatten_unordered(None))
    }

    /// What there is for a registry that wants these kinds.
    pub(super) async fn look(&self, name: &RegistryName, wanted: &BTreeSet<OptionalKind>) -> Result<Optional, Error> {
        {
            let _asking = self.asking.lock().await;
            for kind in OptionalKind::ALL {
                self.settle(kind, wanted.contains(&kind)).await?;
            }
        }
        for kind in wanted {
            if let Some(store) = self.store(*kind) {
                stores::listed_in_time(kind.plural(), store.wait_until_ready()).await?;
            }
        }
        Ok(self.observed(name, wanted))
    }

    /// Asks for a kind of which nothing is known, or which may have come meanwhile, and watches one that is used.
    async fn settle(&self, kind: OptionalKind, wanted: bool) -> Result<(), Error> {
        let ask = match self.states().get(&kind) {
            None => true,
            Some(State::Unavailable { again, .. }) => wanted && *again <= Instant::now(),
            Some(State::Unused | State::Watched(_)) => false,
        };
        if ask {
            let state = self.ask(kind).await?;
            self.states().insert(kind, state);
        }
        if wanted && matches!(self.states().get(&kind), Some(State::Unused)) {
            let state = self.watch(kind);
            self.states().insert(kind, state);
        }
        Ok(())
    }

    async fn ask(&self, kind: OptionalKind) -> Result<State, Error> {
        let api = self.api(kind);
        let unavailable = |why| State::unavailable(why, self.states().get(&kind));
        match api.list_metadata(&ListParams::default().labels(&stores::our_label()).limit(1)).await {
            Ok(list) if list.items.is_empty() => Ok(State::Unused),
            Ok(_) => Ok(self.watch(kind)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(unavailable(Unavailable::NotInstalled)),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(unavailable(Unavailable::Forbidden)),
            Err(source) => Err(Error::List(kind.plural(), source)),
        }
    }

    fn watch(&self, kind: OptionalKind) -> State {
        let (store, triggers) = watch::open(kind, self.api(kind), &self.states, &self.metrics);
        // The other end is a part of the controller, which lives longer than its passes.
        _ = self.watches.unbounded_send(triggers);
        State::Watched(store)
    }

    fn observed(&self, name: &RegistryName, wanted: &BTreeSet<OptionalKind>) -> Optional {
        let mut optional = Optional::default();
        for (kind, state) in self.states().iter() {
            match state {
                State::Unavailable { why, again, .. } => {
                    optional.unavailable.insert(*kind, *why);
                    let wait = again.saturating_duration_since(Instant::now());
                    let sooner = optional.ask_again.is_none_or(|known| wait < known);
                    if sooner && wanted.contains(kind) {
                        optional.ask_again = Some(wait);
                    }
                }
                State::Unused => {}
                State::Watched(store) => {
                    let child = store.get(&reference(*kind, name, &name.workload()));
                    optional.statuses.extend(child.map(|child| (*kind, child.data.clone())));
                }
            }
        }
        optional
    }

    /// The version of a child that the watch has seen last.
    pub(super) fn seen(&self, kind: OptionalKind, registry: &RegistryName, name: &str) -> Option<String> {
        let child = self.store(kind)?.get(&reference(kind, registry, name))?;
        child.metadata.resource_version.clone()
    }

    /// All that the watches hold, by kind.
    pub(super) fn stores(&self) -> Vec<(OptionalKind, Store<DynamicObject>)> {
        let watched = |(kind, state): (&OptionalKind, &State)| match state {
            State::Watched(store) => Some((*kind, store.clone())),
            State::Unavailable { .. } | State::Unused => None,
        };
        self.states().iter().filter_map(watched).collect()
    }

    fn store(&self, kind: OptionalKind) -> Option<Store<DynamicObject>> {
        match self.states().get(&kind) {
            Some(State::Watched(store)) => Some(store.clone()),
            _ => None,
        }
    }

    fn api(&self, kind: OptionalKind) -> Api<DynamicObject> {
        match &self.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &kind.resource()),
            Scope::Namespace(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind.resource()),
        }
    }

    /// Takes `store` for what the watch of `kind` holds.
    #[cfg(test)]
    pub(super) fn hold(&self, kind: OptionalKind, store: Store<DynamicObject>) {
        self.states().insert(kind, State::Watched(store));
    }

    fn states(&self) -> MutexGuard<'_, States> {
        lock(&self.states)
    }
}

/// A pass that panicked has left nothing half written: every change is one assignment.
fn lock(states: &Mutex<States>) -> MutexGuard<'_, States> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reference(kind: OptionalKind, registry: &RegistryName, name: &str) -> ObjectRef<DynamicObject> {
    ObjectRef::new_with(name, kind.resource()).within(&registry.namespace)
}

#[cfg(test)]
mod tests;
