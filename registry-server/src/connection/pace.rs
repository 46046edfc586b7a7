//! Bounds on how slowly bytes may come or go: within each window of waiting for the client, some have to.
//!
//! There is no bound on the whole: a large layer over a slow line takes its time.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{BoxError, body::Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

/// Bytes that have to move in a window: far below any line, far above one byte now and then.
pub(super) const MIN_BYTES: u64 = 4096;

/// Watches one direction of one stream.
#[derive(Debug)]
pub(super) struct Pace {
    window: Duration,
    /// Time waited in this window before the current wait.
    waited: Duration,
    bytes: u64,
    /// When the current wait began, and its alarm.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pace {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, waited: Duration::ZERO, bytes: 0, wait: None }
    }

    /// Bytes moved; a wait is over.
    pub(super) fn progress(&mut self, bytes: usize) {
        if let Some((since, _)) = self.wait.take() {
            self.waited += since.elapsed();
        }
        self.bytes += bytes as u64;
        if self.bytes >= MIN_BYTES {
            self.bytes = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// The client has to do something. Ready when it had its time.
    pub(super) fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let left = self.window.saturating_sub(self.waited);
        let (_, alarm) = self.wait.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(tokio::time::sleep_until(now + left)))
        });
        alarm.as_mut().poll(context)
    }

    /// What to fail with.
    pub(super) fn error(&self) -> io::Error {
        let text = format!("the client moved less than {MIN_BYTES} bytes in {} s", self.window.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

/// A request's body that fails when it comes too slowly.
pub(super) struct PacedBody {
    body: Incoming,
    pace: Pace,
}

impl PacedBody {
    pub(super) fn new(body: Incoming, window: Duration) -> Self {
        Self { body, pace: Pace::new(window) }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.progress(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.pace.poll_wait(context).map(|()| Some(Err(self.pace.error().into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker_ref;

    use super::*;

    fn is_over(pace: &mut Pace) -> bool {
        pace.poll_wait(&mut Context::from_waker(noop_waker_ref())).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_does_not_help() {
        let mut pace = Pace::new(Duration::from_secs(60));
        for _ in 0..6 {
            assert!(!is_over(&mut pace));
            tokio::time::advance(Duration::from_secs(10)).await;
            pace.progress(1);
        }
        assert!(is_over(&mut pace));
    }

    #[tokio::test(start_paused = true)]
    async fn enough_bytes_open_a_new_window() {
        let mut pace = Pace::new(Duration::from_secs(60));
        for _ in 0..100 {
            assert!(!is_over(&mut pace));
            tokio::time::advance(Duration::from_secs(59)).await;
            pace.progress(4096);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_for_the_client_does_not_count() {
        let mut pace = Pace::new(Duration::from_secs(60));
        pace.progress(1);
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!(!is_over(&mut pace));
    }
}
