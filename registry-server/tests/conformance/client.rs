//! A client on a socket: HTTP/1.1, a connection for each request, over TLS if it has a root to trust.

use std::{net::SocketAddr, sync::Arc};

use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, client::conn::http1};
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
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// Plain HTTP, nobody in particular.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, tls: None, authorization: None }
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

    /// Sends a request; the response's body is still to be read, while the connection is driven by a task.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Incoming> {
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        // It ends with the response: nothing else holds the sender.
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    async fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.tls {
            Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()),
            None => Box::new(stream),
        }
    }
}
