//! A proxy between the operator and the API server, which does to requests what networks and API servers do to them.
//!
//! It ends TLS on both sides, so that it knows one request from another: towards the operator it has a certificate of the API
//! server's authority, towards the API server it is the operator. One connection on one side is one on the other.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::fault::{Asked, Fault};
use super::programs::API_PORT;
use super::{ControlPlane, Identity, own_address};
use crate::https;
use crate::pki::Leaf;
use crate::wait::LIMIT;

type Body = BoxBody<Bytes, anyhow::Error>;
type Rule = Box<dyn Fn(&Asked) -> Option<Fault> + Send + Sync>;

/// A running proxy; with it go its connections.
#[derive(Debug)]
pub struct Proxy {
    address: Ipv4Addr,
    road: Arc<Road>,
    task: JoinHandle<()>,
}

/// What lies between the two sides.
struct Road {
    api_server: Ipv4Addr,
    authorities: String,
    client: Leaf,
    rule: Mutex<Option<Rule>>,
    closed: watch::Sender<bool>,
}

impl std::fmt::Debug for Road {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Road").field("closed", &*self.closed.borrow()).finish_non_exhaustive()
    }
}

impl Proxy {
    pub(super) async fn start(plane: &ControlPlane) -> Result<Self> {
        let address = own_address();
        let (chain, key) = plane.authorities.serving(address)?.for_tls()?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let road = Arc::new(Road {
            api_server: plane.address,
            authorities: plane.authorities.of_servers(),
            client: plane.authorities.client(&Identity::Operator)?,
            rule: Mutex::default(),
            closed: watch::Sender::new(false),
        });
        let listener = TcpListener::bind((address, API_PORT)).await?;
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&road)));
        Ok(Self { address, road, task })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("https://{}:{API_PORT}", self.address)
    }

    /// From now on `rule` says what becomes of requests.
    pub fn inject(&self, rule: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) {
        *self.road.rule.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(rule));
    }

    /// Nothing passes any more in either direction, and nobody is told.
    pub fn partition(&self) {
        self.road.closed.send_replace(true);
    }

    /// Waits until nothing passes any more, as a rule has asked for.
    pub async fn until_partitioned(&self) -> Result<()> {
        let mut closed = self.road.closed.subscribe();
        let partitioned = timeout(LIMIT, closed.wait_for(|closed| *closed)).await;
        partitioned
            .context("the request at which the network was to end was not sent")?
            .context("the proxy is gone")?;
        Ok(())
    }

    /// Everything passes again, what was held back included.
    pub fn heal(&self) {
        *self.road.rule.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.road.closed.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, road: Arc<Road>) {
    let mut connections = JoinSet::new(); // aborted with this task
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (acceptor, road) = (acceptor.clone(), Arc::clone(&road));
        connections.spawn(async move {
            // What ends a connection is the other side's to see, as an end of the connection.
            let _ = connection(stream, acceptor, road).await;
        });
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, road: Arc<Road>) -> Result<()> {
    let stream = acceptor.accept(stream).await?;
    let api_server = road.connect().await?;
    let service = service_fn(move |request| road.clone().forward(request, api_server.clone()));
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

/// A connection to the API server, used by one request at a time.
type ApiServer = Arc<tokio::sync::Mutex<SendRequest<Incoming>>>;

impl Road {
    async fn connect(&self) -> Result<ApiServer> {
        let host = self.api_server.to_string();
        let stream = TcpStream::connect((self.api_server, API_PORT)).await?;
        let stream = https::connect_as(stream, &host, &self.authorities, &self.client).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection); // ends with the sender
        Ok(Arc::new(tokio::sync::Mutex::new(sender)))
    }

    /// Waits while nothing passes.
    async fn open(&self) {
        // The sender is this value's own.
        let _ = self.closed.subscribe().wait_for(|closed| !closed).await;
    }

    fn fault(&self, asked: &Asked) -> Option<Fault> {
        self.rule.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?(asked)
    }

    async fn forward(self: Arc<Self>, request: Request<Incoming>, api_server: ApiServer) -> Result<Response<Body>> {
        self.open().await;
        let (mut limit, mut lost) = (None, false);
        match self.fault(&Asked::of(&request)) {
            None => {}
            Some(Fault::PartitionBefore) => {
                self.closed.send_replace(true);
                self.open().await;
            }
            Some(Fault::PartitionAfter) => lost = true,
            Some(Fault::Answer(status, headers)) => return Ok(refusal(status, headers)),
            Some(Fault::Event(line)) => return Ok(answer(StatusCode::OK, line)),
            Some(Fault::Delay(time)) => sleep(time).await,
            Some(Fault::Cut(after)) => limit = Some(after),
        }
        let mut sender = api_server.lock().await;
        if sender.ready().await.is_err() {
            bail!("the API server has ended the connection");
        }
        let (mut parts, body) = sender.send_request(request).await?.into_parts();
        drop(sender);
        if lost {
            self.closed.send_replace(true);
            self.open().await;
        }
        let chunks = body.into_data_stream().map_err(anyhow::Error::from);
        let passed = chunks.then(move |chunk| {
            let road = Arc::clone(&self);
            async move {
                road.open().await;
                chunk.map(Frame::data)
            }
        });
        let body = match limit {
            None => BodyExt::boxed(StreamBody::new(passed)),
            Some(after) => {
                parts.headers.remove(CONTENT_LENGTH);
                BodyExt::boxed(StreamBody::new(passed.take_until(Box::pin(sleep(after)))))
            }
        };
        Ok(Response::from_parts(parts, body))
    }
}

/// As the API server refuses.
fn refusal(status: StatusCode, headers: HeaderMap) -> Response<Body> {
    let text = serde_json::json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": status.canonical_reason().unwrap_or_default().replace(' ', ""),
        "message": "refused by the proxy of a test",
        "code": status.as_u16(),
    });
    let mut refusal = answer(status, text.to_string());
    refusal.headers_mut().extend(headers);
    refusal
}

fn answer(status: StatusCode, json: String) -> Response<Body> {
    let body = Full::new(Bytes::from(json)).map_err(|never| match never {});
    let mut answer = Response::new(BodyExt::boxed(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
