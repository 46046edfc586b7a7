//! What clients are about to use, so that a collection keeps it although no manifest names it yet.
//!
//! Two kinds of it. A *hold* is a request in progress that works with content: a collection that runs meanwhile leaves
//! that content alone, and a request waits while what it wants is being removed at that very moment. A *confirmation* is
//! the promise of an answer: content that a client uploaded, mounted or found by `HEAD` stays for a while, because it will
//! not upload it again before it pushes the manifest. Confirmations are also written into the time of the link (see
//! [`Store::touch`](crate::storage::Store::touch)), so that they outlive the process; what is kept here besides says
//! which of them a manifest has used up.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    oci::{Digest, Repository},
    registry::Registry,
    storage::{self, Key, Touch},
};

/// Digests noted while a collection runs, about 100 MiB. With more, the collection removes nothing further.
const SEEN: usize = 1 << 20;

/// Confirmations remembered. What is forgotten is still written into its link's time.
const CONFIRMED: usize = 16_384;

/// A link whose time was renewed this lately is not touched again.
const RENEWED: Duration = Duration::from_secs(60);

/// Holds and confirmations of one registry.
#[derive(Debug, Default)]
pub(super) struct Claims {
    holds: Mutex<Holds>,
    removed: Notify,
    confirmed: Mutex<HashMap<(Repository, Digest), Confirmation>>,
}

#[derive(Debug, Default)]
struct Holds {
    /// How many requests work with a digest.
    held: HashMap<Digest, usize>,
    /// How many requests change which manifests of a repository are needed.
    pushing: HashMap<Repository, usize>,
    /// What is being removed at this moment.
    removing: HashSet<Digest>,
    /// What was held since the collection that runs has begun.
    seen: Option<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    digests: HashSet<Digest>,
    repositories: HashSet<Repository>,
    too_many: bool,
}

#[derive(Debug, Clone, Copy)]
struct Confirmation {
    /// How often since a manifest used it up. More than once: perhaps to several clients.
    times: u32,
    at: Instant,
}

impl Claims {
    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn confirmations(&self) -> MutexGuard<'_, HashMap<(Repository, Digest), Confirmation>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps `digests` from being removed until the hold is dropped, and by the collection that runs. Waits while one of
    /// them is being removed.
    pub(super) async fn hold(&self, digests: Vec<Digest>) -> Hold<'_> {
        self.hold_for(digests, None).await
    }

    /// As [`hold`](Self::hold), for a request that may change which manifests of `repository` are needed: a collection
    /// that runs looks at the repository once more.
    pub(super) async fn hold_to_push(&self, repository: &Repository, digests: Vec<Digest>) -> Hold<'_> {
        self.hold_for(digests, Some(repository.clone())).await
    }

    async fn hold_for(&self, digests: Vec<Digest>, pushing: Option<Repository>) -> Hold<'_> {
        loop {
            let removed = self.removed.notified();
            tokio::pin!(removed);
            removed.as_mut().enable();
            if self.holds().try_hold(&digests, pushing.as_ref()) {
                return Hold { claims: self, digests, pushing };
            }
            removed.await;
        }
    }

    /// Begins to note what is held, for a collection. `None` while another one does.
    pub(super) fn watch(&self) -> Option<Watch<'_>> {
        let mut holds = self.holds();
        if holds.seen.is_some() {
            return None;
        }
        let digests = holds.held.keys().copied().collect();
        let repositories = holds.pushing.keys().cloned().collect();
        holds.seen = Some(Seen { digests, repositories, too_many: false });
        Some(Watch(self))
    }

    /// Notes that a client was told that `repository` has `digest`. Whether its link should be touched.
    fn confirm(&self, repository: &Repository, digest: &Digest) -> bool {
        let mut confirmed = self.confirmations();
        if confirmed.len() >= CONFIRMED {
            confirmed.clear();
        }
        let now = Instant::now();
        let entry = confirmed.entry((repository.clone(), *digest)).or_insert(Confirmation { times: 0, at: now });
        let renewed = entry.times > 0 && now.duration_since(entry.at) < RENEWED;
        entry.times = entry.times.saturating_add(1);
        if !renewed {
            entry.at = now;
        }
        !renewed
    }

    /// Notes that a manifest that uses `digests` was pushed: whoever was told of them once has what it wanted.
    pub(super) fn used(&self, repository: &Repository, digests: impl IntoIterator<Item = Digest>) {
        let mut confirmed = self.confirmations();
        if confirmed.is_empty() {
            return;
        }
        for digest in digests {
            let key = (repository.clone(), digest);
            if confirmed.get(&key).is_some_and(|confirmation| confirmation.times <= 1) {
                confirmed.remove(&key);
            }
        }
    }

    /// Whether a client was told of it within `grace`, and no manifest has used that up.
    pub(super) fn is_confirmed(&self, repository: &Repository, digest: &Digest, grace: Duration) -> bool {
        let confirmed = self.confirmations();
        // `at` may be older than the last confirmation by as much as a renewal waits.
        let young = |confirmation: &Confirmation| confirmation.at.elapsed() < grace.saturating_add(RENEWED);
        !grace.is_zero() && confirmed.get(&(repository.clone(), *digest)).is_some_and(young)
    }
}

impl Holds {
    fn try_hold(&mut self, digests: &[Digest], pushing: Option<&Repository>) -> bool {
        if digests.iter().any(|digest| self.removing.contains(digest)) {
            return false;
        }
        for digest in digests {
            *self.held.entry(*digest).or_default() += 1;
        }
        if let Some(repository) = pushing {
            *self.pushing.entry(repository.clone()).or_default() += 1;
        }
        if let Some(seen) = &mut self.seen {
            seen.too_many |= seen.digests.len() + digests.len() > SEEN || seen.repositories.len() >= SEEN;
            if !seen.too_many {
                seen.digests.extend(digests);
                seen.repositories.extend(pushing.cloned());
            }
        }
        true
    }
}

/// Content that a request works with. Dropping it lets go of it.
#[derive(Debug)]
pub(super) struct Hold<'a> {
    claims: &'a Claims,
    digests: Vec<Digest>,
    pushing: Option<Repository>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut holds = self.claims.holds();
        for digest in &self.digests {
            let_go(&mut holds.held, digest);
        }
        if let Some(repository) = &self.pushing {
            let_go(&mut holds.pushing, repository);
        }
    }
}

fn let_go<T: Eq + Hash>(counts: &mut HashMap<T, usize>, of: &T) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

/// What a collection needs to know of requests that go on beside it. One at a time.
#[derive(Debug)]
pub(super) struct Watch<'a>(&'a Claims);

impl Watch<'_> {
    /// Keeps requests off those of `digests` that none has held since the watch began.
    pub(super) fn remove(&self, digests: impl IntoIterator<Item = Digest>) -> Removal<'_> {
        let mut holds = self.0.holds();
        let free =
            |digest: &Digest| holds.seen.as_ref().is_some_and(|seen| !seen.too_many && !seen.digests.contains(digest));
        let digests: HashSet<Digest> = digests.into_iter().filter(free).collect();
        holds.removing.extend(&digests);
        Removal { claims: self.0, digests }
    }

    /// Whether a manifest was pushed to `repository` since the last time this was asked, or the watch began.
    pub(super) fn was_pushed_to(&self, repository: &Repository) -> bool {
        self.0.holds().seen.as_mut().is_none_or(|seen| seen.too_many || seen.repositories.remove(repository))
    }

    /// Whether so much was held that nothing can be told from it any more.
    pub(super) fn lost_track(&self) -> bool {
        self.0.holds().seen.as_ref().is_none_or(|seen| seen.too_many)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.holds().seen = None;
    }
}

/// Digests that are being removed. Dropping it lets requests have them again.
#[derive(Debug)]
pub(super) struct Removal<'a> {
    claims: &'a Claims,
    digests: HashSet<Digest>,
}

impl Removal<'_> {
    /// Whether nobody has it.
    pub(super) fn covers(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.claims.holds().removing.retain(|digest| !self.digests.contains(digest));
        self.claims.removed.notify_waiters();
    }
}

impl Registry {
    /// Promises a client that what `link` of `repository` stands for stays for a while. The caller holds it.
    pub(super) async fn confirm(
        &self,
        repository: &Repository,
        digest: &Digest,
        link: Key,
    ) -> Result<(), storage::Error> {
        if self.claims.confirm(repository, digest) { self.store.touch(vec![link], Touch::Now).await } else { Ok(()) }
    }

    /// Takes back the promise that the times of `links` still show after what used them was deleted.
    pub(super) async fn release(
        &self,
        repository: &Repository,
        links: impl IntoIterator<Item = (Digest, Key)>,
    ) -> Result<(), storage::Error> {
        let unclaimed =
            |(digest, _): &(Digest, Key)| !self.claims.confirmations().contains_key(&(repository.clone(), *digest));
        let links: Vec<Key> = links.into_iter().filter(unclaimed).map(|(_, link)| link).collect();
        if links.is_empty() { Ok(()) } else { self.store.touch(links, Touch::Ancient).await }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::oci::Algorithm;

    const HOUR: Duration = Duration::from_secs(3600);

    fn digest(content: &str) -> Digest {
        Digest::of(Algorithm::Sha256, content.as_bytes())
    }

    #[tokio::test]
    async fn what_is_or_was_held_during_a_collection_is_not_removed() {
        let claims = Claims::default();
        let before = claims.hold(vec![digest("before")]).await;
        let watch = claims.watch().unwrap();
        assert!(claims.watch().is_none(), "one collection at a time");
        drop(before);
        drop(claims.hold(vec![digest("during")]).await);
        let removal = watch.remove(["before", "during", "free"].map(digest));
        assert!(removal.covers(&digest("free")));
        assert!(!removal.covers(&digest("before")) && !removal.covers(&digest("during")));
        drop(removal);
        drop(watch);
        assert!(claims.watch().unwrap().remove([digest("during")]).covers(&digest("during")));
    }

    #[tokio::test]
    async fn who_wants_what_is_being_removed_waits_until_it_is_gone() {
        let claims = Claims::default();
        let watch = claims.watch().unwrap();
        let removal = watch.remove([digest("pier")]);
        let mut waiting = Box::pin(claims.hold(vec![digest("quay"), digest("pier")]));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(claims.hold(vec![digest("quay")]).now_or_never().is_some(), "others go on");
        drop(removal);
        drop(waiting.await);
        assert!(!watch.remove([digest("pier")]).covers(&digest("pier")));
    }

    #[test]
    fn a_manifest_uses_up_one_confirmation_and_several_may_be_others() {
        let claims = Claims::default();
        let (pier, layer) = ("pier".parse().unwrap(), digest("layer"));
        assert!(claims.confirm(&pier, &layer), "the first is written down");
        assert!(claims.is_confirmed(&pier, &layer, HOUR));
        assert!(!claims.is_confirmed(&"quay".parse().unwrap(), &layer, HOUR));
        claims.used(&pier, [layer]);
        assert!(!claims.is_confirmed(&pier, &layer, HOUR));

        assert!(claims.confirm(&pier, &layer));
        assert!(!claims.confirm(&pier, &layer), "the second, a moment later, is not");
        claims.used(&pier, [layer]);
        assert!(claims.is_confirmed(&pier, &layer, HOUR));
        assert!(!claims.is_confirmed(&pier, &layer, Duration::ZERO));
    }

    #[tokio::test]
    async fn a_push_is_seen_once_by_the_collection_that_runs() {
        let claims = Claims::default();
        let (pier, quay) = ("pier".parse().unwrap(), "quay".parse().unwrap());
        drop(claims.hold_to_push(&quay, Vec::new()).await);
        let in_progress = claims.hold_to_push(&pier, vec![digest("manifest")]).await;
        let watch = claims.watch().unwrap();
        assert!(!watch.was_pushed_to(&quay), "that was before");
        assert!(watch.was_pushed_to(&pier) && !watch.was_pushed_to(&pier));
        drop(in_progress);
        drop(claims.hold_to_push(&quay, Vec::new()).await);
        assert!(watch.was_pushed_to(&quay));
        assert!(!watch.lost_track());
    }
}
