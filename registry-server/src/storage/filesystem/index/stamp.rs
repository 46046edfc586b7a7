//! What tells one state of a directory from another.

use std::{
    os::fd::AsFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::{self as sys, Stat},
    io::Errno,
};

/// How far a file server's clock may be behind ours, and more.
const WRONGEST_CLOCK: Duration = Duration::from_secs(60 * 60);

/// What a change of a directory's names changes: its times. Neither can be set back by copying or by `touch`, because that
/// changes `ctime`. The inode tells it from another directory moved to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage::filesystem) struct Stamp {
    inode: u64,
    modified: (i64, u32),
    changed: (i64, u32),
}

impl From<Stat> for Stamp {
    fn from(status: Stat) -> Self {
        let nanoseconds = |part| u32::try_from(part).unwrap_or_default();
        Self {
            inode: status.st_ino,
            modified: (status.st_mtime, nanoseconds(status.st_mtime_nsec)),
            changed: (status.st_ctime, nanoseconds(status.st_ctime_nsec)),
        }
    }
}

impl Stamp {
    /// The stamp that an open directory has now.
    pub(in crate::storage::filesystem) fn of(directory: impl AsFd) -> Result<Self, Errno> {
        sys::fstat(directory).map(Self::from)
    }

    /// Whether it is so old, by our clock, that no change can leave it any more.
    pub(super) fn is_old(self) -> bool {
        let (seconds, nanoseconds) = self.modified.max(self.changed);
        let since_epoch = Duration::new(u64::try_from(seconds).unwrap_or_default(), nanoseconds);
        let age = UNIX_EPOCH.checked_add(since_epoch).and_then(|then| SystemTime::now().duration_since(then).ok());
        age.is_some_and(|age| age > WRONGEST_CLOCK)
    }

    /// As text, to be kept.
    pub(super) fn state(self) -> String {
        let Self { inode, modified, changed } = self;
        format!("{inode} {}.{:09} {}.{:09}", modified.0, modified.1, changed.0, changed.1)
    }
}
