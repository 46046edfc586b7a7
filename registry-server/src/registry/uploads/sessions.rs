//! The upload sessions this process has worked on lately.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::timeout,
};
use uuid::Uuid;

use super::PATIENCE;
use crate::{
    oci::{Algorithm, Repository},
    storage::{Staged, Store, layout},
};

/// Sessions remembered. Forgetting an idle one costs reading its bytes again at the end.
const REMEMBERED: usize = 4096;

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    id: Uuid,
    repository: Repository,
    staged: Arc<dyn Staged>,
    algorithm: Mutex<Algorithm>,
    requests: Arc<AsyncMutex<()>>,
}

impl Session {
    pub(super) fn new(store: &dyn Store, repository: &Repository, id: Uuid, algorithm: Algorithm) -> Self {
        Self {
            id,
            repository: repository.clone(),
            staged: store.staged(&layout::upload_data(repository, id)),
            algorithm: Mutex::new(algorithm),
            requests: Arc::default(),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn staged(&self) -> &dyn Staged {
        &*self.staged
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        *self.algorithm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_algorithm(&self, algorithm: Algorithm) {
        *self.algorithm.lock().unwrap_or_else(PoisonError::into_inner) = algorithm;
    }

    /// Waits until no other request works on the session; `None` when that takes too long.
    pub(super) async fn lock(&self) -> Option<OwnedMutexGuard<()>> {
        timeout(PATIENCE, Arc::clone(&self.requests).lock_owned()).await.ok()
    }

    /// Whether a request works on the session at the moment.
    fn is_busy(&self) -> bool {
        self.requests.try_lock().is_err()
    }
}

/// Sessions by identifier: two requests of one session find the same lock.
#[derive(Debug, Default)]
pub(in crate::registry) struct Sessions(Mutex<HashMap<Uuid, Arc<Session>>>);

impl Sessions {
    pub(super) fn get_or_open(&self, id: Uuid, open: impl FnOnce() -> Session) -> Arc<Session> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= REMEMBERED {
            // Whoever holds a session elsewhere is using it, or is about to.
            sessions.retain(|_, session| Arc::strong_count(session) > 1);
        }
        Arc::clone(sessions.entry(id).or_insert_with(|| Arc::new(open())))
    }

    pub(super) fn close(&self, id: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(super) fn is_busy(&self, id: Uuid) -> bool {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&id).is_some_and(|session| session.is_busy())
    }
}
