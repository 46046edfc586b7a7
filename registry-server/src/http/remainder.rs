//! The part of a request's body that its answer did not wait for.
//!
//! A connection that is closed while the client still sends is reset, and the reset can overtake the answer: instead of
//! "the manifest is too large" the client reports a broken connection. So a moderate rest is received before answering.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Larger than a manifest that is too large by mistake, smaller than what would be worth sending for nothing.
const BYTES: usize = 16 << 20;

/// A client that is slower than this has to live with the reset.
const PATIENCE: Duration = Duration::from_secs(2);

/// Receives and forgets what is left of `body`, within bounds.
///
/// Not for a client that asks before it sends (`Expect: 100-continue`): receiving would tell it to go on.
pub(super) async fn discard(body: &mut Body) {
    if body.is_end_stream() {
        return;
    }
    let rest = async {
        let mut received = 0;
        while received < BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            received += frame.data_ref().map_or(0, |data| data.len());
        }
    };
    // Too slow is as good as too much.
    let _ = timeout(PATIENCE, rest).await;
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use bytes::Bytes;
    use futures::{StreamExt, stream};

    use super::*;

    /// A body of so many MiB, and how many of them were taken.
    fn body(size: usize) -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let frames = stream::iter(0..size).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, io::Error>(Bytes::from_static(&[0; 1 << 20]))
        });
        (Body::from_stream(frames), taken)
    }

    #[tokio::test]
    async fn a_moderate_rest_is_received_and_a_large_one_is_not() {
        for (size, expected) in [(0, 0), (5, 5), (1000, 16)] {
            let (mut body, taken) = body(size);
            discard(&mut body).await;
            assert_eq!(taken.load(Ordering::Relaxed), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stalls_is_not_waited_for() {
        let mut body = Body::from_stream(stream::pending::<Result<Bytes, io::Error>>());
        discard(&mut body).await;
    }
}
