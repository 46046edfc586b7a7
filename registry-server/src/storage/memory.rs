//! Objects in memory: for tests, and for a registry that may forget everything (`storage.inmemory`).

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{
    Alone, Durability, Error, Key, Listing, Metadata, Object, Optional, Piece, Staged, Store, Touch, Usage, Version,
    running::Running,
};
use crate::oci::{Algorithm, Digest};

/// A [`Store`] that lasts as long as the process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<String, (Bytes, SystemTime)>,
    staged: BTreeMap<String, (BytesMut, Running)>,
    /// How often a name came or went.
    changes: u64,
}

impl Memory {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn get(&self, key: &Key) -> Result<Bytes, Error> {
        self.objects.get(&key.0).map(|(bytes, _)| bytes.clone()).ok_or_else(|| Error::NotFound(key.clone()))
    }

    fn insert(&mut self, key: &Key, bytes: Bytes) {
        let before = self.objects.insert(key.0.clone(), (bytes, SystemTime::now()));
        self.changes += u64::from(before.is_none());
    }

    fn small(&self, key: &Key, limit: usize) -> Result<Bytes, Error> {
        let bytes = self.get(key)?;
        if bytes.len() > limit {
            return Err(Error::TooLarge { key: key.clone(), size: bytes.len() as u64, limit });
        }
        Ok(bytes)
    }

    fn metadata(&self, key: &Key) -> Result<Metadata, Error> {
        if let Some((bytes, modified)) = self.objects.get(&key.0) {
            return Ok(Metadata { size: bytes.len() as u64, modified: *modified });
        }
        let modified = self.modified_below(key).ok_or_else(|| Error::NotFound(key.clone()))?;
        Ok(Metadata { size: 0, modified })
    }

    /// When anything below a directory changed last; `None` when there is nothing.
    fn modified_below(&self, directory: &Key) -> Option<SystemTime> {
        let prefix = format!("{directory}/");
        let below = self.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        below.map(|(_, (_, modified))| *modified).max()
    }

    fn has(&self, key: &str) -> bool {
        self.objects.get(key).is_some_and(|(bytes, _)| !bytes.is_empty())
    }

    /// Names below `directory`. Keys in order give names in another order (`a-b/…` comes before `a/…`), so they are
    /// sorted again.
    fn list(&self, directory: &Key, listing: &Listing) -> Vec<String> {
        let prefix = format!("{directory}/");
        let mut names = Vec::new();
        let mut from = Bound::Included(prefix.clone());
        while let Some((key, _)) = self.objects.range((from.clone(), Bound::Unbounded)).next() {
            let Some(rest) = key.strip_prefix(&prefix) else { break };
            let name = rest.split('/').next().unwrap_or(rest).to_owned();
            from = if rest == name {
                Bound::Excluded(key.clone())
            } else {
                // `0` follows `/`: everything below this name is passed over.
                Bound::Included(format!("{prefix}{name}0"))
            };
            names.push(name);
        }
        names.sort_unstable();
        names.dedup();
        names.retain(|name| listing.after.as_ref().is_none_or(|after| name > after));
        names.retain(|name| listing.having.is_none_or(|below| self.has(&format!("{prefix}{name}/{below}"))));
        names.truncate(listing.limit);
        names
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key, limit: usize) -> Result<Bytes, Error> {
        self.content().small(key, limit)
    }

    async fn open(&self, key: &Key) -> Result<Object, Error> {
        self.content().get(key).map(Object::from)
    }

    async fn open_linked(&self, link: &Key, content: &[u8], key: &Key) -> Result<Object, Error> {
        let held = self.content();
        if held.get(link)? != content {
            return Err(Error::NotFound(link.clone()));
        }
        held.get(key).map(Object::from)
    }

    async fn metadata(&self, key: &Key) -> Result<Metadata, Error> {
        self.content().metadata(key)
    }

    async fn metadata_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Metadata>>, Error> {
        let content = self.content();
        keys.iter().map(|key| content.metadata(key).optional()).collect()
    }

    async fn touch(&self, keys: Vec<Key>, touch: Touch) -> Result<(), Error> {
        let time = match touch {
            Touch::Now => SystemTime::now(),
            Touch::Ancient => SystemTime::UNIX_EPOCH,
        };
        let mut content = self.content();
        for key in keys {
            if let Some((_, modified)) = content.objects.get_mut(&key.0) {
                *modified = time;
            }
        }
        Ok(())
    }

    async fn get_many(&self, keys: Vec<Key>, limit: usize) -> Result<Vec<Option<Bytes>>, Error> {
        let content = self.content();
        Ok(keys.iter().map(|key| content.small(key, limit).ok()).collect())
    }

    async fn put(&self, key: &Key, bytes: Bytes, _durability: Durability) -> Result<(), Error> {
        self.content().insert(key, bytes);
        Ok(())
    }

    async fn delete(&self, key: &Key) -> Result<(), Error> {
        let mut content = self.content();
        let gone = content.objects.remove(&key.0);
        content.changes += u64::from(gone.is_some());
        Ok(())
    }

    async fn delete_many(&self, keys: Vec<Key>) -> Result<(), Error> {
        let mut content = self.content();
        for key in keys {
            content.objects.remove(&key.0);
        }
        Ok(())
    }

    /// A directory without objects does not exist here.
    async fn prune(&self, _directory: &Key, _top: &Key) -> Result<(), Error> {
        Ok(())
    }

    async fn delete_tree(&self, directory: &Key, _durability: Durability) -> Result<(), Error> {
        let prefix = format!("{directory}/");
        let mut content = self.content();
        content.objects.retain(|key, _| !key.starts_with(&prefix));
        content.staged.retain(|key, _| !key.starts_with(&prefix));
        content.changes += 1;
        Ok(())
    }

    async fn list(&self, directory: &Key, listing: Listing) -> Result<Vec<String>, Error> {
        Ok(self.content().list(directory, &listing))
    }

    async fn list_many(&self, listings: Vec<(Key, Listing)>) -> Result<Vec<Vec<String>>, Error> {
        let content = self.content();
        Ok(listings.iter().map(|(directory, listing)| content.list(directory, listing)).collect())
    }

    async fn version(&self, _directory: &Key) -> Result<Version, Error> {
        Ok(Version { state: self.content().changes.to_string(), settled: true })
    }

    fn staged(&self, key: &Key) -> Arc<dyn Staged> {
        Arc::new(StagedBytes { store: self.clone(), key: key.clone() })
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    async fn hold_others_off(&self) -> Result<Option<Alone>, Error> {
        Ok(Some(Alone { _lock: None }))
    }

    async fn probe(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn usage(&self) -> Result<Option<Usage>, Error> {
        Ok(None)
    }
}

#[derive(Debug)]
struct StagedBytes {
    store: Memory,
    key: Key,
}

impl StagedBytes {
    fn with<T>(&self, work: impl FnOnce(&mut BytesMut, &mut Running) -> T) -> Result<T, Error> {
        let mut content = self.store.content();
        let (bytes, running) = content.staged.get_mut(&self.key.0).ok_or_else(|| Error::NotFound(self.key.clone()))?;
        Ok(work(bytes, running))
    }
}

#[async_trait]
impl Staged for StagedBytes {
    async fn create(&self) -> Result<(), Error> {
        self.store.content().staged.insert(self.key.0.clone(), Default::default());
        Ok(())
    }

    async fn size(&self) -> Result<u64, Error> {
        self.with(|bytes, _| bytes.len() as u64)
    }

    async fn append(&self, piece: Piece, algorithm: Algorithm) -> Result<u64, Error> {
        self.with(|bytes, running| {
            let before = bytes.len() as u64;
            bytes.extend_from_slice(piece.as_bytes());
            running.update(before, piece.as_bytes(), algorithm);
            bytes.len() as u64
        })
    }

    async fn digest(&self, algorithm: Algorithm) -> Result<Digest, Error> {
        self.with(|bytes, running| {
            running.digest(bytes.len() as u64, algorithm).unwrap_or_else(|| Digest::of(algorithm, bytes))
        })
    }

    async fn commit(&self, key: &Key) -> Result<(), Error> {
        let mut content = self.store.content();
        let (bytes, _) = content.staged.remove(&self.key.0).ok_or_else(|| Error::NotFound(self.key.clone()))?;
        content.insert(key, bytes.freeze());
        Ok(())
    }
}
