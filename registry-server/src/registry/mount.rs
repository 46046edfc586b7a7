//! Cross-repository mounts: a blob that another repository holds is linked rather than uploaded again
//! (distribution-spec, "Mounting a blob from another repository").

use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;

use crate::{
    oci::{Digest, Repository},
    registry::Registry,
    storage::{self, Durability, Optional, layout},
};

/// Digests whose repositories are remembered.
const REMEMBERED: usize = 16_384;

/// Repositories remembered for a digest. Base layers are in all of them; the last few serve as well.
const PER_DIGEST: usize = 4;

/// Repositories that are looked into when the client does not name one and none is remembered: a bound on the work that
/// a request can cause.
const SEARCHED: usize = 1000;

/// Where blobs were seen lately. A hint: whoever uses it looks at the repository's link.
#[derive(Debug)]
pub(super) struct Sightings(Cache<Digest, Arc<Mutex<Vec<Repository>>>>);

impl Default for Sightings {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Sightings {
    pub(super) fn saw(&self, digest: &Digest, repository: &Repository) {
        let seen = self.0.get(digest).unwrap_or_else(|| {
            let fresh = Arc::default();
            self.0.insert(*digest, Arc::clone(&fresh));
            fresh
        });
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(repository) {
            seen.insert(0, repository.clone());
            seen.truncate(PER_DIGEST);
        }
    }

    fn of(&self, digest: &Digest) -> Vec<Repository> {
        let seen = self.0.get(digest);
        seen.map(|seen| seen.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

impl Registry {
    /// Gives `repository` the blob that `from` holds. Without `from`, that any repository holds which `may_pull` says
    /// the caller may pull from. `false` when there is none: the blob has to be uploaded.
    ///
    /// `may_pull` is asked about `from` as well.
    ///
    /// # Errors
    /// The store's.
    pub async fn mount(
        &self,
        repository: &Repository,
        digest: &Digest,
        from: Option<&Repository>,
        may_pull: impl Fn(&Repository) -> bool,
    ) -> Result<bool, storage::Error> {
        let _no_deletion = self.locks.shared(repository).await;
        let needed = match from {
            Some(from) => self.with_targets(from, vec![*digest]).await?,
            None => vec![*digest],
        };
        let _no_collection = self.claims.hold(needed).await;
        let found = match from {
            Some(from) if may_pull(from) => self.held_blob(from, digest).await?,
            Some(_) => None,
            None => self.is_somewhere(digest, &may_pull).await?.then_some(*digest),
        };
        let Some(target) = found else { return Ok(false) };
        if target != *digest {
            // The reference serves the content under either name only to those who hold both.
            self.link_blob(repository, &target, &target).await?;
        }
        self.link_blob(repository, digest, &target).await?;
        Ok(true)
    }

    async fn is_somewhere(
        &self,
        digest: &Digest,
        may_pull: &impl Fn(&Repository) -> bool,
    ) -> Result<bool, storage::Error> {
        if self.store.metadata(&layout::blob(digest)).await.optional()?.is_none() {
            return Ok(false);
        }
        for candidate in self.sightings.of(digest) {
            if may_pull(&candidate) && self.held_blob(&candidate, digest).await? == Some(*digest) {
                return Ok(true);
            }
        }
        let mut walk = self.walk(&[layout::LAYERS]);
        for _ in 0..SEARCHED {
            let Some(candidate) = walk.next().await? else { return Ok(false) };
            if may_pull(&candidate) && self.held_blob(&candidate, digest).await? == Some(*digest) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where the content is kept, if the repository has the link and the content is there.
    async fn held_blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<Digest>, storage::Error> {
        let Some(target) = self.blob_target(repository, digest).await? else { return Ok(None) };
        let content = self.store.metadata(&layout::blob(&target)).await.optional()?;
        Ok(content.map(|_| target))
    }

    /// Makes `repository` hold a blob whose content is in the store as `target`, and promises the client that it stays for
    /// a while. The caller holds it.
    pub(super) async fn link_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        target: &Digest,
    ) -> Result<(), storage::Error> {
        let link = layout::layer_link(repository, digest);
        self.store.put(&link, layout::link(target), Durability::Durable).await?;
        self.sightings.saw(digest, repository);
        self.confirm(repository, digest, link).await
    }
}
