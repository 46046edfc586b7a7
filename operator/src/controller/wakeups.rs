//! Registries to look at again because of something outside their namespace, such as a label of another one.
//!
//! A controller's own watches end at its scope. What concerns a registry of another scope is noted here, once however often it
//! is said, and reaches the controller of that registry as a stream.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{Stream, stream};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;

use super::{Scope, stores::RegistryRef};
use crate::names::RegistryName;

/// What is noted, by scope.
#[derive(Debug)]
pub(super) struct Wakeups(Vec<(Scope, Arc<Pending>)>);

/// Registries that are noted, each once, until somebody asks for the next.
#[derive(Debug, Default)]
pub(super) struct Pending {
    names: Mutex<BTreeSet<RegistryName>>,
    notify: Notify,
}

impl Wakeups {
    /// For controllers of these scopes.
    pub(super) fn new(scopes: &[Scope]) -> Self {
        Self(scopes.iter().map(|scope| (scope.clone(), Arc::default())).collect())
    }

    /// Has `names` looked at again, as far as a controller serves them.
    pub(super) fn wake(&self, names: impl IntoIterator<Item = RegistryName>) {
        for name in names {
            if let Some((_, pending)) = self.0.iter().find(|(scope, _)| scope.covers(&name.namespace)) {
                pending.add(name);
            }
        }
    }

    /// What the controller of `scope` is to look at.
    pub(super) fn stream(&self, scope: &Scope) -> impl Stream<Item = RegistryRef> + Send + use<> {
        let pending = self.0.iter().find(|(known, _)| known == scope).map(|(_, pending)| Arc::clone(pending));
        stream::unfold(pending.unwrap_or_default(), |pending| async {
            let name = pending.next().await;
            Some((ObjectRef::new(&name.name).within(&name.namespace), pending))
        })
    }
}

impl Pending {
    /// Notes a registry.
    pub(super) fn add(&self, name: RegistryName) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        self.notify.notify_one();
    }

    /// Waits for the next one. There is one place that asks.
    pub(super) async fn next(&self) -> RegistryName {
        loop {
            if let Some(name) = self.names.lock().unwrap_or_else(PoisonError::into_inner).pop_first() {
                return name;
            }
            // What was noted since the look above has left a permit, with which this returns at once.
            self.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;

    fn name(namespace: &str) -> RegistryName {
        RegistryName { namespace: namespace.into(), name: "larder".into() }
    }

    #[test]
    fn a_registry_is_woken_once_by_the_controller_that_serves_it() {
        let [kitchen, hall] = ["kitchen", "hall"].map(|namespace| Scope::Namespace(namespace.into()));
        let wakeups = Wakeups::new(&[kitchen.clone(), hall.clone()]);
        let mut streams = [&kitchen, &hall].map(|scope| wakeups.stream(scope).boxed());
        wakeups.wake([name("hall"), name("hall"), name("attic")]);
        assert!(streams[0].next().now_or_never().is_none());
        assert_eq!(
            streams[1]
                .next()
                .now_or_never()
                .flatten()
                .map(|woken| woken.to_string())
                .as_deref()
                .map(|text| text.contains("larder.hall")),
            Some(true)
        );
        assert!(streams[1].next().now_or_never().is_none());
    }
}
