//! A client on a socket: HTTP/1.1, over TLS if it has a root to trust. Like other clients it keeps connections and uses them
//! again, so that an answer that leaves one in disorder spoils the next.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, header, response::Parts};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// A certificate for `localhost` that signs itself, and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() }
    }
}

/// Where to connect to, and as whom.
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    authorization: Option<HeaderValue>,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// Plain HTTP, nobody in particular.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, tls: None, authorization: None, idle: Mutex::default() }
    }

    /// Over TLS, trusting that certificate alone.
    pub(crate) fn trusting(self, identity: &Identity) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(identity.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: Some(TlsConnector::from(Arc::new(config))), ..self }
    }

    /// Sends this with every request.
    pub(crate) fn with_authorization(self, value: &str) -> Self {
        Self { authorization: Some(value.parse().unwrap()), ..self }
    }

    /// Scheme and authority of what it asks for.
    pub(crate) fn base(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// Sends a request and reads the response.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> (Parts, Bytes) {
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        let mut sender = self.sender().await;
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.idle.lock().unwrap().push(sender);
        (head, body)
    }

    /// A connection that is at rest, or a new one.
    async fn sender(&self) -> SendRequest<Body> {
        while let Some(mut sender) = self.at_rest() {
            if sender.ready().await.is_ok() {
                return sender;
            }
        }
        let (sender, connection) = http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        // It ends with its sender.
        tokio::spawn(connection);
        sender
    }

    fn at_rest(&self) -> Option<SendRequest<Body>> {
        self.idle.lock().unwrap().pop()
    }

    async fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()),
            None => Box::new(stream),
        }
    }
}
