//! The names of directories, as many as there is room for.

use std::{collections::HashMap, sync::Arc};

use super::{super::names::Names, Stamp};

/// Bytes kept in all.
const CAPACITY: usize = 32 << 20;

/// Names by directory. Those not used for the longest time make room.
#[derive(Debug)]
pub(super) struct Kept {
    directories: HashMap<String, Entry>,
    bytes: usize,
    capacity: usize,
    uses: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { directories: HashMap::new(), bytes: 0, capacity: CAPACITY, uses: 0 }
    }
}

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    names: Arc<Names>,
    last_use: u64,
}

impl Kept {
    /// What is kept of a directory that has this stamp.
    pub(super) fn get(&mut self, directory: &str, stamp: Stamp) -> Option<Arc<Names>> {
        self.uses += 1;
        let entry = self.directories.get_mut(directory)?;
        if entry.stamp == stamp {
            entry.last_use = self.uses;
            return Some(Arc::clone(&entry.names));
        }
        self.remove(directory);
        None
    }

    /// Keeps what a directory holds while it has this stamp.
    pub(super) fn insert(&mut self, directory: &str, stamp: Stamp, names: &Arc<Names>) {
        self.remove(directory);
        self.bytes += names.weight();
        self.uses += 1;
        let entry = Entry { stamp, names: Arc::clone(names), last_use: self.uses };
        self.directories.insert(directory.to_owned(), entry);
        while self.bytes > self.capacity
            && let Some(oldest) = self.directories.iter().min_by_key(|(_, entry)| entry.last_use)
        {
            let oldest = oldest.0.clone();
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, directory: &str) {
        if let Some(entry) = self.directories.remove(directory) {
            self.bytes -= entry.names.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let directory = tempfile::tempdir().unwrap();
        File::create(directory.path().join("name")).unwrap();
        let open = File::open(directory.path()).unwrap();
        let names = Arc::new(Names::read(&open, 10, 10).unwrap().unwrap());
        let stamp = Stamp::of(&open).unwrap();
        let mut kept = Kept { capacity: 2 * names.weight(), ..Kept::default() };
        kept.insert("a", stamp, &names);
        kept.insert("b", stamp, &names);
        assert!(kept.get("a", stamp).is_some());
        kept.insert("c", stamp, &names);
        assert!(kept.get("a", stamp).is_some() && kept.get("b", stamp).is_none() && kept.get("c", stamp).is_some());
        assert_eq!(kept.bytes, kept.capacity);

        File::create(directory.path().join("other")).unwrap();
        let changed = Stamp::of(&open).unwrap();
        if changed != stamp {
            assert!(kept.get("a", changed).is_none() && kept.get("a", stamp).is_none(), "no stamp comes back");
        }
    }
}
