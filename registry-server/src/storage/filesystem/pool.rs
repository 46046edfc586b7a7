//! Buffers for reading files, initialised once and used again.

use std::sync::{Arc, Mutex, PoisonError};

/// Size of a buffer. Large enough that a read's fixed cost does not show, small enough that a slow client holds little.
pub(super) const BUFFER: usize = 256 << 10;

/// How many idle buffers are kept: 4 MiB, what a burst leaves behind.
const IDLE: usize = 16;

/// Buffers nobody uses at the moment. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Pool {
    /// A buffer with nothing in it; an idle one if there is one.
    pub(super) fn take(&self) -> Buffer {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = idle.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        Buffer { bytes, filled: 0, pool: self.clone() }
    }
}

/// A buffer on loan; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    pool: Pool,
}

impl Buffer {
    /// Bytes that hold something.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// The same with at most `length` bytes.
    pub(super) fn truncated(mut self, length: usize) -> Self {
        self.filled = self.filled.min(length);
        self
    }

    /// The free part, up to `want` bytes in all.
    pub(super) fn free(&mut self, want: usize) -> &mut [u8] {
        &mut self.bytes[self.filled..want]
    }

    /// Says that `count` bytes of the free part hold something now.
    pub(super) fn advance(&mut self, count: usize) {
        self.filled += count;
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_and_no_more_than_the_bound_are_kept() {
        let pool = Pool::default();
        let loans: Vec<_> = (0..IDLE + 4).map(|_| pool.take()).collect();
        drop(loans);
        assert_eq!(pool.0.lock().unwrap().len(), IDLE);
        let _loan = pool.take();
        assert_eq!(pool.0.lock().unwrap().len(), IDLE - 1);
    }
}
