//! Objects as files below a root directory, written so that a crash never shows half of one.
//!
//! One process writes a volume at a time; a lock on the root tells whether that is so. Reads are answered from the
//! kernel's caches on the calling thread where the kernel can promise not to wait, and on the blocking pool otherwise.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::{
    fs::{self as sys, Access, AtFlags, Mode, OFlags},
    io::Errno,
};
use tokio::task::spawn_blocking;

mod chunks;
mod durable;
mod index;
mod leftover;
mod listing;
mod lock;
mod names;
mod prune;
mod staged;
mod tree;

pub use chunks::FileChunks;
pub use lock::Lock;

use self::{
    lock::Locks,
    staged::StagedFile,
    tree::{Patience, Tree},
};
use super::{
    Alone, Durability, Error, Key, Listing, Metadata, Object, Optional, Staged, Store, Touch, Usage, Version, layout,
};

/// How a root directory is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Nothing will be written: the directory may be on a read-only file system, and no lock is taken.
    pub read_only: bool,
}

/// Why a root directory cannot be used. The text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not exist and cannot be made, or is not a directory.
    #[error("failed to open the storage directory {}", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It exists, but this process may not write to it.
    #[error(
        "the storage directory {} is not writable by user {uid}, group {gid}: give them all of it \
         (chown -R {uid}:{gid} {}); in Kubernetes securityContext.fsGroup of the Pod does that, on volumes whose driver \
         supports it, which those of type hostPath and nfs do not",
        path.display(),
        root.display()
    )]
    NotWritable {
        /// The storage directory.
        root: PathBuf,
        /// The directory: that one, or one in it that another server has made.
        path: PathBuf,
        /// The process's effective user.
        uid: u32,
        /// The process's effective group.
        gid: u32,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// A [`Store`] on a file system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Filesystem {
    tree: Arc<Tree>,
    locks: Arc<Locks>,
    read_only: bool,
}

impl Filesystem {
    /// Opens `root`, making it when it does not exist, and takes its lock. Blocks for as long as the file system does.
    ///
    /// The lock being held by another process is not an error: the server runs without what it would otherwise remember.
    ///
    /// # Errors
    /// The directory cannot be opened, or not be written to while `options` say that it will be.
    pub fn open(root: PathBuf, options: Options) -> Result<Self, OpenError> {
        let failed = |source: io::Error| OpenError::Open { path: root.clone(), source };
        let made = if options.read_only { Ok(()) } else { std::fs::create_dir_all(&root) };
        if let Err(error) = made {
            return Err(if denied(&error) { not_writable(root, ".", error) } else { failed(error) });
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = sys::open(&root, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        if !options.read_only {
            writable(&directory).map_err(|(name, error)| not_writable(root.clone(), name, error))?;
        }
        let locks = Arc::new(Locks::new(options.read_only));
        let filesystem = Self { tree: Arc::new(Tree::new(directory, root)), locks, read_only: options.read_only };
        if !options.read_only
            && let Err(error) = filesystem.locks.take(filesystem.tree.root())
        {
            filesystem.warn_of(error);
        }
        Ok(filesystem)
    }

    /// The root directory.
    pub fn path(&self) -> &Path {
        self.tree.path()
    }

    /// Who has the directory's lock.
    pub fn lock(&self) -> Lock {
        self.locks.state()
    }

    /// Says to whoever has the directory's lock that this process is going to write too, if it has not got it itself.
    /// Blocks while garbage is being removed.
    pub fn join_others(&self) {
        if self.lock() == Lock::Elsewhere
            && let Err(error) = self.locks.join_others(self.path())
        {
            tracing::warn!(
                directory = %self.path().display(), %error,
                "failed to tell other servers of this one: no garbage may be collected while both run"
            );
        }
    }

    /// Says why the directory is shared.
    fn warn_of(&self, error: Errno) {
        tracing::warn!(
            directory = %self.path().display(),
            error = %io::Error::from(error),
            "another process may be writing to the storage directory: running without caches until its lock is free"
        );
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let tree = Arc::clone(&self.tree);
        spawn_blocking(move || work(&tree)).await.map_err(|_| Error::ShuttingDown)?
    }

    /// Runs `work` here if it needs no disk, and on the blocking pool if it does.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Tree, Patience) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match work(&self.tree, Patience::None) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
                self.blocking(move |tree| work(tree, Patience::Disk)).await
            }
            answer => answer,
        }
    }
}

fn denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Whether this process may write to a volume, which is told by the directories that it has already; else the first to
/// which it may not.
fn writable(root: &OwnedFd) -> Result<(), (&'static str, io::Error)> {
    let may_write = |name| sys::accessat(root, name, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS);
    layout::TOP.into_iter().try_for_each(|name| match may_write(name) {
        Err(Errno::NOENT) => Ok(()),
        answer => answer.map_err(|error| (name, error.into())),
    })
}

/// An open directory stays usable in part after it was removed.
fn present(root: &OwnedFd) -> Result<(), (&'static str, io::Error)> {
    match sys::fstat(root) {
        Ok(status) if status.st_nlink == 0 => Err((".", io::Error::other("the directory was removed"))),
        Ok(_) => Ok(()),
        Err(error) => Err((".", error.into())),
    }
}

fn not_writable(root: PathBuf, name: &str, source: io::Error) -> OpenError {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let path = if name == "." { root.clone() } else { root.join(name) };
    OpenError::NotWritable { root, path, uid, gid, source }
}

fn open_object(tree: &Tree, key: &Key, patience: Patience) -> Result<Object, Error> {
    let (file, size) = tree.open(key, patience)?;
    let chunks = FileChunks::new(file, size);
    Ok(Object::file(size, if patience == Patience::Disk { chunks.read_ahead() } else { chunks }))
}

fn metadata(status: &sys::Stat) -> Metadata {
    let since_epoch = Duration::new(
        u64::try_from(status.st_mtime).unwrap_or_default(),
        u32::try_from(status.st_mtime_nsec).unwrap_or_default(),
    );
    Metadata { size: u64::try_from(status.st_size).unwrap_or_default(), modified: SystemTime::UNIX_EPOCH + since_epoch }
}

#[async_trait]
impl Store for Filesystem {
    async fn get(&self, key: &Key, limit: usize) -> Result<Bytes, Error> {
        let key = key.clone();
        self.read(move |tree, patience| tree.read(&key, limit, patience)).await
    }

    async fn open(&self, key: &Key) -> Result<Object, Error> {
        let key = key.clone();
        self.read(move |tree, patience| open_object(tree, &key, patience)).await
    }

    async fn open_linked(&self, link: &Key, content: &[u8], key: &Key) -> Result<Object, Error> {
        let (link, content, key) = (link.clone(), content.to_vec(), key.clone());
        self.read(move |tree, patience| {
            if tree.read(&link, usize::MAX, patience)? != content {
                return Err(Error::NotFound(link.clone()));
            }
            open_object(tree, &key, patience)
        })
        .await
    }

    async fn metadata(&self, key: &Key) -> Result<Metadata, Error> {
        let key = key.clone();
        self.blocking(move |tree| tree.status(&key).map(|status| metadata(&status))).await
    }

    async fn metadata_many(&self, keys: Vec<Key>) -> Result<Vec<Option<Metadata>>, Error> {
        self.blocking(move |tree| {
            keys.iter().map(|key| tree.status(key).map(|status| metadata(&status)).optional()).collect()
        })
        .await
    }

    async fn touch(&self, keys: Vec<Key>, touch: Touch) -> Result<(), Error> {
        self.blocking(move |tree| keys.iter().try_for_each(|key| tree.touch(key, touch))).await
    }

    async fn get_many(&self, keys: Vec<Key>, limit: usize) -> Result<Vec<Option<Bytes>>, Error> {
        self.blocking(move |tree| {
            let small = |key| match tree.read(key, limit, Patience::Disk) {
                Ok(content) => Ok(Some(content)),
                Err(Error::NotFound(_) | Error::TooLarge { .. }) => Ok(None),
                Err(error) => Err(error),
            };
            keys.iter().map(small).collect()
        })
        .await
    }

    async fn put(&self, key: &Key, bytes: Bytes, durability: Durability) -> Result<(), Error> {
        let key = key.clone();
        if self.read_only {
            return Err(Error::Io { action: "write", key, source: io::ErrorKind::ReadOnlyFilesystem.into() });
        }
        self.blocking(move |tree| tree.write(&key, &bytes, durability)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), Error> {
        let key = key.clone();
        self.blocking(move |tree| tree.remove(&key, Durability::Durable)).await
    }

    async fn delete_many(&self, keys: Vec<Key>) -> Result<(), Error> {
        self.blocking(move |tree| keys.iter().try_for_each(|key| tree.remove(key, Durability::Volatile))).await
    }

    async fn prune(&self, directory: &Key, top: &Key) -> Result<(), Error> {
        let (directory, top) = (directory.clone(), top.clone());
        self.blocking(move |tree| tree.prune(&directory, &top)).await
    }

    async fn delete_tree(&self, directory: &Key, durability: Durability) -> Result<(), Error> {
        let directory = directory.clone();
        self.blocking(move |tree| tree.remove_tree(&directory, durability)).await
    }

    async fn list(&self, directory: &Key, listing: Listing) -> Result<Vec<String>, Error> {
        let directory = directory.clone();
        self.blocking(move |tree| tree.list(&directory, &listing)).await
    }

    async fn list_many(&self, listings: Vec<(Key, Listing)>) -> Result<Vec<Vec<String>>, Error> {
        self.blocking(move |tree| listings.iter().map(|(directory, listing)| tree.list(directory, listing)).collect())
            .await
    }

    async fn version(&self, directory: &Key) -> Result<Version, Error> {
        let directory = directory.clone();
        self.blocking(move |tree| tree.version(&directory)).await
    }

    fn staged(&self, key: &Key) -> Arc<dyn Staged> {
        Arc::new(StagedFile::new(Arc::clone(&self.tree), key.clone()))
    }

    fn is_exclusive(&self) -> bool {
        self.locks.is_exclusive()
    }

    async fn hold_others_off(&self) -> Result<Option<Alone>, Error> {
        self.blocking(|tree| {
            let held = lock::hold_others_off(tree.path());
            let held = held.map_err(|error| Error::io("lock", &Key(".".to_owned()), error))?;
            Ok(held.map(|lock| Alone { _lock: Some(lock) }))
        })
        .await
    }

    async fn probe(&self) -> Result<(), Error> {
        let filesystem = self.clone();
        self.blocking(move |tree| {
            if !filesystem.is_exclusive() && filesystem.locks.take(tree.root()).is_ok() {
                tracing::info!("the lock of the storage directory is ours: running with caches");
            }
            let usable = present(tree.root()).and_then(|()| writable(tree.root()));
            usable.map_err(|(name, error)| Error::io("write to", &Key(name.to_owned()), error))
        })
        .await
    }

    async fn usage(&self) -> Result<Option<Usage>, Error> {
        self.blocking(|tree| {
            let status = sys::fstatvfs(tree.root());
            let status = status.map_err(|error| Error::io("measure", &Key(".".to_owned()), error))?;
            Ok(Some(status.into()))
        })
        .await
    }
}

#[cfg(test)]
mod tests;
