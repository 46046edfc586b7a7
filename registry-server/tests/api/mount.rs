//! Mounting a blob from another repository.

use insta::assert_snapshot;

use crate::support::{Server, on_a_directory, on_every_store, open, options, sha256};

#[test]
fn a_blob_is_mounted_from_where_it_is() {
    on_every_store(async |server| {
        let digest = server.push_blob("base", "layer").await;
        assert_snapshot!(server.post(&format!("/v2/team/app/blobs/uploads/?mount={digest}&from=base")).await, @"
        201 Created
        content-length: 0
        docker-content-digest: sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85
        docker-distribution-api-version: registry/2.0
        location: http://registry.test/v2/team/app/blobs/sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85
        ");
        assert_eq!(server.get(&format!("/v2/team/app/blobs/{digest}")).await.body, "layer");
        assert_eq!(server.delete(&format!("/v2/team/app/blobs/{digest}")).await.status, 202);
        assert_eq!(server.head(&format!("/v2/team/app/blobs/{digest}")).await.status, 404);
        assert_eq!(server.head(&format!("/v2/base/blobs/{digest}")).await.status, 200);
    });
}

#[test]
fn what_cannot_be_mounted_is_uploaded() {
    on_every_store(async |server| {
        let digest = server.push_blob("base", "layer").await;
        for query in [
            format!("mount={}&from=base", sha256("absent")),
            format!("mount={digest}&from=other"),
            format!("mount={digest}&from=Not..Valid"),
            format!("mount={}", sha256("absent")),
            "mount=sha256:bad&from=base".to_owned(),
        ] {
            let reply = server.post(&format!("/v2/app/blobs/uploads/?{query}")).await;
            assert_eq!(reply.status, 202, "{query}");
            assert_eq!(server.get(&reply.location()).await.status, 204, "{query}");
        }
    });
}

#[test]
fn a_source_need_not_be_named() {
    on_every_store(async |server| {
        let digest = server.push_blob("deep/in/there", "layer").await;
        assert_eq!(server.post(&format!("/v2/app/blobs/uploads/?mount={digest}")).await.status, 201);
        assert_eq!(server.get(&format!("/v2/app/blobs/{digest}")).await.status, 200);
    });
}

#[test]
fn a_source_is_found_after_a_restart() {
    on_a_directory(async |server, root| {
        let digest = server.push_blob("deep/in/there", "layer").await;
        drop(server);
        let server = Server::new(open(root), options());
        assert_eq!(server.post(&format!("/v2/app/blobs/uploads/?mount={digest}")).await.status, 201);
    });
}

#[test]
fn a_blob_that_was_deleted_everywhere_is_not_mounted() {
    on_every_store(async |server| {
        let digest = server.push_blob("base", "layer").await;
        server.delete(&format!("/v2/base/blobs/{digest}")).await;
        assert_eq!(server.post(&format!("/v2/app/blobs/uploads/?mount={digest}")).await.status, 202);
    });
}
