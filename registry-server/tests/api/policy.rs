//! What the configuration forbids.

use insta::assert_snapshot;
use registry_server::http::Options;

use crate::support::{OCI_IMAGE, Server, on_a_directory, on_every_store_with, open, options, sha256};

#[test]
fn deletion_is_off_unless_it_is_enabled() {
    on_every_store_with(Options::default(), async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        assert_snapshot!(server.delete("/v2/app/manifests/v1").await, @r#"
        405 Method Not Allowed
        content-length: 158
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported.","detail":"deletion is disabled: set storage.delete.enabled to true to allow it"}]}
        "#);
        for target in [format!("/v2/app/manifests/{digest}"), format!("/v2/app/blobs/{}", sha256("layer"))] {
            assert_eq!(server.delete(&target).await.code(), "UNSUPPORTED", "{target}");
        }
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 200);
        let session = server.begin_upload("app").await;
        assert_eq!(server.delete(&session).await.status, 204, "giving up an upload deletes nothing");
    });
}

#[test]
fn a_read_only_registry_is_read() {
    on_a_directory(async |server, root| {
        server.push_image("app", "v1", "x").await;
        drop(server);
        let server = Server::new(open(root), Options { read_only: true, ..options() });
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 200);
        assert_snapshot!(server.post("/v2/app/blobs/uploads/").await, @"
        405 Method Not Allowed
        allow: GET, HEAD
        content-length: 19
        content-type: text/plain; charset=utf-8
        docker-distribution-api-version: registry/2.0

        Method not allowed
        ");
        assert_eq!(server.put_manifest("/v2/app/manifests/v2", OCI_IMAGE, "{}").await.status, 405);
        assert_eq!(server.delete("/v2/app/manifests/v1").await.status, 405);
    });
}
