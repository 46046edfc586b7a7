//! Manifests: pushing, pulling and deleting.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, stream};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{DOCKER_IMAGE, DOCKER_LIST, OCI_IMAGE, OCI_INDEX, on_every_store, sha256, sha512};

#[test]
fn an_image_is_pushed_by_tag_and_pulled_by_tag_and_digest() {
    on_every_store(async |server| {
        let image = server.image("team/app", "x").await.to_string();
        assert_snapshot!(server.put_manifest("/v2/team/app/manifests/v1", OCI_IMAGE, image.clone()).await, @"
        201 Created
        content-length: 0
        docker-content-digest: sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/team/app/manifests/sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        ");
        assert_snapshot!(server.get("/v2/team/app/manifests/v1").await, @r#"
        200 OK
        content-length: 367
        content-type: application/vnd.oci.image.manifest.v1+json
        docker-content-digest: sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        docker-distribution-api-version: registry/2.0
        etag: "sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7"

        {"config":{"digest":"sha256:60f6278785d694ad349910d0b3d58ad706b77b427e8032549c2080c728573dc7","mediaType":"application/vnd.test.config","size":8},"layers":[{"digest":"sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85","mediaType":"application/vnd.test.layer","size":5}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}
        "#);
        assert_snapshot!(server.head("/v2/team/app/manifests/v1").await, @r#"
        200 OK
        content-length: 367
        content-type: application/vnd.oci.image.manifest.v1+json
        docker-content-digest: sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        docker-distribution-api-version: registry/2.0
        etag: "sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7"
        "#);
        assert_eq!(server.get(&format!("/v2/team/app/manifests/{}", sha256(&image))).await.body, image);
    });
}

#[test]
fn every_byte_is_kept() {
    on_every_store(async |server| {
        let compact = server.image("app", "x").await.to_string();
        let odd = format!("\n  {}, \"unknown\": [1, 2.50, \"\\u0041\"]\t}} \n", compact.strip_suffix('}').unwrap());
        assert_eq!(server.put_manifest("/v2/app/manifests/odd", OCI_IMAGE, odd.clone()).await.status, 201);
        assert_eq!(server.get("/v2/app/manifests/odd").await.body, odd);
    });
}

#[test]
fn every_media_type_is_served_as_it_was_pushed_whatever_is_accepted() {
    on_every_store(async |server| {
        let mut image = server.image("app", "x").await;
        image["mediaType"] = json!(DOCKER_IMAGE);
        let child = json!([{ "mediaType": DOCKER_IMAGE, "digest": sha256(image.to_string()), "size": 1 }]);
        let untyped = json!({ "schemaVersion": 2, "config": image["config"], "layers": [] });
        let documents = [
            (DOCKER_IMAGE, image.clone()),
            (DOCKER_LIST, json!({ "schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": child })),
            (OCI_INDEX, json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": child })),
            (OCI_INDEX, json!({ "schemaVersion": 2, "manifests": [] })),
            (OCI_IMAGE, untyped),
        ];
        for (media_type, document) in documents {
            let reply = server.put_manifest("/v2/app/manifests/any", media_type, document.to_string()).await;
            assert_eq!(reply.status, 201, "{reply}");
            let accept = [("accept", "application/vnd.something.else")];
            let reply = server.call("GET", "/v2/app/manifests/any", &accept, "").await;
            assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some(media_type)));
        }
    });
}

#[test]
fn a_manifest_keeps_the_algorithm_of_its_digest() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await.to_string();
        let target = format!("/v2/app/manifests/{}", sha512(&image));
        let reply = server.put_manifest(&target, OCI_IMAGE, image.clone()).await;
        assert_eq!(reply.header("docker-content-digest"), Some(&*sha512(&image).to_string()), "{reply}");
        let reply = server.get(&target).await;
        assert_eq!(reply.header("docker-content-digest"), Some(&*sha512(&image).to_string()));
        assert_eq!(server.get(&format!("/v2/app/manifests/{}", sha256(&image))).await.status, 404);
    });
}

#[test]
fn a_push_by_digest_may_set_tags() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await.to_string();
        let target = format!("/v2/app/manifests/{}?tag=one&tag=two", sha256(&image));
        assert_snapshot!(server.put_manifest(&target, OCI_IMAGE, image.clone()).await, @"
        201 Created
        content-length: 0
        docker-content-digest: sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/app/manifests/sha256:9638187a157c58f81212313e14f256d51870d70a7e2546c60a925da22032dfc7
        oci-tag: one
        oci-tag: two
        ");
        for tag in ["one", "two"] {
            assert_eq!(server.get(&format!("/v2/app/manifests/{tag}")).await.body, image);
        }
        let bad = format!("/v2/app/manifests/{}?tag=.bad", sha256(&image));
        assert_eq!(server.put_manifest(&bad, OCI_IMAGE, image.clone()).await.code(), "TAG_INVALID");
        let many: String = (0..101).map(|index| format!("&tag=t{index}")).collect();
        let many = format!("/v2/app/manifests/{}?{many}", sha256(&image));
        assert_eq!(server.put_manifest(&many, OCI_IMAGE, image).await.status, 414);
    });
}

#[test]
fn a_tag_moves() {
    on_every_store(async |server| {
        let first = server.push_image("app", "v1", "first").await;
        let second = server.push_image("app", "v1", "second").await;
        assert_eq!(server.get("/v2/app/manifests/v1").await.header("etag"), Some(&*format!("\"{second}\"")));
        assert_eq!(server.get(&format!("/v2/app/manifests/{first}")).await.status, 200);
    });
}

#[test]
fn what_is_unknown_is_not_found() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/team/app/manifests/absent").await, @r#"
        404 Not Found
        content-length: 100
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=absent"}]}
        "#);
        assert_snapshot!(server.get(&format!("/v2/team/app/manifests/{}", sha256("absent"))).await, @r#"
        404 Not Found
        content-length: 193
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown manifest name=team/app revision=sha256:5ad38304b535c2987dbd24657c1a11b884984ff600d9f389deb0d4e634fee792"}]}
        "#);
        let digest = server.push_image("app", "v1", "x").await;
        assert_eq!(server.get(&format!("/v2/other/manifests/{digest}")).await.status, 404);
    });
}

#[test]
fn malformed_references_are_refused() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/app/manifests/sha256:baddigeststring").await, @r#"
        400 Bad Request
        content-length: 184
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"the digest is not 64 (sha256) or 128 (sha512) lowercase hexadecimal digits"}]}
        "#);
        assert_snapshot!(server.get("/v2/app/manifests/.hidden").await, @r#"
        400 Bad Request
        content-length: 194
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"TAG_INVALID","message":"manifest tag did not match URI","detail":"a tag has at most 128 characters, letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`"}]}
        "#);
    });
}

#[test]
fn a_wrong_digest_is_refused() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await.to_string();
        let target = format!("/v2/app/manifests/{}", sha256(&image));
        let reply = server.put_manifest(&target, OCI_IMAGE, format!("{image} ")).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "DIGEST_INVALID"));
        assert_eq!(server.get(&target).await.status, 404);
    });
}

#[test]
fn what_is_no_manifest_is_refused() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await.to_string();
        assert_snapshot!(server.put_manifest("/v2/app/manifests/v1", OCI_IMAGE, "not json").await, @r#"
        400 Bad Request
        content-length: 161
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":"the manifest is not valid JSON of a manifest: expected ident at line 1 column 2"}]}
        "#);
        for (media_type, document) in [
            ("application/json", image.clone()),
            (DOCKER_IMAGE, image.clone()),
            (OCI_INDEX, image.clone()),
            (OCI_IMAGE, r#"{"schemaVersion":1}"#.to_owned()),
            (OCI_IMAGE, image.replacen('{', r#"{"manifests":[],"#, 1)),
        ] {
            let reply = server.put_manifest("/v2/app/manifests/v1", media_type, document).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "MANIFEST_INVALID"), "{media_type}");
        }
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 404);
    });
}

#[test]
fn missing_content_is_named() {
    on_every_store(async |server| {
        let mut image = server.image("app", "x").await;
        let absent = sha256("absent");
        image["layers"][0]["digest"] = json!(absent);
        assert_snapshot!(server.put_manifest("/v2/app/manifests/v1", OCI_IMAGE, image.to_string()).await, @r#"
        400 Bad Request
        content-length: 166
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:5ad38304b535c2987dbd24657c1a11b884984ff600d9f389deb0d4e634fee792"}]}
        "#);
        let child = json!({ "mediaType": OCI_IMAGE, "digest": absent, "size": 1 });
        let index = json!({ "schemaVersion": 2, "manifests": [child] }).to_string();
        let reply = server.put_manifest("/v2/app/manifests/v1", OCI_INDEX, index).await;
        assert_eq!(reply.code(), "MANIFEST_BLOB_UNKNOWN");
    });
}

#[test]
fn layers_kept_elsewhere_and_subjects_may_be_missing() {
    on_every_store(async |server| {
        let mut image = server.image("app", "x").await;
        let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
        image["layers"] = json!([{ "mediaType": nondistributable, "digest": sha256("elsewhere"), "size": 9 }]);
        image["subject"] = json!({ "mediaType": OCI_IMAGE, "digest": sha256("later"), "size": 5 });
        let reply = server.put_manifest("/v2/app/manifests/v1", OCI_IMAGE, image.to_string()).await;
        assert_eq!(reply.status, 201, "{reply}");
        assert_eq!(reply.header("oci-subject"), Some(&*sha256("later").to_string()));
    });
}

#[test]
fn an_index_may_hold_indexes_and_the_layers_of_a_build_cache() {
    on_every_store(async |server| {
        let image = server.push_image("app", "v1", "x").await;
        let layer = server.push_blob("app", "cached layer").await;
        let inner = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
            { "mediaType": OCI_IMAGE, "digest": image, "size": 1 },
            { "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": 12 },
        ]})
        .to_string();
        assert_eq!(server.put_manifest("/v2/app/manifests/inner", OCI_INDEX, inner.clone()).await.status, 201);
        let outer = json!({ "schemaVersion": 2, "manifests": [{ "mediaType": OCI_INDEX, "digest": sha256(inner), "size": 1 }] });
        assert_eq!(server.put_manifest("/v2/app/manifests/outer", OCI_INDEX, outer.to_string()).await.status, 201);
    });
}

#[test]
fn a_manifest_has_four_mebibytes_at_most() {
    on_every_store(async |server| {
        let mut image = server.image("app", "x").await;
        image["annotations"] = json!({ "padding": "x".repeat(4_000_000) });
        let large = image.to_string();
        assert_eq!(server.put_manifest("/v2/app/manifests/large", OCI_IMAGE, large.clone()).await.status, 201);
        assert!(server.get("/v2/app/manifests/large").await.body == large);

        image["annotations"] = json!({ "padding": "x".repeat(4 << 20) });
        assert_snapshot!(server.put_manifest("/v2/app/manifests/huge", OCI_IMAGE, image.to_string()).await, @r#"
        413 Payload Too Large
        content-length: 142
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"SIZE_INVALID","message":"provided length did not match content length","detail":"a manifest has at most 4194304 bytes"}]}
        "#);
        let announced = [("content-type", OCI_IMAGE), ("content-length", "9999999")];
        assert_eq!(server.call("PUT", "/v2/app/manifests/huge", &announced, "{").await.status, 413);
    });
}

#[test]
fn unchanged_manifests_are_not_sent_again() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        let known = [("if-none-match", &*format!("\"{digest}\""))];
        assert_eq!(server.call("GET", "/v2/app/manifests/v1", &known, "").await.status, 304);
        assert_eq!(server.call("HEAD", "/v2/app/manifests/v1", &known, "").await.status, 304);
    });
}

#[test]
fn a_deleted_tag_leaves_the_manifest() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        assert_snapshot!(server.delete("/v2/app/manifests/v1").await, @"
        202 Accepted
        content-length: 0
        docker-distribution-api-version: registry/2.0
        ");
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 404);
        assert_eq!(server.get(&format!("/v2/app/manifests/{digest}")).await.status, 200);
        assert_snapshot!(server.delete("/v2/app/manifests/v1").await, @r#"
        404 Not Found
        content-length: 96
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=v1"}]}
        "#);
    });
}

#[test]
fn a_deleted_manifest_takes_its_tags_along() {
    on_every_store(async |server| {
        let doomed = server.push_image("app", "v1", "doomed").await;
        server.push_image("app", "v2", "doomed").await;
        let kept = server.push_image("app", "v3", "kept").await;
        let target = format!("/v2/app/manifests/{doomed}");
        assert_eq!(server.get(&target).await.status, 200);
        assert_eq!(server.delete(&target).await.status, 202);
        for reference in [doomed.to_string(), "v1".into(), "v2".into()] {
            assert_eq!(server.head(&format!("/v2/app/manifests/{reference}")).await.status, 404, "{reference}");
        }
        assert_eq!(server.get(&format!("/v2/app/manifests/{kept}")).await.status, 200);
        assert_eq!(server.get("/v2/app/tags/list").await.json()["tags"], json!(["v3"]));
        assert_eq!(server.delete(&target).await.code(), "MANIFEST_UNKNOWN");
        server.push_image("app", "v1", "doomed").await;
        assert_eq!(server.get(&target).await.status, 200, "it can be pushed again");
    });
}

/// A body of so many MiB, and how many of them were taken.
fn counted(size: usize) -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let frames = stream::iter(0..size).map(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, io::Error>(Bytes::from_static(&[b' '; 1 << 20]))
    });
    (Body::from_stream(frames), taken)
}

#[test]
fn a_client_that_sends_too_much_gets_to_read_why() {
    on_every_store(async |server| {
        let (body, taken) = counted(6);
        assert_eq!(server.put_manifest("/v2/app/manifests/huge", OCI_IMAGE, body).await.status, 413);
        assert_eq!(taken.load(Ordering::Relaxed), 6, "closing while it sends would reset the connection");

        let (body, taken) = counted(6);
        let headers = [("content-type", OCI_IMAGE), ("content-length", "6291456"), ("expect", "100-continue")];
        assert_eq!(server.call("PUT", "/v2/app/manifests/huge", &headers, body).await.status, 413);
        assert_eq!(taken.load(Ordering::Relaxed), 0, "it asked before it sends");
    });
}
