//! Blobs: finding and unlinking them. A repository holds a blob by a link; the content is shared by all repositories, and by
//! the names that the reference has given it.

use crate::{
    oci::{Algorithm, Digest, Repository},
    registry::{LINK_LIMIT, Registry},
    storage::{self, Object, Optional, layout},
};

/// Content up to this size is kept in memory after it was read.
const SMALL: u64 = 64 << 10;

/// Why there is no answer about a blob.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository does not hold it.
    #[error("blob {0} is unknown")]
    Unknown(Digest),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The store failed while the content was read.
    #[error("failed to read blob {digest}")]
    Read {
        /// Which blob.
        digest: Digest,
        /// What the medium says.
        #[source]
        source: std::io::Error,
    },
}

impl Registry {
    /// A blob that `repository` holds, to be read.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the repository does not hold it, else the store's.
    pub async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Object, Error> {
        // Opened in any case: content in memory is no proof that it is still on the disk.
        let object = self.open_blob(repository, digest).await?.ok_or(Error::Unknown(*digest))?;
        if object.size() > SMALL || !self.store.is_exclusive() {
            self.sightings.saw(digest, repository);
            return Ok(object);
        }
        if let Some(content) = self.contents.get(digest) {
            return Ok(content.bytes().into());
        }
        self.sightings.saw(digest, repository);
        let bytes = object.into_bytes().await.map_err(|source| Error::Read { digest: *digest, source })?;
        self.contents.insert(*digest, bytes.clone());
        Ok(bytes.into())
    }

    /// As [`blob`](Self::blob), for a client that asks whether it has to upload: the blob stays for a while, although no
    /// manifest may name it yet.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub async fn confirm_blob(&self, repository: &Repository, digest: &Digest) -> Result<Object, Error> {
        let needed = self.with_targets(repository, vec![*digest]).await?;
        let _no_collection = self.claims.hold(needed).await;
        let object = self.blob(repository, digest).await?;
        self.confirm(repository, digest, layout::layer_link(repository, digest)).await?;
        Ok(object)
    }

    /// The content of a blob that `repository` holds.
    async fn open_blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<Object>, storage::Error> {
        let link = layout::layer_link(repository, digest);
        let opened = self.store.open_linked(&link, &layout::link(digest), &layout::blob(digest)).await.optional()?;
        if opened.is_some() || digest.algorithm() == Algorithm::Sha256 {
            return Ok(opened);
        }
        match self.blob_target(repository, digest).await? {
            Some(target) => self.store.open(&layout::blob(&target)).await.optional(),
            None => Ok(None),
        }
    }

    /// The digest under which the content of a blob that `repository` holds is kept; `None` when it does not hold it.
    pub(super) async fn blob_target(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Digest>, storage::Error> {
        let link = self.store.get(&layout::layer_link(repository, digest), LINK_LIMIT).await.optional()?;
        Ok(link.and_then(|link| layout::target(&link, digest)))
    }

    /// `digests`, and those under which the content of some of them is kept.
    pub(super) async fn with_targets(
        &self,
        repository: &Repository,
        mut digests: Vec<Digest>,
    ) -> Result<Vec<Digest>, storage::Error> {
        let elsewhere: Vec<Digest> =
            digests.iter().copied().filter(|digest| digest.algorithm() != Algorithm::Sha256).collect();
        if !elsewhere.is_empty() {
            let keys = elsewhere.iter().map(|digest| layout::layer_link(repository, digest)).collect();
            let links = self.store.get_many(keys, LINK_LIMIT).await?;
            let targets = elsewhere.iter().zip(links).filter_map(|(digest, link)| layout::target(&link?, digest));
            digests.extend(targets);
        }
        Ok(digests)
    }

    /// Takes a blob out of `repository`; other repositories keep it.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the repository does not hold it, else the store's.
    pub async fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        let _others_wait = self.locks.exclusive(repository).await;
        let target = self.blob_target(repository, digest).await?.ok_or(Error::Unknown(*digest))?;
        self.store.delete(&layout::layer_link(repository, digest)).await?;
        self.claims.used(repository, [*digest]);
        Ok(self.release(repository, [(*digest, layout::blob(&target))]).await?)
    }
}
