//! The registries that a node is told of, as the watch has shown them. Nothing is known before a list is complete: a node that
//! starts while the API server is away keeps the files that it has.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, runtime::watcher::Event};

use super::{Entry, config_map, node::Problem};
use crate::{controller::chain, names::RegistryName};

/// One object, in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registry {
    /// The version that was read.
    pub(super) version: String,
    /// What it says, or what it said last that could be understood: an operator of another version may say more than this one
    /// knows.
    pub(super) entry: Option<Entry>,
    /// Why it cannot be understood.
    pub(super) problem: Option<Problem>,
}

/// The objects by the registries they are about.
#[derive(Debug)]
pub(super) struct Registries {
    cluster_domain: String,
    listed: Option<BTreeMap<RegistryName, Registry>>,
    /// A list that is not complete yet.
    listing: BTreeMap<RegistryName, Registry>,
}

impl Registries {
    pub(super) const fn new(cluster_domain: String) -> Self {
        Self { cluster_domain, listed: None, listing: BTreeMap::new() }
    }

    /// All there are; `None` before the first list is complete.
    pub(super) const fn all(&self) -> Option<&BTreeMap<RegistryName, Registry>> {
        self.listed.as_ref()
    }

    /// Takes over what the watch shows. Returns whether there is anything to do.
    pub(super) fn take(&mut self, event: Event<ConfigMap>) -> bool {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => self.listing.extend(self.read(&object)),
            Event::InitDone => {
                self.listed = Some(std::mem::take(&mut self.listing));
                return true;
            }
            Event::Apply(object) => {
                let read = self.read(&object);
                // Before there is a list, what comes alone would be taken for all there is.
                let Some(listed) = &mut self.listed else { return false };
                listed.extend(read);
                return true;
            }
            Event::Delete(object) => {
                if let (Some(listed), Ok(registry)) = (&mut self.listed, config_map::registry(&object)) {
                    return listed.remove(&registry).is_some();
                }
            }
        }
        false
    }

    /// An object that is about no registry at all is nobody's to report.
    fn read(&self, object: &ConfigMap) -> Option<(RegistryName, Registry)> {
        let registry = match config_map::registry(object) {
            Ok(registry) => registry,
            Err(error) => {
                tracing::warn!(name = object.name_any(), error = chain(&error), "a ConfigMap is left alone");
                return None;
            }
        };
        let version = object.resource_version().unwrap_or_default();
        let read = match config_map::read(object, &self.cluster_domain) {
            Ok(entry) => Registry { version, entry: Some(entry), problem: None },
            Err(error) => {
                let before = self.listed.as_ref().and_then(|listed| listed.get(&registry)?.entry.clone());
                let (name, why) = (object.name_any(), chain(&error));
                let message =
                    format!("{why}: ConfigMap {name} of the operator's namespace; delete it, and it is made anew");
                let problem = Problem::new("ConfigMapInvalid", message);
                Registry { version, entry: before, problem: Some(problem) }
            }
        };
        Some((registry, read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_trust::config_map::tests::object;

    fn hosts(registries: &Registries) -> Option<Vec<String>> {
        let entries = registries.all()?.values().filter_map(|read| read.entry.as_ref());
        Some(entries.map(|entry| entry.host().split('.').next().unwrap_or_default().to_owned()).collect())
    }

    #[test]
    fn nothing_is_known_before_the_list_is_complete_and_a_new_list_takes_the_place_of_the_old() {
        let mut registries = Registries::new("cluster.local".into());
        let team = object("team", "10.96.0.7", None);
        assert!(!registries.take(Event::Init));
        assert!(!registries.take(Event::InitApply(team.clone())));
        assert!(!registries.take(Event::Apply(object("other", "10.96.0.8", None))));
        assert_eq!(hosts(&registries), None);
        assert!(registries.take(Event::InitDone));
        assert_eq!(hosts(&registries), Some(vec!["team".into()]));
        assert!(registries.take(Event::Apply(object("other", "10.96.0.8", None))));
        assert_eq!(hosts(&registries), Some(vec!["other".into(), "team".into()]));
        // The watch broke, and something went meanwhile: what was known counts until the new list is complete.
        assert!(!registries.take(Event::Init));
        assert!(!registries.take(Event::InitApply(team.clone())));
        assert_eq!(hosts(&registries), Some(vec!["other".into(), "team".into()]));
        assert!(registries.take(Event::InitDone));
        assert_eq!(hosts(&registries), Some(vec!["team".into()]));
        assert!(registries.take(Event::Delete(team)));
        assert_eq!(hosts(&registries), Some(vec![]));
    }

    #[test]
    fn an_object_that_cannot_be_understood_leaves_what_was_known_and_a_foreign_one_is_nobodys() {
        let mut registries = Registries::new("cluster.local".into());
        let mut broken = object("team", "10.96.0.7", None);
        broken.data = None;
        let mut foreign = object("other", "10.96.0.7", None);
        foreign.metadata.labels = None;
        for event in [Event::Init, Event::InitApply(broken), Event::InitApply(foreign), Event::InitDone] {
            registries.take(event);
        }
        let all = registries.all().unwrap();
        assert_eq!(all.len(), 1);
        let read = all.values().next().unwrap();
        assert_eq!(read.entry, None);
        let problem = read.problem.as_ref().unwrap();
        assert_eq!(problem.reason, "ConfigMapInvalid");
        let name = all.keys().next().unwrap().node_trust_config_map();
        assert!(problem.message.contains(&format!("ConfigMap {name} ")), "{}", problem.message);
        let mut later = object("team", "10.96.0.7", None);
        registries.take(Event::Apply(later.clone()));
        later.data.get_or_insert_default().insert("scheme".into(), "quic".into());
        registries.take(Event::Apply(later));
        let read = registries.all().unwrap().values().next().unwrap();
        assert!(read.entry.is_some() && read.problem.is_some());
    }
}
