//! A connection's stream that notices when a request begins and fails when its client does not take what is sent.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{activity::Activity, pace::Pace};

/// How much more time than for sending a client has for taking: the kernel's buffer, which may hold megabytes, has to drain
/// by a third before it takes more.
pub(super) const PATIENCE: u32 = 5;

/// What a client begins with that speaks TLS (RFC 8446, section 5.1), and none of HTTP.
const TLS_HANDSHAKE: u8 = 22;

/// See the module.
pub(super) struct PacedStream<S> {
    stream: S,
    activity: Arc<Activity>,
    writing: Pace,
    /// Whether bytes between requests begin a header. In HTTP/2 they may be about the connection.
    reports_reads: bool,
    has_read: bool,
}

impl<S> PacedStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, window: Duration, reports_reads: bool) -> Self {
        Self { stream, activity, writing: Pace::new(window * PATIENCE), reports_reads, has_read: false }
    }

    fn watch(&mut self, context: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(bytes)) => {
                self.writing.progress(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.writing.poll_wait(context).map(|()| Err(self.writing.error())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = &buffer.filled()[before..];
        if let (true, Some(first)) = (self.reports_reads, read.first()) {
            if !std::mem::replace(&mut self.has_read, true) && *first == TLS_HANDSHAKE {
                self.activity.began_with_tls();
            }
            self.activity.read();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context).map_ok(|()| 0);
        self.watch(context, result).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context).map_ok(|()| 0);
        self.watch(context, result).map_ok(|_| ())
    }
}
