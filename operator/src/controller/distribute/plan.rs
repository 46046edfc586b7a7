//! What is to be written and removed outside the registry's own children. Pure: what was seen becomes a plan.
//!
//! A copy is ours by its name and its labels together, an entry of a service account by the account's annotation. Nothing else
//! is ever in a plan.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::{Selector, SelectorExt};

use crate::names::{RegistryName, label};

/// A namespace that the operator can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its labels; without the right to read namespaces, its name alone.
    pub labels: BTreeMap<String, String>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A Secret that has the name of this registry's copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its namespace.
    pub namespace: String,
    /// Whether its labels say that it is a copy of this registry's pull Secret.
    pub ours: bool,
    /// Its version.
    pub resource_version: String,
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub resource_version: String,
    /// Its `imagePullSecrets`.
    pub entries: Vec<String>,
    /// Those that the operator has added, as its annotation says.
    pub added: BTreeSet<String>,
}

/// What was seen of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Namespaces.
    pub places: Vec<Place>,
    /// Secrets with the name of a copy.
    pub secrets: Vec<Found>,
    /// Service accounts.
    pub accounts: Vec<Account>,
}

/// What a registry asks for, and what the administrator allows.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Which registry.
    pub registry: &'a RegistryName,
    /// The namespaces that it selects; `None` is none.
    pub selector: Option<&'a Selector>,
    /// The service accounts that it names.
    pub accounts: &'a [String],
    /// Namespaces that take copies without a label.
    pub allowed: &'a BTreeSet<String>,
}

/// What is to be done about copies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// Namespaces that are to have a copy, with the version of the one that is there.
    pub put: Vec<(String, Option<String>)>,
    /// Namespaces whose copy has to go, with its version.
    pub remove: Vec<(String, String)>,
    /// Namespaces where a Secret that is not ours has the name.
    pub taken: Vec<String>,
}

/// A service account as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The version that was seen: any other one is left alone.
    pub resource_version: String,
    /// Its `imagePullSecrets`.
    pub entries: Vec<String>,
    /// Those that the operator has added.
    pub added: BTreeSet<String>,
    /// Whether an entry comes, at the end, rather than goes.
    pub adds: bool,
}

impl Asked<'_> {
    /// Both sides have to agree: the namespace or its administrator takes copies, and the registry selects it.
    fn serves(&self, place: &Place) -> bool {
        self.may_serve(place) && self.selector.is_some_and(|selector| selector.matches(&place.labels))
    }

    /// What is not the registry's to say.
    fn may_serve(&self, place: &Place) -> bool {
        let takes = self.allowed.contains(&place.name)
            || place.labels.get(label::PULL_SECRETS).is_some_and(|value| value == "true");
        takes && !place.terminating && place.name != self.registry.namespace
    }

    /// The copies that are there where they may be, with their versions, whatever the registry selects by now.
    #[must_use]
    pub fn kept(&self, seen: &Seen) -> Vec<(String, Option<String>)> {
        let taking: BTreeSet<&str> =
            seen.places.iter().filter(|place| self.may_serve(place)).map(|place| place.name.as_str()).collect();
        let kept = seen.secrets.iter().filter(|copy| copy.ours && taking.contains(copy.namespace.as_str()));
        kept.map(|copy| (copy.namespace.clone(), Some(copy.resource_version.clone()))).collect()
    }

    /// The copies that are to be written and removed.
    #[must_use]
    pub fn copies(&self, seen: &Seen) -> Copies {
        let wanted: BTreeSet<&str> =
            seen.places.iter().filter(|place| self.serves(place)).map(|place| place.name.as_str()).collect();
        let found: BTreeMap<&str, &Found> =
            seen.secrets.iter().map(|secret| (secret.namespace.as_str(), secret)).collect();
        let mut copies = Copies::default();
        for namespace in &wanted {
            match found.get(namespace) {
                None => copies.put.push(((*namespace).to_owned(), None)),
                Some(copy) if copy.ours => {
                    copies.put.push(((*namespace).to_owned(), Some(copy.resource_version.clone())));
                }
                Some(_) => copies.taken.push((*namespace).to_owned()),
            }
        }
        let unwanted = found.values().filter(|copy| copy.ours && !wanted.contains(copy.namespace.as_str()));
        copies.remove = unwanted.map(|copy| (copy.namespace.clone(), copy.resource_version.clone())).collect();
        copies
    }

    /// Whether anything is to be outside the registry's own children, so that somebody has to remove it one day.
    #[must_use]
    pub fn leaves_traces(&self, seen: &Seen, copies: &Copies) -> bool {
        let named =
            |account: &Account| account.namespace == self.registry.namespace && self.accounts.contains(&account.name);
        !copies.put.is_empty() || seen.accounts.iter().any(named)
    }

    /// The service accounts that have to change, when the namespaces in `served` have a copy.
    #[must_use]
    pub fn accounts(&self, seen: &Seen, served: &BTreeSet<String>) -> Vec<Edit> {
        seen.accounts.iter().filter_map(|account| self.account(account, served)).collect()
    }

    fn account(&self, account: &Account, served: &BTreeSet<String>) -> Option<Edit> {
        let own = account.namespace == self.registry.namespace;
        let entry = if own { self.registry.pull_secret() } else { self.registry.pull_secret_copy() };
        let wanted = self.accounts.contains(&account.name) && (own || served.contains(&account.namespace));
        let mut edit = Edit {
            namespace: account.namespace.clone(),
            name: account.name.clone(),
            resource_version: account.resource_version.clone(),
            entries: account.entries.clone(),
            added: account.added.clone(),
            adds: wanted,
        };
        match (wanted, account.entries.contains(&entry), account.added.contains(&entry)) {
            (true, false, _) => {
                edit.entries.push(entry.clone());
                edit.added.insert(entry);
            }
            (false, _, true) => {
                edit.entries.retain(|known| *known != entry);
                edit.added.remove(&entry);
            }
            // There already, perhaps by a person, or never there.
            (true, true, _) | (false, _, false) => return None,
        }
        Some(edit)
    }
}

#[cfg(test)]
mod tests;
