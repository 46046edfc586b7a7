//! Blobs: finding and unlinking them. A repository holds a blob by a link; the content is shared by all repositories.

use bytes::Bytes;

use crate::{
    oci::{Digest, Repository},
    registry::Registry,
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
        let link = layout::layer_link(repository, digest);
        if let Some(content) = self.remembered(digest) {
            let held = self.is_linked(&link, digest).await?;
            return if held { Ok(content.into()) } else { Err(Error::Unknown(*digest)) };
        }
        let opened = self.store.open_linked(&link, &layout::link(digest), &layout::blob(digest)).await.optional()?;
        let object = opened.ok_or(Error::Unknown(*digest))?;
        self.sightings.saw(digest, repository);
        if object.size() > SMALL || !self.store.is_exclusive() {
            return Ok(object);
        }
        let bytes = object.into_bytes().await.map_err(|source| Error::Read { digest: *digest, source })?;
        self.contents.insert(*digest, bytes.clone());
        Ok(bytes.into())
    }

    /// Takes a blob out of `repository`; other repositories keep it.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the repository does not hold it, else the store's.
    pub async fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        let _others_wait = self.locks.exclusive(repository).await;
        let link = layout::layer_link(repository, digest);
        if !self.is_linked(&link, digest).await? {
            return Err(Error::Unknown(*digest));
        }
        Ok(self.store.delete(&link).await?)
    }

    /// Content from memory. Nothing while another process may be changing the store.
    fn remembered(&self, digest: &Digest) -> Option<Bytes> {
        if !self.store.is_exclusive() {
            return None;
        }
        self.contents.get(digest).map(|content| content.bytes())
    }
}
