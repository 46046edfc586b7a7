//! Small immutable content in memory: manifests, configurations, small layers.
//!
//! Keyed by digest alone. It answers what bytes a digest stands for, never whether somebody may have them, nor whether they
//! are in the store: every caller has looked at the repository's link, and whether the content is there, first.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};

use crate::{
    metrics,
    oci::{Digest, manifest},
};

/// Bytes of content kept in all.
const CAPACITY: u64 = 16 << 20;

/// What an entry costs besides its content.
const OVERHEAD: u64 = 256;

/// Content as it is in the store.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Bytes,
    media_type: OnceLock<&'static str>,
}

impl Content {
    pub(super) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The media type, when it is a manifest's; worked out once.
    pub(super) fn manifest_type(&self) -> &'static str {
        self.media_type.get_or_init(|| manifest::stored_media_type(&self.bytes))
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, media_type: OnceLock::new() }
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Digest, Arc<Content>> for ByBytes {
    fn weight(&self, _: &Digest, content: &Arc<Content>) -> u64 {
        content.bytes.len() as u64 + OVERHEAD
    }
}

/// The content that was asked for lately.
#[derive(Debug)]
pub(super) struct Contents {
    cache: Cache<Digest, Arc<Content>, ByBytes>,
    usage: metrics::Cache,
}

impl Contents {
    /// None yet; what is asked for is counted by `usage`.
    pub(super) fn new(usage: metrics::Cache) -> Self {
        Self { cache: Cache::with_weighter(4096, CAPACITY, ByBytes), usage }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Content>> {
        let found = self.cache.get(digest);
        self.usage.asked(found.is_some());
        found
    }

    /// Forgets what is no longer in the store.
    pub(super) fn remove(&self, digest: &Digest) {
        self.cache.remove(digest);
    }

    /// Keeps `bytes`, which must be what `digest` stands for.
    pub(super) fn insert(&self, digest: Digest, bytes: Bytes) -> Arc<Content> {
        let content = Arc::new(Content::from(bytes));
        self.cache.insert(digest, Arc::clone(&content));
        content
    }
}
