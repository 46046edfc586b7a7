//! Upload sessions, from the first byte to the blob.

use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use insta::assert_snapshot;
use registry_server::oci::Digest;

use crate::support::{Server, on_a_directory, on_every_store, open, options, sha256, sha512};

/// `<location>&digest=<digest>`, as scripts write it for the reference.
fn finish(location: &str, digest: &Digest) -> String {
    format!("{location}&digest={digest}")
}

#[test]
fn a_blob_is_pushed_in_two_requests() {
    on_every_store(async |server| {
        let reply = server.post("/v2/port/pier/blobs/uploads/").await;
        assert_snapshot!(reply, @"
        202 Accepted
        content-length: 0
        docker-distribution-api-version: registry/2.0
        docker-upload-uuid: <session>
        location: http://registry.test/v2/port/pier/blobs/uploads/<session>?_state=<state>
        range: 0-0
        ");
        let digest = sha256("whole");
        assert_snapshot!(server.call("PUT", &finish(&reply.location(), &digest), &[], "whole").await, @"
        201 Created
        content-length: 0
        docker-content-digest: sha256:5d5766cf2d78701614200418ee1450690d9af12c84d52545e4802f001ad53099
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/port/pier/blobs/sha256:5d5766cf2d78701614200418ee1450690d9af12c84d52545e4802f001ad53099
        ");
        assert_eq!(server.get(&format!("/v2/port/pier/blobs/{digest}")).await.body, "whole");
    });
}

#[test]
fn a_blob_is_pushed_in_one_request() {
    on_every_store(async |server| {
        let digest = sha256("at once");
        let reply = server.call("POST", &format!("/v2/pier/blobs/uploads/?digest={digest}"), &[], "at once").await;
        assert_snapshot!(reply, @"
        201 Created
        content-length: 0
        docker-content-digest: sha256:2c1c3733626507b9d736d101d65d60518e58bcba5a948c457f250d412f626eef
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/pier/blobs/sha256:2c1c3733626507b9d736d101d65d60518e58bcba5a948c457f250d412f626eef
        ");
    });
}

#[test]
fn a_blob_is_pushed_in_chunks() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        let first = server.call("PATCH", &location, &[("content-range", "0-3")], "0123").await;
        assert_snapshot!(first, @"
        202 Accepted
        content-length: 0
        docker-distribution-api-version: registry/2.0
        docker-upload-uuid: <session>
        location: http://registry.test/v2/pier/blobs/uploads/<session>?_state=<state>
        range: 0-3
        ");
        let second = server.call("PATCH", &first.location(), &[("content-range", "4-7")], "4567").await;
        assert_eq!(second.header("range"), Some("0-7"));
        assert_snapshot!(server.get(&second.location()).await, @"
        204 No Content
        content-length: 0
        docker-distribution-api-version: registry/2.0
        docker-upload-uuid: <session>
        location: http://registry.test/v2/pier/blobs/uploads/<session>?_state=<state>
        range: 0-7
        ");
        let digest = sha256("0123456789");
        let last = server.call("PUT", &finish(&second.location(), &digest), &[("content-range", "8-9")], "89").await;
        assert_eq!(last.status, 201, "{last}");
        assert_eq!(server.get(&format!("/v2/pier/blobs/{digest}")).await.body, "0123456789");
        assert_eq!(server.get(&location).await.status, 404, "the session is over");
    });
}

#[test]
fn a_blob_is_pushed_as_a_stream_of_unknown_length() {
    on_every_store(async |server| {
        let content: Vec<u8> = (0..2_000_000_u32).map(|index| (index % 239) as u8).collect();
        let frames: Vec<_> =
            content.chunks(30_001).map(|frame| Ok::<_, io::Error>(Bytes::copy_from_slice(frame))).collect();
        let location = server.begin_upload("pier").await;
        let reply = server.call("PATCH", &location, &[], Body::from_stream(stream::iter(frames))).await;
        assert_eq!(reply.header("range"), Some("0-1999999"), "{reply}");
        let digest = sha256(&content);
        assert_eq!(server.call("PUT", &finish(&reply.location(), &digest), &[], "").await.status, 201);
        assert!(server.get(&format!("/v2/pier/blobs/{digest}")).await.body == content);
    });
}

#[test]
fn an_empty_blob_is_pushed() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_eq!(server.call("PUT", &finish(&location, &sha256("")), &[], "").await.status, 201);
    });
}

#[test]
fn the_algorithm_may_be_known_at_the_end_alone() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        server.call("PATCH", &location, &[], "stro").await;
        let digest = sha512("strong");
        let reply = server.call("PUT", &finish(&location, &digest), &[], "ng").await;
        assert_eq!(reply.header("docker-content-digest"), Some(&*digest.to_string()), "{reply}");
    });
}

#[test]
fn the_algorithm_may_be_announced() {
    on_every_store(async |server| {
        let reply = server.post("/v2/pier/blobs/uploads/?digest-algorithm=sha512").await;
        assert_eq!(reply.status, 202);
        let digest = sha512("strong");
        assert_eq!(server.call("PUT", &finish(&reply.location(), &digest), &[], "strong").await.status, 201);
        assert_eq!(server.post("/v2/pier/blobs/uploads/?digest-algorithm=md5").await.code(), "DIGEST_INVALID");
    });
}

#[test]
fn a_chunk_out_of_order_is_refused_and_the_session_goes_on() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_snapshot!(
            server.call("PATCH", &location, &[("content-range", "4-7")], "4567").await.without_session(&location),
            @r#"
        416 Range Not Satisfiable
        content-length: 109
        content-type: application/json
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/pier/blobs/uploads/<session>?_state=<state>
        range: 0-0

        {"errors":[{"code":"RANGE_INVALID","message":"invalid content range","detail":"the next byte is number 0"}]}
        "#
        );
        let status = server.get(&location).await;
        assert_eq!((status.status.as_u16(), status.header("range")), (204, Some("0-0")));
        server.call("PATCH", &location, &[("content-range", "0-3")], "0123").await;
        let late = [("content-range", "0-3")];
        assert_eq!(server.call("PATCH", &location, &late, "0123").await.status, 416);
        let digest = sha256("01234567");
        assert_eq!(server.call("PUT", &finish(&location, &digest), &[("content-range", "9-9")], "x").await.status, 416);
        assert_eq!(
            server.call("PUT", &finish(&location, &digest), &[("content-range", "4-7")], "4567").await.status,
            201
        );
    });
}

#[test]
fn a_malformed_content_range_is_refused() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        let malformed = server.call("PATCH", &location, &[("content-range", "bytes 0-3/4")], "0123").await;
        assert_eq!((malformed.status.as_u16(), malformed.code().as_str()), (416, "RANGE_INVALID"));
        let headers = [("content-range", "0-3"), ("content-length", "2")];
        assert_eq!(server.call("PATCH", &location, &headers, "01").await.code(), "SIZE_INVALID");
    });
}

#[test]
fn a_wrong_digest_ends_the_session() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_snapshot!(server.call("PUT", &finish(&location, &sha256("this")), &[], "that").await, @r#"
        400 Bad Request
        content-length: 290
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"the uploaded content has digest sha256:8e7fc0236af43df9340685fc16f1efe36543cc1707051220a103ad99cf69a2df, not sha256:1eb79602411ef02cf6fe117897015fff89f80face4eccd50425c45149b148408"}]}
        "#);
        assert_eq!(server.get(&location).await.status, 404);
        assert_eq!(server.get(&format!("/v2/pier/blobs/{}", sha256("that"))).await.status, 404);
    });
}

#[test]
fn a_missing_or_malformed_digest_leaves_the_session() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_snapshot!(server.call("PUT", &location, &[], "x").await, @r#"
        400 Bad Request
        content-length: 124
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"digest missing"}]}
        "#);
        assert_eq!(
            server.call("PUT", &format!("{location}&digest=sha256:bad"), &[], "x").await.code(),
            "DIGEST_INVALID"
        );
        assert_eq!(server.get(&location).await.status, 204);
        assert_eq!(server.post("/v2/pier/blobs/uploads/?digest=sha256:bad").await.code(), "DIGEST_INVALID");
    });
}

#[test]
fn a_cancelled_session_is_gone() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_eq!(server.delete(&location).await.status, 204);
        assert_snapshot!(server.get(&location).await.without_session(&location), @r#"
        404 Not Found
        content-length: 154
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":"upload <session> is unknown"}]}
        "#);
        assert_eq!(server.delete(&location).await.status, 404);
    });
}

#[test]
fn a_session_belongs_to_its_repository() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        let elsewhere = location.replace("pier", "quay");
        assert_eq!(server.get(&elsewhere).await.code(), "BLOB_UPLOAD_UNKNOWN");
        assert_eq!(server.call("PATCH", &elsewhere, &[], "x").await.status, 404);
        assert_eq!(server.get(&location).await.status, 204);
    });
}

#[test]
fn a_session_that_never_was_is_unknown() {
    on_every_store(async |server| {
        for id in ["1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11", "not-a-session"] {
            let target = format!("/v2/pier/blobs/uploads/{id}");
            for method in ["GET", "PATCH", "DELETE"] {
                assert_eq!(server.call(method, &target, &[], "").await.code(), "BLOB_UPLOAD_UNKNOWN", "{method} {id}");
            }
        }
    });
}

#[test]
fn an_upload_goes_on_although_its_client_drops_or_spoils_the_state() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        let (path, state) = location.split_once('?').unwrap();
        assert!(state.starts_with("_state="), "{location}");
        assert_eq!(server.call("PATCH", path, &[], "x").await.status, 202);
        assert_eq!(server.call("PATCH", &format!("{path}?_state=abc"), &[], "y").await.status, 202);
        assert_eq!(server.call("PATCH", &location, &[], "z").await.header("range"), Some("0-2"));
        assert_eq!(server.get(path).await.status, 204);
        let target = format!("{path}?digest={}", sha256("xyz"));
        assert_eq!(server.call("PUT", &target, &[], "").await.status, 201);
    });
}

#[test]
fn locations_follow_the_configuration() {
    let hosted = registry_server::http::Options { host: Some("https://harbour.example/".into()), ..options() };
    let relative = registry_server::http::Options { relative_urls: true, ..options() };
    for (options, beginning) in [(hosted, "https://harbour.example/v2/pier/"), (relative, "/v2/pier/")] {
        crate::support::on_every_store_with(options, async |server| {
            let reply = server.post("/v2/pier/blobs/uploads/").await;
            assert!(reply.header("location").unwrap().starts_with(beginning), "{reply}");
        });
    }
}

/// A body that breaks off.
fn broken(content: &'static str) -> Body {
    let frames = [Ok(Bytes::from_static(content.as_bytes())), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    Body::from_stream(stream::iter(frames))
}

#[test]
fn what_arrived_before_an_interruption_is_kept() {
    on_every_store(async |server| {
        let location = server.begin_upload("pier").await;
        assert_eq!(server.call("PATCH", &location, &[], broken("half ")).await.code(), "BLOB_UPLOAD_INVALID");
        assert_eq!(server.get(&location).await.header("range"), Some("0-4"));
        let digest = sha256("half whole");
        assert_eq!(server.call("PUT", &finish(&location, &digest), &[], "whole").await.status, 201);
    });
}

#[test]
fn a_single_request_that_is_interrupted_leaves_nothing() {
    on_a_directory(async |server, root| {
        let target = format!("/v2/pier/blobs/uploads/?digest={}", sha256("half whole"));
        assert_eq!(server.call("POST", &target, &[], broken("half ")).await.status, 400);
        let sessions = root.join("docker/registry/v2/repositories/pier/_uploads");
        assert_eq!(std::fs::read_dir(sessions).unwrap().count(), 0);
    });
}

#[test]
fn a_session_survives_a_restart() {
    on_a_directory(async |server, root| {
        let location = server.begin_upload("pier").await;
        server.call("PATCH", &location, &[], "before ").await;
        drop(server);
        let server = Server::new(open(root), options());
        assert_eq!(server.get(&location).await.header("range"), Some("0-6"));
        let digest = sha256("before after");
        assert_eq!(server.call("PUT", &finish(&location, &digest), &[], "after").await.status, 201);
        assert_eq!(server.get(&format!("/v2/pier/blobs/{digest}")).await.body, "before after");
    });
}
