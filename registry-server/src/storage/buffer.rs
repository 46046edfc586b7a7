//! Buffers for content on its way, initialised once and used again.
//!
//! A fresh large allocation is memory that the kernel has to clear page by page; doing that for every piece of an upload
//! costs more than hashing it.

use std::sync::{Mutex, PoisonError};

/// Size of a buffer. Large enough that a read's or a write's fixed cost does not show, small enough that a slow client
/// holds little.
pub(super) const BUFFER: usize = 256 << 10;

/// How many idle buffers are kept: 4 MiB, what a burst leaves behind.
const IDLE: usize = 16;

static IDLE_BUFFERS: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer on loan; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Buffer {
    /// A buffer with nothing in it; an idle one if there is one.
    pub(super) fn take() -> Self {
        let idle = IDLE_BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { bytes: idle.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice()), filled: 0 }
    }

    /// Bytes that hold something.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// The free part, up to `want` bytes in all.
    pub(super) fn free(&mut self, want: usize) -> &mut [u8] {
        &mut self.bytes[self.filled..want]
    }

    /// Says that `count` bytes of the free part hold something now.
    pub(super) fn advance(&mut self, count: usize) {
        self.filled += count;
    }

    /// The same with at most `length` bytes.
    pub(super) fn truncated(mut self, length: usize) -> Self {
        self.filled = self.filled.min(length);
        self
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = IDLE_BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_empty_also_when_it_was_used_before() {
        for _ in 0..3 {
            let mut buffer = Buffer::take();
            assert_eq!(buffer.as_ref(), b"");
            buffer.free(4).copy_from_slice(b"used");
            buffer.advance(4);
            assert_eq!(buffer.truncated(2).as_ref(), b"us");
        }
    }

    #[test]
    fn no_more_than_the_bound_are_kept() {
        drop((0..IDLE + 4).map(|_| Buffer::take()).collect::<Vec<_>>());
        assert!(IDLE_BUFFERS.lock().unwrap().len() <= IDLE);
    }
}
