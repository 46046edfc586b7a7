//! A file's bytes as a stream: from the page cache at once, from the disk on a thread of the blocking pool.
//!
//! Reading what the page cache has costs a copy and no change of thread, which is most of what a small or popular blob
//! costs; `RWF_NOWAIT` guarantees that the reactor never waits for a disk.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use rustix::{
    fs::{Advice, fadvise},
    io::{ReadWriteFlags, preadv2},
};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::storage::buffer::{BUFFER, Buffer};

/// The first read: what a small blob has in all, so that it leaves together with the response's head.
const FIRST: usize = 64 << 10;

/// The bytes of an open file between two positions.
#[derive(Debug)]
pub struct FileChunks {
    file: Arc<File>,
    position: u64,
    end: u64,
    next: usize,
    /// The first piece, when it was read together with opening the file.
    ready: Option<Buffer>,
    reading: Option<JoinHandle<io::Result<Buffer>>>,
}

impl FileChunks {
    pub(super) fn new(file: File, size: u64) -> Self {
        Self { file: Arc::new(file), position: 0, end: size, next: FIRST, ready: None, reading: None }
    }

    /// Reads the first piece now, on a thread that may wait for the disk. A failure shows when the piece is wanted.
    pub(super) fn read_ahead(mut self) -> Self {
        let want = self.want();
        self.ready = read_from_disk(&self.file, Buffer::take(), want, 0).ok();
        self
    }

    /// The same file, between the positions of `range`.
    #[must_use]
    pub fn limited_to(mut self, range: Range<u64>) -> Self {
        self.end = range.end.min(self.end);
        self.position = range.start.min(self.end);
        let starts_here = self.ready.take().filter(|_| range.start == 0);
        self.ready = starts_here.map(|buffer| buffer.truncated(usize::try_from(self.end).unwrap_or(usize::MAX)));
        self
    }

    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// The next piece.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(context));
            self.reading = None;
            return Poll::Ready(Some(
                read.unwrap_or_else(|gone| Err(io::Error::other(gone))).map(|buffer| self.emit(buffer)),
            ));
        }
        if self.position == self.end {
            return Poll::Ready(None);
        }
        let want = self.want();
        self.next = BUFFER;
        if let Some(buffer) = self.ready.take() {
            return Poll::Ready(Some(Ok(self.emit(buffer))));
        }
        let mut buffer = Buffer::take();
        read_cached(&self.file, &mut buffer, want, self.position);
        if buffer.filled() == want {
            return Poll::Ready(Some(Ok(self.emit(buffer))));
        }
        let (file, position) = (Arc::clone(&self.file), self.position);
        self.reading = Some(spawn_blocking(move || read_from_disk(&file, buffer, want, position)));
        self.poll_chunk(context)
    }

    /// Size of the next piece.
    fn want(&self) -> usize {
        usize::try_from(self.remaining()).unwrap_or(usize::MAX).min(self.next)
    }

    fn emit(&mut self, buffer: Buffer) -> Bytes {
        self.position += buffer.filled() as u64;
        Bytes::from_owner(buffer)
    }
}

/// Fills `buffer` up to `want` bytes as far as that needs no disk. Any refusal, also of a file system that cannot say
/// whether it would wait, leaves the rest to [`read_from_disk`], which meets the reason again and reports it.
fn read_cached(file: &File, buffer: &mut Buffer, want: usize, position: u64) {
    while buffer.filled() < want {
        let offset = position + buffer.filled() as u64;
        let mut free = [IoSliceMut::new(buffer.free(want))];
        match preadv2(file, &mut free, offset, ReadWriteFlags::NOWAIT) {
            Ok(count) if count > 0 => buffer.advance(count),
            _ => return,
        }
    }
}

fn read_from_disk(file: &File, mut buffer: Buffer, want: usize, position: u64) -> io::Result<Buffer> {
    if buffer.filled() == 0 {
        // Only a hint: it doubles the kernel's read-ahead for a file that was not in memory.
        let _ = fadvise(file, position, None, Advice::Sequential);
    }
    let offset = position + buffer.filled() as u64;
    let free = buffer.free(want);
    let missing = free.len();
    file.read_exact_at(free, offset)?;
    buffer.advance(missing);
    Ok(buffer)
}
