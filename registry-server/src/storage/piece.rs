//! Bytes on their way into a staged write.

use bytes::{Buf, Bytes};

use super::buffer::{BUFFER, Buffer};

/// Consecutive bytes of a body, gathered until they are worth a write.
///
/// Frames are copied, whatever their size: a client that sends single bytes costs no more than one that does not, and the
/// connection gets its own buffer back at once.
#[derive(Debug, Default)]
pub struct Piece(Option<Buffer>);

impl Piece {
    /// Takes from the front of `frame` what there is room for.
    pub fn fill(&mut self, frame: &mut Bytes) {
        if frame.is_empty() {
            return;
        }
        let buffer = self.0.get_or_insert_with(Buffer::take);
        let count = frame.len().min(BUFFER - buffer.filled());
        buffer.free(BUFFER)[..count].copy_from_slice(&frame[..count]);
        buffer.advance(count);
        frame.advance(count);
    }

    /// The bytes gathered.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |buffer| buffer.as_ref())
    }

    /// Whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Whether there is no more room.
    pub fn is_full(&self) -> bool {
        self.as_bytes().len() == BUFFER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_joined_in_order_and_what_does_not_fit_is_left() {
        let mut piece = Piece::default();
        assert!(piece.is_empty());
        for mut frame in [Bytes::from_static(b"an"), Bytes::new(), Bytes::from_static(b"chor")] {
            piece.fill(&mut frame);
            assert!(frame.is_empty());
        }
        assert_eq!(piece.as_bytes(), b"anchor");

        let mut large = Bytes::from(vec![b'x'; BUFFER]);
        piece.fill(&mut large);
        assert!(piece.is_full());
        assert_eq!(large.len(), 6);
        piece.fill(&mut large);
        assert_eq!(large.len(), 6);
    }
}
