//! What has become of copies and entries, for conditions, Events and the next pass.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::requests::Refusal;

/// What has become of copies and entries.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether copies are asked for.
    pub asked: bool,
    /// Whether namespaces and service accounts are not known yet.
    pub waiting: bool,
    /// Whether the registry has no pull Secret, because it has no generated users.
    pub nothing_to_copy: bool,
    /// Namespaces that have the copy as it is to be.
    pub namespaces: usize,
    /// What could not be written, by namespace.
    pub failures: BTreeMap<String, String>,
    /// Namespaces that have got a copy in this pass.
    pub copied: Vec<String>,
    /// Namespaces whose copy has gone in this pass.
    pub removed: Vec<String>,
    /// The namespaces that the operator is confined to, if it is.
    pub confined_to: Option<Vec<String>>,
    /// When to try again.
    pub again: Option<SignedDuration>,
}

impl Outcome {
    pub(super) fn note(&mut self, namespace: &str, what: &str, refusal: Refusal) {
        let why = match refusal {
            Refusal::Gone => return,
            Refusal::Changed => return self.again_within(SignedDuration::from_secs(1)),
            Refusal::Taken => "a Secret of that name exists and is not ours: delete it or rename it".to_owned(),
            Refusal::Failed(why) => why,
        };
        self.failures.entry(namespace.to_owned()).or_insert(format!("{what}: {why}"));
    }

    pub(super) fn again_within(&mut self, wait: SignedDuration) {
        self.again = Some(self.again.map_or(wait, |known| known.min(wait)));
    }

    /// Whether all was written and removed that was to be.
    pub(super) fn is_complete(&self) -> bool {
        !self.waiting && self.failures.is_empty() && self.again.is_none()
    }

    /// What could not be written, for people: some of it by name, the rest by number.
    #[must_use]
    pub fn failing(&self) -> Option<String> {
        const NAMED: usize = 3;
        let named: Vec<_> = self
            .failures
            .iter()
            .take(NAMED)
            .map(|(namespace, why)| format!("in namespace {namespace}, {why}"))
            .collect();
        let more = self.failures.len().saturating_sub(NAMED);
        match (named.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(named.join("; ")),
            (false, more) => Some(format!("{}; and in {more} more", named.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_named_and_what_is_gone_or_has_changed_is_no_failure() {
        let mut outcome = Outcome::default();
        outcome.note("attic", "Secret x", Refusal::Gone);
        assert!(outcome.is_complete() && outcome.failing().is_none());
        outcome.note("attic", "Secret x", Refusal::Changed);
        assert_eq!((outcome.failing(), outcome.again), (None, Some(SignedDuration::from_secs(1))));
        for namespace in ["cellar", "attic", "hall", "stable"] {
            outcome.note(namespace, "Secret x", Refusal::Failed("no".into()));
        }
        outcome.note("attic", "ServiceAccount y", Refusal::Taken);
        let told = "in namespace attic, Secret x: no; in namespace cellar, Secret x: no; in namespace hall, Secret x: no; and \
                    in 1 more";
        assert_eq!(outcome.failing().as_deref(), Some(told));
    }
}
