//! Blobs: how long they stay without a manifest, and by which names.

use std::fs;

use registry_server::registry::collect::Summary;
use serde_json::json;

use super::{DEFAULT, NO_GRACE, UNTAGGED, catalog, delete, has, listed, put};
use crate::support::{OCI_IMAGE, Server, on_a_directory, on_every_store, open, options, sha256, sha512};

#[test]
fn an_upload_without_a_manifest_stays_for_a_while() {
    on_every_store(async |server| {
        let digest = server.push_blob("app", "just uploaded").await;
        let unfinished = server.begin_upload("other").await;
        assert_eq!(server.collect(UNTAGGED).await.1, Summary { kept: 1, ..Summary::default() });
        assert!(has(&server, &format!("app/blobs/{digest}")).await);
        let summary = server.collect(NO_GRACE).await.1;
        assert_eq!((summary.blobs, summary.links, summary.repositories), (1, 1, 1));
        assert!(!has(&server, &format!("app/blobs/{digest}")).await);
        let reply = server.call("PUT", &format!("{unfinished}&digest={}", sha256("rest")), &[], "rest").await;
        assert_eq!(reply.status, 201, "sessions are not the collection's: {reply}");
    });
}

#[test]
fn what_a_client_was_told_of_stays_for_a_while() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await;
        let digest = put(&server, "app", "v1", OCI_IMAGE, &image).await;
        let layer = sha256("layer");
        let mount = format!("/v2/fork/blobs/uploads/?mount={}&from=app", sha256("config x"));
        assert_eq!(server.post(&mount).await.status, 201);
        assert_eq!(server.head(&format!("/v2/app/blobs/{layer}")).await.status, 200);
        delete(&server, &format!("app/manifests/{digest}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.links, summary.kept), (1, 1, 2), "the manifest's content alone goes");
        server.push_blob("app", "config x").await;
        put(&server, "app", "v1", OCI_IMAGE, &image).await;
        assert_eq!(server.collect(NO_GRACE).await.1.links, 1, "the fork's");
    });
}

#[test]
fn what_a_client_was_told_of_stays_after_a_restart() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        delete(&server, &format!("app/manifests/{digest}")).await;
        assert_eq!(server.head(&format!("/v2/app/blobs/{}", sha256("layer"))).await.status, 200);
        drop(server);
        let server = Server::new(open(root), options());
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.kept), (2, 1));
        assert!(has(&server, &format!("app/blobs/{}", sha256("layer"))).await);
    });
}

#[test]
fn a_deleted_manifest_of_another_server_is_recognised_by_its_content() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        drop(server);
        // As the reference deletes: the link and the tag, nothing else.
        let manifests = root.join("docker/registry/v2/repositories/app/_manifests");
        fs::remove_dir_all(manifests.join("revisions/sha256").join(&digest.to_string()[7..])).unwrap();
        fs::remove_dir_all(manifests.join("tags/v1")).unwrap();
        let server = Server::new(open(root), options());
        let summary = server.collect(DEFAULT).await.1;
        assert_eq!((summary.blobs, summary.links, summary.repositories, summary.kept), (3, 2, 1, 0));
    });
}

#[test]
fn a_deleted_blob_goes_unless_another_repository_has_it() {
    on_every_store(async |server| {
        let digest = server.push_blob("app", "popular").await;
        server.push_blob("fork", "popular").await;
        delete(&server, &format!("app/blobs/{digest}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.blobs, 0);
        delete(&server, &format!("fork/blobs/{digest}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.kept), (1, 0));
        assert_eq!(catalog(&server).await, json!([]));
    });
}

#[test]
fn sha512_and_foreign_layers_are_content_like_any_other() {
    on_every_store(async |server| {
        let long = sha512("long");
        let reply = server.call("POST", &format!("/v2/app/blobs/uploads/?digest={long}"), &[], "long").await;
        assert_eq!(reply.status, 201, "{reply}");
        let foreign = server.push_blob("app", "foreign").await;
        let stray = sha512("stray");
        server.call("POST", &format!("/v2/app/blobs/uploads/?digest={stray}"), &[], "stray").await;
        let mut image = server.image("app", "x").await;
        let layers = image["layers"].as_array_mut().unwrap();
        layers.push(json!({ "mediaType": "application/vnd.test.layer", "digest": long, "size": 4 }));
        for absent in [&foreign, &sha256("never pushed")] {
            layers.push(listed("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", absent));
        }
        let text = image.to_string();
        let digest = sha512(&text);
        let reply = server.put_manifest(&format!("/v2/app/manifests/{digest}?tag=v1"), OCI_IMAGE, text).await;
        assert_eq!(reply.status, 201, "{reply}");

        let (lines, summary) = server.collect(NO_GRACE).await;
        assert_eq!((summary.blobs, summary.links), (1, 1), "{lines:?}");
        for kept in [&long, &foreign] {
            assert!(has(&server, &format!("app/blobs/{kept}")).await, "{kept}");
        }
        assert!(!has(&server, &format!("app/blobs/{stray}")).await);
        assert!(has(&server, "app/manifests/v1").await);
    });
}

#[test]
fn content_that_the_reference_filed_under_another_digest_stays() {
    on_a_directory(async |server, root| {
        let [kept, stray] = ["kept", "stray"].map(|content| (content, sha512(content)));
        for (content, digest) in [&kept, &stray] {
            let filed = server.push_blob("app", *content).await;
            let links = root.join("docker/registry/v2/repositories/app/_layers/sha512").join(digest.hex());
            fs::create_dir_all(&links).unwrap();
            fs::write(links.join("link"), filed.to_string()).unwrap();
        }
        let mut image = server.image("app", "x").await;
        let layers = image["layers"].as_array_mut().unwrap();
        layers.push(json!({ "mediaType": "application/vnd.test.layer", "digest": kept.1, "size": 4 }));
        put(&server, "app", "v1", OCI_IMAGE, &image).await;

        assert_eq!(server.head(&format!("/v2/app/blobs/{}", stray.1)).await.status, 200);
        assert_eq!(server.collect(UNTAGGED).await.1, Summary { kept: 2, ..Summary::default() }, "it has two names");
        assert_eq!(server.collect(NO_GRACE).await.1, Summary { links: 2, blobs: 1, bytes: 5, ..Summary::default() });
        assert!(has(&server, &format!("app/blobs/{}", kept.1)).await);
        assert!(!has(&server, &format!("app/blobs/{}", stray.1)).await);
    });
}
