//! `registry healthcheck`: stands in for curl in images that have none.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use http::Uri;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::{self, Address, Settings};

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to ask. Default: /readyz of the debug listener when there is one, else / of the registry. The certificate is
    /// not verified, no password is sent.
    #[arg(long)]
    url: Option<Uri>,
    /// The configuration of the server. Default: `REGISTRY_CONFIGURATION_PATH`, else the image's.
    #[arg(value_name = "CONFIG")]
    configuration: Option<PathBuf>,
}

/// # Errors
/// When there is no answer, or it says that the server is not ready.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Target { url, socket } = match &args.url {
        Some(url) => Target { url: url.clone(), socket: None },
        None => own(args.configuration.clone())?,
    };
    let status = get(&url, socket.as_deref()).with_context(|| format!("failed to ask {url}"))?;
    // A server that asks for a password is well.
    if (200..300).contains(&status) || status == 401 {
        return Ok(());
    }
    bail!("{url} answered {status}")
}

/// What to ask, and where, if that is not in the URL.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    url: Uri,
    socket: Option<PathBuf>,
}

fn own(configuration: Option<PathBuf>) -> anyhow::Result<Target> {
    target(&config::load(&super::server_source(configuration), super::environment())?.settings)
}

fn target(settings: &Settings) -> anyhow::Result<Target> {
    let http = &settings.http;
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let (url, socket) = match (&http.debug, &http.address) {
        (Some(debug), _) => (format!("http://{}/readyz", reachable(&debug.address)), None),
        (None, Address::Tcp(address)) => (format!("{scheme}://{}/", reachable(address)), None),
        (None, Address::Unix(path)) => (format!("{scheme}://localhost/"), Some(path.clone())),
    };
    Ok(Target { url: url.parse().context("failed to make a URL of the configuration")?, socket })
}

/// An address that a listener on `address` answers on.
fn reachable(address: &str) -> String {
    match address.rsplit_once(':') {
        // Not by name: a static program in an empty image may have nothing to look names up with.
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        _ => address.to_owned(),
    }
}

/// The status of the answer.
fn get(url: &Uri, socket: Option<&Path>) -> anyhow::Result<u16> {
    let host = url.host().context("there is no host in it")?;
    let tls = match url.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => bail!("it has to begin with http:// or https://"),
    };
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n");
    let stream: Box<dyn Stream> = match socket {
        Some(path) => Box::new(unix(path)?),
        None => Box::new(tcp(host.trim_matches(['[', ']']), port)?),
    };
    if !tls {
        return exchange(stream, &request);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
    exchange(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, stream), &request)
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

fn unix(path: &Path) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn tcp(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let mut last = anyhow::anyhow!("{host} has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn exchange(mut stream: impl Read + Write, request: &str) -> anyhow::Result<u16> {
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    status.context("the answer is not HTTP")
}

/// Takes any certificate: the question is whether this machine's own server answers, not who it is, and nothing secret is
/// sent. Its names are rarely `localhost`.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn asked(variables: &[(&str, &str)]) -> Target {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        target(&config::load(&Source::Embedded, variables).unwrap().settings).unwrap()
    }

    fn url(variables: &[(&str, &str)]) -> String {
        asked(variables).url.to_string()
    }

    #[test]
    fn the_listener_of_the_configuration_is_asked() {
        assert_eq!(url(&[]), "http://127.0.0.1:5000/");
        assert_eq!(
            url(&[("REGISTRY_HTTP_ADDR", "10.0.0.1:80"), ("REGISTRY_HTTP_PREFIX", "/r/")]),
            "http://10.0.0.1:80/",
            "the root is there whatever the prefix"
        );
        let tls = [
            ("REGISTRY_HTTP_TLS_CERTIFICATE", "/c"),
            ("REGISTRY_HTTP_TLS_KEY", "/k"),
            ("REGISTRY_HTTP_ADDR", "[::]:443"),
        ];
        assert_eq!(url(&tls), "https://127.0.0.1:443/");
        assert_eq!(url(&[("REGISTRY_HTTP_DEBUG_ADDR", ":5001")]), "http://127.0.0.1:5001/readyz");
        let socket = asked(&[("REGISTRY_HTTP_NET", "unix"), ("REGISTRY_HTTP_ADDR", "/run/registry.sock")]);
        assert_eq!(socket.socket.as_deref(), Some(Path::new("/run/registry.sock")));
        assert_eq!(socket.url, "http://localhost/");
    }
}
