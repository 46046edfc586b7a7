//! The two ways a server ends: in good order, and at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Asks a running server to end. Clones ask for the same.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled: take no more requests, finish those in flight.
    pub graceful: CancellationToken,
    /// Cancelled: end now.
    pub immediate: CancellationToken,
}

impl Shutdown {
    /// Waits for SIGTERM or SIGINT and asks for the graceful end; at a second one for the immediate end. Never returns.
    ///
    /// # Errors
    /// When the signals cannot be caught.
    pub async fn on_signals(&self) -> std::io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        for (token, meaning) in [
            (&self.graceful, "finishing requests in flight, a second signal ends at once"),
            (&self.immediate, "ending at once"),
        ] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!("{name} received: {meaning}");
            token.cancel();
        }
        std::future::pending().await
    }
}
