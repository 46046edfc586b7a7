//! What a client may take its time with, and what happens when it takes more.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use registry_server::connection::Limits;

use super::{
    client, eventually,
    server::{Files, Server},
};

const SHORT: Duration = Duration::from_millis(200);
/// A test that passes never comes near it.
const PATIENCE: Duration = Duration::from_secs(30);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether for so long the server neither says anything nor closes the connection.
fn is_silent(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    let heard = stream.read(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    heard.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Whether the server closes the connection before a test's patience ends.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_client_that_sends_no_request_is_cut_off() {
    let server = Server::with_limits(Files::new(), "", Limits { header: SHORT, ..Limits::default() });
    assert!(is_closed(connect(&server)));
}

#[test]
fn a_client_that_sends_its_header_byte_by_byte_is_cut_off() {
    let server = Server::with_limits(Files::new(), "", Limits { header: SHORT, ..Limits::default() });
    let mut stream = connect(&server);
    // Each byte comes in time for a limit that started anew with it.
    let mut header = "GET /v2/ HTTP/1.1\r\n".bytes().chain("x-slow: 1\r\n".bytes().cycle());
    eventually("the connection is cut off", || stream.write_all(&[header.next().unwrap()]).is_err());
}

#[test]
fn a_later_header_has_its_time_from_its_first_byte() {
    let server = Server::with_limits(Files::new(), "", Limits { header: SHORT, ..Limits::default() });
    let mut stream = connect(&server);
    let request = b"GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(request).unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 4096];
        while !rest.windows(2).any(|end| end == b"{}") {
            assert!(stream.read(&mut rest).unwrap() > 0);
        }
        // It is idle, which may take longer than a header.
        assert!(is_silent(&mut stream, SHORT * 2));
    }
    stream.write_all(b"GET").unwrap();
    assert!(is_closed(stream));
}

#[test]
fn an_idle_connection_is_closed() {
    let server = Server::with_limits(Files::new(), "", Limits { idle: SHORT, ..Limits::default() });
    let mut stream = connect(&server);
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("{}"), "{answer}");
}

#[test]
fn a_body_that_stalls_fails_its_request() {
    let server = Server::with_limits(Files::new(), "", Limits { body: SHORT, ..Limits::default() });
    let started = server.http().request("POST", "/v2/a/blobs/uploads/", "");
    let location = started.header("location").unwrap();
    let path = location.strip_prefix("http://localhost").unwrap();

    let mut stream = connect(&server);
    stream.write_all(server.http().head("PATCH", path, 1000).as_bytes()).unwrap();
    stream.write_all(b"only the beginning").unwrap();
    let status = client::read(&mut stream).map(|response| response.status);
    assert!(!matches!(status, Ok(200..=299)), "{status:?}");
}

#[test]
fn a_response_that_nobody_takes_does_not_hold_a_place_for_ever() {
    let limits = Limits { body: SHORT, connections: 1, ..Limits::default() };
    let server = Server::with_limits(Files::new(), "", limits);
    let blob = "x".repeat(16 << 20);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, blob.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/v2/a/blobs/uploads/?digest=sha256:{digest}");
    assert_eq!(server.http().request("POST", &path, &blob).status, 201);

    let mut stream = connect(&server);
    let request = format!("GET /v2/a/blobs/sha256:{digest} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    // Takes nothing. The one place there is becomes free again, or this waits for ever.
    assert_eq!(server.http().get("/v2/").status, 200);
    drop(stream);
}

#[test]
fn a_header_that_is_too_large_is_refused() {
    let server = Server::start(Files::new(), "");
    let mut stream = connect(&server);
    let request = format!("GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(100 << 10));
    // The server may close before it has read it all.
    let _ = stream.write_all(request.as_bytes());
    let status = client::read(&mut stream).map(|response| response.status);
    assert!(!matches!(status, Ok(200..=299)), "{status:?}");
    assert_eq!(server.http().get("/v2/").status, 200);
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    let server = Server::with_limits(Files::new(), "", Limits { connections: 2, ..Limits::default() });
    let held = [connect(&server), connect(&server)];
    let mut waiting = connect(&server);
    waiting.write_all(server.http().head("GET", "/v2/", 0).as_bytes()).unwrap();
    assert!(is_silent(&mut waiting, SHORT), "answered beyond the limit");

    drop(held);
    assert_eq!(client::read(&mut waiting).unwrap().status, 200);
}
