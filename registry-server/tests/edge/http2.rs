//! HTTP/2: many requests on one connection, bodies larger than its windows, and its end.

use std::{
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use registry_server::connection::Limits;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs as provider};
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    eventually,
    server::{Files, Pair, Server},
};

const TLS: &str = "http: {tls: {certificate: DIR/certs/tls.crt, key: DIR/certs/tls.key}}";

fn serving(pair: &Pair, limits: Limits) -> Server {
    let files = Files::new();
    files.mount("certs", "1", &pair.files());
    Server::with_limits(files, TLS, limits)
}

/// A connection on which both sides want HTTP/2, and nobody has said anything yet.
async fn agreed(server: &Server, pair: &Pair) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(pair.der.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// A connection and the task that ends with it.
async fn connect(server: &Server, pair: &Pair) -> (SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = TokioIo::new(agreed(server, pair).await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn send(sender: &SendRequest<Full<Bytes>>, method: &str, path: &str, body: Bytes) -> (StatusCode, Bytes) {
    let request = Request::builder().method(method).uri(format!("https://localhost{path}")).body(Full::new(body));
    let response = sender.clone().send_request(request.unwrap()).await.unwrap();
    (response.status(), response.into_body().collect().await.unwrap().to_bytes())
}

#[test]
fn blobs_larger_than_the_windows_go_both_ways_beside_other_requests() {
    let pair = Pair::new();
    let server = serving(&pair, Limits::default());
    server.runtime().block_on(both_ways(&server, &pair));
}

async fn both_ways(server: &Server, pair: &Pair) {
    let (sender, _connection) = connect(server, pair).await;
    let blob: Bytes = (0..20_u32 << 20).map(|index| (index * 7 + index / 251) as u8).collect::<Vec<_>>().into();
    let digest = digest::digest(&digest::SHA256, &blob);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();

    let path = format!("/v2/a/blobs/uploads/?digest=sha256:{digest}");
    let upload = send(&sender, "POST", &path, blob.clone());
    let pings = futures::future::join_all((0..100).map(|_| send(&sender, "GET", "/v2/", Bytes::new())));
    let (upload, pings) = futures::future::join(upload, pings).await;
    assert_eq!(upload.0, StatusCode::CREATED);
    assert!(pings.iter().all(|(status, body)| *status == StatusCode::OK && body == "{}"));

    let (status, read) = send(&sender, "GET", &format!("/v2/a/blobs/sha256:{digest}"), Bytes::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(read == blob, "{} bytes differ", read.len());
}

#[test]
fn an_idle_connection_is_closed() {
    let pair = Pair::new();
    let server = serving(&pair, Limits { idle: Duration::from_millis(200), ..Limits::default() });
    let ended = server.runtime().block_on(async {
        let (sender, connection) = connect(&server, &pair).await;
        assert_eq!(send(&sender, "GET", "/v2/", Bytes::new()).await.0, StatusCode::OK);
        tokio::time::timeout(Duration::from_secs(30), connection).await
    });
    // How it ends does not matter.
    assert!(ended.is_ok(), "the connection stays open");
}

#[test]
fn who_has_asked_for_nothing_yet_does_not_hold_up_the_end() {
    let (pair, hour) = (Pair::new(), Duration::from_secs(3600));
    let files = Files::new();
    files.mount("certs", "1", &pair.files());
    let limits = Limits { handshake: hour, header: hour, idle: hour, ..Limits::default() };
    let server = Server::with_limits(files, &TLS.replace("{tls", "{draintimeout: 1h, tls"), limits);
    let _silent = std::net::TcpStream::connect(server.address()).unwrap();
    let _agreed = server.runtime().block_on(agreed(&server, &pair));
    let (sender, _connection) = server.runtime().block_on(connect(&server, &pair));
    let status = server.runtime().block_on(send(&sender, "GET", "/v2/", Bytes::new())).0;
    assert_eq!(status, StatusCode::OK, "its answer means that the server has accepted the others");

    let health = server.debug().address;
    server.end();
    eventually("the server ends", || std::net::TcpStream::connect(health).is_err());
}

/// HTTP/2 without TLS, from a client that does not ask beforehand.
fn without_tls(server: &Server) -> Option<StatusCode> {
    let asked = async {
        let stream = TcpStream::connect(server.address()).await.ok()?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
        let connection = tokio::spawn(connection);
        let request = Request::get("http://localhost/v2/").body(Full::new(Bytes::new())).ok()?;
        let status = sender.clone().send_request(request).await.ok().map(|response| response.status());
        connection.abort();
        status
    };
    server.runtime().block_on(asked)
}

#[test]
fn without_tls_it_is_spoken_beside_http_1_where_it_is_enabled() {
    let server = Server::start(Files::new(), "http: {h2c: {enabled: true}}");
    assert_eq!(without_tls(&server), Some(StatusCode::OK));
    assert_eq!(server.http().get("/v2/").status, 200);
    assert_eq!(without_tls(&Server::start(Files::new(), "")), None);
}

#[test]
fn a_client_that_never_says_which_http_it_speaks_is_cut_off() {
    let limits = Limits { header: Duration::from_millis(200), ..Limits::default() };
    let server = Server::with_limits(Files::new(), "http: {h2c: {enabled: true}}", limits);
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"PR").unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}
