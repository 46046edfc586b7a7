//! Where bytes are kept: a tree of small and large objects under keys that only [`layout`] builds.
//!
//! Knows nothing of repositories' rules, users or HTTP. Every [`Store`] passes the same conformance suite, in `tests`.

use std::{fmt, io, os::fd::OwnedFd, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

mod buffer;
pub mod filesystem;
pub mod layout;
pub mod memory;
mod object;
mod piece;
mod running;
#[cfg(test)]
mod tests;
pub mod timed;
mod usage;

pub use object::{Chunks, Object};
pub use piece::Piece;
pub use usage::Usage;

use crate::oci::{Algorithm, Digest};

/// The name of an object or of a directory of objects: components joined by `/`, relative to the store's root.
///
/// Made by [`layout`] from parsed names alone, so it cannot climb out of the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that holds it, `.` at the top.
    fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or(".", |(parent, _)| parent)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What went wrong with an object.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object or directory. An answer rather than a fault.
    #[error("{0} does not exist")]
    NotFound(Key),
    /// The object is larger than the caller was prepared to hold in memory.
    #[error("{key} has {size} bytes, more than the {limit} expected of it")]
    TooLarge {
        /// Which object.
        key: Key,
        /// Its size in bytes.
        size: u64,
        /// The caller's limit in bytes.
        limit: usize,
    },
    /// The medium failed, is full, or denies access.
    #[error("failed to {action} {key}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which object.
        key: Key,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The blocking pool is gone, which happens only while the process ends.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl Error {
    fn io(action: &'static str, key: &Key, source: impl Into<io::Error>) -> Self {
        match source.into() {
            missing if missing.kind() == io::ErrorKind::NotFound => Self::NotFound(key.clone()),
            source => Self::Io { action, key: key.clone(), source },
        }
    }

    /// Whether there is no room: on the medium, or in what its owner leaves to this process.
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

/// Turns "does not exist" into `None`.
pub trait Optional<T> {
    /// The value, `None` when there is none, or the fault.
    ///
    /// # Errors
    /// Every error but [`Error::NotFound`].
    fn optional(self) -> Result<Option<T>, Error>;
}

impl<T> Optional<T> for Result<T, Error> {
    fn optional(self) -> Result<Option<T>, Error> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Facts about an object or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Size in bytes; meaningless for a directory.
    pub size: u64,
    /// When it was written last; of a directory, when a name in it came or went.
    pub modified: SystemTime,
}

/// What a write promises when it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives a crash of the machine.
    Durable,
    /// It survives a crash of the process alone: for what is worthless without the process.
    Volatile,
}

/// The time that [`Store::touch`] gives objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// As if written now.
    Now,
    /// As if written when time began: older than any age that is asked for.
    Ancient,
}

/// Which names of a directory are asked for. Always in byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Only names greater than this.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// Only names below which this object exists and is not empty.
    pub having: Option<&'static str>,
}

impl Listing {
    /// Every name.
    pub const ALL: Self = Self { after: None, limit: usize::MAX, having: None };
}

/// A state of a directory: which names it has.
///
/// While a directory has the state that it had when that was settled, no name has come or gone, by whatever hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The state, in a form that can be kept and compared after a restart.
    pub state: String,
    /// Whether every later change will lead to another state. Never so where that cannot be told.
    pub settled: bool,
}

/// While this lives, no other server begins to write to the store.
#[derive(Debug)]
pub struct Alone {
    _lock: Option<OwnedFd>,
}

/// Where bytes are kept. Futures may be dropped at any time; what was begun then either completes or has no effect.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The whole of a small object. `Error::NotFound`; `Error::TooLarge` above `limit` bytes.
    async fn get(&self, key: &Key, limit: usize) -> Result<Bytes, Error>;

    /// An object to be streamed, the size fixed now; what was opened stays readable after a `delete`.
    /// `Error::NotFound`.
    async fn open(&self, key: &Key) -> Result<Object, Error>;

    /// As [`open`](Self::open) of `key`, but only while `link` holds exactly `content`; otherwise `Error::NotFound` of
    /// `link`. One step, because on a disk that is not cached every step waits for a thread.
    async fn open_linked(&self, link: &Key, content: &[u8], key: &Key) -> Result<Object, Error>;

    /// Facts about an object or a directory. `Error::NotFound`.
    async fn metadata(&self, key: &Key) -> Result<Metadata, Error>;

    /// Facts about each of many objects or directories, `None` where there is none, in the order of `keys`. One step for
    /// all.
    async fn metadata_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Metadata>>, Error>;

    /// Changes when objects were written last, and nothing else. What does not exist is passed over, and so is what
    /// belongs to another user: the time is a hint.
    async fn touch(&self, keys: Vec<Key>, touch: Touch) -> Result<(), Error>;

    /// The whole of each of many small objects, `None` where there is none of at most `limit` bytes, in the order of
    /// `keys`. One step for all.
    async fn get_many(&self, keys: Vec<Key>, limit: usize) -> Result<Vec<Option<Bytes>>, Error>;

    /// Makes `key` hold exactly `bytes`, visible at once or not at all; a reader never sees a part. Replaces what was
    /// there. An error leaves the old value or the new one, never a mixture.
    async fn put(&self, key: &Key, bytes: Bytes, durability: Durability) -> Result<(), Error>;

    /// Removes an object, durably. Idempotent: deleting what is not there is `Ok`.
    async fn delete(&self, key: &Key) -> Result<(), Error>;

    /// As [`delete`](Self::delete) of each, but a crash of the machine may bring some of them back.
    async fn delete_many(&self, keys: Vec<Key>) -> Result<(), Error>;

    /// Removes `directory` and all below it as far as they hold no object, then those above it that hold nothing, up to
    /// but without `top`. An object that is written meanwhile stays.
    async fn prune(&self, directory: &Key, top: &Key) -> Result<(), Error>;

    /// Removes a directory with everything below it: from [`list`](Self::list) at once, the rest piece by piece.
    /// Idempotent.
    async fn delete_tree(&self, directory: &Key, durability: Durability) -> Result<(), Error>;

    /// Names directly below `directory`, as they are now, whoever changed them. A directory that does not exist has none.
    ///
    /// Costs what the answer is long, not what the directory is, but for a directory that changed a moment ago.
    async fn list(&self, directory: &Key, listing: Listing) -> Result<Vec<String>, Error>;

    /// As [`list`](Self::list), for several directories in one step; in their order.
    async fn list_many(&self, listings: Vec<(Key, Listing)>) -> Result<Vec<Vec<String>>, Error>;

    /// What tells whether names directly below `directory` came or went. One that does not exist has a version as well.
    async fn version(&self, directory: &Key) -> Result<Version, Error>;

    /// A handle for a staged write under `key`; nothing happens until it is used. Two handles of one key must not be
    /// used at once.
    fn staged(&self, key: &Key) -> Arc<dyn Staged>;

    /// Whether this process alone writes to the store, so that what it remembers stays true.
    fn is_exclusive(&self) -> bool;

    /// Keeps other servers from beginning to write until what is returned is dropped. `None` when one already has.
    async fn hold_others_off(&self) -> Result<Option<Alone>, Error>;

    /// Whether the store can be reached and written to, without writing.
    async fn probe(&self) -> Result<(), Error>;

    /// How full the medium is; `None` where that is nothing to be told.
    async fn usage(&self) -> Result<Option<Usage>, Error>;
}

/// A write that grows piece by piece and becomes visible under its final key at the end.
///
/// What was appended survives a restart of the process, not a crash of the machine. Each call runs to its end even when
/// its future is dropped, and a call waits for the one before.
#[async_trait]
pub trait Staged: fmt::Debug + Send + Sync {
    /// Begins with nothing, forgetting what was staged before.
    async fn create(&self) -> Result<(), Error>;

    /// Bytes staged. `Error::NotFound` when nothing was created, or it was committed.
    async fn size(&self) -> Result<u64, Error>;

    /// Adds `piece` at the end and returns the new size. The bytes are hashed with `algorithm` on the way, which spares
    /// [`digest`](Self::digest) reading them again.
    async fn append(&self, piece: Piece, algorithm: Algorithm) -> Result<u64, Error>;

    /// The digest of everything staged.
    async fn digest(&self, algorithm: Algorithm) -> Result<Digest, Error>;

    /// Makes the staged bytes durable and visible as `key`, whose name says its content: an object of the same size
    /// that is there already is kept, one of another size (torn by a crash) is replaced. The staged write is gone.
    async fn commit(&self, key: &Key) -> Result<(), Error>;
}
