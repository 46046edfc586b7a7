//! An opened object and the stream of its bytes.

use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::filesystem::FileChunks;

/// An object that was found: its size, and its bytes on demand.
#[derive(Debug)]
pub struct Object {
    size: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    File(FileChunks),
}

impl Object {
    pub(super) fn file(size: u64, chunks: FileChunks) -> Self {
        Self { size, source: Source::File(chunks) }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The whole content. The caller has looked at [`size`](Self::size).
    ///
    /// # Errors
    /// The medium's, and `UnexpectedEof` when the object was cut short.
    pub async fn into_bytes(self) -> io::Result<Bytes> {
        if let Source::Memory(bytes) = self.source {
            return Ok(bytes);
        }
        let mut whole = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        let size = self.size;
        let mut chunks = self.into_chunks(0..size);
        while let Some(chunk) = chunks.next().await {
            whole.extend_from_slice(&chunk?);
        }
        Ok(whole.into())
    }

    /// The bytes of `range`, which must lie within the object.
    pub fn into_chunks(self, range: Range<u64>) -> Chunks {
        match self.source {
            Source::Memory(bytes) => {
                let within = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                Chunks::Memory(bytes.slice(within(range.start)..within(range.end)))
            }
            Source::File(chunks) => Chunks::File(chunks.limited_to(range)),
        }
    }
}

impl From<Bytes> for Object {
    fn from(bytes: Bytes) -> Self {
        Self { size: bytes.len() as u64, source: Source::Memory(bytes) }
    }
}

/// Bytes of an object, in pieces of a size that suits its source.
#[derive(Debug)]
pub enum Chunks {
    /// Held in memory, one piece.
    Memory(Bytes),
    /// Read from a file while it is sent.
    File(FileChunks),
}

impl Chunks {
    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(chunks) => chunks.remaining(),
        }
    }
}

impl Stream for Chunks {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Self::Memory(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Memory(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Self::File(chunks) => chunks.poll_chunk(context),
        }
    }
}
