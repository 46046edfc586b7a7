//! Bodies: out of order, wrong, too large, too slow, or never complete.

use std::time::Duration;

use registry_server::connection::Limits;

use super::{
    eventually,
    server::{Pair, Server},
    wire::request,
};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[test]
fn a_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    let server = Server::start();
    let before = server.settled();
    let session = server.begin_upload("a");
    let chunk = |range: &str, body: &[u8]| server.call("PATCH", &session, &[("content-range", range)], body);
    assert_eq!(chunk("0-4", b"first").status, 202);
    for range in ["0-4", "4-8", "6-10", "99999999999999-99999999999999"] {
        let refused = chunk(range, b"wrong");
        assert_eq!((refused.status, refused.header("range")), (416, Some("0-4")), "{range}");
        assert_eq!(refused.location(), session);
    }
    assert_eq!(chunk("5-10", b"second").status, 202);
    let finished = server.call("PUT", &format!("{session}?digest={}", super::sha256("firstsecond")), &[], b"");
    assert_eq!(finished.status, 201);
    assert_ne!(server.settled(), before, "a blob and its link");
}

#[test]
fn content_with_another_digest_is_refused_and_forgotten() {
    let server = Server::start();
    let before = server.settled();
    let wrong = super::sha256("what was promised");
    let session = server.begin_upload("a");
    let refused = server.call("PUT", &format!("{session}?digest={wrong}"), &[], b"something else");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("DIGEST_INVALID"), "{}", refused.text());
    let refused = server.call("POST", &format!("/v2/a/blobs/uploads/?digest={wrong}"), &[], b"something else");
    assert_eq!(refused.status, 400);
    let headers = [("content-type", OCI_INDEX)];
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    let refused = server.call("PUT", &format!("/v2/a/manifests/{wrong}"), &headers, index);
    assert_eq!(refused.status, 400);
    assert!(server.files().is_empty(), "something waits for the purge: {:?}", server.files());
    server.assert_holds(&before);
}

#[test]
fn a_manifest_of_ten_megabytes_is_told_that_it_is_too_large() {
    let server = Server::start();
    let before = server.settled();
    let document = vec![b' '; 10 << 20];
    let announced = server.call("PUT", "/v2/a/manifests/latest", &[("content-type", OCI_INDEX)], &document);
    assert_eq!(announced.status, 413, "{}", announced.text());

    let chunked = [b"A00000\r\n".as_slice(), &document, b"\r\n0\r\n\r\n"].concat();
    let headers = [("content-type", OCI_INDEX), ("transfer-encoding", "chunked")];
    assert_eq!(server.call("PUT", "/v2/a/manifests/latest", &headers, &chunked).status, 413);

    // One who asks first is told before it has sent anything.
    let mut wire = server.connect();
    let headers = [("content-type", OCI_INDEX), ("content-length", "10485760"), ("expect", "100-continue")];
    wire.send(request("PUT", "/v2/a/manifests/latest", &headers, b""));
    assert_eq!(wire.answer().map(|answer| answer.status), Some(413));
    server.assert_holds(&before);
}

#[test]
fn an_announcement_of_exabytes_costs_nothing() {
    let server = Server::with_limits(Limits { body: Duration::from_millis(300), ..Limits::default() });
    let before = server.settled();
    let session = server.begin_upload("a");
    let mut wire = server.connect();
    let headers = [("content-length", "9223372036854775807"), ("expect", "100-continue")];
    wire.send(request("PATCH", &session, &headers, b""));
    assert_eq!(wire.answer().map(|answer| answer.status), Some(100));
    // Nothing comes: the request fails, in its time.
    assert_eq!(wire.answer().map(|answer| answer.status), Some(400));
    assert!(wire.is_cut_off());
    server.assert_holds(&before);
}

#[test]
fn a_byte_now_and_then_does_not_keep_a_request_alive() {
    let server = Server::with_limits(Limits { body: Duration::from_millis(500), ..Limits::default() });
    let before = server.settled();
    let session = server.begin_upload("a");
    let mut wire = server.connect();
    wire.send(request("PATCH", &session, &[("content-length", "1000000")], b""));
    wire.0.set_nonblocking(true).unwrap();
    // Each byte comes long before a limit that started anew with it.
    eventually("the request is cut off", || {
        wire.send("x");
        let mut answer = [0];
        wire.0.peek(&mut answer).is_ok() || wire.0.take_error().unwrap().is_some()
    });
    drop(wire);
    server.assert_holds(&before);
}

#[test]
fn clients_that_vanish_in_the_middle_of_a_push_leave_nothing() {
    let server = Server::start();
    let before = server.settled();
    let session = server.begin_upload("a");
    let digest = super::sha256("never complete");
    let pushes = [
        ("PATCH", session.clone()),
        ("PUT", format!("{session}?digest={digest}")),
        ("POST", format!("/v2/a/blobs/uploads/?digest={digest}")),
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        ("PUT", "/v2/a/manifests/latest".to_owned()),
    ];
    for (method, target) in &pushes {
        for framing in [("content-length", "1000000"), ("transfer-encoding", "chunked")] {
            let mut wire = server.connect();
            wire.send(request(method, target, &[framing, ("content-type", OCI_INDEX)], b"ffff\r\npart of it"));
        }
    }
    server.assert_holds(&before);
}

#[test]
fn an_upload_that_was_interrupted_goes_on_where_it_ended() {
    let server = Server::start();
    let session = server.begin_upload("a");
    let mut wire = server.connect();
    wire.send(request("PATCH", &session, &[("content-length", "1000000")], b"first"));
    drop(wire);
    eventually("the bytes that came are kept", || server.get(&session).header("range") == Some("0-4"));
    assert_eq!(server.call("PATCH", &session, &[("content-range", "5-10")], b"second").status, 202);
}

#[test]
fn clients_that_vanish_in_the_middle_of_a_pull_leave_nothing() {
    let server = Server::start();
    let digest = server.push_blob("a", &vec![7; 16 << 20]);
    let before = server.settled();
    for _ in 0..20 {
        let mut wire = server.connect();
        wire.send(request("GET", &format!("/v2/a/blobs/{digest}"), &[], b""));
        let mut beginning = [0; 64];
        std::io::Read::read_exact(&mut wire.0, &mut beginning).unwrap();
        assert!(beginning.starts_with(b"HTTP/1.1 200 OK"));
    }
    server.assert_holds(&before);
}

#[test]
fn clients_that_vanish_in_the_middle_of_a_handshake_leave_nothing() {
    let server = Pair::new().serving(Limits::default());
    // A record of 512 bytes that is a ClientHello, as far as it goes.
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for length in 0..hello.len() {
        server.connect().send(&hello[..length]);
    }
    eventually("the connections end", || server.busy() == (0, 0));
}
