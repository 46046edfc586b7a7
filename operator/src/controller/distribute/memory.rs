//! What was written lately, because a watch shows it only a moment later.
//!
//! Acting on what the watch still shows would write twice, or take a copy for one that is not there and leave it behind.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::plan::{Account, Edit, Found};
use crate::controller::backoff::Backoff;

/// How long a service account is left alone after an entry was added, should somebody keep taking it out.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(30);

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(in crate::controller) struct Distributed {
    /// Copies, by namespace.
    copies: BTreeMap<String, Written<Copy>>,
    /// Service accounts, by namespace and name.
    accounts: BTreeMap<(String, String), Written<Account>>,
    /// Since when, and how often, something was refused.
    pub(super) backoff: Backoff,
}

#[derive(Debug)]
struct Copy {
    content: [u8; 32],
    resource_version: String,
}

#[derive(Debug)]
struct Written<T> {
    what: T,
    at: Timestamp,
    /// The version that the watch shows until it shows what was written; gone when it has.
    before: Option<Option<String>>,
}

impl<T> Written<T> {
    /// Whether the watch, which shows `version`, is behind.
    fn is_unseen(&mut self, version: Option<&str>) -> bool {
        let unseen = self.before.as_ref().is_some_and(|before| before.as_deref() == version);
        if !unseen {
            self.before = None;
        }
        unseen
    }
}

impl Distributed {
    /// Whether nothing was ever written.
    pub(super) fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.accounts.is_empty()
    }

    /// Copies as the watch shows them, and those that it does not show yet.
    pub(super) fn corrected_secrets(&mut self, mut found: Vec<Found>) -> Vec<Found> {
        let shown = found.iter().enumerate();
        let shown: BTreeMap<String, usize> = shown.map(|(index, copy)| (copy.namespace.clone(), index)).collect();
        for (namespace, written) in &mut self.copies {
            let shown = shown.get(namespace).map(|index| &mut found[*index]);
            if written.is_unseen(shown.as_ref().map(|secret| secret.resource_version.as_str())) {
                let resource_version = written.what.resource_version.clone();
                match shown {
                    Some(secret) => secret.resource_version = resource_version,
                    None => found.push(Found { namespace: namespace.clone(), ours: true, resource_version }),
                }
            }
        }
        found
    }

    /// Service accounts as the watch shows them, or as they were written if it does not show that yet.
    pub(super) fn corrected_accounts(&mut self, mut found: Vec<Account>) -> Vec<Account> {
        let shown: BTreeSet<_> =
            found.iter().map(|account| (account.namespace.clone(), account.name.clone())).collect();
        self.accounts.retain(|key, _| shown.contains(key));
        for account in &mut found {
            let written = self.accounts.get_mut(&(account.namespace.clone(), account.name.clone()));
            if let Some(written) = written
                && written.is_unseen(Some(&account.resource_version))
            {
                *account = written.what.clone();
            }
        }
        found
    }

    /// Whether a service account was ever written.
    pub(super) fn has_edited(&self, namespace: &str, name: &str) -> bool {
        self.accounts.keys().any(|(known, account)| known == namespace && account == name)
    }

    /// Whether the watch shows the copy in `namespace` as it was written last, with this content.
    pub(super) fn is_current(&self, namespace: &str, version: Option<&str>, content: &[u8; 32]) -> bool {
        self.copies.get(namespace).is_some_and(|written| {
            written.before.is_none()
                && Some(written.what.resource_version.as_str()) == version
                && written.what.content == *content
        })
    }

    pub(super) fn copied(
        &mut self,
        namespace: &str,
        before: Option<String>,
        after: String,
        content: [u8; 32],
        at: Timestamp,
    ) {
        // A write that changes nothing leaves the version as it is, and nothing is to be waited for.
        let before = (before.as_ref() != Some(&after)).then_some(before);
        let written = Written { what: Copy { content, resource_version: after }, at, before };
        self.copies.insert(namespace.to_owned(), written);
    }

    pub(super) fn removed(&mut self, namespace: &str) {
        self.copies.remove(namespace);
    }

    pub(super) fn edited(&mut self, edit: &Edit, account: Account, at: Timestamp) {
        let key = (edit.namespace.clone(), edit.name.clone());
        let before = Some(Some(edit.resource_version.clone()));
        self.accounts.insert(key, Written { what: account, at, before });
    }

    /// Until when an entry is not added again, because somebody has just taken it out.
    pub(super) fn contested(&self, edit: &Edit, now: Timestamp) -> Option<SignedDuration> {
        let written = self.accounts.get(&(edit.namespace.clone(), edit.name.clone()))?;
        let again = edit.adds && edit.entries.last().is_some_and(|entry| written.what.entries.contains(entry));
        let until = written.at.checked_add(LEFT_ALONE).ok()?;
        (again && now < until).then(|| until.duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::now;

    fn found(version: &str) -> Found {
        Found { namespace: "hall".into(), ours: true, resource_version: version.into() }
    }

    fn account(version: &str, entries: &[&str]) -> Account {
        Account {
            namespace: "hall".into(),
            name: "default".into(),
            resource_version: version.into(),
            entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            added: BTreeSet::new(),
        }
    }

    fn edit(version: &str, entries: &[&str], adds: bool) -> Edit {
        let Account { namespace, name, resource_version, entries, added } = account(version, entries);
        Edit { namespace, name, resource_version, entries, added, adds }
    }

    #[test]
    fn a_copy_that_the_watch_does_not_show_yet_is_there() {
        let mut memory = Distributed::default();
        memory.copied("hall", None, "7".into(), [0; 32], now());
        assert_eq!(memory.corrected_secrets(vec![]), [found("7")]);
        assert!(!memory.is_current("hall", Some("7"), &[0; 32]), "it may have been deleted meanwhile");
        assert_eq!(memory.corrected_secrets(vec![found("7")]), [found("7")]);
        assert!(memory.is_current("hall", Some("7"), &[0; 32]));
        assert!(!memory.is_current("hall", Some("7"), &[1; 32]) && !memory.is_current("hall", Some("8"), &[0; 32]));
        assert_eq!(memory.corrected_secrets(vec![]), [], "seen once, it was deleted since");
    }

    #[test]
    fn a_copy_that_was_written_again_has_its_new_version() {
        let mut memory = Distributed::default();
        memory.copied("hall", Some("7".into()), "8".into(), [0; 32], now());
        assert_eq!(memory.corrected_secrets(vec![found("7")]), [found("8")]);
        assert_eq!(memory.corrected_secrets(vec![found("9")]), [found("9")]);
        memory.copied("hall", Some("9".into()), "9".into(), [0; 32], now());
        assert!(memory.is_current("hall", Some("9"), &[0; 32]), "nothing has changed, and nothing will be shown");
    }

    #[test]
    fn an_account_is_as_it_was_written_until_the_watch_shows_another_version() {
        let mut memory = Distributed::default();
        memory.edited(&edit("3", &["x"], true), account("4", &["x"]), now());
        assert_eq!(memory.corrected_accounts(vec![account("3", &[])]), [account("4", &["x"])]);
        assert_eq!(memory.corrected_accounts(vec![account("5", &["y"])]), [account("5", &["y"])]);
        assert_eq!(memory.corrected_accounts(vec![]), []);
        assert!(memory.is_empty(), "the account is gone");
    }

    #[test]
    fn an_entry_that_somebody_takes_out_is_not_fought_over() {
        let mut memory = Distributed::default();
        memory.edited(&edit("3", &["theirs", "x"], true), account("4", &["theirs", "x"]), now());
        assert_eq!(memory.contested(&edit("5", &["x"], true), now()), Some(LEFT_ALONE));
        assert_eq!(memory.contested(&edit("5", &["theirs"], false), now()), None, "taking it out is no fight");
        assert_eq!(memory.contested(&edit("5", &["x"], true), now() + LEFT_ALONE), None);
    }
}
