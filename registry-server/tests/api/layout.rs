//! The directory tree, which has to be the reference implementation's in both directions.

use std::{collections::BTreeSet, fs, path::Path};

use http::StatusCode;
use insta::assert_snapshot;
use registry_server::oci::{Algorithm, Digest};
use serde_json::json;

use crate::support::{OCI_IMAGE, Server, on_a_directory, open, options, sha256};

/// Every file below `root`, with digests shortened.
fn files(root: &Path) -> String {
    let mut found = BTreeSet::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(relative.split('/').map(short).collect::<Vec<_>>().join("/"));
            }
        }
    }
    found.into_iter().collect::<Vec<_>>().join("\n")
}

fn short(component: &str) -> &str {
    if component.len() >= 64 { &component[..6] } else { component }
}

#[test]
fn an_image_is_stored_as_the_reference_stores_it() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("team/app", "v1", "x").await;
        assert_snapshot!(files(&root), @"
        docker/registry/v2/blobs/sha256/60/60f627/data
        docker/registry/v2/blobs/sha256/96/963818/data
        docker/registry/v2/blobs/sha256/da/dac1d7/data
        docker/registry/v2/repositories/team/app/_layers/sha256/60f627/link
        docker/registry/v2/repositories/team/app/_layers/sha256/dac1d7/link
        docker/registry/v2/repositories/team/app/_manifests/revisions/sha256/963818/link
        docker/registry/v2/repositories/team/app/_manifests/tags/v1/current/link
        docker/registry/v2/repositories/team/app/_manifests/tags/v1/index/sha256/963818/link
        ");
        let repository = root.join("docker/registry/v2/repositories/team/app");
        let link = fs::read_to_string(repository.join("_manifests/tags/v1/current/link")).unwrap();
        assert_eq!(link, digest.to_string());
        assert_eq!(link.len(), 71);
    });
}

#[test]
fn a_session_is_stored_as_the_reference_stores_it() {
    on_a_directory(async |server, root| {
        let location = server.begin_upload("app").await;
        server.call("PATCH", &location, &[], "half").await;
        let session = location.split('?').next().unwrap().rsplit('/').next().unwrap();
        let directory = root.join("docker/registry/v2/repositories/app/_uploads").join(session);
        assert_eq!(fs::read_to_string(directory.join("data")).unwrap(), "half");
        let started = fs::read_to_string(directory.join("startedat")).unwrap();
        assert!(started.len() == 20 && started.ends_with('Z'), "{started}");
        server.delete(&location).await;
        assert!(!directory.exists());
    });
}

/// Writes an image as the reference would.
fn written_by_the_reference(root: &Path) -> String {
    let manifest = r#"{"schemaVersion":2,"config":{"mediaType":"x","digest":"CONFIG","size":6},"layers":[]}"#
        .replace("CONFIG", &sha256("config").to_string());
    let base = root.join("docker/registry/v2");
    let put = |path: String, content: &str| {
        let path = base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    for content in ["config", &manifest] {
        let hex = sha256(content).hex();
        put(format!("blobs/sha256/{}/{hex}/data", &hex[..2]), content);
    }
    let (config, revision) = (sha256("config"), sha256(&manifest));
    put(format!("repositories/old/_layers/sha256/{}/link", config.hex()), &config.to_string());
    put(format!("repositories/old/_manifests/revisions/sha256/{}/link", revision.hex()), &revision.to_string());
    put("repositories/old/_manifests/tags/v1/current/link".into(), &revision.to_string());
    put(format!("repositories/old/_manifests/tags/v1/index/sha256/{}/link", revision.hex()), &revision.to_string());
    manifest
}

#[test]
fn what_the_reference_stored_is_served() {
    on_a_directory(async |server, root| {
        let manifest = written_by_the_reference(&root);
        assert_eq!(server.get("/v2/old/manifests/v1").await.body, manifest);
        assert_eq!(server.get(&format!("/v2/old/blobs/{}", sha256("config"))).await.body, "config");
        assert_eq!(server.get("/v2/_catalog").await.json()["repositories"][0], "old");
        assert_eq!(server.get("/v2/old/tags/list").await.json()["tags"][0], "v1");
    });
}

#[test]
fn content_that_the_reference_named_by_sha512_and_filed_by_sha256_is_served_mounted_and_deleted() {
    on_a_directory(async |server, root| {
        let kept = server.push_blob("old", "layer").await;
        let named = Digest::of(Algorithm::Sha512, b"layer");
        let link = root.join(format!("docker/registry/v2/repositories/old/_layers/sha512/{}/link", named.hex()));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::write(&link, kept.to_string()).unwrap();

        let reply = server.get(&format!("/v2/old/blobs/{named}")).await;
        assert_eq!((reply.status, reply.body.as_ref()), (StatusCode::OK, &b"layer"[..]));
        assert_eq!(reply.headers["docker-content-digest"], named.to_string());
        let mounted = server.post(&format!("/v2/new/blobs/uploads/?mount={named}&from=old")).await;
        assert_eq!(mounted.status, StatusCode::CREATED);
        assert_eq!(server.delete(&format!("/v2/old/blobs/{named}")).await.status, StatusCode::ACCEPTED);
        assert!(!link.exists());
        assert_eq!(server.head(&format!("/v2/old/blobs/{named}")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(server.get(&format!("/v2/new/blobs/{named}")).await.body, "layer");
        assert_eq!(server.get(&format!("/v2/old/blobs/{kept}")).await.body, "layer");
    });
}

#[test]
fn what_others_change_while_the_server_runs_is_listed_at_once() {
    on_a_directory(async |server, root| {
        let repositories = root.join("docker/registry/v2/repositories");
        let catalog = async || server.get("/v2/_catalog").await.json()["repositories"].clone();
        let tags = async || server.get("/v2/app/tags/list").await.json()["tags"].clone();
        server.push_image("app", "v1", "x").await;
        assert_eq!((catalog().await, tags().await), (json!(["app"]), json!(["v1"])));
        written_by_the_reference(&root);
        assert_eq!(catalog().await, json!(["app", "old"]));
        let copy = repositories.join("app/_manifests/tags/v2/current");
        fs::create_dir_all(&copy).unwrap();
        fs::copy(repositories.join("app/_manifests/tags/v1/current/link"), copy.join("link")).unwrap();
        assert_eq!(tags().await, json!(["v1", "v2"]));
        fs::rename(repositories.join("old"), repositories.join("app/moved")).unwrap();
        fs::remove_dir_all(repositories.join("app/_manifests/tags/v1")).unwrap();
        assert_eq!((catalog().await, tags().await), (json!(["app", "app/moved"]), json!(["v2"])));
        fs::remove_dir_all(repositories.join("app")).unwrap();
        assert_eq!(catalog().await, json!([]));
    });
}

#[test]
fn links_torn_by_a_crash_count_as_none_and_are_healed_by_a_push() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        let repository = root.join("docker/registry/v2/repositories/app");
        let layer = sha256("layer");
        for link in ["_manifests/tags/v1/current/link".to_owned(), format!("_layers/sha256/{}/link", layer.hex())] {
            fs::write(repository.join(link), "").unwrap();
        }
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 404);
        assert_eq!(server.head(&format!("/v2/app/blobs/{layer}")).await.status, 404);
        assert!(server.get("/v2/app/tags/list").await.json()["tags"].as_array().unwrap().is_empty());
        assert_eq!(server.get(&format!("/v2/app/manifests/{digest}")).await.status, 200);
        server.push_image("app", "v1", "x").await;
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 200);
    });
}

#[test]
fn a_torn_blob_is_replaced_by_a_push() {
    on_a_directory(async |server, root| {
        let digest = server.push_blob("app", "complete").await;
        let hex = digest.hex();
        let data = root.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
        fs::write(&data, "comp").unwrap();
        server.push_blob("app", "complete").await;
        assert_eq!(fs::read_to_string(data).unwrap(), "complete");
    });
}

#[test]
fn content_that_was_removed_under_its_link_is_missing_at_once_and_healed_by_a_push() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        let (config, manifest) = (sha256("config x"), server.get("/v2/app/manifests/v1").await.body);
        let targets = ["manifests/v1".to_owned(), format!("manifests/{digest}"), format!("blobs/{config}")];
        let expect = async |status: u16| {
            for target in &targets {
                assert_eq!(server.get(&format!("/v2/app/{target}")).await.status, status, "GET {target}");
                assert_eq!(server.head(&format!("/v2/app/{target}")).await.status, status, "HEAD {target}");
            }
        };
        expect(200).await;
        fs::remove_dir_all(root.join("docker/registry/v2/blobs")).unwrap();
        expect(404).await;
        let pushed = server.put_manifest("/v2/app/manifests/v1", OCI_IMAGE, manifest).await;
        assert_eq!((pushed.status, &*pushed.code()), (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"));
        server.push_image("app", "v1", "x").await;
        expect(200).await;
    });
}

#[test]
fn a_second_server_on_the_same_directory_serves_without_caches() {
    on_a_directory(async |first, root| {
        let second = Server::new(open(root), options());
        let digest = first.push_image("app", "v1", "x").await;
        assert_eq!(second.get("/v2/app/manifests/v1").await.status, 200);
        first.delete(&format!("/v2/app/manifests/{digest}")).await;
        assert_eq!(second.get("/v2/app/manifests/v1").await.status, 404);
        second.push_image("app", "v2", "y").await;
        assert_eq!(first.get("/v2/app/manifests/v2").await.status, 200);
    });
}
