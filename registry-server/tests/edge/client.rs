//! A client that does what it is told to the byte, over TCP or TLS.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName};

/// How long an answer may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// The value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// A connection.
pub(crate) trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// Where to connect to, and as whom.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    authorization: Option<String>,
}

impl Client {
    pub(crate) fn http(address: SocketAddr) -> Self {
        Self { address, tls: None, authorization: None }
    }

    /// Trusts `root` alone.
    pub(crate) fn https(address: SocketAddr, root: &CertificateDer<'static>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self::with_tls(address, config)
    }

    pub(crate) fn with_tls(address: SocketAddr, config: ClientConfig) -> Self {
        Self { address, tls: Some(Arc::new(config)), authorization: None }
    }

    pub(crate) fn user(&self, user: &str, password: &str) -> Self {
        let encoded = general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Self { authorization: Some(format!("Basic {encoded}")), ..self.clone() }
    }

    /// A connection, after the TLS handshake.
    pub(crate) fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, "")
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Response {
        self.try_request(method, path, body).unwrap()
    }

    pub(crate) fn try_request(&self, method: &str, path: &str, body: &str) -> io::Result<Response> {
        let mut stream = self.connect()?;
        stream.write_all(self.head(method, path, body.len()).as_bytes())?;
        stream.write_all(body.as_bytes())?;
        read(&mut stream)
    }

    /// The head of a request, with the connection closed after it.
    pub(crate) fn head(&self, method: &str, path: &str, length: usize) -> String {
        let authorization =
            self.authorization.as_ref().map_or_else(String::new, |value| format!("authorization: {value}\r\n"));
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{authorization}\r\n"
        )
    }
}

/// Reads an answer to the end of the connection.
pub(crate) fn read(stream: &mut dyn Stream) -> io::Result<Response> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // A server may close without TLS's farewell once the answer is complete.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() => {}
        result => {
            result?;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other(format!("no answer but {text:?}")))?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(|| io::Error::other("no status"))?;
    Ok(Response { status, head: head.to_owned(), body: body.to_owned() })
}
