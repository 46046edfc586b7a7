//! Keeps a deletion and the pushes into the same repository apart.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::oci::Repository;

/// Repositories share this many locks: enough that strangers rarely meet, a bound on memory.
const SHARDS: usize = 64;

/// Locks by repository. Pushes go on side by side; what deletes waits for them and holds them off.
#[derive(Debug)]
pub(super) struct Locks {
    shards: Vec<RwLock<()>>,
    hasher: RandomState,
}

impl Default for Locks {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), hasher: RandomState::new() }
    }
}

impl Locks {
    /// To add to a repository.
    pub(super) async fn shared(&self, repository: &Repository) -> RwLockReadGuard<'_, ()> {
        self.shard(repository).read().await
    }

    /// To take something out of a repository.
    pub(super) async fn exclusive(&self, repository: &Repository) -> RwLockWriteGuard<'_, ()> {
        self.shard(repository).write().await
    }

    fn shard(&self, repository: &Repository) -> &RwLock<()> {
        let hash = self.hasher.hash_one(repository);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}
