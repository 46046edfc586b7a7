//! Sessions that ended with the request that began them, before anybody was told of them: they need not wait for the purge.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    oci::Repository,
    registry::Registry,
    storage::{self, Durability, layout},
};

/// So many may wait to be removed. The purge finds the others.
const LIMIT: usize = 1024;

/// Sessions that wait to be removed.
#[derive(Debug, Default)]
pub(in crate::registry) struct Abandoned {
    sessions: Mutex<Vec<(Repository, Uuid)>>,
    arrived: Notify,
}

impl Abandoned {
    /// Adds a session on which nobody works any more.
    pub(super) fn add(&self, repository: &Repository, id: Uuid) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() < LIMIT {
            sessions.push((repository.clone(), id));
            self.arrived.notify_one();
        }
    }

    async fn next(&self) -> (Repository, Uuid) {
        loop {
            let session = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match session {
                Some(session) => return session,
                None => self.arrived.notified().await,
            }
        }
    }
}

impl Registry {
    /// Waits for an upload whose request was given up in the middle, and removes what has arrived of it.
    ///
    /// # Errors
    /// The store's. What is left then is the purge's.
    pub async fn remove_abandoned_upload(&self) -> Result<(), storage::Error> {
        let (repository, id) = self.abandoned.next().await;
        self.store.delete_tree(&layout::upload(&repository, id), Durability::Volatile).await
    }
}
