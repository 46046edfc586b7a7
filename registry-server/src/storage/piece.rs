//! Bytes on their way into a staged write.

use bytes::{Bytes, BytesMut};

/// A frame of at least this size is kept as it came; a smaller one is copied together with its neighbours, so that a
/// client which sends single bytes costs their number and not a multiple of it.
const KEPT: usize = 16 << 10;

/// When a piece is worth a write: large enough that handing it to another thread does not show, small enough that an
/// upload holds little memory (two pieces: one being filled, one being written).
const FULL: usize = 512 << 10;

/// Consecutive frames of a body, gathered.
#[derive(Debug, Default)]
pub struct Piece {
    frames: Vec<Bytes>,
    small: BytesMut,
    length: usize,
}

impl Piece {
    /// Adds a frame at the end.
    pub fn push(&mut self, frame: Bytes) {
        self.length += frame.len();
        if frame.len() < KEPT {
            if self.small.capacity() == self.small.len() {
                self.small.reserve(KEPT);
            }
            self.small.extend_from_slice(&frame);
            return;
        }
        self.flush();
        self.frames.push(frame);
    }

    /// Bytes gathered.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether it is worth writing.
    pub fn is_full(&self) -> bool {
        self.length >= FULL
    }

    /// The frames in order.
    pub fn into_frames(mut self) -> Vec<Bytes> {
        self.flush();
        self.frames
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.frames.push(self.small.split().freeze());
        }
    }
}

impl From<Bytes> for Piece {
    fn from(frame: Bytes) -> Self {
        let mut piece = Self::default();
        piece.push(frame);
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_are_joined_and_order_is_kept() {
        let mut piece = Piece::default();
        let large = Bytes::from(vec![b'x'; KEPT]);
        for frame in [Bytes::from_static(b"ab"), Bytes::from_static(b"c"), large.clone(), Bytes::from_static(b"d")] {
            piece.push(frame);
        }
        assert_eq!(piece.len(), KEPT + 4);
        assert_eq!(piece.into_frames(), [Bytes::from_static(b"abc"), large, Bytes::from_static(b"d")]);
    }

    #[test]
    fn single_bytes_do_not_pile_up_as_frames() {
        let mut piece = Piece::default();
        while !piece.is_full() {
            piece.push(Bytes::from_static(b"."));
        }
        assert_eq!(piece.into_frames().len(), 1);
    }
}
