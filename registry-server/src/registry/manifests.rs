//! Manifests: finding, storing and removing them.

use std::sync::Arc;

use bytes::Bytes;
use futures::{future::try_join_all, try_join};
use tokio::task::spawn_blocking;

use super::content::Content;
use crate::{
    oci::{Algorithm, Digest, Manifest, Reference, Repository, Tag, manifest},
    registry::{LINK_LIMIT, Registry},
    storage::{self, Durability, Optional, layout},
};

/// Largest manifest read from the store: what the reference and others accept.
pub(super) const MANIFEST_LIMIT: usize = 4 << 20;

/// A document above this size is hashed and parsed on the blocking pool.
const LARGE: usize = 128 << 10;

/// How many references of a manifest are looked up in one step.
const BATCH: usize = 1024;

/// Why a manifest is not found, stored or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository has no such tag.
    #[error("tag {0} is unknown")]
    TagUnknown(Tag),
    /// The repository does not hold it.
    #[error("manifest {digest} is unknown in repository {repository}")]
    Unknown {
        /// Where it was sought.
        repository: Repository,
        /// Which one.
        digest: Digest,
    },
    /// The document is not acceptable.
    #[error(transparent)]
    Invalid(#[from] manifest::Invalid),
    /// It was pushed under a digest that is not its own.
    #[error("the manifest has digest {actual}, not {expected}")]
    DigestMismatch {
        /// From the request.
        expected: Digest,
        /// Of the bytes.
        actual: Digest,
    },
    /// A layer is said to be where the configuration does not allow it to be.
    #[error("layer {layer} names the URL {url:?}, which validation.manifests.urls does not allow")]
    UrlForbidden {
        /// The layer.
        layer: Digest,
        /// Where it is said to be.
        url: String,
    },
    /// Content it refers to is not in the repository.
    #[error("{} of the manifest's blobs or manifests are not in the repository", .0.len())]
    ReferencesUnknown(Vec<Digest>),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// A manifest as it is served.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its digest.
    pub digest: Digest,
    /// The bytes as they were pushed.
    pub content: Bytes,
    /// Its media type, derived from the bytes.
    pub media_type: &'static str,
}

/// A manifest to be stored.
#[derive(Debug, Clone)]
pub struct Push {
    /// By tag, or by the digest it must have.
    pub reference: Reference,
    /// Further tags for it.
    pub tags: Vec<Tag>,
    /// The client's `Content-Type`.
    pub content_type: Option<String>,
    /// The document.
    pub content: Bytes,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// What it refers to, if anything.
    pub subject: Option<Digest>,
}

impl Registry {
    /// The manifest that `reference` stands for.
    ///
    /// # Errors
    /// [`Error::TagUnknown`], [`Error::Unknown`], or the store's.
    pub async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Stored, Error> {
        let digest = self.resolve(repository, reference).await?;
        let content = self.manifest_content(repository, &digest).await?;
        let content = content.ok_or_else(|| Error::Unknown { repository: repository.clone(), digest })?;
        Ok(Stored { digest, content: content.bytes(), media_type: content.manifest_type() })
    }

    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Digest, Error> {
        match reference {
            Reference::Digest(digest) => Ok(*digest),
            Reference::Tag(tag) => self.tagged(repository, tag).await?.ok_or_else(|| Error::TagUnknown(tag.clone())),
        }
    }

    /// The bytes of a manifest that `repository` holds.
    pub(super) async fn manifest_content(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Arc<Content>>, storage::Error> {
        if !self.is_linked(&layout::revision_link(repository, digest), digest).await? {
            return Ok(None);
        }
        let blob = layout::blob(digest);
        if self.store.is_exclusive()
            && let Some(content) = self.contents.get(digest)
        {
            // Content in memory is no proof that it is still on the disk.
            return Ok(self.store.open(&blob).await.optional()?.map(|_| content));
        }
        let read = self.store.get(&blob, MANIFEST_LIMIT).await.optional()?;
        Ok(read.map(|bytes| self.contents.insert(*digest, bytes)))
    }

    /// Stores a manifest and points its tags at it, durable when this returns. Its bytes are kept as they are.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::DigestMismatch`], [`Error::UrlForbidden`] or [`Error::ReferencesUnknown`] when it is
    /// not acceptable, else the store's.
    pub async fn put_manifest(&self, repository: &Repository, push: Push) -> Result<Pushed, Error> {
        let Push { reference, mut tags, content_type, content } = push;
        let (algorithm, expected) = match reference {
            Reference::Tag(tag) => {
                tags.insert(0, tag);
                (Algorithm::Sha256, None)
            }
            Reference::Digest(digest) => (digest.algorithm(), Some(digest)),
        };
        let (digest, manifest) = examine(content.clone(), content_type, algorithm).await?;
        if let Some(expected) = expected.filter(|&expected| expected != digest) {
            return Err(Error::DigestMismatch { expected, actual: digest });
        }
        let manifest = manifest?;
        if let Some((layer, url)) = self.validation.forbidden_url(&manifest) {
            return Err(Error::UrlForbidden { layer, url: url.to_owned() });
        }
        let _no_deletion = self.locks.shared(repository).await;
        let needed = self.with_targets(repository, manifest.mentioned().chain([digest]).collect()).await?;
        let _no_collection = self.claims.hold_to_push(repository, needed).await;
        self.refuse_dangling(repository, &manifest).await?;
        self.store_manifest(repository, &digest, content, manifest.subject(), &tags).await?;
        self.claims.used(repository, manifest.mentioned());
        if tags.is_empty() {
            self.await_its_use(repository, &digest, manifest.subject()).await?;
        }
        Ok(Pushed { digest, subject: manifest.subject() })
    }

    /// Three steps, each durable before the next, in the order in which a crash in between does no harm: what nobody sees
    /// yet; the link that makes the manifest visible; the tags.
    async fn store_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        content: Bytes,
        subject: Option<Digest>,
        tags: &[Tag],
    ) -> Result<(), storage::Error> {
        let link = |key| {
            let content = layout::link(digest);
            async move { self.store.put(&key, content, Durability::Durable).await }
        };
        let blob = layout::blob(digest);
        let blob = self.store.put(&blob, content, Durability::Durable);
        let history = try_join_all(tags.iter().map(|tag| link(layout::tag_history_link(repository, tag, digest))));
        let index = async {
            match subject {
                Some(subject) => self.note_referrer(repository, &subject, digest, Durability::Volatile).await,
                None => Ok(()),
            }
        };
        try_join!(blob, history, index)?;
        link(layout::revision_link(repository, digest)).await?;
        try_join_all(tags.iter().map(|tag| link(layout::tag_link(repository, tag)))).await?;
        Ok(())
    }

    /// Keeps a manifest without a tag for a while: an index that lists it may follow. One whose subject is here stays with
    /// that.
    async fn await_its_use(
        &self,
        repository: &Repository,
        digest: &Digest,
        subject: Option<Digest>,
    ) -> Result<(), storage::Error> {
        let link = layout::revision_link(repository, digest);
        match subject {
            Some(subject) if self.is_linked(&layout::revision_link(repository, &subject), &subject).await? => Ok(()),
            _ => self.confirm(repository, digest, link).await,
        }
    }

    /// As [`manifest`](Self::manifest), for a client that asks whether it has to push: what is asked for by its digest
    /// stays for a while, although no tag may lead to it yet.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest).
    pub async fn confirm_manifest(&self, repository: &Repository, reference: &Reference) -> Result<Stored, Error> {
        let Reference::Digest(digest) = reference else { return self.manifest(repository, reference).await };
        let _no_deletion = self.locks.shared(repository).await;
        let _no_collection = self.claims.hold_to_push(repository, vec![*digest]).await;
        let manifest = self.manifest(repository, reference).await?;
        self.confirm(repository, digest, layout::revision_link(repository, digest)).await?;
        Ok(manifest)
    }

    /// Refuses a manifest whose configuration, layers or children the repository does not hold.
    async fn refuse_dangling(&self, repository: &Repository, manifest: &Manifest) -> Result<(), Error> {
        let (blobs, children) = (self.validation.blobs(manifest), self.validation.children(manifest));
        let mut unknown = self.missing(repository, &blobs, layout::layer_link).await?;
        let not_manifests = self.missing(repository, &children, layout::revision_link).await?;
        // Build caches are indexes whose children are layers.
        unknown.extend(self.missing(repository, &not_manifests, layout::layer_link).await?);
        if unknown.is_empty() { Ok(()) } else { Err(Error::ReferencesUnknown(unknown)) }
    }

    /// Those of `digests` whose link is not there, or leads to content that is not.
    async fn missing(
        &self,
        repository: &Repository,
        digests: &[Digest],
        link: impl Fn(&Repository, &Digest) -> storage::Key,
    ) -> Result<Vec<Digest>, storage::Error> {
        let mut missing = Vec::new();
        for batch in digests.chunks(BATCH) {
            let keys = batch.iter().map(|digest| link(repository, digest)).collect();
            let links = self.store.get_many(keys, LINK_LIMIT).await?;
            let targets = batch.iter().zip(links).map(|(digest, link)| layout::target(&link?, digest));
            let targets: Vec<Option<Digest>> = targets.collect();
            let contents = targets.iter().flatten().map(layout::blob).collect();
            let mut contents = self.store.metadata_many(contents).await?.into_iter();
            let mut is_there = |target: &Option<Digest>| target.is_some() && contents.next().flatten().is_some();
            missing
                .extend(batch.iter().zip(&targets).filter(|(_, target)| !is_there(target)).map(|(digest, _)| *digest));
        }
        Ok(missing)
    }

    /// Removes a manifest from `repository`, and every tag that points at it.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the repository does not hold it, else the store's.
    pub async fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        let _others_wait = self.locks.exclusive(repository).await;
        let content = self.manifest_content(repository, digest).await?;
        let link = layout::revision_link(repository, digest);
        if content.is_none() && !self.is_linked(&link, digest).await? {
            return Err(Error::Unknown { repository: repository.clone(), digest: *digest });
        }
        // Tags first: a crash in between leaves a manifest without tags rather than a tag that points at nothing.
        self.untag_all(repository, digest).await?;
        Ok(self.unlink_manifest(repository, digest, content.as_deref()).await?)
    }

    /// Takes a manifest without tags out of `repository`. What it named is no longer waited for. The caller holds off
    /// pushes.
    pub(super) async fn unlink_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        content: Option<&Content>,
    ) -> Result<(), storage::Error> {
        self.store.delete(&layout::revision_link(repository, digest)).await?;
        let Some(manifest) = content.and_then(|content| Manifest::parse(&content.bytes(), None).ok()) else {
            return Ok(());
        };
        if let Some(subject) = manifest.subject() {
            self.forget_referrer(repository, &subject, digest).await?;
        }
        let blobs = manifest.mentioned().map(|blob| (blob, layout::layer_link(repository, &blob)));
        let children = manifest.children().iter().map(|child| (*child, layout::revision_link(repository, child)));
        self.release(repository, blobs.chain(children)).await
    }
}

type Examined = (Digest, Result<Manifest, manifest::Invalid>);

/// The digest and the meaning of a document.
async fn examine(
    content: Bytes,
    content_type: Option<String>,
    algorithm: Algorithm,
) -> Result<Examined, storage::Error> {
    let large = content.len() > LARGE;
    let work = move || (Digest::of(algorithm, &content), Manifest::parse_pushed(&content, content_type.as_deref()));
    if large { spawn_blocking(work).await.map_err(|_| storage::Error::ShuttingDown) } else { Ok(work()) }
}
