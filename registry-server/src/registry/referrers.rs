//! Referrers: the manifests that name another as their subject (distribution-spec, "Listing Referrers").
//!
//! Which manifest refers to which is kept in an index of names, written with each push. The index is only a hint of where
//! to look: a referrer is listed when the repository holds its manifest and that manifest names the subject. So entries
//! that are out of date do no harm, and missing ones, on a volume that another server has written to, are found by
//! reading the repository's manifests once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use serde::Deserialize;

use crate::{
    oci::{Algorithm, Descriptor, Digest, Manifest, Repository, Tag},
    registry::{Registry, manifests::MANIFEST_LIMIT},
    storage::{self, Durability, Listing, Optional, layout},
};

/// Referrers looked at for one answer: a bound on its work and size. The rest is on further pages.
const PER_PAGE: usize = 500;

/// How many manifests are read in one step while a repository's index is made.
const BATCH: usize = 64;

/// Repositories whose complete index is remembered in memory.
const REMEMBERED: usize = 65_536;

/// Length of the state that `_scanned` holds.
const STATE_LIMIT: usize = 256;

/// Repositories whose index has been complete since this process started.
#[derive(Debug, Default)]
pub(super) struct Scanned(Mutex<HashSet<Repository>>);

impl Scanned {
    fn contains(&self, repository: &Repository) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(repository)
    }

    fn insert(&self, repository: &Repository) {
        let mut scanned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scanned.len() >= REMEMBERED {
            scanned.clear();
        }
        scanned.insert(repository.clone());
    }
}

/// Part of the list of a subject's referrers.
#[derive(Debug, Default)]
pub struct Referrers {
    /// In the order of their digests.
    pub descriptors: Vec<Descriptor>,
    /// The digest after which there may be more.
    pub continues_after: Option<Digest>,
}

impl Registry {
    /// The referrers of `subject` in `repository` after the digest `after`, of `artifact_type` if one is given. Empty for
    /// a subject or a repository that does not exist: a signature may be there before what it signs.
    ///
    /// # Errors
    /// The store's.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
    ) -> Result<Referrers, storage::Error> {
        self.complete_index(repository).await?;
        let mut candidates = self.pushed_with_fallback_tag(repository, subject).await?;
        for name in self.store.list(&layout::referrers(repository, subject), Listing::ALL).await? {
            if let Some(digest) = layout::referrer_of_name(&name) {
                candidates.insert(digest, None);
            }
        }
        candidates.retain(|digest, _| after.is_none_or(|after| digest > after));
        let continues_after = candidates.keys().nth(PER_PAGE - 1).copied().filter(|_| candidates.len() > PER_PAGE);
        let mut descriptors = Vec::new();
        for (digest, listed) in candidates.into_iter().take(PER_PAGE) {
            let described = self.describe(repository, subject, &digest, listed).await?;
            descriptors.extend(
                described
                    .filter(|found| artifact_type.is_none_or(|wanted| found.artifact_type.as_deref() == Some(wanted))),
            );
        }
        Ok(Referrers { descriptors, continues_after })
    }

    /// Notes that a manifest refers to `subject`.
    ///
    /// A push notes it before the manifest is visible, and need not wait for the disk: should a crash lose the note, the
    /// directory of manifests is newer than the last complete reading, which is then done again.
    pub(super) async fn note_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Digest,
        durability: Durability,
    ) -> Result<(), storage::Error> {
        self.store.put(&layout::referrer(repository, subject, referrer), Bytes::new(), durability).await
    }

    /// Undoes [`note_referrer`](Self::note_referrer) for a manifest that is gone.
    pub(super) async fn forget_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Digest,
    ) -> Result<(), storage::Error> {
        self.store.delete(&layout::referrer(repository, subject, referrer)).await
    }

    /// Forgets the index of a repository that is gone.
    pub(super) async fn forget_referrers(&self, repository: &Repository) -> Result<(), storage::Error> {
        self.store.delete(&layout::referrers_scanned(repository)).await?;
        self.store.delete_tree(&layout::all_referrers(repository), Durability::Volatile).await
    }

    /// The descriptor of a candidate: made from its manifest, or as a client without the referrers API `listed` it.
    async fn describe(
        &self,
        repository: &Repository,
        subject: &Digest,
        digest: &Digest,
        listed: Option<Descriptor>,
    ) -> Result<Option<Descriptor>, storage::Error> {
        let Some(content) = self.manifest_content(repository, digest).await? else { return Ok(None) };
        let bytes = content.bytes();
        let manifest = Manifest::parse(&bytes, None).ok().filter(|manifest| manifest.subject() == Some(*subject));
        Ok(manifest.map(|manifest| manifest.into_descriptor(*digest, bytes.len() as u64)).or(listed))
    }

    /// What clients have listed under the tag that stands in for this API on registries without it.
    async fn pushed_with_fallback_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<BTreeMap<Digest, Option<Descriptor>>, storage::Error> {
        #[derive(Default, Deserialize)]
        struct Index {
            #[serde(default)]
            manifests: Vec<Descriptor>,
        }
        let Some(tagged) = self.tagged(repository, &Tag::referrers_fallback(subject)).await? else {
            return Ok(BTreeMap::new());
        };
        let Some(content) = self.manifest_content(repository, &tagged).await? else { return Ok(BTreeMap::new()) };
        // A tag of this form may hold something else altogether; then it lists nothing.
        let index: Index = serde_json::from_slice(&content.bytes()).unwrap_or_default();
        Ok(index.manifests.into_iter().map(|descriptor| (descriptor.digest, Some(descriptor))).collect())
    }

    /// Makes sure that every manifest with a subject is in the index.
    ///
    /// This process notes each one it stores. Others may have been stored before it started, so the first question about
    /// a repository reads its manifests, unless the directory of manifests is as it was the last time that was done.
    async fn complete_index(&self, repository: &Repository) -> Result<(), storage::Error> {
        if self.store.is_exclusive() && self.scanned.contains(repository) {
            return Ok(());
        }
        let state = self.revisions_state(repository).await?;
        let marker = layout::referrers_scanned(repository);
        let known = self.store.get(&marker, STATE_LIMIT).await.optional()?;
        if state.is_some() && known != state {
            for algorithm in Algorithm::ALL {
                self.index_revisions(repository, algorithm).await?;
            }
        }
        if let Some(state) = state.filter(|state| known.as_ref() != Some(state)) {
            self.store.put(&marker, state, Durability::Volatile).await?;
        }
        self.scanned.insert(repository);
        Ok(())
    }

    /// When manifests came or went last; `None` when there never were any.
    async fn revisions_state(&self, repository: &Repository) -> Result<Option<Bytes>, storage::Error> {
        let mut state = String::new();
        for algorithm in Algorithm::ALL {
            let directory = self.store.metadata(&layout::revisions(repository, algorithm)).await.optional()?;
            if let Some(directory) = directory {
                let since_epoch = directory.modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                state.push_str(&format!("{algorithm} {}\n", since_epoch.as_nanos()));
            }
        }
        Ok((!state.is_empty()).then(|| state.into()))
    }

    async fn index_revisions(&self, repository: &Repository, algorithm: Algorithm) -> Result<(), storage::Error> {
        let names = self.store.list(&layout::revisions(repository, algorithm), Listing::ALL).await?;
        let digests: Vec<Digest> = names.iter().filter_map(|hex| format!("{algorithm}:{hex}").parse().ok()).collect();
        for batch in digests.chunks(BATCH) {
            let keys = batch.iter().map(layout::blob).collect();
            let contents = self.store.get_many(keys, MANIFEST_LIMIT).await?;
            for (digest, content) in batch.iter().zip(contents) {
                let manifest = content.and_then(|content| Manifest::parse(&content, None).ok());
                if let Some(subject) = manifest.and_then(|manifest| manifest.subject()) {
                    // Before `_scanned` says that the index is complete.
                    self.note_referrer(repository, &subject, digest, Durability::Durable).await?;
                }
            }
        }
        Ok(())
    }
}
