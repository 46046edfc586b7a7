//! Upload sessions: bytes arrive in any number of requests and become a blob when their digest is right.
//!
//! A session belongs to a repository and to the user who began it. What arrived is on the disk, so a session survives a
//! restart; what is kept in memory (the running hash) only saves reading it again.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

mod abandoned;
mod purge;
mod sessions;

pub(super) use abandoned::Abandoned;
pub use purge::Purged;
use sessions::Session;
pub(super) use sessions::Sessions;

use crate::{
    oci::{Algorithm, Digest, Repository},
    registry::Registry,
    storage::{self, Durability, Optional, Piece, layout},
};

/// How long a request waits for another one of the same session, such as one whose connection died unnoticed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest user name compared with a session's.
const OWNER_LIMIT: usize = 64 << 10;

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such session in this repository, or it belongs to somebody else.
    #[error("upload {0} is unknown")]
    Unknown(Uuid),
    /// Another request of the session is still running.
    #[error("upload {0} is busy with another request")]
    Busy(Uuid),
    /// The bytes are not what the client says they are. The session is gone.
    #[error("the uploaded content has digest {actual}, not {expected}")]
    DigestMismatch {
        /// From the client.
        expected: Digest,
        /// Of the bytes.
        actual: Digest,
    },
    /// The client stopped in the middle. What arrived is kept.
    #[error("the upload was interrupted after {received} bytes")]
    Interrupted {
        /// Bytes the session has now.
        received: u64,
        /// What the connection says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// A session that this request alone works on.
#[derive(Debug)]
pub struct Upload<'a> {
    registry: &'a Registry,
    session: Arc<Session>,
    size: u64,
    ends_with_request: bool,
    _alone: OwnedMutexGuard<()>,
}

impl Registry {
    /// Begins a session of `owner`, a user's name, whose content is probably going to be named by `algorithm`.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_upload(
        &self,
        repository: &Repository,
        owner: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Upload<'_>, Error> {
        let id = Uuid::new_v4();
        let session = self.sessions.get_or_open(id, || Session::new(&*self.store, repository, id, algorithm));
        let alone = session.lock().await.ok_or(Error::Busy(id))?;
        let started = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut upload = Upload { registry: self, session, size: 0, ends_with_request: true, _alone: alone };
        upload.session.staged().create().await?;
        let started_key = layout::upload_started(repository, id);
        self.store.put(&started_key, started.into(), Durability::Volatile).await?;
        if let Some(owner) = owner {
            let owner_key = layout::upload_owner(repository, id);
            self.store.put(&owner_key, owner.to_owned().into(), Durability::Volatile).await?;
        }
        upload.ends_with_request = false;
        Ok(upload)
    }

    /// Goes on with a session, once no other request works on it.
    ///
    /// # Errors
    /// [`Error::Unknown`] when `repository` has no such session, or when it is not `owner`'s; [`Error::Busy`].
    pub async fn resume_upload(
        &self,
        repository: &Repository,
        id: Uuid,
        owner: Option<&str>,
    ) -> Result<Upload<'_>, Error> {
        let open = || Session::new(&*self.store, repository, id, Algorithm::Sha256);
        let session = self.sessions.get_or_open(id, open);
        if session.repository() != repository {
            return Err(Error::Unknown(id));
        }
        let alone = session.lock().await.ok_or(Error::Busy(id))?;
        let Some(size) = session.staged().size().await.optional()? else {
            self.sessions.close(id);
            return Err(Error::Unknown(id));
        };
        let owner_key = layout::upload_owner(repository, id);
        let began = self.store.get(&owner_key, OWNER_LIMIT).await.optional()?;
        if began.is_some_and(|began| owner.map(str::as_bytes) != Some(&began[..])) {
            return Err(Error::Unknown(id));
        }
        Ok(Upload { registry: self, session, size, ends_with_request: false, _alone: alone })
    }
}

impl Upload<'_> {
    /// The session's identifier.
    pub fn id(&self) -> Uuid {
        self.session.id()
    }

    /// Bytes received so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the session end when this is dropped: nobody will be told of it.
    pub fn end_with_request(&mut self) {
        self.ends_with_request = true;
    }

    /// Adds the bytes of `body`: while one piece is hashed and written, the next is received.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when `body` fails; what arrived before is kept. The store's.
    pub async fn append<E>(&mut self, body: impl Stream<Item = Result<Bytes, E>>) -> Result<(), Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        futures::pin_mut!(body);
        let mut incoming = Incoming { body, rest: Bytes::new(), ended: false };
        let mut piece = incoming.gather().await;
        loop {
            match piece {
                Ok(full) if !incoming.ended => {
                    let (written, next) = futures::join!(self.write(full), incoming.gather());
                    written?;
                    piece = next;
                }
                Ok(last) => return self.write(last).await,
                Err((last, source)) => {
                    self.write(last).await?;
                    return Err(Error::Interrupted { received: self.size, source: source.into() });
                }
            }
        }
    }

    /// Names the content as the client will, before the first byte: then it is hashed with that algorithm at once.
    pub fn expect_digest(&mut self, digest: &Digest) {
        if self.size == 0 {
            self.session.set_algorithm(digest.algorithm());
        }
    }

    async fn write(&mut self, piece: Piece) -> Result<(), Error> {
        if !piece.is_empty() {
            let appended = self.session.staged().append(piece, self.session.algorithm()).await;
            self.size = appended.inspect_err(|error| self.end_if_full(error))?;
        }
        Ok(())
    }

    /// Makes the content a blob of the repository, durable when this returns. The session is gone afterwards, also when
    /// the digest is wrong.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`]; the store's, after which the session goes on unless there was no room.
    pub async fn finish(mut self, digest: &Digest) -> Result<(), Error> {
        let actual = self.session.staged().digest(digest.algorithm()).await?;
        if actual != *digest {
            self.cancel().await?;
            return Err(Error::DigestMismatch { expected: *digest, actual });
        }
        self.publish(digest).await.inspect_err(|error| self.end_if_full(error))?;
        self.discard().await
    }

    async fn publish(&self, digest: &Digest) -> Result<(), storage::Error> {
        let registry = self.registry;
        let repository = self.session.repository();
        let _no_deletion = registry.locks.shared(repository).await;
        let _no_collection = registry.claims.hold(vec![*digest]).await;
        self.session.staged().commit(&layout::blob(digest)).await?;
        registry.link_blob(repository, digest, digest).await
    }

    /// Ends the session with the request when there was no room for it: what has arrived of it would keep the volume full until
    /// the purge, and hardly any client goes on where it was refused.
    fn end_if_full(&mut self, error: &storage::Error) {
        self.ends_with_request |= error.is_full();
    }

    /// Ends the session and forgets what arrived.
    ///
    /// # Errors
    /// The store's.
    pub async fn cancel(self) -> Result<(), Error> {
        self.discard().await
    }

    async fn discard(mut self) -> Result<(), Error> {
        let (repository, id) = (self.session.repository(), self.session.id());
        self.registry.store.delete_tree(&layout::upload(repository, id), Durability::Volatile).await?;
        self.registry.sessions.close(id);
        self.ends_with_request = false;
        Ok(())
    }
}

impl Drop for Upload<'_> {
    /// A request ends at any place when its connection does, or its stream.
    fn drop(&mut self) {
        if self.ends_with_request {
            self.registry.sessions.close(self.session.id());
            self.registry.abandoned.add(self.session.repository(), self.session.id());
        }
    }
}

/// A body, of which part of a frame may be waiting.
struct Incoming<B> {
    body: B,
    rest: Bytes,
    ended: bool,
}

impl<E, B: Stream<Item = Result<Bytes, E>> + Unpin> Incoming<B> {
    /// Receives until a piece is full or the body has ended; when the body fails, with what arrived before.
    async fn gather(&mut self) -> Result<Piece, (Piece, E)> {
        let mut piece = Piece::default();
        loop {
            piece.fill(&mut self.rest);
            if piece.is_full() {
                return Ok(piece);
            }
            match self.body.next().await {
                Some(Ok(frame)) => self.rest = frame,
                Some(Err(failure)) => return Err((piece, failure)),
                None => {
                    self.ended = true;
                    return Ok(piece);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;
    use crate::storage::memory::Memory;

    fn repository(name: &str) -> Repository {
        name.parse().unwrap()
    }

    fn body(content: &'static str) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        stream::iter([Ok(Bytes::from_static(content.as_bytes()))])
    }

    #[tokio::test]
    async fn a_session_belongs_to_the_user_who_began_it() {
        let registry = Registry::new(Memory::default());
        let pier = repository("pier");
        let id = registry.begin_upload(&pier, Some("ann"), Algorithm::Sha256).await.unwrap().id();
        for other in [Some("bob"), Some("an"), Some(""), None] {
            assert!(matches!(registry.resume_upload(&pier, id, other).await, Err(Error::Unknown(_))), "{other:?}");
        }
        assert!(registry.resume_upload(&pier, id, Some("ann")).await.is_ok());
    }

    #[tokio::test]
    async fn the_owner_is_known_to_another_process() {
        let store = Memory::default();
        let pier = repository("pier");
        let id = Registry::new(store.clone()).begin_upload(&pier, Some("ann"), Algorithm::Sha256).await.unwrap().id();
        let restarted = Registry::new(store);
        assert!(matches!(restarted.resume_upload(&pier, id, Some("bob")).await, Err(Error::Unknown(_))));
        assert!(restarted.resume_upload(&pier, id, Some("ann")).await.is_ok());
    }

    #[tokio::test]
    async fn old_sessions_are_purged_and_others_kept() {
        let store = Memory::default();
        let registry = Registry::new(store.clone());
        let (old, fresh) = (repository("deep/old"), repository("fresh"));
        let abandoned = registry.begin_upload(&old, None, Algorithm::Sha256).await.unwrap().id();
        let started = layout::upload_started(&old, abandoned);
        storage::Store::put(&store, &started, "2001-01-01T00:00:00Z".into(), Durability::Volatile).await.unwrap();
        let mut kept = registry.begin_upload(&fresh, None, Algorithm::Sha256).await.unwrap();
        kept.append(body("x")).await.unwrap();
        let id = kept.id();
        drop(kept);
        let purged = registry.purge_uploads(Duration::from_secs(3600)).await.unwrap();
        assert_eq!(purged, Purged { examined: 2, removed: 1 });
        assert!(matches!(registry.resume_upload(&old, abandoned, None).await, Err(Error::Unknown(_))));
        assert_eq!(registry.resume_upload(&fresh, id, None).await.unwrap().size(), 1);
    }

    #[tokio::test]
    async fn a_session_that_is_worked_on_is_not_purged() {
        let registry = Registry::new(Memory::default());
        let pier = repository("pier");
        let upload = registry.begin_upload(&pier, None, Algorithm::Sha256).await.unwrap();
        assert_eq!(registry.purge_uploads(Duration::ZERO).await.unwrap().removed, 0);
        drop(upload);
        assert_eq!(registry.purge_uploads(Duration::ZERO).await.unwrap().removed, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_session_is_not_waited_for_for_ever() {
        let registry = Registry::new(Memory::default());
        let pier = repository("pier");
        let first = registry.begin_upload(&pier, None, Algorithm::Sha256).await.unwrap();
        assert!(matches!(registry.resume_upload(&pier, first.id(), None).await, Err(Error::Busy(_))));
    }
}
