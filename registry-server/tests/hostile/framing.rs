//! Where one request ends and the next begins: two readers who disagree let a client smuggle requests past one of them. What
//! can be read in two ways is refused, or ends the connection after one answer.

use super::server::Server;

/// Would be answered with 200 if it were taken for a request.
const SMUGGLED: &str = "GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The statuses of all answers, until the server closes the connection.
fn statuses(server: &Server, bytes: &str) -> Vec<u16> {
    let mut wire = server.connect();
    wire.send(bytes);
    wire.answers().iter().map(|answer| answer.status).collect()
}

#[track_caller]
fn assert_each(server: &Server, cases: &[(&str, String)], expected: &[u16]) {
    for (what, bytes) in cases {
        assert_eq!(statuses(server, bytes), expected, "{what}");
    }
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n{body}{SMUGGLED}")
}

#[test]
fn a_length_and_chunks_at_once_are_one_request_and_the_end() {
    let server = Server::start();
    let cases = [
        ("length first", post("content-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")),
        ("chunks first", post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n")),
        ("a length over the smuggled", post("content-length: 500\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")),
    ];
    assert_each(&server, &cases, &[202]);
}

#[test]
fn lengths_that_are_none_or_several_are_refused() {
    let server = Server::start();
    let cases = ["5\r\ncontent-length: 6", "+5", "-1", "0x5", "5, 5", "5 5", "", "18446744073709551616"];
    let cases = cases.map(|length| (length, post(&format!("content-length: {length}\r\n"), "")));
    assert_each(&server, &cases, &[400]);
}

#[test]
fn codings_that_do_not_end_with_chunks_are_refused() {
    let server = Server::start();
    let cases =
        ["identity", "xchunked", "chunked, identity", "gzip", "chunked\r\ntransfer-encoding: identity", "\u{b}chunked"];
    let cases = cases.map(|coding| (coding, post(&format!("transfer-encoding: {coding}\r\n"), "0\r\n\r\n")));
    assert_each(&server, &cases, &[400]);
    let old = post("transfer-encoding: chunked\r\n", "0\r\n\r\n").replacen("HTTP/1.1", "HTTP/1.0", 1);
    assert_each(&server, &[("chunks in HTTP/1.0", old)], &[400]);
}

#[test]
fn headers_that_others_would_read_otherwise_are_refused() {
    let server = Server::start();
    let cases = [
        ("space before the colon", post("transfer-encoding : chunked\r\n", "0\r\n\r\n")),
        ("folded line", post("x-folded: a\r\n transfer-encoding: chunked\r\n", "")),
        ("folded first line", format!("GET /v2/ HTTP/1.1\r\n host: localhost\r\n\r\n{SMUGGLED}")),
        ("bare carriage return", post("x-bare: a\rtransfer-encoding: chunked\r\n", "")),
        ("zero byte", post("x-zero: a\0b\r\n", "")),
        ("no colon", post("transfer-encoding chunked\r\n", "")),
        ("empty name", post(": chunked\r\n", "")),
    ];
    assert_each(&server, &cases, &[400]);
}

#[test]
fn a_request_is_for_one_host() {
    let server = Server::start();
    let cases = [
        ("none", format!("GET /v2/ HTTP/1.1\r\n\r\n{SMUGGLED}")),
        ("two", format!("GET /v2/ HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n{SMUGGLED}")),
    ];
    assert_each(&server, &cases, &[400]);
    let old = "GET /v2/ HTTP/1.0\r\n\r\n".to_owned();
    assert_each(&server, &[("HTTP/1.0 has none", old)], &[200]);
}

#[test]
fn request_lines_that_are_none_are_refused() {
    let server = Server::start();
    let cases = [
        ("no version", "GET /v2/\r\n\r\n"),
        ("another version", "GET /v2/ HTTP/9.9\r\nhost: localhost\r\n\r\n"),
        ("three words too many", "GET /v2/ a b HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ("a method of odd bytes", "G\u{1}T /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ("a target without a slash", "GET v2/?%zz HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        ("a TLS handshake", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}"),
    ];
    for (what, line) in cases {
        assert_eq!(statuses(&server, &format!("{line}{SMUGGLED}")), [400], "{what}");
    }
}

#[test]
fn chunks_that_are_none_fail_their_request_and_end_the_connection() {
    let server = Server::start();
    let cases = [
        ("a length beyond any", "FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n".to_owned()),
        ("a negative length", "-3\r\nabc\r\n0\r\n\r\n".to_owned()),
        ("a sign", "+3\r\nabc\r\n0\r\n\r\n".to_owned()),
        ("a longer chunk than said", "2\r\nabc\r\n0\r\n\r\n".to_owned()),
        ("an endless extension", format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(100 << 10))),
        ("endless trailers", format!("3\r\nabc\r\n0\r\n{}\r\n", "x-trailer: 1\r\n".repeat(10_000))),
    ];
    for (what, body) in cases {
        let session = server.begin_upload("a");
        let head = format!("PATCH {session} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(statuses(&server, &format!("{head}{body}{SMUGGLED}")), [400], "{what}");
    }
}

#[test]
fn what_follows_a_refused_body_is_not_a_request() {
    let server = Server::start();
    let smuggled = format!("{SMUGGLED}{SMUGGLED}");
    let put = format!(
        "PUT /v2/a/manifests/latest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    );
    assert_eq!(statuses(&server, &put), [400], "the body is a body, whatever it looks like");
}
