//! From a listening socket to requests: accepts connections, speaks TLS where asked to, HTTP/1.1 or HTTP/2, with a limit on
//! everything a client could take its time with, and ends in good order.
//!
//! Knows nothing of registries: every request goes to a [`Router`].

mod activity;
mod pace;
mod stream;

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt;

use self::{activity::Activity, pace::PacedBody, stream::PacedStream};
use crate::{
    http::{
        Scheme,
        access_log::{AccessLog, Recorded},
    },
    reload::Reloading,
    shutdown::Shutdown,
    tls::Material,
};

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

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;

/// What a client may send before it is told that more is welcome: enough for a gigabit at 30 ms.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Bytes of a request's header.
const HEADER_BYTES: usize = 64 << 10;

/// What accepting waits for at least after an error like "too many open files", and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A socket and what is behind it.
pub(crate) struct Endpoint {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Arc<Reloading<Material>>>,
    pub(crate) http2: bool,
    pub(crate) router: Router,
    /// What becomes of each request, for logs and metrics; `None`: nobody wants to know.
    pub(crate) log: Option<AccessLog>,
    pub(crate) connections: prometheus_client::metrics::gauge::Gauge,
    pub(crate) limits: Limits,
}

/// Accepts connections until `shutdown` asks for the end, then lets requests in flight finish for `drain` at most.
pub(crate) async fn serve(endpoint: Endpoint, shutdown: Shutdown, drain: Duration) {
    let Endpoint { listener, tls, http2, router, log, connections, limits } = endpoint;
    let places = Arc::new(Semaphore::new(limits.connections));
    let server = Arc::new(Server { tls, http2, router, log, limits, shutdown: shutdown.clone() });
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
struct Counted(prometheus_client::metrics::gauge::Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
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

/// What all connections of an endpoint share.
struct Server {
    tls: Option<Arc<Reloading<Material>>>,
    http2: bool,
    router: Router,
    log: Option<AccessLog>,
    limits: Limits,
    shutdown: Shutdown,
}

impl Server {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Responses are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "failed to set TCP_NODELAY");
        }
        let Some(tls) = &self.tls else {
            return self.http(stream, peer, "http", false).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.current().config));
        match tokio::time::timeout(self.limits.handshake, handshake(acceptor, stream)).await {
            Ok(Ok(Some(stream))) => {
                let http2 = self.http2 && stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.http(stream, peer, "https", http2).await;
            }
            Ok(Ok(None)) => tracing::debug!(%peer, "plain HTTP was sent to the TLS port"),
            Ok(Err(error)) if is_refused_by_client(&error) => {
                tracing::info!(%peer, %error, "the client did not accept the certificate, it may not know its issuer");
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        }
    }

    async fn http<S>(self: Arc<Self>, stream: S, peer: SocketAddr, scheme: &'static str, http2: bool)
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
            tracing::debug!(%peer, error = &*error, "connection ended early");
        }
    }

    /// Drives a connection to its end, which comes early when its client is too slow with a header or idle for too long,
    /// and in good order when the server ends.
    async fn supervise<C, E>(
        &self,
        connection: C,
        activity: &Activity,
        graceful_shutdown: impl Fn(std::pin::Pin<&mut C>),
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

/// What a client gets to read that speaks plain HTTP to a TLS port.
const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This port speaks HTTPS, the request was plain HTTP: use https:// in the address.\n";

/// The TLS handshake; `None` when the client spoke plain HTTP and was told so.
async fn handshake(acceptor: TlsAcceptor, mut stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    // A method begins with a capital letter, a TLS record does not.
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        // Closing on what was not read would take the answer back.
        let _ = stream.read(&mut [0; 8192]).await?;
        stream.write_all(PLAIN_HTTP_ANSWER).await?;
        stream.shutdown().await?;
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

/// Whether the client ended the handshake by an alert of its own.
fn is_refused_by_client(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(error, Some(rustls::Error::AlertReceived(_)))
}

fn http1_builder() -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    // The time for a header is watched by `Activity`, which knows waiting for a request from waiting for its rest.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(HEADER_BYTES);
    builder
}

fn http2_builder() -> hyper::server::conn::http2::Builder<TokioExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
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
    peer: SocketAddr,
    scheme: &'static str,
}

impl Requests {
    async fn answer(
        self,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<activity::Held<Recorded>>, std::convert::Infallible> {
        let in_flight = self.activity.request();
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(ConnectInfo(self.peer));
        parts.extensions.insert(Scheme(self.scheme));
        let body =
            if body.is_end_stream() { Body::empty() } else { Body::new(PacedBody::new(body, self.server.limits.body)) };
        let request = http::Request::from_parts(parts, body);
        let log = self.server.log.as_ref().map(|log| log.request(&request, self.peer));
        let response = match self.server.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = Recorded::response(response, log);
        Ok(response.map(|body| activity::Held::new(body, in_flight)))
    }
}
