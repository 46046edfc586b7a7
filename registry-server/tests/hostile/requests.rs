//! Headers and targets.

use std::time::Duration;

use registry_server::connection::Limits;

use super::{
    server::Server,
    wire::{Wire, request},
};

#[test]
fn hundreds_of_half_headers_are_cut_off_and_others_served_meanwhile() {
    let server = Server::with_limits(Limits { header: Duration::from_millis(500), ..Limits::default() });
    let before = server.settled();
    let mut half: Vec<Wire> = (0..300).map(|_| server.connect()).collect();
    for wire in &mut half {
        wire.send("GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-half: ");
    }
    assert_eq!(server.get("/v2/").status, 200, "others wait for the slow");
    assert!(half.iter_mut().all(Wire::is_cut_off));
    server.assert_holds(&before);
}

#[test]
fn a_header_without_end_is_refused_before_it_has_cost_memory() {
    let server = Server::start();
    let before = server.settled();
    for line in ["x-header: 1\r\n".to_owned(), format!("x-header: {}\r\n", "x".repeat(8 << 10))] {
        let mut wire = server.connect();
        wire.send("GET /v2/ HTTP/1.1\r\nhost: localhost\r\n");
        let sent = wire.flood(line.repeat(20).as_bytes(), 64 << 20);
        // What was not refused lies in the kernel's buffers.
        assert!(sent < 32 << 20, "{sent} bytes of a header were taken");
    }
    server.assert_holds(&before);
}

#[test]
fn too_many_headers_and_too_long_targets_have_statuses_of_their_own() {
    let server = Server::start();
    let many = "x-many: 1\r\n".repeat(200);
    let refused = [
        (431, format!("GET /v2/ HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")),
        (431, format!("GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(70 << 10))),
    ];
    for (status, bytes) in refused {
        let mut wire = server.connect();
        wire.send(bytes);
        assert_eq!(wire.answer().map(|answer| answer.status), Some(status));
    }
    let mut wire = server.connect();
    wire.send(format!("GET /v2/?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70 << 10)));
    let status = wire.answer().map(|answer| answer.status);
    assert!(matches!(status, Some(414 | 431)), "{status:?}");
}

#[test]
fn a_target_of_another_form_is_answered_for_this_server() {
    let server = Server::start();
    let status = |line: &str| {
        let mut wire = server.connect();
        wire.send(format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
        wire.answers().iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    // RFC 9112, "absolute-form": a server answers it, and is no proxy.
    assert_eq!(status("GET http://evil.example/v2/"), [200]);
    assert_eq!(status("GET http://evil.example/etc/passwd"), [404]);
    assert_eq!(status("CONNECT evil.example:443"), [404]);
    assert_eq!(status("OPTIONS *"), [404]);
    assert_eq!(status("GET *"), [404]);
}

#[test]
fn nothing_that_climbs_leads_anywhere() {
    let server = Server::start();
    let digest = server.push_blob("a", b"cargo");
    std::fs::write(server.path().join("secret"), "secret").unwrap();
    let before = (server.settled(), std::fs::read_dir(server.path()).unwrap().count());
    let targets = [
        "/../../../../etc/passwd".to_owned(),
        "/v2/../../../../etc/passwd".to_owned(),
        "/v2/%2e%2e/%2e%2e/secret".to_owned(),
        "/v2/..%2f..%2fsecret/manifests/latest".to_owned(),
        "/v2/a/manifests/..%2f..%2f..%2f..%2f..%2f..%2fsecret".to_owned(),
        "/v2/a/manifests/%2e%2e".to_owned(),
        "/v2/a/blobs/sha256:..%2f..%2f..%2fsecret".to_owned(),
        "/v2/a/blobs/uploads/..%2f..%2f..%2f_layers".to_owned(),
        "/v2/a/../a/blobs/uploads/".to_owned(),
        "/v2/a%2f..%2fa/tags/list".to_owned(),
        "/v2/a%5c..%5csecret/tags/list".to_owned(),
        "/v2/a%00/tags/list".to_owned(),
        "/v2//a/tags/list".to_owned(),
        "//v2/a/tags/list".to_owned(),
        "/v2/_catalog/../a/tags/list".to_owned(),
        "/v2/a/_layers/tags/list".to_owned(),
        format!("/v2/a/blobs/%2e%2e%2f{digest}"),
        format!("/v2/a/referrers/{digest}%2f.."),
    ];
    for target in &targets {
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"] {
            let mut wire = server.connect();
            wire.send(request(method, target, &[("connection", "close")], b"x"));
            // HEAD has no body, whatever its length says.
            let mut first = [0; 12];
            std::io::Read::read_exact(&mut wire.0, &mut first).unwrap();
            assert_eq!(first[9], b'4', "{method} {target}: {}", first.escape_ascii());
        }
    }
    assert_eq!(std::fs::read_dir(server.path()).unwrap().count(), before.1);
    server.assert_holds(&before.0);
}

#[test]
fn a_mount_from_elsewhere_is_an_upload() {
    let server = Server::start();
    let digest = server.push_blob("a", b"cargo");
    for from in ["../a", "..%2f..%2fa", "a%00", "_layers", "a//", "%ff"] {
        let answer = server.call("POST", &format!("/v2/b/blobs/uploads/?mount={digest}&from={from}"), &[], b"");
        assert_eq!(answer.status, 202, "{from}");
    }
    assert_eq!(server.get(&format!("/v2/b/blobs/{digest}")).status, 404);
}
