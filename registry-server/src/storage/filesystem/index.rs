//! The index of directories: the sorted names of large ones, kept in memory while they are certainly still true.
//!
//! A page of a list must not cost what the whole list is long, and names come in no order from a file system. So the names
//! of a large directory are kept once they were read. Nothing of this is on the disk: reading a directory of 100,000 names
//! takes a fraction of a second, happens once after a start, and leaves no file that could be torn or out of date.
//!
//! Anybody may change the tree while the server runs: the reference, a person, another server. So every use looks at the
//! directory's [`Stamp`], which is one step, and names are kept only for a stamp that has *settled*:
//!
//! - A change stamps the directory with the file system's clock `f` at that moment. `f` ticks, in steps of up to two
//!   seconds ([`SETTLED_AFTER`] is more); two changes within a tick leave the same stamp.
//! - A stamp `S` that was seen at `t` has `S <= f(t)`. At `u >= t + SETTLED_AFTER` it has settled, as `f(u) > f(t) >= S`.
//!   So it has when it is an hour older than our own clock says, since `f`, our clock or a file server's, is not that
//!   wrong: `f(u) > S`.
//! - Names are kept when they were read after such a `u` and the stamp was still `S` afterwards. Every change since `u`
//!   leaves a stamp of at least `f(u)`, which is not `S`. So while the stamp is `S`, the names are the directory's.
//!
//! Waiting is measured with a clock that nobody sets. Were `f` set back, a change would have to fall on the very tick of
//! `S`, in both times of the stamp, to go unseen.
//!
//! Until a stamp has settled, a list reads the directory anew: right, but not cheap. Large directories are read by one
//! request at a time, which bounds memory, and those who waited share what was begun to be read after they came.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use rustix::io::Errno;

mod kept;
mod stamp;

use self::kept::Kept;
pub(super) use self::stamp::Stamp;
use super::names::Names;
use crate::storage::Version;

/// Directories with more entries are kept in memory. Smaller ones are read as fast as looked up.
const LARGE: usize = 512;

/// Bytes of names that a directory may have to be kept, about a million names. Larger ones are read each time.
const LARGEST: usize = 16 << 20;

/// Directories whose stamp is remembered, a few hundred bytes each. Forgetting one makes it settle anew.
const STAMPS: usize = 16_384;

/// How long a stamp has to be seen before no later change can leave the same. FAT counts in steps of two seconds, others in
/// one second or in milliseconds.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// What is remembered of directories.
#[derive(Debug)]
pub(super) struct Index {
    stamps: Cache<String, (Stamp, Instant)>,
    names: Mutex<Kept>,
    /// Whoever holds this reads a large directory. What was read last is for those who wait, if any do.
    reading: Mutex<Option<Read>>,
    waiting: AtomicUsize,
    large: usize,
    settled_after: Duration,
    effort: Effort,
}

/// What was done so far, to be compared before and after a call.
#[derive(Debug, Default)]
pub(super) struct Effort {
    /// Directories asked for their names.
    pub(super) directories: AtomicU64,
    /// Directory entries read.
    pub(super) entries: AtomicU64,
    /// Names looked up.
    pub(super) lookups: AtomicU64,
}

/// A directory that was read.
#[derive(Debug)]
struct Read {
    directory: String,
    began: Instant,
    names: Arc<Names>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            stamps: Cache::new(STAMPS),
            names: Mutex::default(),
            reading: Mutex::default(),
            waiting: AtomicUsize::default(),
            large: LARGE,
            settled_after: SETTLED_AFTER,
            effort: Effort::default(),
        }
    }
}

impl Index {
    /// With other bounds, for tests that cannot wait.
    #[cfg(test)]
    pub(super) fn new(large: usize, settled_after: Duration) -> Self {
        Self { large, settled_after, ..Self::default() }
    }

    /// Counts work.
    pub(super) fn effort(&self) -> &Effort {
        &self.effort
    }

    /// What is kept of a directory that has this stamp.
    pub(super) fn get(&self, directory: &str, stamp: Stamp) -> Option<Arc<Names>> {
        self.kept().get(directory, stamp)
    }

    /// The names of a directory with few entries; `None` when it has many.
    pub(super) fn read_small(&self, open: &OwnedFd) -> Result<Option<Names>, Errno> {
        self.count(Names::read(open, self.large, LARGEST), self.large)
    }

    /// The names of a directory with many entries, read at `arrived` or later; `None` when it has too many for memory.
    pub(super) fn read_large(
        &self,
        directory: &str,
        open: &OwnedFd,
        arrived: Instant,
    ) -> Result<Option<Arc<Names>>, Errno> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut last = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let others_wait = self.waiting.fetch_sub(1, Ordering::Relaxed) > 1;
        let shared = last.take().filter(|read| read.directory == directory && read.began >= arrived);
        let read = if shared.is_some() { shared } else { self.read(directory, open)? };
        let names = read.as_ref().map(|read| Arc::clone(&read.names));
        *last = read.filter(|_| others_wait);
        Ok(names)
    }

    fn read(&self, directory: &str, open: &OwnedFd) -> Result<Option<Read>, Errno> {
        let stamp = Stamp::of(open)?;
        let settled = self.has_settled(directory, stamp);
        let began = Instant::now();
        let found = |names| Read { directory: directory.to_owned(), began, names };
        if let Some(names) = self.get(directory, stamp) {
            return Ok(Some(found(names)));
        }
        let Some(names) = self.count(Names::read(open, usize::MAX, LARGEST), self.large)?.map(Arc::new) else {
            return Ok(None);
        };
        if settled && Stamp::of(open)? == stamp {
            self.kept().insert(directory, stamp, &names);
        }
        Ok(Some(found(names)))
    }

    /// What `stamp`, just taken, tells of a directory.
    pub(super) fn version(&self, directory: &str, stamp: Stamp) -> Version {
        Version { settled: self.has_settled(directory, stamp), state: stamp.state() }
    }

    /// Whether every change from now on leaves another stamp than this one, which was just taken.
    fn has_settled(&self, directory: &str, stamp: Stamp) -> bool {
        if stamp.is_old() {
            return true;
        }
        let now = Instant::now();
        match self.stamps.get(directory) {
            Some((seen, since)) if seen == stamp => now.saturating_duration_since(since) >= self.settled_after,
            _ => {
                self.stamps.insert(directory.to_owned(), (stamp, now));
                false
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, read: Result<Option<Names>, Errno>, given_up: usize) -> Result<Option<Names>, Errno> {
        let count = match &read {
            Ok(Some(names)) => names.after(None).count(),
            _ => given_up,
        };
        self.effort.entries.fetch_add(count as u64, Ordering::Relaxed);
        read
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, fs::File, thread};

    use super::*;

    #[test]
    fn a_stamp_settles_by_being_seen_long_enough() {
        let directory = tempfile::tempdir().unwrap();
        let open = File::open(directory.path()).unwrap();
        let stamp = Stamp::of(&open).unwrap();
        let patient = Index::new(4, Duration::from_secs(3600));
        assert!(!patient.has_settled("d", stamp) && !patient.has_settled("d", stamp));
        let hasty = Index::new(4, Duration::ZERO);
        assert!(!hasty.has_settled("d", stamp), "it may have been left a moment ago");
        assert!(hasty.has_settled("d", stamp));
        while Stamp::of(&open).unwrap() == stamp {
            File::create(directory.path().join("x")).unwrap();
            fs::remove_file(directory.path().join("x")).unwrap();
        }
        assert!(!hasty.has_settled("d", Stamp::of(&open).unwrap()));
    }

    #[test]
    fn those_who_waited_share_what_was_read_after_they_came() {
        let directory = tempfile::tempdir().unwrap();
        (0..10).for_each(|name| drop(File::create(directory.path().join(name.to_string())).unwrap()));
        let open = OwnedFd::from(File::open(directory.path()).unwrap());
        let index = Index::new(4, Duration::from_secs(3600));
        thread::scope(|scope| {
            let held = index.reading.lock().unwrap();
            for _ in 0..8 {
                scope.spawn(|| assert!(index.read_large("d", &open, Instant::now()).unwrap().is_some()));
            }
            while index.waiting.load(Ordering::Relaxed) < 8 {
                thread::yield_now();
            }
            drop(held);
        });
        assert_eq!(index.effort.entries.load(Ordering::Relaxed), 10, "read once");
        assert!(index.reading.lock().unwrap().is_none(), "nobody waits any more");
        index.read_large("d", &open, Instant::now()).unwrap();
        assert_eq!(index.effort.entries.load(Ordering::Relaxed), 20, "who comes later reads again");
    }
}
