//! Parts of blobs.

use insta::assert_snapshot;

use crate::support::on_every_store;

#[test]
fn a_part_is_sent() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "0123456789").await;
        let target = format!("/v2/pier/blobs/{digest}");
        assert_snapshot!(server.call("GET", &target, &[("range", "bytes=2-4")], "").await, @r#"
        206 Partial Content
        accept-ranges: bytes
        cache-control: max-age=31536000
        content-length: 3
        content-range: bytes 2-4/10
        content-type: application/octet-stream
        docker-content-digest: sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882
        docker-distribution-api-version: registry/2.0
        etag: "sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"

        234
        "#);
        assert_eq!(server.call("GET", &target, &[("range", "bytes=7-")], "").await.body, "789");
        assert_eq!(server.call("GET", &target, &[("range", "bytes=-2")], "").await.body, "89");
        assert_eq!(server.call("GET", &target, &[("range", "bytes=8-100")], "").await.body, "89");
        assert_eq!(
            server.call("HEAD", &target, &[("range", "bytes=2-4")], "").await.header("content-length"),
            Some("3")
        );
    });
}

#[test]
fn a_part_of_a_large_blob_is_sent() {
    on_every_store(async |server| {
        let content: Vec<u8> = (0..1_000_000_u32).map(|index| (index % 241) as u8).collect();
        let digest = server.push_blob("pier", content.clone()).await;
        let range = [("range", "bytes=70001-900000")];
        let reply = server.call("GET", &format!("/v2/pier/blobs/{digest}"), &range, "").await;
        assert_eq!(reply.status, 206);
        assert!(reply.body == content[70_001..=900_000]);
    });
}

#[test]
fn a_part_that_does_not_exist_is_refused() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "0123456789").await;
        let target = format!("/v2/pier/blobs/{digest}");
        assert_snapshot!(server.call("GET", &target, &[("range", "bytes=10-")], "").await, @r#"
        416 Range Not Satisfiable
        content-length: 105
        content-range: bytes */10
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"RANGE_INVALID","message":"invalid content range","detail":"the blob has 10 bytes"}]}
        "#);
        assert_eq!(server.call("GET", &target, &[("range", "bytes=500-0")], "").await.status, 416);
    });
}

#[test]
fn a_part_of_nothing_is_everything() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "").await;
        let reply = server.call("GET", &format!("/v2/pier/blobs/{digest}"), &[("range", "bytes=0-")], "").await;
        assert_eq!(reply.status, 200);
    });
}

#[test]
fn a_part_of_another_version_is_everything() {
    on_every_store(async |server| {
        let digest = server.push_blob("pier", "0123456789").await;
        let target = format!("/v2/pier/blobs/{digest}");
        let same = [("range", "bytes=0-1"), ("if-range", &*format!("\"{digest}\""))];
        assert_eq!(server.call("GET", &target, &same, "").await.status, 206);
        let other = [("range", "bytes=0-1"), ("if-range", "\"other\"")];
        assert_eq!(server.call("GET", &target, &other, "").await.status, 200);
    });
}
