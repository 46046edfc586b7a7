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
        let (digest, session) = (sha256("layer"), "1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11");
        for (method, target) in [
            ("PUT", "/v2/app/manifests/v2".to_owned()),
            ("DELETE", "/v2/app/manifests/v1".to_owned()),
            ("DELETE", format!("/v2/app/manifests/{digest}")),
            ("DELETE", format!("/v2/app/blobs/{digest}")),
            ("POST", format!("/v2/app/blobs/uploads/?mount={digest}&from=other")),
            ("POST", format!("/v2/app/blobs/uploads/?digest={digest}")),
            ("PATCH", format!("/v2/app/blobs/uploads/{session}")),
            ("PUT", format!("/v2/app/blobs/uploads/{session}?digest={digest}")),
            ("DELETE", format!("/v2/app/blobs/uploads/{session}")),
        ] {
            let reply = server.call(method, &target, &[("content-type", OCI_IMAGE)], "layer").await;
            assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, Some("GET, HEAD")), "{method} {target}");
            assert_eq!(&reply.body[..], b"Method not allowed\n", "{method} {target}");
        }
        let status = server.get(&format!("/v2/app/blobs/uploads/{session}")).await;
        assert_eq!((status.status.as_u16(), status.code().as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
        assert_eq!(server.get(&format!("/v2/app/blobs/{digest}")).await.status, 200);
    });
}
