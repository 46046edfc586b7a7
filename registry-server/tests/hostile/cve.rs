//! The vulnerabilities of other registries, a test for each class that could be one here.
//!
//! Those that cannot:
//!
//! | class | why not |
//! |---|---|
//! | CVE-2025-24976 distribution: the key in a token's header is trusted; the tokens of zot's 708adf63 | no tokens are read: `Bearer` is refused unseen, and a header has a bounded size |
//! | CVE-2026-33540 distribution, CVE-2026-2376 Quay, CVE-2020-13788 Harbor: the server is made to send requests or passwords to others | it sends requests to no address that a client or a manifest names |
//! | CVE-2026-31801 zot: who may create may overwrite `latest` | there is no right to create alone: push includes moving a tag |
//! | PROJQUAY-10504 Quay, CVE-2022-31669 and 31670 Harbor: immutable tags and retention | there are none |
//! | CVE-2019-16097, 16919, 19023, 19025, 19026, 19029, CVE-2024-22278 Harbor: accounts, robots and settings by the API | users are a file; nothing of it can be reached or changed by the API |
//! | CVE-2024-22261, CVE-2025-30086 Harbor: query languages that reach the database | there is no database, and no query but names compared byte by byte |
//! | CVE-2023-20902 Harbor: passwords compared in steps | bcrypt and keyed hashes; `auth/verify.rs` holds that a wrong password costs the same for every user |

use std::{fs, net::TcpListener};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    eventually,
    process::Process,
    server::{Server, Setup},
    wire::{Answer, request},
};

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY_INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

const RULES: &str = "
rules:
  - {users: [owner], actions: [pull, push, delete]}
  - {users: [guest], repositories: ['guest/**', 'shared/**'], actions: [pull, push]}
";

/// A server with the users `owner` and `guest`, whose passwords are their names.
fn with_users() -> Server {
    let line = |user: &str| format!("{user}:{}\n", bcrypt::hash(user, 4).unwrap());
    Server::with(Setup {
        configuration: "auth: {htpasswd: {realm: Yard, path: DIR/users}}\naccess: {path: DIR/rules.yml}",
        files: &[("users", &(line("owner") + &line("guest"))), ("rules.yml", RULES)],
        ..Setup::default()
    })
}

#[track_caller]
fn call_as(server: &Server, user: &str, method: &str, target: &str, body: &[u8]) -> Answer {
    let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{user}")));
    let headers = [("authorization", credentials.as_str()), ("content-type", OCI_INDEX)];
    server.call(method, target, &headers, body)
}

#[track_caller]
fn push_as(server: &Server, user: &str, repository: &str, content: &[u8]) -> String {
    let digest = super::sha256(content);
    let pushed = call_as(server, user, "POST", &format!("/v2/{repository}/blobs/uploads/?digest={digest}"), content);
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    digest
}

#[test]
fn cve_2017_11468_a_manifest_without_end() {
    let server = Server::start();
    let mut wire = server.connect();
    let headers = [("content-type", OCI_INDEX), ("transfer-encoding", "chunked")];
    wire.send(request("PUT", "/v2/a/manifests/latest", &headers, b""));
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let sent = wire.flood(&chunk, 1 << 30);
    assert!(sent < 128 << 20, "{sent} bytes of a manifest were taken");
    assert!(server.settled().is_empty());
}

#[test]
fn cve_2021_41190_a_manifest_that_is_an_index_too() {
    let server = Server::start();
    let config = format!(r#""config":{{"digest":"{}"}}"#, server.push_blob("a", b"{}"));
    let push = |media_type: &str, document: String| {
        server.call("PUT", "/v2/a/manifests/latest", &[("content-type", media_type)], document.as_bytes())
    };
    let both = format!(r#"{{"schemaVersion":2,{config},"layers":[],"manifests":[]}}"#);
    let disguised = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE}","manifests":[]}}"#);
    let image = format!(r#"{{"schemaVersion":2,{config},"layers":[]}}"#);
    for (media_type, document) in
        [(OCI_IMAGE, &both), (OCI_INDEX, &both), (OCI_INDEX, &disguised), (OCI_IMAGE, &disguised), (OCI_INDEX, &image)]
    {
        assert_eq!(push(media_type, document.clone()).status, 400, "{media_type}: {document}");
    }
    assert_eq!(push(OCI_IMAGE, image).status, 201);
    for accept in [OCI_INDEX, OCI_IMAGE, "*/*"] {
        let pulled = server.call("GET", "/v2/a/manifests/latest", &[("accept", accept)], b"");
        assert_eq!(pulled.header("content-type"), Some(OCI_IMAGE), "nobody is told that it is something else");
    }
}

#[test]
fn cve_2023_2253_catalog_asks_for_too_much() {
    let server = Server::start();
    for count in ["1001", "2147483647", "9223372036854775807", "18446744073709551616"] {
        let refused = server.get(&format!("/v2/_catalog?n={count}"));
        assert_eq!(refused.status, 400, "{count}");
        assert!(refused.text().contains("PAGINATION_NUMBER_INVALID"), "{}", refused.text());
    }
    assert_eq!(server.get("/v2/_catalog?n=1000").status, 200);
}

#[test]
fn cve_2026_35172_a_deleted_blob_is_readable_from_a_cache() {
    let server = Server::start();
    let digest = server.push_blob("a", b"secret");
    server.push_blob("b", b"secret");
    let target = format!("/v2/a/blobs/{digest}");
    assert_eq!(server.get(&target).status, 200, "now it is cached");
    assert_eq!(server.call("DELETE", &target, &[], b"").status, 202);
    assert_eq!(server.get(&target).status, 404);
    assert_eq!(server.get(&format!("/v2/b/blobs/{digest}")).status, 200, "the other repository keeps it");
    assert_eq!(server.get(&format!("/v2/c/blobs/{digest}")).status, 404, "a third never had it");
}

#[test]
fn cve_2026_41888_deletion_is_off_on_every_route() {
    let server = Server::with(Setup { deletion_is_off: true, ..Setup::default() });
    let blob = server.push_blob("a", b"cargo");
    let pushed = server.call("PUT", "/v2/a/manifests/latest", &[("content-type", OCI_INDEX)], EMPTY_INDEX);
    let manifest = pushed.header("docker-content-digest").unwrap();
    for target in [format!("blobs/{blob}"), format!("manifests/{manifest}"), "manifests/latest".to_owned()] {
        assert_eq!(server.call("DELETE", &format!("/v2/a/{target}"), &[], b"").status, 405, "{target}");
        assert_eq!(server.get(&format!("/v2/a/{target}")).status, 200, "{target}");
    }
}

/// distribution 72c88bc96: what is no session among the sessions stopped the purge.
#[test]
fn strange_entries_among_the_uploads_do_not_stop_the_purge() {
    let server = Server::start();
    let session = server.begin_upload("a");
    let uploads = server.path().join("images/docker/registry/v2/repositories/a/_uploads");
    fs::create_dir_all(uploads.join("no-session/deeper")).unwrap();
    fs::create_dir(uploads.join("1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11")).unwrap();
    fs::write(uploads.join("a-file"), "x").unwrap();
    server.settled();
    assert_eq!(server.get(&session).status, 404, "the session is purged");
    assert!(uploads.join("a-file").exists(), "what is no session is left alone");
}

/// distribution d1dbbb196 and 77e035196: names that begin like others were missing from lists.
#[test]
fn names_that_begin_like_others_are_all_listed() {
    let registry = ["a", "a-b", "a.b", "a/b", "a0"];
    let server = Server::start();
    for repository in registry {
        for tag in ["0.1.2", "0.1.20", "0.1.2-a"] {
            let target = format!("/v2/{repository}/manifests/{tag}");
            assert_eq!(server.call("PUT", &target, &[("content-type", OCI_INDEX)], EMPTY_INDEX).status, 201);
        }
    }
    let listed = |target: &str, key: &str| {
        let document: serde_json::Value = serde_json::from_str(&server.get(target).text()).unwrap();
        document[key].clone()
    };
    for size in 1..=5 {
        let (mut all, mut last) = (Vec::new(), String::new());
        loop {
            let page = listed(&format!("/v2/_catalog?n={size}&last={last}"), "repositories");
            let Some(end) = page.as_array().and_then(|names| names.last()?.as_str()) else { break };
            last = end.to_owned();
            all.extend(page.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()));
        }
        assert_eq!(all, registry, "pages of {size}");
    }
    assert_eq!(listed("/v2/a/tags/list", "tags"), serde_json::json!(["0.1.2", "0.1.2-a", "0.1.20"]));
}

/// distribution 2bdf7895e: a tag was read from a cache after it had moved.
#[test]
fn a_tag_that_moves_is_never_read_as_it_was() {
    let server = Server::start();
    for number in 0..20 {
        let document = format!(r#"{{"schemaVersion":2,"manifests":[],"annotations":{{"number":"{number}"}}}}"#);
        let target = "/v2/a/manifests/latest";
        assert_eq!(server.call("PUT", target, &[("content-type", OCI_INDEX)], document.as_bytes()).status, 201);
        assert_eq!(server.get(target).text(), document);
    }
}

#[test]
fn cve_2024_39897_a_mount_gives_what_may_not_be_pulled() {
    let server = with_users();
    let digest = push_as(&server, "owner", "private/app", b"secret");
    for from in ["&from=private/app", ""] {
        let target = format!("/v2/guest/app/blobs/uploads/?mount={digest}{from}");
        assert_eq!(call_as(&server, "guest", "POST", &target, b"").status, 202, "an upload, no mount: {from:?}");
    }
    assert_eq!(call_as(&server, "guest", "GET", &format!("/v2/guest/app/blobs/{digest}"), b"").status, 404);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","mediaType":"x","size":6}}]}}"#);
    let pushed = call_as(&server, "guest", "PUT", "/v2/guest/app/manifests/latest", index.as_bytes());
    assert_eq!(pushed.status, 400, "nor by a manifest that names it");
}

#[test]
fn cve_2025_23208_rights_that_are_taken_away_stay() {
    let server = with_users();
    let push = || call_as(&server, "guest", "POST", "/v2/shared/app/blobs/uploads/", b"").status;
    assert_eq!(push(), 202);
    fs::write(server.path().join("rules.yml"), RULES.replace(", 'shared/**'", "")).unwrap();
    eventually("the right is gone", || push() == 403);
    let line = format!("owner:{}\n", bcrypt::hash("owner", 4).unwrap());
    fs::write(server.path().join("users"), line).unwrap();
    eventually("the user is gone", || push() == 401);
}

#[test]
fn cve_2026_32589_an_upload_of_somebody_else() {
    let server = with_users();
    let begun = call_as(&server, "owner", "POST", "/v2/shared/app/blobs/uploads/", b"");
    let session = begun.location();
    assert_eq!(call_as(&server, "owner", "PATCH", &session, b"secret").status, 202);
    let digest = super::sha256("secret");
    let elsewhere = session.replace("shared/app", "guest/app");
    for (method, target) in [
        ("GET", session.clone()),
        ("PATCH", session.clone()),
        ("PUT", format!("{session}?digest={digest}")),
        ("DELETE", session.clone()),
        ("GET", elsewhere.clone()),
        ("PUT", format!("{elsewhere}?digest={digest}")),
    ] {
        assert_eq!(call_as(&server, "guest", method, &target, b"").status, 404, "{method} {target}");
    }
    let finished = call_as(&server, "owner", "PUT", &format!("{session}?digest={digest}"), b"");
    assert_eq!(finished.status, 201, "and its owner goes on");
}

#[test]
fn cve_2024_9683_a_password_that_is_cut() {
    let password = "p".repeat(72);
    let line = format!("ci:{}\n", bcrypt::hash(&password, 4).unwrap());
    let server = Server::with(Setup {
        configuration: "auth: {htpasswd: {realm: Yard, path: DIR/users}}",
        files: &[("users", &line)],
        ..Setup::default()
    });
    let status = |password: &str| {
        let credentials = format!("Basic {}", STANDARD.encode(format!("ci:{password}")));
        server.call("GET", "/v2/", &[("authorization", &credentials)], b"").status
    };
    assert_eq!(status(&password), 200);
    assert_eq!(status(&format!("{password}and more")), 401);
    assert_eq!(status(&password[..71]), 401);
    assert_eq!(status(&format!("{}\0", &password[..71])), 401);
}

#[test]
fn cve_2022_31667_the_repository_in_the_path_decides_and_not_the_digest() {
    let server = with_users();
    let digest = push_as(&server, "owner", "private/app", b"secret");
    let pushed = call_as(&server, "owner", "PUT", "/v2/private/app/manifests/latest", EMPTY_INDEX);
    let manifest = pushed.header("docker-content-digest").unwrap();
    for part in [format!("blobs/{digest}"), format!("manifests/{manifest}"), "tags/list".to_owned()] {
        assert_eq!(call_as(&server, "guest", "GET", &format!("/v2/private/app/{part}"), b"").status, 403, "{part}");
        assert_eq!(call_as(&server, "guest", "GET", &format!("/v2/guest/app/{part}"), b"").status, 404, "{part}");
        assert_eq!(
            call_as(&server, "guest", "DELETE", &format!("/v2/guest/app/{part}"), b"").status / 100,
            4,
            "{part}"
        );
    }
}

/// And CVE-2022-46463: what is there is told to those who may pull it.
#[test]
fn cve_2020_29662_the_catalog_tells_what_is_private() {
    let server = with_users();
    for repository in ["private/app", "guest/app"] {
        let pushed = call_as(&server, "owner", "PUT", &format!("/v2/{repository}/manifests/latest"), EMPTY_INDEX);
        assert_eq!(pushed.status, 201);
    }
    assert_eq!(server.get("/v2/_catalog").status, 401);
    let listed = call_as(&server, "guest", "GET", "/v2/_catalog", b"");
    assert_eq!(listed.text().trim(), r#"{"repositories":["guest/app"]}"#);
}

#[test]
fn cve_2020_13794_users_are_told_from_strangers() {
    let server = with_users();
    let refusal = |user: &str| {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:wrong")));
        let answer = server.call("GET", "/v2/", &[("authorization", &credentials)], b"");
        let lines = answer.head.lines().filter(|line| !line.starts_with("date"));
        (lines.map(str::to_owned).collect::<Vec<_>>(), answer.text())
    };
    assert_eq!(refusal("owner"), refusal("nobody"));
}

#[test]
fn cve_2024_22244_a_redirect_to_elsewhere() {
    let server = Server::start();
    for target in
        ["//evil.example/v2", "/v2//evil.example", "/%2f%2fevil.example", "/v2?//evil.example", "/\\evil.example"]
    {
        let answer = server.get(target);
        let location = answer.header("location").unwrap_or("/v2/");
        assert!(location.starts_with("/v2"), "{target} leads to {location}");
    }
}

#[test]
fn cve_2025_32019_a_page_made_of_what_was_pushed() {
    let server = Server::start();
    let script = b"<html><script>alert(1)</script>";
    let digest = server.push_blob("a", script);
    let document = br#"{"schemaVersion":2,"manifests":[],"annotations":{"x":"<script>alert(1)</script>"}}"#;
    let pushed = server.call("PUT", "/v2/a/manifests/latest", &[("content-type", OCI_INDEX)], document);
    assert_eq!(pushed.status, 201);
    let script = "%3Cscript%3Ealert(1)%3C/script%3E";
    for target in [
        format!("/v2/a/blobs/{digest}"),
        "/v2/a/manifests/latest".to_owned(),
        format!("/v2/a/manifests/{script}"),
        format!("/v2/{script}/tags/list"),
        format!("/v2/_catalog?n={script}"),
        format!("/v2/a/tags/list?last={script}&n=1"),
        format!("/{script}"),
    ] {
        let answer = server.get(&target);
        let media_type = answer.header("content-type").unwrap_or_default();
        let is_data = ["application/", "text/plain"].iter().any(|kind| media_type.starts_with(kind));
        assert!(is_data && !media_type.contains("html"), "{target} is {media_type:?}");
    }
}

/// As a layer of Docker's may name an address: containerd was made to send its password there.
#[test]
fn cve_2020_15157_an_address_in_a_manifest_is_asked() {
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let config = server.push_blob("a", b"{}");
    let media_type = "application/vnd.docker.distribution.manifest.v2+json";
    let document = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{"digest":"{config}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{}","urls":["http://{}/layer"]}}]}}"#,
        super::sha256("elsewhere"),
        listener.local_addr().unwrap(),
    );
    let headers = [("content-type", media_type)];
    assert_eq!(server.call("PUT", "/v2/a/manifests/latest", &headers, document.as_bytes()).status, 201);
    assert_eq!(server.get("/v2/a/manifests/latest").text(), document);
    assert_eq!(server.get(&format!("/v2/a/blobs/{}", super::sha256("elsewhere"))).status, 404);
    assert!(listener.accept().is_err(), "the server went there");
}

#[test]
fn cve_2025_48374_secrets_are_written_into_the_log() {
    let process = Process::start(&[
        ("REGISTRY_HTTP_SECRET", "secret-of-the-server"),
        ("REGISTRY_LOG_LEVEL", "debug"),
        ("REGISTRY_LOG_ACCESSLOG_DISABLED", "false"),
    ]);
    let encoded = STANDARD.encode("moby:secret-of-moby");
    for value in [format!("Basic {encoded}"), "Bearer secret-of-moby".to_owned(), "secret-of-moby".to_owned()] {
        let mut wire = process.connect();
        wire.send(request("GET", "/v2/", &[("authorization", &value), ("cookie", "secret-of-moby")], b""));
        assert_eq!(wire.answer().map(|answer| answer.status), Some(200));
    }
    eventually("the requests are in the log", || process.log().matches("response completed").count() == 3);
    for secret in ["secret-of", &encoded] {
        assert!(!process.log().contains(secret), "{secret} is in {}", process.log());
    }
}
