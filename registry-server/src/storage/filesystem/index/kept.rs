//! The names of directories, as many as there is room for.

use std::{collections::HashMap, sync::Arc};

use super::{super::names::Names, Stamp};

/// Bytes kept in all.
const CAPACITY: usize = 32 << 20;

/// Names by directory. Those not used for the longest time make room.
#[derive(Debug, Default)]
pub(super) struct Kept {
    directories: HashMap<String, Entry>,
    bytes: usize,
    uses: u64,
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
        while self.bytes > CAPACITY
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
