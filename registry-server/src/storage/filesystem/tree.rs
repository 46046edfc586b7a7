//! The blocking operations on a directory tree: temporary file, write, fsync, rename, fsync of the directory.
//!
//! Everything is relative to the root's open directory. Nothing here knows of tasks; callers choose the thread.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use rustix::{
    fs::{self as sys, AtFlags, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::{durable::Durable, index::Index, leftover};
use crate::storage::{Durability, Error, Key, Touch};

/// How often a write starts over because somebody removed its directory meanwhile. Each attempt takes microseconds, and one in
/// two is lost to somebody who does nothing else: only so many leave no doubt.
const ATTEMPTS: usize = 128;

/// What a lookup may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Answer from the kernel's caches, or fail with `WouldBlock`.
    None,
    /// Wait for the disk.
    Disk,
}

/// An open root directory.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
    path: PathBuf,
    durable: Durable,
    index: Index,
    /// Whether the kernel and its sandbox let us ask for cached lookups.
    cached_lookups: AtomicBool,
}

impl Tree {
    pub(super) fn new(root: OwnedFd, path: PathBuf) -> Self {
        let (durable, index) = (Durable::default(), Index::default());
        Self { root, path, durable, index, cached_lookups: AtomicBool::new(true) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// With another index.
    #[cfg(test)]
    pub(super) fn with_index(self, index: Index) -> Self {
        Self { index, ..self }
    }

    /// What is remembered of large directories.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// An open file and its size.
    pub(super) fn open(&self, key: &Key, patience: Patience) -> Result<(File, u64), Error> {
        let file = self.open_at(key.as_str(), patience).map_err(|error| failure("open", key, error))?;
        let status = sys::fstat(&file).map_err(|error| failure("open", key, error))?;
        if sys::FileType::from_raw_mode(status.st_mode) != sys::FileType::RegularFile {
            return Err(Error::NotFound(key.clone()));
        }
        Ok((file, u64::try_from(status.st_size).unwrap_or_default()))
    }

    fn open_at(&self, path: &str, patience: Patience) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        if patience == Patience::Disk {
            return sys::openat(&self.root, path, flags, Mode::empty()).map(File::from);
        }
        if !self.cached_lookups.load(Ordering::Relaxed) {
            return Err(Errno::WOULDBLOCK);
        }
        match sys::openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::CACHED) {
            // An old kernel, or a sandbox that does not know the call: not asked again.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
                self.cached_lookups.store(false, Ordering::Relaxed);
                Err(Errno::WOULDBLOCK)
            }
            answer => answer.map(File::from),
        }
    }

    /// The whole of a small file.
    pub(super) fn read(&self, key: &Key, limit: usize, patience: Patience) -> Result<Bytes, Error> {
        let (file, size) = self.open(key, patience)?;
        let expected = usize::try_from(size).ok().filter(|&size| size <= limit);
        let expected = expected.ok_or_else(|| Error::TooLarge { key: key.clone(), size, limit })?;
        let content = match patience {
            Patience::None => read_cached(&file, expected),
            Patience::Disk => read_all(file, expected),
        };
        content.map_err(|error| Error::io("read", key, error))
    }

    /// Size and time of the last change, of a file or a directory.
    pub(super) fn status(&self, key: &Key) -> Result<sys::Stat, Error> {
        sys::statat(&self.root, key.as_str(), AtFlags::empty()).map_err(|error| failure("look at", key, error))
    }

    /// Makes `key` hold `bytes`.
    pub(super) fn write(&self, key: &Key, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        let parent = key.parent();
        if durability == Durability::Durable && self.holds(key, bytes) {
            return self.settle(parent).map_err(|error| Error::io("synchronise", key, error));
        }
        self.in_directory(parent, || {
            let temporary = format!("{parent}/{}", leftover::name());
            self.write_new(&temporary, bytes, durability)
                .and_then(|()| Ok(sys::renameat(&self.root, &temporary, &self.root, key.as_str())?))
                .inspect_err(|_| self.discard(&temporary))
        })
        .and_then(|()| if durability == Durability::Durable { self.settle(parent) } else { Ok(()) })
        .map_err(|error| Error::io("write", key, error))
    }

    /// Whether the file has these bytes already, so that writing them again would change nothing.
    fn holds(&self, key: &Key, bytes: &[u8]) -> bool {
        self.read(key, bytes.len(), Patience::Disk).is_ok_and(|present| present == bytes)
    }

    fn write_new(&self, path: &str, bytes: &[u8], durability: Durability) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(sys::openat(&self.root, path, flags, Mode::from_raw_mode(0o644))?);
        file.write_all(bytes)?;
        if durability == Durability::Durable { file.sync_all() } else { Ok(()) }
    }

    /// Opens a file for appending, making it and its directories when asked to.
    pub(super) fn open_for_append(&self, key: &Key, create: bool) -> io::Result<File> {
        let open = |flags| {
            sys::openat(&self.root, key.as_str(), flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o644)).map(File::from)
        };
        if !create {
            return Ok(open(OFlags::WRONLY | OFlags::APPEND)?);
        }
        self.in_directory(key.parent(), || Ok(open(OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::TRUNC)?))
    }

    /// Moves a complete file, whose bytes are on the disk, to where everybody looks for it.
    pub(super) fn publish(&self, from: &Key, to: &Key) -> io::Result<()> {
        let parent = to.parent();
        self.in_directory(parent, || {
            // A source that is gone must not look like a directory that is gone.
            sys::statat(&self.root, from.as_str(), AtFlags::empty())
                .map_err(|_| io::Error::other("the upload is gone"))?;
            Ok(sys::renameat(&self.root, from.as_str(), &self.root, to.as_str())?)
        })?;
        self.settle(parent)
    }

    /// Runs `work` in `directory`, which is made first, again when it was removed meanwhile.
    fn in_directory<T>(&self, directory: &str, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = work();
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    self.make_directory(directory)?;
                }
                outcome => return outcome,
            }
        }
    }

    fn make_directory(&self, directory: &str) -> io::Result<()> {
        match sys::mkdirat(&self.root, directory, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                // What stood here before may have been remembered.
                self.durable.remove(directory);
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(Errno::NOENT) => {
                if let Some((parent, _)) = directory.rsplit_once('/') {
                    self.make_directory(parent)?;
                    return self.make_directory(directory);
                }
                Err(Errno::NOENT.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes what was just written in `directory` survive a crash: the directory, and those above it that are not known
    /// to.
    pub(super) fn settle(&self, directory: &str) -> io::Result<()> {
        self.synchronise(directory)?;
        let mut child = directory;
        while !self.durable.contains(child) {
            let parent = child.rsplit_once('/').map_or(".", |(parent, _)| parent);
            self.synchronise(parent)?;
            if parent == "." {
                break;
            }
            child = parent;
        }
        self.durable.insert(directory);
        Ok(())
    }

    fn synchronise(&self, directory: &str) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(sys::fsync(sys::openat(&self.root, directory, flags, Mode::empty())?)?)
    }

    /// Removes a file, and its directory when that is empty then.
    pub(super) fn remove(&self, key: &Key, durability: Durability) -> Result<(), Error> {
        match sys::unlinkat(&self.root, key.as_str(), AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(failure("remove", key, error)),
        }
        let parent = key.parent();
        if durability == Durability::Durable {
            self.synchronise(parent).or_else(missing_is_fine).map_err(|error| Error::io("remove", key, error))?;
        }
        self.remove_empty(parent);
        Ok(())
    }

    /// Removes a directory that is empty; whether it was. Not empty, or somebody was faster: both are fine.
    pub(super) fn remove_empty(&self, directory: &str) -> bool {
        let removed = sys::unlinkat(&self.root, directory, AtFlags::REMOVEDIR).is_ok();
        if removed {
            self.durable.remove(directory);
        }
        removed
    }

    /// Changes when a file was written last.
    pub(super) fn touch(&self, key: &Key, touch: Touch) -> Result<(), Error> {
        let nanoseconds = if touch == Touch::Now { sys::UTIME_NOW } else { 0 };
        let time = sys::Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        let times = sys::Timestamps { last_access: time, last_modification: time };
        match sys::utimensat(&self.root, key.as_str(), &times, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::PERM | Errno::ACCESS | Errno::ROFS) => Ok(()),
            Err(error) => Err(failure("touch", key, error)),
        }
    }

    /// Removes a directory with all it holds: hidden by one rename, then emptied.
    pub(super) fn remove_tree(&self, directory: &Key, durability: Durability) -> Result<(), Error> {
        let parent = directory.parent();
        let hidden = format!("{parent}/{}", leftover::name());
        match sys::renameat(&self.root, directory.as_str(), &self.root, &hidden) {
            Ok(()) => self.durable.remove(directory.as_str()),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(failure("remove", directory, error)),
        }
        let synchronised = if durability == Durability::Durable { self.synchronise(parent) } else { Ok(()) };
        synchronised
            .and_then(|()| std::fs::remove_dir_all(self.path.join(&hidden)))
            .or_else(missing_is_fine)
            .map_err(|error| Error::io("remove", directory, error))
    }

    /// Removes what nobody needs; what is left behind when that fails is hidden by its name.
    pub(super) fn discard(&self, path: &str) {
        let _ = sys::unlinkat(&self.root, path, AtFlags::empty());
    }

    /// An open directory, to be listed.
    pub(super) fn open_directory(&self, directory: &Key) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        sys::openat(self.root.as_fd(), directory.as_str(), flags, Mode::empty())
    }
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// A file where a directory was expected, or symbolic links in a circle, mean that the object does not exist, as its
/// absence would.
fn failure(action: &'static str, key: &Key, error: Errno) -> Error {
    let absent = matches!(error, Errno::NOTDIR | Errno::LOOP);
    if absent { Error::NotFound(key.clone()) } else { Error::io(action, key, error) }
}

fn read_cached(file: &File, size: usize) -> io::Result<Bytes> {
    let mut content = vec![0; size];
    let mut filled = 0;
    while filled < size {
        let mut free = [io::IoSliceMut::new(&mut content[filled..])];
        let flags = rustix::io::ReadWriteFlags::NOWAIT;
        match rustix::io::preadv2(file, &mut free, filled as u64, flags) {
            Ok(count) if count > 0 => filled += count,
            _ => return Err(io::ErrorKind::WouldBlock.into()),
        }
    }
    Ok(content.into())
}

fn read_all(mut file: File, size: usize) -> io::Result<Bytes> {
    let mut content = vec![0; size];
    file.read_exact(&mut content)?;
    Ok(content.into())
}
