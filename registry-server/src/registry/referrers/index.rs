//! Makes sure that every manifest with a subject is noted, whoever stored it.
//!
//! This process notes each one as it stores it. Others may come from the reference, or from a person who copied them, at
//! any time. So before an answer, the directories of a repository's manifests are asked for their version: while that is
//! the one at which every manifest was examined, nothing was added. Otherwise those that were not examined yet are read.
//!
//! - A digest is *examined* once its manifest was read and noted durably. What a digest stands for never changes.
//! - A digest whose content is missing or torn stays *unread* and is tried again each time: content can come back without
//!   a change of these directories.
//! - `_scanned` holds a settled version at which every manifest had been examined and none was unread, so that a restart
//!   need not read them again. It is written after the notes are durable. Torn, lost or out of date, it is another text
//!   than the version, and the manifests are read.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Mutex as AsyncMutex;

use crate::{
    oci::{Algorithm, Digest, Manifest, Repository},
    registry::{Registry, manifests::MANIFEST_LIMIT},
    storage::{self, Durability, Listing, Optional, layout},
};

/// How many manifests are read in one step.
const BATCH: usize = 64;

/// Digests remembered for all repositories, about 10 MB. Forgetting them costs reading manifests again.
const REMEMBERED: usize = 131_072;

/// What a repository counts besides its digests.
const REPOSITORY: usize = 4;

/// Length of the state that `_scanned` holds.
const STATE_LIMIT: usize = 256;

/// What is known of the manifests of one repository.
#[derive(Debug, Default)]
pub(in crate::registry) struct Examined {
    /// The settled version at which every manifest was examined or unread.
    complete_at: Option<String>,
    digests: HashSet<Digest>,
    unread: Vec<Digest>,
    /// Subjects and referrers that cannot be noted, because the store cannot be written to.
    unwritten: BTreeSet<(Digest, Digest)>,
}

impl Examined {
    /// How many manifests were examined.
    pub(super) fn len(&self) -> usize {
        self.digests.len()
    }

    /// The referrers of `subject` that only this knows.
    pub(super) fn unwritten(&self, subject: &Digest) -> impl Iterator<Item = Digest> {
        self.unwritten.iter().filter(move |(of, _)| of == subject).map(|(_, referrer)| *referrer)
    }

    /// Forgets a manifest that is removed, as it may come again without a note.
    pub(super) fn forget(&mut self, digest: &Digest) {
        self.digests.remove(digest);
        self.unwritten.retain(|(_, referrer)| referrer != digest);
    }
}

/// What is known, by repository. Whoever examines one holds off others, who find it done then.
#[derive(Debug, Default)]
pub(in crate::registry) struct Indexes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    repositories: HashMap<Repository, Arc<AsyncMutex<Examined>>>,
    digests: usize,
}

impl Indexes {
    pub(super) fn of(&self, repository: &Repository) -> Arc<AsyncMutex<Examined>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.digests + known.repositories.len() * REPOSITORY >= REMEMBERED {
            *known = Known::default();
        }
        Arc::clone(known.repositories.entry(repository.clone()).or_default())
    }

    /// Counts digests that were added to what is known of a repository.
    pub(super) fn count(&self, more: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).digests += more;
    }
}

impl Registry {
    /// Examines what was added to `repository` since it was last examined.
    pub(super) async fn complete_index(
        &self,
        repository: &Repository,
        known: &mut Examined,
    ) -> Result<(), storage::Error> {
        let (state, settled) = self.version_of_revisions(repository).await?;
        if known.complete_at.as_ref() == Some(&state) {
            let unread = std::mem::take(&mut known.unread);
            return self.examine(repository, unread, known).await;
        }
        let scanned = self.store.get(&layout::referrers_scanned(repository), STATE_LIMIT).await.optional()?;
        let was_complete = scanned.is_some_and(|scanned| scanned == state);
        let present = self.revisions(repository).await?;
        if was_complete {
            known.digests.extend(present);
            known.unread.clear();
        } else {
            let fresh = present.iter().filter(|digest| !known.digests.contains(digest)).copied().collect();
            self.examine(repository, fresh, known).await?;
            // What is gone may come again.
            let present: HashSet<Digest> = present.into_iter().collect();
            known.digests.retain(|digest| present.contains(digest));
        }
        if settled {
            let all_noted = known.unread.is_empty() && known.unwritten.is_empty();
            // Whoever asks about what does not exist must not leave anything behind.
            if all_noted && !was_complete && !known.digests.is_empty() {
                self.note_complete(repository, &state).await;
            }
            known.complete_at = Some(state);
        }
        Ok(())
    }

    /// Spares a restart reading everything again; only that is lost when it fails.
    async fn note_complete(&self, repository: &Repository, state: &str) {
        let marker = layout::referrers_scanned(repository);
        if let Err(error) = self.store.put(&marker, Bytes::from(state.to_owned()), Durability::Volatile).await {
            tracing::debug!(%repository, %error, "not noted that all manifests were examined");
        }
    }

    /// Examines every repository of a volume on which that was never done; how many, or `None` when it was. Meanwhile
    /// answers are as right as they are later, and slower.
    ///
    /// # Errors
    /// The store's. What was done before need not be done again.
    pub async fn index_referrers(&self) -> Result<Option<usize>, storage::Error> {
        let marker = layout::referrers_indexed();
        if self.store.metadata(&marker).await.optional()?.is_some() {
            return Ok(None);
        }
        let mut count = 0;
        let mut walk = self.walk(&[layout::MANIFESTS]);
        while let Some(repository) = walk.next().await? {
            // On its own: what nobody has asked for need not be remembered.
            self.complete_index(&repository, &mut Examined::default()).await?;
            count += 1;
        }
        // Lost in a crash, it is all done again.
        self.store.put(&marker, Bytes::new(), Durability::Volatile).await.or_else(unwritable)?;
        Ok(Some(count))
    }

    /// What tells whether manifests came or went, and whether later changes will be told from it.
    async fn version_of_revisions(&self, repository: &Repository) -> Result<(String, bool), storage::Error> {
        let (mut state, mut settled) = (String::new(), true);
        for algorithm in Algorithm::ALL {
            let version = self.store.version(&layout::revisions(repository, algorithm)).await?;
            state.push_str(&format!("{algorithm} {}\n", version.state));
            settled &= version.settled;
        }
        Ok((state, settled))
    }

    /// The digests of the manifests in a repository, some of which may have been removed by the reference.
    async fn revisions(&self, repository: &Repository) -> Result<Vec<Digest>, storage::Error> {
        let mut digests = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.store.list(&layout::revisions(repository, algorithm), Listing::ALL).await?;
            digests.extend(names.iter().filter_map(|hex| format!("{algorithm}:{hex}").parse::<Digest>().ok()));
        }
        Ok(digests)
    }

    /// Reads manifests and notes what they refer to.
    async fn examine(
        &self,
        repository: &Repository,
        digests: Vec<Digest>,
        known: &mut Examined,
    ) -> Result<(), storage::Error> {
        // Until this ends, and if it is given up on the way, what is unread is found by listing.
        let complete_at = known.complete_at.take();
        let mut unread = Vec::new();
        for batch in digests.chunks(BATCH) {
            let keys = batch.iter().map(layout::blob).collect();
            let contents = self.store.get_many(keys, MANIFEST_LIMIT).await?;
            for (digest, content) in batch.iter().zip(contents) {
                match content.map(|content| subject(digest, &content)) {
                    None | Some(Err(Torn)) => unread.push(*digest),
                    Some(Ok(subject)) => {
                        if let Some(subject) = subject {
                            self.note_found(repository, &subject, digest, known).await?;
                        }
                        known.digests.insert(*digest);
                    }
                }
            }
        }
        known.unread = unread;
        known.complete_at = complete_at;
        Ok(())
    }

    async fn note_found(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Digest,
        known: &mut Examined,
    ) -> Result<(), storage::Error> {
        match self.note_referrer(repository, subject, referrer, Durability::Durable).await {
            // A full or read-only disk is no reason not to answer.
            Err(storage::Error::Io { .. }) => {
                known.unwritten.insert((*subject, *referrer));
                Ok(())
            }
            noted => noted,
        }
    }
}

/// The content is not what its digest says.
struct Torn;

/// What a manifest refers to, if it is one.
fn subject(digest: &Digest, content: &Bytes) -> Result<Option<Digest>, Torn> {
    match Manifest::parse(content, None) {
        Ok(manifest) => Ok(manifest.subject()),
        Err(_) if Digest::of(digest.algorithm(), content) == *digest => Ok(None),
        Err(_) => Err(Torn),
    }
}

/// A store that is not to be written to need not remember.
fn unwritable(error: storage::Error) -> Result<(), storage::Error> {
    match error {
        storage::Error::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        error => Err(error),
    }
}
