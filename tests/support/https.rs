//! One request over HTTP, as plain as possible: tests of status codes must see what is on the wire, with the certificate
//! verified against the authority that the user was given.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::Leaf;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a server said.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code` of the first error in an error body (distribution-spec, Error Codes); empty if there is none.
    pub fn error_code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.pointer("/errors/0/code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
    }
}

/// Who asks, for Basic authentication; nobody if `None`.
pub type Login<'a> = Option<(&'a str, &'a str)>;

/// Opens TLS to `host` over `stream`, trusting the certificates of the PEM text `authorities` alone.
pub async fn connect<S>(stream: S, host: &str, authorities: &str) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    connect_with(stream, host, trusting(authorities)?.with_no_client_auth()).await
}

/// As `connect`, as somebody who is known by a certificate.
pub async fn connect_as<S>(stream: S, host: &str, authorities: &str, client: &Leaf) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (chain, key) = client.for_tls()?;
    connect_with(stream, host, trusting(authorities)?.with_client_auth_cert(chain, key)?).await
}

fn trusting(authorities: &str) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate.context("failed to read an authority's certificate")?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots))
}

async fn connect_with<S>(stream: S, host: &str, config: ClientConfig) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_owned())?;
    let connection = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connection.with_context(|| format!("failed to open a verified TLS connection to {host}"))
}

/// Sends one request over `stream` and reads the whole answer.
pub async fn send<S>(stream: S, method: Method, host: &str, path: &str, login: Login<'_>, body: Bytes) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
    if let Some((user, password)) = login {
        request = request.header(header::AUTHORIZATION, basic(user, password));
    }
    exchange(stream, request.body(body)?).await
}

/// The value of `Authorization` for this user (RFC 7617).
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Sends one request, which names its host in a header, over `stream` and reads the whole answer.
pub async fn exchange<S>(stream: S, request: Request<Bytes>) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    ask(&mut open(stream).await?, request).await
}

/// Makes `stream` a connection on which one request follows another. It is closed when dropped.
pub async fn open<S, B>(stream: S) -> Result<SendRequest<B>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender or the server; what it says then is in the answer already.
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends a request and reads the whole answer.
pub async fn ask(connection: &mut SendRequest<Full<Bytes>>, request: Request<Bytes>) -> Result<Answer> {
    let asked = format!("{} {}", request.method(), request.uri());
    let response = connection.send_request(request.map(Full::new)).await;
    let (parts, body) = response.with_context(|| format!("failed to ask for {asked}"))?.into_parts();
    let body = body.collect().await.with_context(|| format!("failed to read the answer to {asked}"))?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}
