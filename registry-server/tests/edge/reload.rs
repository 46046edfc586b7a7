//! Certificates, users and rules take effect while the server runs, and bad ones do not.

use std::io::Write;

use super::{
    client, eventually,
    server::{Files, Pair, Server, user},
};

const TLS: &str = "http: {tls: {certificate: DIR/certs/tls.crt, key: DIR/certs/tls.key}}";
const AUTH: &str = "auth: {htpasswd: {realm: Yard, path: DIR/auth/htpasswd}}\naccess: {path: DIR/auth/access.yml}";
const PULL: &str = "rules: [{users: [robot], actions: [pull]}]";
const PUSH: &str = "rules: [{users: [robot], actions: [pull, push]}]";

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_certificate_behind_a_swapped_link_is_served_and_open_connections_go_on() {
    let (first, second) = (Pair::new(), Pair::new());
    let files = Files::new();
    files.mount("certs", "1", &first.files());
    let server = Server::start(files, TLS);
    let before = server.version("certificate");
    let mut open = server.https(&first).connect().unwrap();

    server.files().mount("certs", "2", &second.files());

    eventually("the new certificate is served", || server.https(&second).connect().is_ok());
    assert!(server.https(&first).connect().is_err(), "the old certificate is not served any more");
    assert_ne!(server.version("certificate"), before);
    open.write_all(server.https(&first).head("GET", "/v2/", 0).as_bytes()).unwrap();
    assert_eq!(client::read(&mut open).unwrap().status, 200);
}

#[test]
fn a_certificate_without_its_key_waits_for_it() {
    let (first, second) = (Pair::new(), Pair::new());
    let files = Files::new();
    files.write("certs/tls.crt", &first.certificate);
    files.write("certs/tls.key", &first.key);
    let debug =
        "http: {tls: {certificate: DIR/certs/tls.crt, key: DIR/certs/tls.key}, debug: {prometheus: {enabled: true}}}";
    let server = Server::start(files, debug);
    let before = server.version("certificate");

    server.files().write("certs/tls.crt", &second.certificate);
    eventually("the new certificate was looked at", || {
        let refused = "registry_reloads_total{file=\"certificate\",outcome=\"refused\"} 1";
        server.debug().get("/metrics").body.contains(refused)
    });
    assert_eq!(server.https(&first).get("/v2/").status, 200);
    assert_eq!(server.version("certificate"), before);

    server.files().write("certs/tls.key", &second.key);
    eventually("the new certificate is served", || server.https(&second).connect().is_ok());
}

#[test]
fn a_password_is_rotated_without_a_gap() {
    let (old, new) = (user("robot", "first"), user("robot", "second"));
    let files = Files::new();
    files.mount("auth", "1", &[("htpasswd", &old), ("access.yml", PULL)]);
    let server = Server::start(files, AUTH);
    let status = |password: &str| server.http().user("robot", password).get("/v2/").status;
    assert_eq!((status("first"), status("second")), (200, 401));

    let both = old + &new;
    server.files().mount("auth", "2", &[("htpasswd", &both), ("access.yml", PULL)]);
    eventually("the server says that it has the new file", || server.version("htpasswd") == sha256(&both));
    assert_eq!(status("second"), 200, "the new password works");
    assert_eq!(server.version("access"), sha256(PULL));
    assert_eq!(status("first"), 200, "the old one still works");

    server.files().mount("auth", "3", &[("htpasswd", &new), ("access.yml", PULL)]);
    eventually("the old password is refused", || status("first") == 401);
    assert_eq!(status("second"), 200);
}

#[test]
fn bad_files_leave_users_and_rules_in_force_and_good_ones_come_after_them() {
    let users = user("robot", "first");
    let files = Files::new();
    files.mount("auth", "1", &[("htpasswd", &users), ("access.yml", PULL)]);
    let server = Server::start(files, &format!("{AUTH}\nhttp: {{debug: {{prometheus: {{enabled: true}}}}}}"));
    let before = (server.version("htpasswd"), server.version("access"));
    let push = || server.http().user("robot", "first").request("POST", "/v2/a/blobs/uploads/", "").status;
    assert_eq!(push(), 403);

    server.files().mount("auth", "2", &[("htpasswd", "robot:{SHA}x\n"), ("access.yml", "rules: [{users: robot}]")]);
    eventually("both files were looked at", || {
        let metrics = server.debug().get("/metrics").body;
        ["htpasswd", "access"]
            .iter()
            .all(|file| metrics.contains(&format!("registry_reloads_total{{file=\"{file}\",outcome=\"refused\"}} 1")))
    });
    assert_eq!((server.version("htpasswd"), server.version("access")), before);
    assert_eq!(push(), 403);

    server.files().mount("auth", "3", &[("htpasswd", &users), ("access.yml", PUSH)]);
    eventually("the new rules are in force", || push() == 202);
}
