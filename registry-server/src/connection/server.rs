//! One connection: TLS, HTTP, and a supervisor that ends it when its client takes too long or the server ends.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, Response};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt;

use super::{
    Connected, FAREWELL, Limits, Peer,
    activity::{Activity, Held},
    handshake, host,
    pace::PacedBody,
    protocol,
    seldom::Seldom,
    stream::PacedStream,
};
use crate::{
    http::{
        Scheme,
        access_log::{AccessLog, Recorded},
    },
    reload::Reloading,
    shutdown::Shutdown,
    tls::Material,
};

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;

/// What a client may send before it is told that more is welcome: enough for a gigabit at 30 ms.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Bytes of a request's header.
const HEADER_BYTES: usize = 64 << 10;

/// To be said of clients that take one port for the other.
const SPOKE_TLS: &str = "a client speaks TLS to a port of plain HTTP: give the registry a certificate (http.tls.certificate and \
    http.tls.key), or let the client use http:// (Docker: insecure-registries)";
const SPOKE_HTTP: &str = "a client speaks plain HTTP to a port of TLS: let it use https://, or, if it is Docker and the registry \
    is one of its insecure-registries, let it trust the certificate";

/// What comes before a connection's first request.
type Beginning<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What all connections of an endpoint share.
pub(super) struct Server {
    pub(super) tls: Option<Arc<Reloading<Material>>>,
    pub(super) http2: bool,
    pub(super) router: Router,
    pub(super) log: Option<AccessLog>,
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
    /// When the log was last told of clients that speak another protocol than the port.
    pub(super) mistaken: Seldom,
}

impl Server {
    /// Serves one connection to its end.
    pub(super) async fn connection(self: Arc<Self>, connected: Connected, peer: Peer) {
        match connected {
            Connected::Unix(stream) => self.encrypted_or_not(stream, peer).await,
            Connected::Tcp(stream) => self.tcp(stream, peer).await,
        }
    }

    async fn tcp(self: Arc<Self>, mut stream: TcpStream, peer: Peer) {
        // Responses are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "failed to set TCP_NODELAY");
        }
        if self.tls.is_some() {
            match self.begin(self.limits.handshake, Box::pin(handshake::is_plain_http(&mut stream))).await {
                Some(Ok(false)) => {}
                Some(Ok(true)) => return self.mistook(peer, SPOKE_HTTP),
                Some(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
                None => return tracing::debug!(%peer, "TLS handshake was not done in time"),
            }
        }
        self.encrypted_or_not(stream, peer).await;
    }

    async fn encrypted_or_not<S>(self: Arc<Self>, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = &self.tls else {
            self.plain(stream, peer).await;
            return;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.current().config));
        let handshake = self.begin(self.limits.handshake, Box::pin(acceptor.accept(stream))).await;
        let Some(stream) = shaken(handshake, peer) else { return };
        let http2 = self.http2 && stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.http(stream, peer, "https", http2).await;
    }

    /// Without TLS nothing says beforehand which HTTP is spoken; the first bytes do.
    async fn plain<S>(self: Arc<Self>, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if !self.http2 {
            return self.http(stream, peer, "http", false).await;
        }
        match self.begin(self.limits.header, Box::pin(protocol::detect(stream))).await {
            Some(Ok((stream, http2))) => self.http(stream, peer, "http", http2).await,
            Some(Err(error)) => tracing::debug!(%peer, %error, "connection ended before its first request"),
            None => tracing::debug!(%peer, "the client sent no request in time"),
        }
    }

    /// What a client does before its first request: for `limit` at most, and while the server ends for a moment. `None`: it took
    /// longer than that. On the heap, because the connection's memory is for what comes after.
    async fn begin<T>(&self, limit: Duration, beginning: Beginning<'_, T>) -> Option<T> {
        let ending = async {
            self.shutdown.graceful.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            done = tokio::time::timeout(limit, beginning) => done.ok(),
            () = ending => None,
        }
    }

    async fn http<S>(self: Arc<Self>, stream: S, peer: Peer, scheme: &'static str, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::new(&self.limits, Instant::now()));
        let io = TokioIo::new(PacedStream::new(stream, Arc::clone(&activity), self.limits.body, !http2));
        let requests = Requests { server: Arc::clone(&self), activity: Arc::clone(&activity), peer, scheme };
        let service = hyper::service::service_fn(move |request| requests.clone().answer(request));
        let result = if http2 {
            let connection = http2_builder().serve_connection(io, service);
            self.supervise(connection, &activity, |connection| connection.graceful_shutdown()).await
        } else {
            let connection = http1_builder().serve_connection(io, service);
            self.supervise(connection, &activity, |connection| connection.graceful_shutdown()).await
        };
        if let Err(error) = result {
            if scheme == "http" && activity.speaks_tls() {
                self.mistook(peer, SPOKE_TLS);
            }
            tracing::debug!(%peer, error = &*error, "connection ended early");
        }
    }

    /// Says what a client has mistaken the port for, unless somebody was told a moment ago.
    fn mistook(&self, peer: Peer, what: &'static str) {
        if self.mistaken.is_time(Instant::now()) {
            tracing::warn!(%peer, "{what}");
        } else {
            tracing::debug!(%peer, "{what}");
        }
    }

    /// Drives a connection to its end, which comes early when its client is too slow with a header or idle for too long,
    /// and in good order when the server ends.
    async fn supervise<C, E>(
        &self,
        connection: C,
        activity: &Activity,
        graceful_shutdown: impl Fn(Pin<&mut C>),
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        C: Future<Output = Result<(), E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut connection = pin!(connection);
        let mut ending = pin!(self.shutdown.graceful.cancelled());
        let mut alarm = pin!(tokio::time::sleep(self.limits.header));
        let mut is_ending = false;
        std::future::poll_fn(|context| {
            if !is_ending && ending.as_mut().poll(context).is_ready() {
                is_ending = true;
                activity.ending(Instant::now());
                graceful_shutdown(connection.as_mut());
            }
            if let Poll::Ready(result) = connection.as_mut().poll(context) {
                return Poll::Ready(result.map_err(Into::into));
            }
            // Set anew after each poll: what the connection just did moves its deadline.
            let Some(deadline) = activity.deadline() else { return Poll::Pending };
            if alarm.deadline() != deadline.into() {
                alarm.as_mut().reset(deadline.into());
            }
            alarm.as_mut().poll(context).map(|()| Err("the client took too long for its next request".into()))
        })
        .await
    }
}

/// The stream behind a handshake that succeeded; what went wrong is for the log.
fn shaken<S>(handshake: Option<io::Result<TlsStream<S>>>, peer: Peer) -> Option<TlsStream<S>> {
    match handshake {
        Some(Ok(stream)) => return Some(stream),
        Some(Err(error)) if handshake::is_refused_by_client(&error) => {
            tracing::info!(%peer, %error, "the client did not accept the certificate, it may not know its issuer");
        }
        Some(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        None => tracing::debug!(%peer, "TLS handshake was not done in time"),
    }
    None
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The time for a header is watched by `Activity`, which knows waiting for a request from waiting for its rest.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(HEADER_BYTES);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(512 << 10)
        .max_header_list_size(HEADER_BYTES as u32)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Answers the requests of one connection.
#[derive(Clone)]
struct Requests {
    server: Arc<Server>,
    activity: Arc<Activity>,
    peer: Peer,
    scheme: &'static str,
}

impl Requests {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Held<Recorded>>, Infallible> {
        let in_flight = self.activity.request();
        let (mut parts, body) = request.into_parts();
        if let Peer::Tcp(address) = self.peer {
            parts.extensions.insert(ConnectInfo(address));
        }
        parts.extensions.insert(Scheme(self.scheme));
        let body =
            if body.is_end_stream() { Body::empty() } else { Body::new(PacedBody::new(body, self.server.limits.body)) };
        let mut request = Request::from_parts(parts, body);
        let log = self.server.log.as_ref().map(|log| log.request(&mut request, self.peer));
        let response = match host::refuse(&request) {
            Some(refusal) => refusal,
            None => match self.server.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        let response = Recorded::response(response, log);
        Ok(response.map(|body| Held::new(body, in_flight)))
    }
}
