//! A staged write: a file that grows in an upload session's directory and is renamed to its final place.

use std::{
    fs::File,
    io::{self, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::tree::{Patience, Tree};
use crate::{
    oci::{Algorithm, Digest, digest::Digester},
    storage::{Error, Key, Piece, Staged, running::Running},
};

/// How much of a file is read at once to hash it again.
const REREAD: usize = 1 << 20;

/// The file under `key`. Its size on the disk is the truth about how much arrived.
#[derive(Debug)]
pub(super) struct StagedFile {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    tree: Arc<Tree>,
    key: Key,
    /// Held for the whole of each operation, on the blocking thread: an operation whose caller went away still ends
    /// before the next begins.
    running: Mutex<Running>,
}

impl StagedFile {
    pub(super) fn new(tree: Arc<Tree>, key: Key) -> Self {
        Self { shared: Arc::new(Shared { tree, key, running: Mutex::default() }) }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Shared, &mut Running) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let mut running = shared.running.lock().unwrap_or_else(PoisonError::into_inner);
            work(&shared, &mut running).map_err(|error| Error::io(action, &shared.key, error))
        };
        spawn_blocking(work).await.map_err(|_| Error::ShuttingDown)?
    }
}

#[async_trait]
impl Staged for StagedFile {
    async fn create(&self) -> Result<(), Error> {
        self.blocking("create", |shared, running| {
            *running = Running::default();
            shared.tree.open_for_append(&shared.key, true).map(drop)
        })
        .await
    }

    async fn size(&self) -> Result<u64, Error> {
        let shared = &self.shared;
        // An operation may still run for a caller that went away; only the thread that waits for it knows the size.
        if let Ok(_idle) = shared.running.try_lock()
            && let Ok((_, size)) = shared.tree.open(&shared.key, Patience::None)
        {
            return Ok(size);
        }
        self.blocking("open", |shared, _| shared.size()).await
    }

    async fn append(&self, piece: Piece, algorithm: Algorithm) -> Result<u64, Error> {
        self.blocking("append to", move |shared, running| {
            let mut file = shared.tree.open_for_append(&shared.key, false)?;
            let before = file.metadata()?.len();
            let bytes = piece.as_bytes();
            file.write_all(bytes).inspect_err(|_| running.forget())?;
            running.update(before, bytes, algorithm);
            Ok(before + bytes.len() as u64)
        })
        .await
    }

    async fn digest(&self, algorithm: Algorithm) -> Result<Digest, Error> {
        self.blocking("read", move |shared, running| {
            let size = shared.size()?;
            running.digest(size, algorithm).map_or_else(|| shared.hash_again(algorithm), Ok)
        })
        .await
    }

    async fn commit(&self, key: &Key) -> Result<(), Error> {
        let to = key.clone();
        self.blocking("commit", move |shared, running| {
            running.forget();
            shared.commit(&to)
        })
        .await
    }
}

impl Shared {
    fn open(&self) -> io::Result<(File, u64)> {
        self.tree.open(&self.key, Patience::Disk).map_err(|error| match error {
            Error::NotFound(_) => io::ErrorKind::NotFound.into(),
            error => io::Error::other(error),
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.open().map(|(_, size)| size)
    }

    fn hash_again(&self, algorithm: Algorithm) -> io::Result<Digest> {
        let (mut file, size) = self.open()?;
        let mut buffer = vec![0; usize::try_from(size).unwrap_or(REREAD).min(REREAD)];
        let mut digester = Digester::new(algorithm);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(digester.finish()),
                count => digester.update(&buffer[..count]),
            }
        }
    }

    fn commit(&self, to: &Key) -> io::Result<()> {
        let (file, size) = self.open()?;
        if self.tree.status(to).is_ok_and(|present| u64::try_from(present.st_size) == Ok(size)) {
            self.tree.discard(self.key.as_str());
            return self.tree.settle(to.parent());
        }
        file.sync_all()?;
        self.tree.publish(&self.key, to)
    }
}
