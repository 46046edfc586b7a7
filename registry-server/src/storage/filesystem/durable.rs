//! Which directories are known to survive a crash of the machine.
//!
//! A new file is durable only when every directory above it is. Synchronising all of them for each write would cost a
//! disk flush a level; trusting a directory because it exists would be wrong, since another request may have made it a
//! moment ago without having synchronised it yet. So directories are remembered once they were.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// How many directories are remembered, about 2 MiB. Forgetting one costs a flush.
const REMEMBERED: usize = 16_384;

/// Directories whose entry, and that of every directory above, is on the disk.
#[derive(Debug, Default)]
pub(super) struct Durable(Mutex<BTreeSet<String>>);

impl Durable {
    pub(super) fn contains(&self, directory: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    /// Remembers `directory` and all above it.
    pub(super) fn insert(&self, directory: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let mut next = Some(directory);
        while let Some(directory) = next {
            if !known.insert(directory.to_owned()) {
                break;
            }
            next = directory.rsplit_once('/').map(|(parent, _)| parent);
        }
    }

    /// Forgets `directory` and all below it, because it is gone and may come again.
    pub(super) fn remove(&self, directory: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(directory);
        let below = format!("{directory}/");
        // `0` follows `/`, so this is the range of everything that starts with `below`.
        let gone: Vec<String> = known.range(below..format!("{directory}0")).cloned().collect();
        for directory in gone {
            known.remove(&directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_brings_those_above_and_takes_those_below() {
        let durable = Durable::default();
        durable.insert("a/b/c");
        durable.insert("a/b-c");
        assert!(durable.contains("a/b"));
        durable.remove("a/b");
        assert!(!durable.contains("a/b") && !durable.contains("a/b/c"));
        assert!(durable.contains("a") && durable.contains("a/b-c"), "a name that starts alike is another directory");
    }
}
