//! Stacks that were seen, and how often.

use std::{collections::HashMap, time::Duration};

use framehop::{CacheNative, MayAllocateDuringUnwind, Unwinder, UnwinderNative};

use super::{program::Mapping, thread::Snapshot};

/// Frames of one stack.
const DEPTH: usize = 256;

/// Stacks that are told apart. When there are more, what is new is known by its innermost frame alone.
const STACKS: usize = 20_000;

/// How often a stack was seen, and what time that stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) count: u32,
    pub(super) time: Duration,
}

/// Unwinds snapshots and counts them.
pub(super) struct Stacks {
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    /// By the addresses of their instructions, the innermost first.
    seen: HashMap<Vec<u64>, Seen>,
}

impl Stacks {
    pub(super) fn new(mappings: &mut [Mapping]) -> Self {
        let mut unwinder = UnwinderNative::new();
        for module in mappings.iter_mut().filter_map(|mapping| mapping.module.take()) {
            unwinder.add_module(module);
        }
        Self { unwinder, cache: CacheNative::new(), seen: HashMap::new() }
    }

    /// Counts the stack of `snapshot` for `time`.
    pub(super) fn add(&mut self, snapshot: &Snapshot, time: Duration) {
        let mut stack = self.unwind(snapshot);
        if self.seen.len() >= STACKS && !self.seen.contains_key(&stack) {
            stack.truncate(1);
        }
        let seen = self.seen.entry(stack).or_default();
        seen.count += 1;
        seen.time += time;
    }

    fn unwind(&mut self, snapshot: &Snapshot) -> Vec<u64> {
        let mut word = |address| snapshot.word(address);
        let registers = snapshot.registers;
        let mut frames = self.unwinder.iter_frames(snapshot.instruction, registers, &mut self.cache, &mut word);
        let mut stack = Vec::new();
        while stack.len() < DEPTH
            && let Ok(Some(frame)) = frames.next()
        {
            // A return address may be the first one of the next function.
            stack.push(frame.address_for_lookup());
        }
        stack
    }

    /// Every stack, in no order.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&[u64], Seen)> {
        self.seen.iter().map(|(stack, seen)| (stack.as_slice(), *seen))
    }
}
