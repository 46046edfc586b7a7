//! Who writes below a root directory: the lock of the directory, and how further servers say that they write too.
//!
//! The first server has the directory itself locked, exclusively. Each further one has `private-registry/others.lock`
//! locked, shared. Whoever removes garbage has that locked exclusively for each step, so that a step sees every
//! server that writes, and a server that starts waits for the end of a step.

use std::{
    fs::DirBuilder,
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::{
    fs::{self as sys, FlockOperation, Mode, OFlags},
    io::Errno,
};

/// The directory of what is ours alone, and the lock of further servers in it.
const DIRECTORY: &str = "private-registry";
const OTHERS: &str = "private-registry/others.lock";

/// Who has the lock of a root directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// This process, or nobody while nothing will be written.
    Held,
    /// Another process.
    Elsewhere,
    /// Nobody: the file system has none.
    Impossible,
}

/// What this process knows of the locks, and holds.
#[derive(Debug)]
pub(super) struct Locks {
    exclusive: AtomicBool,
    elsewhere: AtomicBool,
    /// The shared lock, from [`join_others`](Self::join_others) until the directory's is ours.
    joined: Mutex<Option<OwnedFd>>,
}

impl Locks {
    /// Before any is taken; none is needed where nothing will be written.
    pub(super) fn new(read_only: bool) -> Self {
        Self { exclusive: AtomicBool::new(read_only), elsewhere: AtomicBool::new(false), joined: Mutex::default() }
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive.load(Ordering::Acquire)
    }

    pub(super) fn state(&self) -> Lock {
        match (self.is_exclusive(), self.elsewhere.load(Ordering::Acquire)) {
            (true, _) => Lock::Held,
            (false, true) => Lock::Elsewhere,
            (false, false) => Lock::Impossible,
        }
    }

    /// Tries once to become the only writer.
    pub(super) fn take(&self, root: &OwnedFd) -> Result<(), Errno> {
        let taken = sys::flock(root, FlockOperation::NonBlockingLockExclusive);
        self.elsewhere.store(taken == Err(Errno::WOULDBLOCK), Ordering::Release);
        if taken.is_ok() {
            self.exclusive.store(true, Ordering::Release);
            *self.joined() = None;
        }
        taken
    }

    /// Says that this process writes beside another. Waits while that one removes something.
    pub(super) fn join_others(&self, root: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(root.join(DIRECTORY))?;
        let file = others(root)?;
        sys::flock(&file, FlockOperation::LockShared)?;
        *self.joined() = Some(file);
        Ok(())
    }

    fn joined(&self) -> std::sync::MutexGuard<'_, Option<OwnedFd>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps further servers from beginning to write. `None` when one has begun.
pub(super) fn hold_others_off(root: &Path) -> io::Result<Option<OwnedFd>> {
    DirBuilder::new().recursive(true).mode(0o755).create(root.join(DIRECTORY))?;
    let file = others(root)?;
    match sys::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        // A file system without locks: nothing can be said, here as elsewhere.
        Ok(()) | Err(_) => Ok(Some(file)),
    }
}

fn others(root: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    Ok(sys::open(root.join(OTHERS), flags, Mode::from_raw_mode(0o644))?)
}
