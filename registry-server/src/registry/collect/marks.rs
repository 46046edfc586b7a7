//! The content that manifests name, over all repositories.

use std::collections::{HashMap, hash_map::Entry};

use super::references::Named;
use crate::oci::Digest;

/// Size of content whose size nothing states.
const UNKNOWN: u64 = u64::MAX;

/// What is named, and what is said of it.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<Digest, Mark>);

#[derive(Debug, Clone, Copy)]
struct Mark {
    size: u64,
    may_be_absent: bool,
    /// Whether there is no doubt about what it holds, whatever size others state.
    intact: bool,
    found: bool,
}

impl Marks {
    /// Marks what a manifest names; whether that is news.
    pub(super) fn insert(&mut self, named: Named) -> bool {
        let Named { digest, size, may_be_absent } = named;
        let size = size.unwrap_or(UNKNOWN);
        match self.0.entry(digest) {
            Entry::Vacant(vacant) => {
                vacant.insert(Mark { size, may_be_absent, intact: false, found: false });
                true
            }
            Entry::Occupied(mut occupied) => {
                let mark = occupied.get_mut();
                mark.may_be_absent &= may_be_absent;
                mark.size = mark.size.min(size);
                false
            }
        }
    }

    /// Marks content that has to stay, whatever names it and whatever that says of it.
    pub(super) fn keep(&mut self, digest: Digest) {
        let mark = Mark { size: UNKNOWN, may_be_absent: true, intact: true, found: false };
        self.0.entry(digest).or_insert(mark).intact = true;
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.0.contains_key(digest)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that the content is in the store with `size` bytes. `None` when nothing names it, else the size it should
    /// have if that is another.
    pub(super) fn found(&mut self, digest: &Digest, size: u64) -> Option<Option<u64>> {
        let mark = self.0.get_mut(digest)?;
        mark.found = true;
        Some((mark.size != UNKNOWN && !mark.intact && mark.size != size).then_some(mark.size))
    }

    /// What should be in the store and was not found there.
    pub(super) fn missing(&self) -> Vec<Digest> {
        let missing = self.0.iter().filter(|(_, mark)| !mark.found && !mark.may_be_absent);
        let mut digests: Vec<Digest> = missing.map(|(digest, _)| *digest).collect();
        digests.sort_unstable();
        digests
    }
}
