//! HTTPS on the main listener.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use registry_server::connection::Limits;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{PrivateKeyDer, ServerName, pem::PemObject};

use super::{
    client::Client,
    process::Process,
    server::{Files, Pair, Server},
};

const TLS: &str = "http: {tls: {certificate: DIR/certs/tls.crt, key: DIR/certs/tls.key}}";

fn serving(pair: &Pair, configuration: &str) -> Server {
    let files = Files::new();
    files.mount("certs", "1", &pair.files());
    files.write("ca.crt", &pair.certificate);
    Server::start(files, configuration)
}

fn config(pair: &Pair, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(pair.der.clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn both_versions_are_spoken_and_the_scheme_is_known() {
    let pair = Pair::new();
    let server = serving(&pair, TLS);
    for version in [&TLS12, &TLS13] {
        let response =
            Client::with_tls(server.address(), config(&pair, version)).request("POST", "/v2/a/blobs/uploads/", "");
        assert_eq!(response.status, 202);
        let location = response.header("location").unwrap();
        assert!(location.starts_with("https://localhost/v2/a/blobs/uploads/"), "{location}");
    }
}

#[test]
fn the_oldest_version_can_be_raised() {
    let pair = Pair::new();
    let server = serving(&pair, &TLS.replace("key:", "minimumtls: tls1.3, key:"));
    assert!(Client::with_tls(server.address(), config(&pair, &TLS12)).connect().is_err());
    assert_eq!(server.https(&pair).get("/v2/").status, 200);
}

fn negotiated(server: &Server, pair: &Pair) -> Option<Vec<u8>> {
    let mut config = config(pair, &TLS13);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).unwrap();
    }
    connection.alpn_protocol().map(<[u8]>::to_vec)
}

#[test]
fn http2_is_offered_unless_disabled() {
    let pair = Pair::new();
    assert_eq!(negotiated(&serving(&pair, TLS), &pair).as_deref(), Some(b"h2".as_slice()));
    let without = TLS.replace("{tls", "{http2: {disabled: true}, tls");
    assert_eq!(negotiated(&serving(&pair, &without), &pair).as_deref(), Some(b"http/1.1".as_slice()));
}

/// A client that shows the certificate of `own`, if there is one.
fn showing(server: &Server, pair: &Pair, own: Option<&Pair>) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(pair.der.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(vec![own.der.clone()], PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap())
            .unwrap(),
    };
    Client::with_tls(server.address(), config)
}

#[test]
fn client_certificates_are_required_and_checked_as_configured() {
    // Whether a client gets through that shows none, one of a stranger, and one of the CA.
    for (mode, none, stranger, known) in [
        ("", false, false, true),
        ("clientauth: require-and-verify-client-cert, ", false, false, true),
        ("clientauth: verify-client-cert-if-given, ", true, false, true),
        ("clientauth: require-any-client-cert, ", false, true, true),
        ("clientauth: request-client-cert, ", true, true, true),
    ] {
        let (pair, other) = (Pair::new(), Pair::new());
        let server = serving(&pair, &TLS.replace("key:", &format!("clientcas: [DIR/ca.crt], {mode}key:")));
        for (own, gets_through) in [(None, none), (Some(&other), stranger), (Some(&pair), known)] {
            let answer = showing(&server, &pair, own).try_request("GET", "/v2/", "");
            let who = own.map(|own| if own.der == pair.der { "known" } else { "stranger" });
            assert_eq!(answer.is_ok_and(|answer| answer.status == 200), gets_through, "{mode}{who:?}");
        }
    }
}

#[test]
fn suites_of_tls_1_2_are_those_configured() {
    let pair = Pair::new();
    let only = "ciphersuites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], key:";
    let server = serving(&pair, &TLS.replace("key:", only));
    let speaking = |name: &str| {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| suite.suite().as_str() == Some(name));
        let mut roots = RootCertStore::empty();
        roots.add(pair.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Client::with_tls(server.address(), config).connect().is_ok()
    };
    assert!(speaking("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"));
    assert!(!speaking("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(server.https(&pair).get("/v2/").status, 200, "those of TLS 1.3 are always spoken");
}

#[test]
fn the_versions_of_old_configurations_are_served_as_tls_1_2() {
    let pair = Pair::new();
    for minimum in ["tls1.0", "tls1.1"] {
        let server = serving(&pair, &TLS.replace("key:", &format!("minimumtls: {minimum}, key:")));
        for version in [&TLS12, &TLS13] {
            assert_eq!(Client::with_tls(server.address(), config(&pair, version)).get("/v2/").status, 200);
        }
    }
}

#[test]
fn a_client_that_does_not_finish_its_handshake_is_cut_off() {
    let pair = Pair::new();
    let files = Files::new();
    files.mount("certs", "1", &pair.files());
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let server = Server::with_limits(files, TLS, limits);

    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&[0x16, 0x03, 0x01]).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "closed, without waiting for the rest");
}

#[test]
fn plain_http_is_told_to_use_https() {
    let pair = Pair::new();
    let server = serving(&pair, TLS);
    let answer = server.http().get("/v2/");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("use https://"), "{}", answer.body);
}

/// Sends `bytes` twice, and looks for what the log is told.
#[track_caller]
fn told_once(server: &Process, address: SocketAddr, bytes: &[u8], text: &str) {
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        server.eventually_logs(text);
    }
    assert_eq!(server.log().matches(text).count(), 1, "{}", server.log());
}

#[test]
fn a_client_that_takes_one_port_for_the_other_is_in_the_log_once_with_what_to_change() {
    let plain = Process::start(Files::new(), &[], &[("REGISTRY_STORAGE", "inmemory")]);
    let address = plain.http().address;
    // The beginning of a ClientHello.
    told_once(
        &plain,
        address,
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        "speaks TLS to a port of plain HTTP: give the registry",
    );

    let files = Files::new();
    for (name, text) in Pair::new().files() {
        files.write(name, text);
    }
    let variables = [
        ("REGISTRY_STORAGE", "inmemory"),
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "DIR/tls.crt"),
        ("REGISTRY_HTTP_TLS_KEY", "DIR/tls.key"),
    ];
    let encrypted = Process::start(files, &[], &variables);
    let address = encrypted.https_address();
    told_once(
        &encrypted,
        address,
        b"GET /v2/ HTTP/1.1\r\nhost: a\r\n\r\n",
        "speaks plain HTTP to a port of TLS: let it use",
    );
}

#[test]
fn the_versions_describe_the_certificate() {
    let pair = Pair::new();
    let server = serving(&pair, TLS);
    let versions: serde_json::Value = serde_json::from_str(&server.debug().get("/versions").body).unwrap();
    assert_eq!(versions["certificate"]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(versions["certificate"]["notAfter"], "4096-01-01T00:00:00Z");
    assert!(versions["certificate"]["serialNumber"].is_string());
    assert_eq!(versions["htpasswd"], serde_json::Value::Null);
}
