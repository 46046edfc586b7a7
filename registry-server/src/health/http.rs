//! A HEAD request for a health check, over HTTP/1.1, with TLS where the URL asks for it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::probe::describe;

/// As many as Go's client follows.
const REDIRECTS: usize = 10;

/// Whether `uri` answers with `status`; if not, why. `headers`, which may hold passwords, are for its host alone.
pub(super) async fn head(uri: &Uri, headers: &HeaderMap, status: StatusCode) -> Result<(), String> {
    let (asked, no_headers) = (origin(uri), HeaderMap::new());
    let mut uri = uri.clone();
    for _ in 0..=REDIRECTS {
        let headers = if origin(&uri) == asked { headers } else { &no_headers };
        let response = ask(&uri, headers).await.map_err(|reason| format!("error while checking: {reason}"))?;
        match redirection(&uri, &response) {
            Some(next) if response.status() != status => uri = next,
            _ if response.status() == status => return Ok(()),
            _ => return Err(format!("downstream service returned unexpected status: {}", response.status().as_u16())),
        }
    }
    Err(format!("error while checking: stopped after {REDIRECTS} redirects"))
}

/// What has to be the same for two URLs to be of one server.
fn origin(uri: &Uri) -> (Option<String>, Option<String>) {
    (uri.scheme_str().map(ToOwned::to_owned), uri.authority().map(|authority| authority.as_str().to_ascii_lowercase()))
}

/// Where a response sends the client.
fn redirection<B>(uri: &Uri, response: &Response<B>) -> Option<Uri> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location: Uri = response.headers().get(header::LOCATION)?.to_str().ok()?.parse().ok()?;
    if location.authority().is_some() {
        return Some(location);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = location.into_parts().path_and_query;
    Uri::from_parts(parts).ok()
}

async fn ask(uri: &Uri, headers: &HeaderMap) -> Result<Response<Incoming>, String> {
    let host = uri.host().ok_or("there is no host in the URL")?;
    let name = host.trim_matches(['[', ']']);
    let https = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    let stream = TcpStream::connect((name, port)).await.map_err(|error| error.to_string())?;
    if !https {
        return exchange(stream, uri, headers).await;
    }
    let config = tokio::task::spawn_blocking(client_config).await.map_err(|error| error.to_string())??;
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| describe(&error))?;
    exchange(stream, uri, headers).await
}

async fn exchange<S>(stream: S, uri: &Uri, headers: &HeaderMap) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(Method::HEAD)
        .uri(path)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    request.headers_mut().insert(header::HOST, HeaderValue::try_from(host).map_err(|error| error.to_string())?);
    request.headers_mut().extend(headers.clone());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| describe(&error))?;
    // The connection ends with the answer's head; what it says afterwards does not matter.
    let (response, ()) = futures::future::join(
        async move { sender.send_request(request).await.map_err(|error| describe(&error)) },
        async { drop(connection.await) },
    )
    .await;
    response
}

/// Trusts the machine's CAs, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Blocks.
fn client_config() -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "there are no CA certificates, set SSL_CERT_FILE to a bundle of them: {}",
            reasons.join(", ")
        ));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
