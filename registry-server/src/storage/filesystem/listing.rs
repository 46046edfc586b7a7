//! Pages of the names in a directory, from the index where it has them.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use rustix::{
    fs::{AtFlags, Dir, statat},
    io::Errno,
};

use super::{index::Stamp, names, names::Names, tree::Tree};
use crate::storage::{Error, Key, Listing, Version};

/// How many names more than asked for are held while a directory is read that is too large for the index.
const SLACK: usize = 1024;

/// The state of a directory that does not exist.
const ABSENT: &str = "absent";

impl Tree {
    /// The names that `listing` asks for. Names with a leading dot are temporary files and never shown.
    pub(super) fn list(&self, directory: &Key, listing: &Listing) -> Result<Vec<String>, Error> {
        let arrived = Instant::now();
        let open = match self.open_directory(directory) {
            Ok(open) => open,
            Err(error) if is_absent(error) => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("list", directory, error)),
        };
        self.index().effort().directories.fetch_add(1, Ordering::Relaxed);
        let page = match self.names(directory, &open, arrived) {
            Ok(Some(names)) => Ok(self.page(&open, &names, listing)),
            Ok(None) => self.page_of_unkept(&open, listing),
            Err(error) => Err(error),
        };
        page.map_err(|error| Error::io("list", directory, error))
    }

    /// What tells whether names in a directory came or went.
    pub(super) fn version(&self, directory: &Key) -> Result<Version, Error> {
        match self.status(directory) {
            Ok(status) => Ok(self.index().version(directory.as_str(), Stamp::from(status))),
            Err(Error::NotFound(_)) => Ok(Version { state: ABSENT.to_owned(), settled: true }),
            Err(error) => Err(error),
        }
    }

    /// The names of an open directory; `None` when they are too many for memory.
    fn names(&self, directory: &Key, open: &OwnedFd, arrived: Instant) -> Result<Option<Arc<Names>>, Errno> {
        if let Some(names) = self.index().get(directory.as_str(), Stamp::of(open)?) {
            return Ok(Some(names));
        }
        match self.index().read_small(open)? {
            Some(names) => Ok(Some(Arc::new(names))),
            None => self.index().read_large(directory.as_str(), open, arrived),
        }
    }

    fn page(&self, open: &OwnedFd, names: &Names, listing: &Listing) -> Vec<String> {
        let wanted = names.after(listing.after.as_deref()).filter(|name| self.has(open, name, listing.having));
        wanted.take(listing.limit).map(str::to_owned).collect()
    }

    /// As [`page`](Self::page), reading the directory as often as it takes, in memory for one page.
    fn page_of_unkept(&self, open: &OwnedFd, listing: &Listing) -> Result<Vec<String>, Errno> {
        let mut wanted = Vec::new();
        let mut after = listing.after.clone();
        loop {
            let missing = listing.limit - wanted.len();
            let smallest = smallest_names(open, after.as_deref(), missing)?;
            // A full answer means that there may be more, which matters when some of it is filtered out.
            let last_round = smallest.len() < missing || listing.having.is_none();
            after = smallest.last().cloned();
            wanted.extend(smallest.into_iter().filter(|name| self.has(open, name, listing.having)));
            if last_round || wanted.len() == listing.limit {
                return Ok(wanted);
            }
        }
    }

    /// Whether `name` has the object below it that the listing asks for.
    fn has(&self, directory: &OwnedFd, name: &str, having: Option<&str>) -> bool {
        having.is_none_or(|below| {
            self.index().effort().lookups.fetch_add(1, Ordering::Relaxed);
            statat(directory, format!("{name}/{below}"), AtFlags::empty()).is_ok_and(|status| status.st_size > 0)
        })
    }
}

/// A file where a directory is expected, or a symbolic link that leads nowhere or in a circle, has no names.
fn is_absent(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

/// The `limit` smallest names after `after`, sorted.
fn smallest_names(directory: impl AsFd, after: Option<&str>, limit: usize) -> Result<Vec<String>, Errno> {
    let mut smallest = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let Some(name) = names::shown(entry.file_name().to_bytes()) else { continue };
        if after.is_some_and(|after| name <= after) {
            continue;
        }
        smallest.push(name.to_owned());
        if smallest.len() >= limit.saturating_mul(2).saturating_add(SLACK) {
            smallest.select_nth_unstable(limit);
            smallest.truncate(limit);
        }
    }
    smallest.sort_unstable();
    smallest.truncate(limit);
    Ok(smallest)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
        thread,
        time::{Duration, UNIX_EPOCH},
    };

    use bytes::Bytes;
    use proptest::prelude::*;
    use rustix::fs::{Mode, OFlags, open};

    use super::*;
    use crate::storage::{Durability, filesystem::index::Index};

    /// Longer than a file system for tests takes to tell two changes apart.
    const MOMENT: Duration = Duration::from_millis(20);

    fn tree(root: &Path, settled_after: Duration) -> Tree {
        let directory = open(root, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        Tree::new(directory, root.to_owned()).with_index(Index::new(4, settled_after))
    }

    fn key(text: &str) -> Key {
        Key(text.to_owned())
    }

    fn work<T>(counter: impl Fn() -> u64, work: impl FnOnce() -> T) -> (T, u64) {
        let before = counter();
        let done = work();
        (done, counter() - before)
    }

    /// Something that happens to the directory `d`, whose names are numbers.
    #[derive(Debug, Clone)]
    enum Event {
        /// A person makes a directory, with what a listing asks for or without.
        Make(u8, bool),
        /// A person removes a name.
        Remove(u8),
        /// A person moves a name to another, or out of the directory and back.
        Move(u8, u8),
        /// A person puts another directory in the place of `d`.
        Replace(Vec<u8>),
        /// A person sets the time of `d` to what it was long ago.
        Backdate,
        /// The registry stores an object below a name.
        Put(u8),
        /// The registry removes a name.
        Delete(u8),
        /// Nothing, until all changes are old.
        Rest,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0..20_u8, any::<bool>()).prop_map(|(name, with)| Event::Make(name, with)),
            (0..20_u8).prop_map(Event::Remove),
            (0..20_u8, 0..20_u8).prop_map(|(from, to)| Event::Move(from, to)),
            proptest::collection::vec(0..20_u8, 0..10).prop_map(Event::Replace),
            Just(Event::Backdate),
            (0..20_u8).prop_map(Event::Put),
            (0..20_u8).prop_map(Event::Delete),
            Just(Event::Rest),
            Just(Event::Rest),
        ]
    }

    impl Event {
        fn happen(&self, root: &Path, tree: &Tree) {
            let directory = root.join("d");
            let path = |name: &u8| directory.join(name.to_string());
            let key = |name: &u8| key(&format!("d/{name}"));
            // What cannot be done is not: the next look tells what is there.
            match self {
                Self::Make(name, with) => {
                    let _ = fs::create_dir_all(path(name));
                    let _ = fs::write(path(name).join("link"), if *with { "x" } else { "" });
                }
                Self::Remove(name) => drop(fs::remove_dir_all(path(name))),
                Self::Move(from, to) => drop(fs::rename(path(from), path(to))),
                Self::Replace(names) => {
                    let other = root.join("other");
                    names.iter().for_each(|name| fs::create_dir_all(other.join(name.to_string())).unwrap());
                    let _ = fs::rename(&directory, root.join("old"));
                    let _ = fs::rename(other, &directory);
                    let _ = fs::remove_dir_all(root.join("old"));
                }
                Self::Backdate => drop(File::open(&directory).map(|open| open.set_modified(UNIX_EPOCH))),
                Self::Put(name) => {
                    let link = Key(format!("{}/link", key(name)));
                    tree.write(&link, &Bytes::from_static(b"x"), Durability::Volatile).unwrap();
                }
                Self::Delete(name) => tree.remove_tree(&key(name), Durability::Volatile).unwrap(),
                Self::Rest => thread::sleep(MOMENT),
            }
        }
    }

    /// What a plain look at the directory tells.
    fn plain(root: &Path, listing: &Listing) -> Vec<String> {
        let entries = fs::read_dir(root.join("d")).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| listing.after.as_ref().is_none_or(|after| name > after));
        let has = |name: &String| fs::metadata(root.join("d").join(name).join("link")).is_ok_and(|file| file.len() > 0);
        names.retain(|name| listing.having.is_none() || has(name));
        names.sort_unstable();
        names.truncate(listing.limit);
        names
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_listing_is_what_a_plain_look_tells_whoever_changes_the_directory(
            events in proptest::collection::vec(event(), 1..40),
            after in proptest::option::of(0..20_u8),
            limit in 1..25_usize,
        ) {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("d")).unwrap();
            let tree = tree(root.path(), MOMENT);
            let after = after.map(|after| after.to_string());
            for event in events {
                event.happen(root.path(), &tree);
                for having in [None, Some("link")] {
                    let listing = Listing { after: after.clone(), limit, having };
                    let listed = tree.list(&key("d"), &listing).unwrap();
                    prop_assert_eq!(listed, plain(root.path(), &listing), "after {:?}", event);
                }
            }
        }
    }

    #[test]
    fn a_large_directory_is_read_until_its_last_change_is_old_and_then_not_again() {
        let root = tempfile::tempdir().unwrap();
        (0..10).for_each(|name| fs::create_dir_all(root.path().join(format!("d/{name}"))).unwrap());
        let tree = tree(root.path(), MOMENT);
        let entries = || tree.index().effort().entries.load(Ordering::Relaxed);
        let list = || tree.list(&key("d"), &Listing { after: None, limit: 2, having: None }).unwrap();
        let every_entry = 4 + 10;
        assert_eq!(work(entries, list), (vec!["0".to_owned(), "1".to_owned()], every_entry));
        // The age of its last change is what is tested.
        thread::sleep(MOMENT);
        assert_eq!(work(entries, list).1, every_entry, "read once more, now that it can be kept");
        assert_eq!(work(entries, list), (vec!["0".to_owned(), "1".to_owned()], 0));
        fs::create_dir(root.path().join("d/00")).unwrap();
        assert_eq!(work(entries, list), (vec!["0".to_owned(), "00".to_owned()], every_entry + 1));
    }

    #[test]
    fn what_changed_a_moment_ago_is_not_kept() {
        let root = tempfile::tempdir().unwrap();
        (0..10).for_each(|name| fs::create_dir_all(root.path().join(format!("d/{name}"))).unwrap());
        let tree = tree(root.path(), Duration::from_secs(3600));
        let entries = || tree.index().effort().entries.load(Ordering::Relaxed);
        for _ in 0..3 {
            assert!(work(entries, || tree.list(&key("d"), &Listing::ALL)).1 > 10);
            assert!(!tree.version(&key("d")).unwrap().settled);
        }
    }

    #[test]
    fn a_version_changes_with_the_names_alone() {
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path(), Duration::ZERO);
        let version = || tree.version(&key("d")).unwrap();
        let absent = version();
        assert!(absent.settled);
        fs::create_dir_all(root.path().join("d/a")).unwrap();
        version();
        let present = version();
        assert!(present.settled && present != absent);
        fs::create_dir(root.path().join("d/a/b")).unwrap();
        assert_eq!(version(), present);
        fs::create_dir(root.path().join("d/b")).unwrap();
        assert_ne!(version().state, present.state);
    }

    #[test]
    fn links_that_lead_nowhere_have_no_names_and_others_those_of_their_target() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("target/a")).unwrap();
        for (link, target) in [("there", "target"), ("nowhere", "absent"), ("circle", "circle")] {
            std::os::unix::fs::symlink(target, root.path().join(link)).unwrap();
        }
        let tree = tree(root.path(), MOMENT);
        let list = |name: &str| tree.list(&key(name), &Listing::ALL).unwrap();
        assert_eq!(list("there"), ["a"]);
        assert!(list("nowhere").is_empty() && list("circle").is_empty());
        assert_eq!(tree.version(&key("circle")).unwrap().state, ABSENT);
    }
}
