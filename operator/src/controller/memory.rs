//! What the operator remembers of a registry between two passes. All of it can be lost: after a restart one pass reads and
//! applies everything once, and changes nothing.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::core::v1::Secret;

use super::{apply::Record, versions::Versions};
use crate::names::RegistryName;

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What was applied last, by kind and name.
    pub(super) applied: HashMap<(Cow<'static, str>, String), Record>,
    /// Secrets as they were read or applied last, by name.
    pub(super) secrets: HashMap<String, Arc<Secret>>,
    /// The files that all running Pods have loaded.
    pub(super) loaded: Option<Versions>,
}

/// What is remembered of all registries.
#[derive(Debug, Default)]
pub(super) struct Memories {
    registries: Mutex<HashMap<RegistryName, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    memory: Arc<tokio::sync::Mutex<Memory>>,
    failures: u32,
    references: Vec<String>,
}

impl Memories {
    /// What is remembered of `name`. One pass at a time holds it.
    pub(super) fn of(&self, name: &RegistryName) -> Arc<tokio::sync::Mutex<Memory>> {
        self.with(name, |entry| Arc::clone(&entry.memory))
    }

    /// Forgets a registry that is gone.
    pub(super) fn forget(&self, name: &RegistryName) {
        self.lock().remove(name);
    }

    /// Notes a failed pass and says how many there were in a row.
    pub(super) fn failed(&self, name: &RegistryName) -> u32 {
        self.with(name, |entry| {
            entry.failures = entry.failures.saturating_add(1);
            entry.failures
        })
    }

    /// Notes a pass without an error.
    pub(super) fn succeeded(&self, name: &RegistryName) {
        self.with(name, |entry| entry.failures = 0);
    }

    /// Registries whose last pass failed.
    pub(super) fn in_backoff(&self) -> usize {
        self.lock().values().filter(|entry| entry.failures > 0).count()
    }

    /// Notes the Secrets that a spec refers to.
    pub(super) fn refers_to(&self, name: &RegistryName, secrets: Vec<String>) {
        self.with(name, |entry| entry.references = secrets);
    }

    /// The registries whose spec refers to this Secret.
    pub(super) fn referrers(&self, namespace: &str, secret: &str) -> Vec<RegistryName> {
        let registries = self.lock();
        let in_namespace = registries.iter().filter(|(name, _)| name.namespace == namespace);
        let referring = in_namespace.filter(|(_, entry)| entry.references.iter().any(|name| name == secret));
        referring.map(|(name, _)| name.clone()).collect()
    }

    fn with<T>(&self, name: &RegistryName, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut registries = self.lock();
        work(registries.entry(name.clone()).or_default())
    }

    /// A pass that panicked has left nothing half written: every change is one assignment.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RegistryName, Entry>> {
        self.registries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> RegistryName {
        RegistryName { namespace: "kitchen".into(), name: name.into() }
    }

    #[test]
    fn referrers_are_found_by_the_secret_in_their_own_namespace() {
        let memories = Memories::default();
        memories.refers_to(&name("larder"), vec!["cook".into()]);
        memories.refers_to(&name("cellar"), vec!["butler".into()]);
        assert_eq!(memories.referrers("kitchen", "cook"), [name("larder")]);
        assert!(memories.referrers("hall", "cook").is_empty());
        memories.forget(&name("larder"));
        assert!(memories.referrers("kitchen", "cook").is_empty());
    }

    #[test]
    fn failures_count_up_until_a_pass_succeeds() {
        let memories = Memories::default();
        assert_eq!((memories.failed(&name("larder")), memories.failed(&name("larder"))), (1, 2));
        assert_eq!(memories.in_backoff(), 1);
        memories.succeeded(&name("larder"));
        assert_eq!(memories.in_backoff(), 0);
        assert_eq!(memories.failed(&name("larder")), 1);
    }
}
