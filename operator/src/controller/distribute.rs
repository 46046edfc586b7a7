//! Between steps five and six: the pull Secret beyond the registry's own children, that is its copies in other namespaces and its
//! entries on service accounts.
//!
//! [`plan`] decides and is pure. What a namespace or an account refuses is told in a condition and tried again; it never keeps the
//! registry itself from being served. Nobody's Secret is replaced, and of a service account only our entry is touched.

pub(super) mod finalizer;
pub(super) mod memory;
mod outcome;
pub mod plan;
pub(super) mod reach;
mod requests;
mod sweep;

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

pub use self::outcome::Outcome;
pub(super) use self::{memory::Distributed, reach::Reach, sweep::sweep};
use self::{
    plan::{Asked, Copies, Seen},
    requests::{Content, Refusal, Requests},
};
use super::{
    Context, apply,
    build::{self, Children},
    registry::Registry,
};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{FINALIZER, RegistryName},
};

/// A copy larger than this is not made: what a registry's namespace may hold is no measure for others.
const COPY_LIMIT: usize = 64 * 1024;
/// How long a pass waits for the first list of namespaces and service accounts.
const LISTED_WITHIN: Duration = Duration::from_secs(2);
/// How long a deleted registry is kept for the sake of copies that cannot be removed.
const CLEAN_UP_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The finalizer could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("failed to remove the finalizer of PrivateRegistry {registry}")]
pub struct Error {
    registry: RegistryName,
    #[source]
    source: kube::Error,
}

/// Brings copies and entries to what `registry` asks for.
pub(super) async fn distribute(
    context: &Context,
    resource: &PrivateRegistry,
    registry: &Registry,
    children: Option<&Children>,
    memory: &mut Distributed,
    now: Timestamp,
) -> Outcome {
    // As long as nothing is known of the pull Secret, nothing is known of what copies should be.
    let Some(Children { pull, .. }) = children else { return Outcome::default() };
    let wanted = &registry.pull_secrets;
    let asked = wanted.namespaces.is_some() || !wanted.service_accounts.is_empty();
    let has_finalizer = finalizer::is_on(resource, FINALIZER);
    if !asked && !has_finalizer && memory.is_empty() {
        return Outcome::default();
    }
    let reach = &context.reach;
    let outcome = Outcome {
        asked: wanted.namespaces.is_some(),
        nothing_to_copy: pull.is_none(),
        confined_to: reach.confined_to().map(<[String]>::to_vec),
        ..Outcome::default()
    };
    reach.ask();
    if !reach.is_listed_within(LISTED_WITHIN).await {
        return Outcome { waiting: true, ..outcome };
    }
    let asked = Asked {
        registry: &registry.name,
        selector: wanted.namespaces.as_ref().filter(|_| pull.is_some()),
        accounts: if pull.is_some() { &wanted.service_accounts } else { &[] },
        allowed: &reach.allowed,
    };
    let content = pull.as_ref().and_then(|pull| build::copy_of_pull_secret(registry, pull));
    let mut work = Work { context, memory, now, outcome };
    if registry.paused {
        work.refresh(&asked, content.as_ref()).await;
    } else {
        work.all(resource, &asked, content.as_ref()).await;
    }
    work.finish()
}

/// Removes all copies and entries of a registry that is being deleted, then its finalizer. Returns when to try again.
pub(super) async fn clean_up(
    context: &Context,
    resource: &PrivateRegistry,
    name: &RegistryName,
    memory: &mut Distributed,
    now: Timestamp,
) -> Result<Option<SignedDuration>, Error> {
    if !finalizer::is_on(resource, FINALIZER) {
        return Ok(None);
    }
    let reach = &context.reach;
    reach.ask();
    let asked = Asked { registry: name, selector: None, accounts: &[], allowed: &reach.allowed };
    let waiting = !reach.is_listed_within(LISTED_WITHIN).await;
    let mut work = Work { context, memory, now, outcome: Outcome { waiting, ..Outcome::default() } };
    if !waiting {
        let seen = reach.seen(&asked, work.memory);
        work.carry_out(&asked, &seen, asked.copies(&seen), None).await;
    }
    let outcome = work.finish();
    if !outcome.is_complete() && !is_overdue(resource, now) {
        return Ok(Some(outcome.again.unwrap_or(SignedDuration::from_secs(1))));
    }
    if !outcome.is_complete() {
        super::announce::left_behind(&context.publisher, resource, &outcome).await;
    }
    let removed = finalizer::set(&context.client, resource, name, FINALIZER, false).await;
    removed.map(|()| None).map_err(|source| Error { registry: name.clone(), source })
}

/// Whether a registry has been waiting for its copies to be removed for so long that it is let go without that.
fn is_overdue(resource: &PrivateRegistry, now: Timestamp) -> bool {
    let deleted = resource.metadata.deletion_timestamp.as_ref();
    deleted.is_some_and(|deleted| now.duration_since(deleted.0) >= CLEAN_UP_WITHIN)
}

/// A pass.
struct Work<'a> {
    context: &'a Context,
    memory: &'a mut Distributed,
    now: Timestamp,
    outcome: Outcome,
}

impl Work<'_> {
    /// What goes on while the registry is paused: copies that are there get new passwords, or their Pods would be locked out. A new
    /// spec that selects other namespaces waits.
    async fn refresh(&mut self, asked: &Asked<'_>, content: Option<&Content>) {
        let seen = self.context.reach.seen(asked, self.memory);
        let there = asked.kept(&seen);
        let requests = Requests { client: &self.context.client, registry: asked.registry };
        self.put(&requests, there, content).await;
    }

    /// The finalizer before the first trace, and away after the last.
    async fn all(&mut self, resource: &PrivateRegistry, asked: &Asked<'_>, content: Option<&Content>) {
        let seen = self.context.reach.seen(asked, self.memory);
        let copies = asked.copies(&seen);
        let leaves_traces = asked.leaves_traces(&seen, &copies);
        if leaves_traces && !self.finalizer(resource, asked.registry, true).await {
            return;
        }
        self.carry_out(asked, &seen, copies, content).await;
        if !leaves_traces && self.outcome.is_complete() {
            self.finalizer(resource, asked.registry, false).await;
        }
    }

    /// Returns whether the registry has, or has no more, the finalizer.
    async fn finalizer(&mut self, resource: &PrivateRegistry, name: &RegistryName, on: bool) -> bool {
        if finalizer::is_on(resource, FINALIZER) == on {
            return true;
        }
        let result = finalizer::set(&self.context.client, resource, name, FINALIZER, on).await.map_err(Refusal::from);
        result
            .map_err(|refusal| self.outcome.note(&name.namespace, "the finalizer of the PrivateRegistry", refusal))
            .is_ok()
    }

    /// Accounts are told of a copy after it is made, and no more before it goes.
    async fn carry_out(&mut self, asked: &Asked<'_>, seen: &Seen, copies: Copies, content: Option<&Content>) {
        let requests = Requests { client: &self.context.client, registry: asked.registry };
        let what = requests.what();
        for namespace in copies.taken {
            self.outcome.note(&namespace, &what, Refusal::Taken);
        }
        let served = self.put(&requests, copies.put, content).await;
        self.edit(&requests, asked.accounts(seen, &served)).await;
        for (namespace, version) in copies.remove {
            match requests.delete(&namespace, &version).await {
                Ok(()) => self.outcome.removed.push(namespace.clone()),
                Err(Refusal::Gone) => {}
                Err(refusal) => {
                    self.outcome.note(&namespace, &what, refusal);
                    continue;
                }
            }
            self.memory.removed(&namespace);
        }
    }

    /// Returns the namespaces that have a copy, be it an old one.
    async fn put(
        &mut self,
        requests: &Requests<'_>,
        put: Vec<(String, Option<String>)>,
        content: Option<&Content>,
    ) -> BTreeSet<String> {
        let what = requests.what();
        let mut served: BTreeSet<_> =
            put.iter().filter(|(_, version)| version.is_some()).map(|(namespace, _)| namespace.clone()).collect();
        // No password was ever told: there is nothing to copy yet.
        let Some(content) = content else { return served };
        let Some(hash) = self.checked(content, &what, &put) else { return served };
        for (namespace, before) in put {
            if !self.memory.is_current(&namespace, before.as_deref(), &hash) {
                match requests.put(&namespace, before.as_deref(), content).await {
                    Ok(after) => {
                        if before.is_none() {
                            self.outcome.copied.push(namespace.clone());
                        }
                        self.memory.copied(&namespace, before, after, hash, self.now);
                    }
                    Err(refusal) => {
                        self.outcome.note(&namespace, &what, refusal);
                        continue;
                    }
                }
            }
            self.outcome.namespaces += 1;
            served.insert(namespace);
        }
        served
    }

    /// The hash of what is to be copied, if it may be.
    fn checked(&mut self, content: &Content, what: &str, put: &[(String, Option<String>)]) -> Option<[u8; 32]> {
        let size: usize = content.iter().map(|(key, value)| key.len() + value.0.len()).sum();
        let refusal = match apply::hash(content) {
            Ok(_) if size > COPY_LIMIT => format!(
                "it would have {size} bytes, and no copy of more than {COPY_LIMIT} is made: shorten ca.crt in the Secret of \
                 spec.tls.secretRef"
            ),
            Ok(hash) => return Some(hash),
            Err(error) => error.to_string(),
        };
        for (namespace, _) in put {
            self.outcome.note(namespace, what, Refusal::Failed(refusal.clone()));
        }
        None
    }

    async fn edit(&mut self, requests: &Requests<'_>, edits: Vec<plan::Edit>) {
        for edit in edits {
            if let Some(wait) = self.memory.contested(&edit, self.now) {
                self.outcome.again_within(wait);
                continue;
            }
            match requests.edit(&edit).await {
                Ok(account) => self.memory.edited(&edit, account, self.now),
                Err(refusal) => {
                    self.outcome.note(&edit.namespace, &format!("ServiceAccount {}", edit.name), refusal);
                }
            }
        }
    }

    /// What was refused is tried again, later each time. A name that is taken is looked at when the Secret there changes, and
    /// with the rest.
    fn finish(mut self) -> Outcome {
        if self.outcome.failures.is_empty() {
            self.memory.backoff.succeeded();
        } else {
            let wait = self.memory.backoff.failed(self.now);
            self.outcome.again_within(wait);
        }
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::{now, resource};

    #[test]
    fn a_deleted_registry_is_let_go_after_a_minute() {
        let mut resource = resource("{}");
        assert!(!is_overdue(&resource, now()));
        resource.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
        assert!(!is_overdue(&resource, now() + SignedDuration::from_secs(59)));
        assert!(is_overdue(&resource, now() + SignedDuration::from_secs(60)));
    }
}
