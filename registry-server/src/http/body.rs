//! A response body that is read while it is sent, and whose length is known before.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::Stream;
use http_body::{Body, Frame, SizeHint};

use crate::{oci::Digest, storage::Chunks};

/// The bytes of a blob.
#[derive(Debug)]
pub(super) struct BlobBody {
    chunks: Chunks,
    digest: Digest,
}

impl BlobBody {
    /// A body of `chunks`, which are bytes of the blob `digest`.
    pub(super) fn new(chunks: Chunks, digest: Digest) -> Self {
        Self { chunks, digest }
    }
}

impl Body for BlobBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        // The response has begun: all the client sees of a failure is that the connection ends early.
        Pin::new(&mut self.chunks).poll_next(context).map_ok(Frame::data).map_err(|error| {
            tracing::error!(digest = %self.digest, %error, "failed to read a blob while it was sent");
            error
        })
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.chunks.remaining())
    }
}
