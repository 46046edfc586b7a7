//! What the operator remembers of a registry between two passes. All of it can be lost: after a restart one pass reads and
//! applies everything once, and changes nothing.

mod objects;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;

use self::objects::Objects;
use super::{
    apply::{Record, claim::Refusal},
    backoff::Backoff,
    distribute::Distributed,
    nodes,
    pace::Pace,
    versions::Versions,
    volume::{Known, VolumeUse},
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistryStatus},
    names::RegistryName,
};

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What was read or applied last.
    objects: Objects,
    /// A growth of the claim that was refused.
    pub(super) growth_refused: Option<Refusal>,
    /// The files that all running Pods have loaded.
    pub(super) loaded: Option<Versions>,
    /// The files that a Pod has not loaded, and since when.
    pub(super) lagging: Option<(Versions, Instant)>,
    /// The generation of the Deployment that has no Pod that serves, and since when.
    pub(super) awaited: Option<(Option<i64>, Instant)>,
    /// The status that was written last, and which version of the resource was known then.
    reported: Option<Box<(Option<String>, PrivateRegistryStatus)>>,
    /// What was written outside the registry's own children.
    pub(super) distributed: Distributed,
    /// What nodes were told, and what they said.
    pub(super) nodes: nodes::Memory,
}

impl Memory {
    /// What the last apply of an object was about.
    pub(super) fn record(&mut self, kind: &str, name: &str) -> Option<&Record> {
        self.objects.record(kind, name)
    }

    /// Notes what an apply was about.
    pub(super) fn note_record(&mut self, record: Record) {
        self.objects.note_record(record);
    }

    /// A Secret as it was read or applied last.
    pub(super) fn secret(&mut self, name: &str) -> Option<&Secret> {
        self.objects.secret(name)
    }

    /// The same, if that is the version which the watch has shown.
    pub(super) fn secret_of_version(&mut self, name: &str, version: Option<&str>) -> Option<&Secret> {
        self.secret(name).filter(|read| version.is_some() && read.metadata.resource_version.as_deref() == version)
    }

    /// Notes a Secret as it was read or applied.
    pub(super) fn note_secret(&mut self, name: &str, secret: Secret) {
        self.objects.note_secret(name, secret);
    }

    /// Forgets a Secret that does not exist.
    pub(super) fn forget_secret(&mut self, name: &str) {
        self.objects.forget_secret(name);
    }

    /// A pass is over: until the next one everything takes as little room as it can.
    pub(super) fn pack(&mut self) {
        self.objects.pack();
    }

    /// The status that `registry` has. What the watch shows is older than what this process has written, until the watch shows
    /// another version: to go by it would write the same again and again, with new times.
    pub(super) fn status_of(&mut self, registry: &PrivateRegistry) -> Option<PrivateRegistryStatus> {
        // Once another version was shown, what was written is in it or overwritten.
        self.reported.take_if(|reported| reported.0 != registry.metadata.resource_version);
        self.reported.as_ref().map_or_else(|| registry.status.clone(), |reported| Some(reported.1.clone()))
    }

    /// Notes that `status` was written when `registry` was what the watch showed.
    pub(super) fn reported(&mut self, registry: &PrivateRegistry, status: PrivateRegistryStatus) {
        self.reported = Some(Box::new((registry.metadata.resource_version.clone(), status)));
    }
}

/// Which changes outside its namespace concern a registry.
#[derive(Debug, Default)]
pub(super) struct Concern {
    /// Whether it has copies, or may have, in other namespaces.
    pub(super) namespaces: bool,
    /// Names of service accounts that are to pull from it.
    pub(super) accounts: Vec<String>,
    /// Whether nodes are told of it.
    pub(super) nodes: bool,
}

/// What is remembered of all registries.
#[derive(Debug, Default)]
pub(super) struct Memories {
    registries: Mutex<HashMap<RegistryName, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    memory: Arc<tokio::sync::Mutex<Memory>>,
    backoff: Backoff,
    pace: Pace,
    volume: Known,
    references: Vec<String>,
    concern: Concern,
}

impl Memories {
    /// What is remembered of `name`. One pass at a time holds it.
    pub(super) fn of(&self, name: &RegistryName) -> Arc<tokio::sync::Mutex<Memory>> {
        self.with(name, |entry| Arc::clone(&entry.memory))
    }

    /// Asks for a pass.
    ///
    /// # Errors
    /// When there were too many: how long to wait.
    pub(super) fn may_pass(&self, name: &RegistryName) -> Result<(), Duration> {
        self.with(name, |entry| entry.pace.take(Instant::now()))
    }

    /// Works with what is known of the registry's volume.
    pub(super) fn with_volume<T>(&self, name: &RegistryName, work: impl FnOnce(&mut Known) -> T) -> T {
        self.with(name, |entry| work(&mut entry.volume))
    }

    /// Whom to ask now how full a volume is.
    pub(super) fn volumes_due(&self, now: Instant) -> Vec<(RegistryName, Vec<IpAddr>)> {
        let registries = self.lock();
        registries.iter().filter_map(|(name, entry)| Some((name.clone(), entry.volume.due(now)?))).collect()
    }

    /// Takes note of what somebody answered, if the registry is still there. Whether the status may have to say something else.
    pub(super) fn volume_answered(
        &self,
        name: &RegistryName,
        volume: Option<VolumeUse>,
        now: Instant,
        jitter: f64,
    ) -> bool {
        self.lock().get_mut(name).is_some_and(|entry| entry.volume.answered(volume, now, jitter))
    }

    /// Forgets a registry that is gone.
    pub(super) fn forget(&self, name: &RegistryName) {
        self.lock().remove(name);
    }

    /// Notes a failed pass and says how many there were in a row, and how long to wait.
    pub(super) fn failed(&self, name: &RegistryName, now: Timestamp) -> (u32, SignedDuration) {
        self.with(name, |entry| {
            let wait = entry.backoff.failed(now);
            (entry.backoff.failures(), wait)
        })
    }

    /// Notes a pass without an error.
    pub(super) fn succeeded(&self, name: &RegistryName) {
        self.with(name, |entry| entry.backoff.succeeded());
    }

    /// Registries whose last pass failed.
    pub(super) fn in_backoff(&self) -> usize {
        self.lock().values().filter(|entry| entry.backoff.failures() > 0).count()
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

    /// Notes what concerns a registry outside its namespace.
    pub(super) fn is_concerned_by(&self, name: &RegistryName, concern: Concern) {
        self.with(name, |entry| entry.concern = concern);
    }

    /// The registries that a change of namespaces concerns.
    pub(super) fn concerned_by_namespaces(&self) -> Vec<RegistryName> {
        self.concerned(|_, concern| concern.namespaces)
    }

    /// The registries that a service account concerns.
    pub(super) fn concerned_by_account(&self, namespace: &str, account: &str) -> Vec<RegistryName> {
        self.concerned(|name, concern| {
            (concern.namespaces || name.namespace == namespace) && concern.accounts.iter().any(|name| name == account)
        })
    }

    /// The registries that a change of nodes concerns.
    pub(super) fn telling_nodes(&self) -> Vec<RegistryName> {
        self.concerned(|_, concern| concern.nodes)
    }

    /// The registries that anything outside their namespace concerns.
    pub(super) fn distributing(&self) -> Vec<RegistryName> {
        self.concerned(|_, concern| concern.namespaces || !concern.accounts.is_empty())
    }

    fn concerned(&self, by: impl Fn(&RegistryName, &Concern) -> bool) -> Vec<RegistryName> {
        let registries = self.lock();
        let concerned = registries.iter().filter(|(name, entry)| by(name, &entry.concern));
        concerned.map(|(name, _)| name.clone()).collect()
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
    use crate::controller::tests::fixtures::now;

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
    fn changes_elsewhere_concern_those_who_have_something_there() {
        let memories = Memories::default();
        let accounts = || vec!["cook".to_owned()];
        memories.is_concerned_by(&name("larder"), Concern { namespaces: true, accounts: accounts(), nodes: false });
        memories.is_concerned_by(&name("cellar"), Concern { namespaces: false, accounts: accounts(), nodes: true });
        memories.is_concerned_by(&name("attic"), Concern::default());
        assert_eq!(memories.concerned_by_namespaces(), [name("larder")]);
        assert_eq!(memories.concerned_by_account("hall", "cook"), [name("larder")]);
        assert_eq!(memories.concerned_by_account("kitchen", "cook").len(), 2);
        assert!(memories.concerned_by_account("kitchen", "butler").is_empty());
        assert_eq!(memories.distributing().len(), 2);
    }

    #[test]
    fn a_watch_that_is_late_does_not_bring_an_old_status_back() {
        let registry = |version: &str, replicas: i32| -> PrivateRegistry {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "larder", "resourceVersion": version}, "spec": {}, "status": {"readyReplicas": replicas}
            }))
            .unwrap()
        };
        let replicas = |memory: &mut Memory, registry| memory.status_of(registry).unwrap().ready_replicas;
        let (before, after) = (registry("1", 0), registry("2", 7));
        let mut memory = Memory::default();
        assert_eq!(replicas(&mut memory, &before), Some(0));
        memory.reported(&before, registry("-", 1).status.unwrap());
        assert_eq!(replicas(&mut memory, &before), Some(1), "as written");
        assert_eq!(replicas(&mut memory, &after), Some(7), "as somebody else has left it");
    }

    #[test]
    fn failures_count_up_until_a_pass_succeeds() {
        let memories = Memories::default();
        let failed = |seconds| memories.failed(&name("larder"), now() + SignedDuration::from_secs(seconds)).0;
        assert_eq!((failed(0), failed(1)), (1, 2));
        assert_eq!(memories.in_backoff(), 1);
        memories.succeeded(&name("larder"));
        assert_eq!(memories.in_backoff(), 0);
        assert_eq!(failed(2), 1);
    }
}
