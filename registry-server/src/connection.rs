//! From a listening socket to requests: accepts connections, speaks TLS where asked to, HTTP/1.1 or HTTP/2, with a limit on
//! everything a client could take its time with, and ends in good order.
//!
//! Knows nothing of registries: every request goes to a [`Router`]. This file accepts and ends; `server` speaks HTTP.

mod activity;
mod handshake;
mod host;
mod listener;
mod pace;
mod protocol;
mod seldom;
mod server;
mod stream;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

pub use self::listener::Address;
pub(crate) use self::listener::{Listener, Peer};
use self::{listener::Connected, seldom::Seldom, server::Server};
use crate::{http::access_log::AccessLog, reload::Reloading, shutdown::Shutdown, tls::Material};

/// How long a client may take for what, and how much it may have.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the end of the TCP handshake to the end of the TLS handshake.
    pub handshake: Duration,
    /// From a connection's beginning, or the first byte of a later request, to the end of the request's header.
    pub header: Duration,
    /// Between two requests on one connection. Longer than Go clients keep theirs, so that they close first and never
    /// write to a connection that is just being closed.
    pub idle: Duration,
    /// Within which a request body has to get on by [`pace::MIN_BYTES`], and a response too, though with more patience.
    pub body: Duration,
    /// Connections at a time; more wait in the socket's backlog.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(20),
            idle: Duration::from_secs(120),
            body: Duration::from_secs(60),
            connections: 8192,
        }
    }
}

/// What a client has left that has asked for nothing when the server ends: for a request that is on its way, or for the end of HTTP/2.
const FAREWELL: Duration = Duration::from_secs(1);

/// What accepting waits for at least after an error like "too many open files", and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A socket and what is behind it.
pub(crate) struct Endpoint {
    pub(crate) listener: Listener,
    pub(crate) tls: Option<Arc<Reloading<Material>>>,
    /// Whether HTTP/2 is spoken: over TLS when both sides want it, without TLS when the client begins with it.
    pub(crate) http2: bool,
    pub(crate) router: Router,
    /// What becomes of each request, for logs and metrics; `None`: nobody wants to know.
    pub(crate) log: Option<AccessLog>,
    pub(crate) connections: Gauge,
    pub(crate) limits: Limits,
}

/// Accepts connections until `shutdown` asks for the end, then lets requests in flight finish for `drain` at most.
pub(crate) async fn serve(endpoint: Endpoint, shutdown: Shutdown, drain: Duration) {
    let Endpoint { listener, tls, http2, router, log, connections, limits } = endpoint;
    let places = Arc::new(Semaphore::new(limits.connections));
    let server =
        Arc::new(Server { tls, http2, router, log, limits, shutdown: shutdown.clone(), mistaken: Seldom::default() });
    let mut open = JoinSet::new();
    let mut pause = PAUSE.0;
    loop {
        tokio::select! {
            () = shutdown.graceful.cancelled() => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    pause = PAUSE.0;
                    connections.inc();
                    let (server, connections) = (Arc::clone(&server), connections.clone());
                    open.spawn(async move {
                        let _counted = Counted(connections);
                        server.connection(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "failed to accept a connection, trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
    // Nobody is to wait in the backlog for a server that takes no more requests.
    drop(listener);
    finish(open, &shutdown, drain).await;
}

/// One connection less when dropped, however its task ends.
struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn accept(listener: &Listener, places: &Arc<Semaphore>) -> io::Result<(Connected, Peer, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Errors of one connection that never came to be. All others are this machine's, and go away only with time.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn finish(mut open: JoinSet<()>, shutdown: &Shutdown, drain: Duration) {
    let all = async { while open.join_next().await.is_some() {} };
    tokio::select! {
        () = all => return,
        () = tokio::time::sleep(drain) => {}
        () = shutdown.immediate.cancelled() => {}
    }
    if !open.is_empty() {
        tracing::warn!("{} connections were still busy after {} s and are cut off", open.len(), drain.as_secs());
    }
    open.shutdown().await;
}
