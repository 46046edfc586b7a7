//! Blobs: pulling and deleting.

use insta::assert_snapshot;

use crate::support::{on_every_store, sha256, sha512};

#[test]
fn a_blob_is_pulled_as_it_was_pushed() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "a small blob").await;
        let target = format!("/v2/pier/blobs/{digest}");
        assert_snapshot!(server.get(&target).await, @r#"
        200 OK
        accept-ranges: bytes
        cache-control: max-age=31536000
        content-length: 12
        content-type: application/octet-stream
        docker-content-digest: sha256:246f240a8aa3c6302117fbc23346d173af60495d067433bf99e21f300c0f3925
        docker-distribution-api-version: registry/2.0
        etag: "sha256:246f240a8aa3c6302117fbc23346d173af60495d067433bf99e21f300c0f3925"

        a small blob
        "#);
        assert_snapshot!(server.head(&target).await, @r#"
        200 OK
        accept-ranges: bytes
        cache-control: max-age=31536000
        content-length: 12
        content-type: application/octet-stream
        docker-content-digest: sha256:246f240a8aa3c6302117fbc23346d173af60495d067433bf99e21f300c0f3925
        docker-distribution-api-version: registry/2.0
        etag: "sha256:246f240a8aa3c6302117fbc23346d173af60495d067433bf99e21f300c0f3925"
        "#);
    });
}

#[test]
fn a_large_blob_is_pulled_as_it_was_pushed() {
    on_every_store(async |server| {
        let content: Vec<u8> = (0..1_500_000_u32).map(|index| (index % 253) as u8).collect();
        let digest = server.push_blob("pier", content.clone()).await;
        for _ in 0..2 {
            let reply = server.get(&format!("/v2/pier/blobs/{digest}")).await;
            assert_eq!(reply.header("content-length"), Some("1500000"));
            assert!(reply.body == content);
        }
    });
}

#[test]
fn an_empty_blob_is_a_blob() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "").await;
        assert_snapshot!(server.get(&format!("/v2/pier/blobs/{digest}")).await, @r#"
        200 OK
        accept-ranges: bytes
        cache-control: max-age=31536000
        content-length: 0
        content-type: application/octet-stream
        docker-content-digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        docker-distribution-api-version: registry/2.0
        etag: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        "#);
    });
}

#[test]
fn a_blob_keeps_the_algorithm_of_its_digest() {
    on_every_store(async |server| {
        let digest = sha512("strong");
        let reply = server.call("POST", &format!("/v2/pier/blobs/uploads/?digest={digest}"), &[], "strong").await;
        assert_eq!(reply.status, 201);
        assert_eq!(reply.header("docker-content-digest"), Some(&*digest.to_string()));
        let reply = server.get(&format!("/v2/pier/blobs/{digest}")).await;
        assert_eq!(reply.header("docker-content-digest"), Some(&*digest.to_string()));
        assert_eq!(server.get(&format!("/v2/pier/blobs/{}", sha256("strong"))).await.status, 404);
    });
}

#[test]
fn an_unknown_blob_is_not_found() {
    on_every_store(async |server| {
        let digest = sha256("nowhere");
        assert_snapshot!(server.get(&format!("/v2/pier/blobs/{digest}")).await, @r#"
        404 Not Found
        content-length: 157
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:20aeff0494e828d188c704e1f488a589b15ae01d11f6cb129f62129caa6cc543"}]}
        "#);
        assert_eq!(server.head(&format!("/v2/pier/blobs/{digest}")).await.body, "");
    });
}

#[test]
fn a_malformed_digest_is_refused() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/pier/blobs/sha256:baddigeststring").await, @r#"
        400 Bad Request
        content-length: 184
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"the digest is not 64 (sha256) or 128 (sha512) lowercase hexadecimal digits"}]}
        "#);
        assert_eq!(server.get("/v2/pier/blobs/md5:d41d8cd98f00b204e9800998ecf8427e").await.code(), "DIGEST_INVALID");
    });
}

#[test]
fn a_colon_may_be_encoded() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "x").await.to_string();
        assert_eq!(server.get(&format!("/v2/pier/blobs/{}", digest.replace(':', "%3A"))).await.status, 200);
    });
}

#[test]
fn a_blob_is_in_the_repository_it_was_pushed_to_alone() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "mine").await;
        assert_eq!(server.get(&format!("/v2/pier/blobs/{digest}")).await.status, 200);
        assert_eq!(server.get(&format!("/v2/quay/blobs/{digest}")).await.status, 404);
    });
}

#[test]
fn unchanged_content_is_not_sent_again() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "cached").await;
        let target = format!("/v2/pier/blobs/{digest}");
        assert_snapshot!(server.call("GET", &target, &[("if-none-match", &format!("\"{digest}\""))], "").await, @r#"
        304 Not Modified
        content-length: 0
        docker-content-digest: sha256:3673014e72b67383be302485694555a57ad393afdebaed6ded110a775bd0556d
        docker-distribution-api-version: registry/2.0
        etag: "sha256:3673014e72b67383be302485694555a57ad393afdebaed6ded110a775bd0556d"
        "#);
        assert_eq!(server.call("GET", &target, &[("if-none-match", &digest.to_string())], "").await.status, 304);
        assert_eq!(server.call("GET", &target, &[("if-none-match", "\"other\"")], "").await.status, 200);
    });
}

#[test]
fn a_deleted_blob_is_gone_at_once_and_stays_elsewhere() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "shared").await;
        server.push_blob("quay", "shared").await;
        let target = format!("/v2/pier/blobs/{digest}");
        assert_eq!(server.get(&target).await.status, 200);
        assert_snapshot!(server.delete(&target).await, @"
        202 Accepted
        content-length: 0
        docker-distribution-api-version: registry/2.0
        ");
        assert_eq!(server.head(&target).await.status, 404);
        assert_snapshot!(server.delete(&target).await, @r#"
        404 Not Found
        content-length: 157
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:a4d26868017c0ccffe2efe50944ef4211834660cca834c6e9f86dec6a88246fa"}]}
        "#);
        assert_eq!(server.get(&format!("/v2/quay/blobs/{digest}")).await.status, 200);
        server.push_blob("pier", "shared").await;
        assert_eq!(server.get(&target).await.body, "shared");
    });
}
