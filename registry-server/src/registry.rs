//! What a registry does: blobs, upload sessions, manifests, tags, referrers and the catalog of repositories.
//!
//! Knows neither HTTP nor users' rights nor paths. Whoever calls has parsed the names and decided that the caller may.

use std::sync::Arc;

pub mod blobs;
pub mod catalog;
mod claims;
pub mod collect;
mod content;
mod locks;
pub mod manifests;
pub mod mount;
pub mod referrers;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod uploads;
pub mod validation;

use self::{
    claims::Claims,
    content::Contents,
    locks::Locks,
    mount::Sightings,
    referrers::Indexes,
    uploads::{Abandoned, Sessions},
    validation::Validation,
};
use crate::{
    metrics,
    oci::Digest,
    storage::{self, Optional, Store, layout},
};

/// A registry on a store. One per process and store; share it in an `Arc`.
#[derive(Debug)]
pub struct Registry {
    store: Arc<dyn Store>,
    abandoned: Abandoned,
    claims: Claims,
    contents: Contents,
    indexes: Indexes,
    locks: Locks,
    sessions: Sessions,
    sightings: Sightings,
    validation: Validation,
}

impl Registry {
    /// A registry that keeps everything in `store`.
    pub fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            abandoned: Abandoned::default(),
            claims: Claims::default(),
            contents: Contents::new(metrics::Cache::default()),
            indexes: Indexes::default(),
            locks: Locks::default(),
            sessions: Sessions::default(),
            sightings: Sightings::default(),
            validation: Validation::default(),
        }
    }

    /// The same with what is asked of manifests from now on.
    #[must_use]
    pub fn validating(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// The same with the use of its cache counted from now on.
    #[must_use]
    pub(crate) fn counting(self, usage: metrics::Cache) -> Self {
        Self { contents: Contents::new(usage), ..self }
    }

    /// Whether the store can be reached and written to. Writes nothing itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn health(&self) -> Result<(), storage::Error> {
        self.store.probe().await
    }

    /// How full the store's medium is; `None` where that is nothing to be told.
    ///
    /// # Errors
    /// The store's.
    pub async fn usage(&self) -> Result<Option<storage::Usage>, storage::Error> {
        self.store.usage().await
    }

    /// Whether this process alone writes to the store, as far as can be told.
    pub fn is_only_writer(&self) -> bool {
        self.store.is_exclusive()
    }

    /// Whether a link in a repository says what it should; a link torn by a crash counts as none.
    async fn is_linked(&self, link: &storage::Key, digest: &Digest) -> Result<bool, storage::Error> {
        let content = self.store.get(link, LINK_LIMIT).await.optional()?;
        Ok(content.is_some_and(|content| layout::linked(&content) == Some(*digest)))
    }
}

/// No link is longer: `sha512:` and 128 digits, and room for a newline that a person may have added.
const LINK_LIMIT: usize = 256;
