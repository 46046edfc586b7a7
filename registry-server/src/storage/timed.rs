//! A store that tells how long each of its actions took, and of what did not fit. Knows nothing of metrics; whoever counts gives
//! a [`Timings`].

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Alone, Durability, Error, Key, Listing, Metadata, Object, Piece, Staged, Store, Touch, Usage, Version};
use crate::oci::{Algorithm, Digest};

/// What a store does, in the reference's words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Reads a small object whole.
    GetContent,
    /// Writes a small object whole.
    PutContent,
    /// Opens an object to be streamed.
    Reader,
    /// Begins a staged write, or adds to it.
    Writer,
    /// Looks at facts about an object.
    Stat,
    /// Lists a directory.
    List,
    /// Makes a staged write visible.
    Move,
    /// Removes objects.
    Delete,
}

impl Action {
    /// Every action, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::GetContent,
        Self::PutContent,
        Self::Reader,
        Self::Writer,
        Self::Stat,
        Self::List,
        Self::Move,
        Self::Delete,
    ];
}

/// Whoever wants to know how long actions take.
pub trait Timings: Send + Sync + 'static {
    /// An action has ended, well or not, after `time`. One that was given up by its caller is not told of.
    fn took(&self, action: Action, time: Duration);

    /// An action failed because there was no room.
    fn refused(&self);
}

/// `store`, with its actions timed.
pub struct Timed<S> {
    store: S,
    watch: Watch,
}

#[derive(Clone)]
struct Watch(Arc<dyn Timings>);

impl Watch {
    async fn time<T>(&self, action: Action, work: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        let began = Instant::now();
        let outcome = work.await;
        self.0.took(action, began.elapsed());
        if outcome.as_ref().is_err_and(Error::is_full) {
            self.0.refused();
        }
        outcome
    }
}

impl<S> Timed<S> {
    /// Tells `timings` of everything that `store` is asked for.
    pub fn new(store: S, timings: Box<dyn Timings>) -> Self {
        Self { store, watch: Watch(timings.into()) }
    }
}

impl<S: fmt::Debug> fmt::Debug for Timed<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

#[async_trait]
impl<S: Store> Store for Timed<S> {
    async fn get(&self, key: &Key, limit: usize) -> Result<Bytes, Error> {
        self.watch.time(Action::GetContent, self.store.get(key, limit)).await
    }

    async fn open(&self, key: &Key) -> Result<Object, Error> {
        self.watch.time(Action::Reader, self.store.open(key)).await
    }

    async fn open_linked(&self, link: &Key, content: &[u8], key: &Key) -> Result<Object, Error> {
        self.watch.time(Action::Reader, self.store.open_linked(link, content, key)).await
    }

    async fn metadata(&self, key: &Key) -> Result<Metadata, Error> {
        self.watch.time(Action::Stat, self.store.metadata(key)).await
    }

    async fn metadata_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Metadata>>, Error> {
        self.watch.time(Action::Stat, self.store.metadata_many(keys)).await
    }

    async fn touch(&self, keys: Vec<Key>, touch: Touch) -> Result<(), Error> {
        self.store.touch(keys, touch).await
    }

    async fn get_many(&self, keys: Vec<Key>, limit: usize) -> Result<Vec<Option<Bytes>>, Error> {
        self.watch.time(Action::GetContent, self.store.get_many(keys, limit)).await
    }

    async fn put(&self, key: &Key, bytes: Bytes, durability: Durability) -> Result<(), Error> {
        self.watch.time(Action::PutContent, self.store.put(key, bytes, durability)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), Error> {
        self.watch.time(Action::Delete, self.store.delete(key)).await
    }

    async fn delete_many(&self, keys: Vec<Key>) -> Result<(), Error> {
        self.watch.time(Action::Delete, self.store.delete_many(keys)).await
    }

    async fn prune(&self, directory: &Key, top: &Key) -> Result<(), Error> {
        self.watch.time(Action::Delete, self.store.prune(directory, top)).await
    }

    async fn delete_tree(&self, directory: &Key, durability: Durability) -> Result<(), Error> {
        self.watch.time(Action::Delete, self.store.delete_tree(directory, durability)).await
    }

    async fn list(&self, directory: &Key, listing: Listing) -> Result<Vec<String>, Error> {
        self.watch.time(Action::List, self.store.list(directory, listing)).await
    }

    async fn list_many(&self, listings: Vec<(Key, Listing)>) -> Result<Vec<Vec<String>>, Error> {
        self.watch.time(Action::List, self.store.list_many(listings)).await
    }

    async fn version(&self, directory: &Key) -> Result<Version, Error> {
        self.watch.time(Action::Stat, self.store.version(directory)).await
    }

    fn staged(&self, key: &Key) -> Arc<dyn Staged> {
        Arc::new(TimedStaged { staged: self.store.staged(key), watch: self.watch.clone() })
    }

    fn is_exclusive(&self) -> bool {
        self.store.is_exclusive()
    }

    async fn hold_others_off(&self) -> Result<Option<Alone>, Error> {
        self.store.hold_others_off().await
    }

    async fn probe(&self) -> Result<(), Error> {
        self.watch.time(Action::Stat, self.store.probe()).await
    }

    async fn usage(&self) -> Result<Option<Usage>, Error> {
        self.store.usage().await
    }
}

/// A staged write, with its actions timed.
struct TimedStaged {
    staged: Arc<dyn Staged>,
    watch: Watch,
}

impl fmt::Debug for TimedStaged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.staged.fmt(formatter)
    }
}

#[async_trait]
impl Staged for TimedStaged {
    async fn create(&self) -> Result<(), Error> {
        self.watch.time(Action::Writer, self.staged.create()).await
    }

    async fn size(&self) -> Result<u64, Error> {
        self.watch.time(Action::Stat, self.staged.size()).await
    }

    async fn append(&self, piece: Piece, algorithm: Algorithm) -> Result<u64, Error> {
        self.watch.time(Action::Writer, self.staged.append(piece, algorithm)).await
    }

    async fn digest(&self, algorithm: Algorithm) -> Result<Digest, Error> {
        self.staged.digest(algorithm).await
    }

    async fn commit(&self, key: &Key) -> Result<(), Error> {
        self.watch.time(Action::Move, self.staged.commit(key)).await
    }
}
