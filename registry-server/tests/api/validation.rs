//! `validation`: what a configuration asks of manifests.

use std::fs;

use registry_server::{
    app::App,
    config::{self, Source},
    connection::Limits,
    telemetry::Telemetry,
};
use serde_json::{Value, json};

use crate::support::{OCI_IMAGE, OCI_INDEX, Server, sha256};

/// A server in memory with this section `validation`.
fn with(validation: &Value, test: impl AsyncFnOnce(Server)) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yml");
    let configuration = json!({
        "version": "0.1",
        "storage": { "inmemory": {} },
        "http": { "addr": "127.0.0.1:0" },
        "validation": validation,
    });
    fs::write(&file, configuration.to_string()).unwrap();
    let settings = config::load(&Source::File(file), []).unwrap().settings;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let app = App::build(settings, Limits::default(), Telemetry::default()).await.unwrap();
        test(Server::of(app.router())).await;
    });
}

/// Pushes an image with a layer that is stored at these URLs; the status and the body's first error code.
async fn push_remote(server: &Server, urls: &[&str]) -> (u16, String) {
    let mut image = server.image("app", "x").await;
    image["layers"] = json!([{
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": sha256("elsewhere"),
        "size": 9,
        "urls": urls,
    }]);
    let reply = server.put_manifest("/v2/app/manifests/v1", OCI_IMAGE, image.to_string()).await;
    let code = if reply.body.is_empty() { String::new() } else { reply.code() };
    (reply.status.as_u16(), code)
}

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

fn taken() -> (u16, String) {
    (201, String::new())
}

#[test]
fn layers_may_be_anywhere_unless_the_configuration_says_otherwise() {
    for validation in
        [json!({}), json!({ "manifests": { "indexes": { "platforms": "all" } } }), json!({ "disabled": true })]
    {
        with(&validation, async |server| {
            assert_eq!(push_remote(&server, &["https://anywhere.test/layer"]).await, taken(), "{validation}");
            assert_eq!(push_remote(&server, &[]).await, taken(), "{validation}");
        });
    }
}

#[test]
fn layers_are_only_where_they_may_be() {
    let urls = json!({ "allow": ["^https://store\\.test/"], "deny": ["/old/"] });
    with(&json!({ "manifests": { "urls": urls } }), async |server| {
        assert_eq!(push_remote(&server, &["https://store.test/layer"]).await, taken());
        for url in ["https://other.test/layer", "https://store.test/old/layer", "https://store.test/x#part"] {
            let urls = ["https://store.test/layer", url];
            assert_eq!(push_remote(&server, &urls).await, refused("MANIFEST_INVALID"), "{url}");
        }
        assert_eq!(push_remote(&server, &[]).await, refused("MANIFEST_BLOB_UNKNOWN"), "it is nowhere");
    });
}

#[test]
fn rules_without_an_expression_allow_no_url() {
    with(&json!({ "manifests": { "urls": { "allow": [] } } }), async |server| {
        assert_eq!(push_remote(&server, &["https://store.test/layer"]).await, refused("MANIFEST_INVALID"));
    });
}

/// Pushes an index of two images, of which none is there; the status.
async fn push_sparse(server: &Server, present: Option<&str>) -> u16 {
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let digest = match present {
            Some(there) if there == architecture => server.push_image("app", architecture, architecture).await,
            _ => sha256(format!("absent {architecture}")),
        };
        let platform = json!({ "os": "linux", "architecture": architecture });
        children.push(json!({ "mediaType": OCI_IMAGE, "digest": digest, "size": 1, "platform": platform }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children });
    server.put_manifest("/v2/app/manifests/all", OCI_INDEX, index.to_string()).await.status.as_u16()
}

#[test]
fn an_index_is_complete_unless_the_configuration_says_otherwise() {
    for validation in [json!({}), json!({ "manifests": { "indexes": { "platforms": "list" } } })] {
        with(&validation, async |server| assert_eq!(push_sparse(&server, Some("amd64")).await, 400, "{validation}"));
    }
    for validation in [json!({ "disabled": true }), json!({ "manifests": { "indexes": { "platforms": "none" } } })] {
        with(&validation, async |server| assert_eq!(push_sparse(&server, None).await, 201, "{validation}"));
    }
}

#[test]
fn an_index_has_the_images_of_the_platforms_that_are_asked_for() {
    let platforms = json!([{ "os": "linux", "architecture": "amd64" }]);
    let indexes = json!({ "platforms": "list", "platformlist": platforms });
    with(&json!({ "manifests": { "indexes": indexes } }), async |server| {
        assert_eq!(push_sparse(&server, Some("arm64")).await, 400);
        assert_eq!(push_sparse(&server, Some("amd64")).await, 201);
    });
}

#[test]
fn a_malformed_expression_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yml");
    fs::write(&file, "version: 0.1\nstorage: inmemory\nvalidation: {manifests: {urls: {allow: ['(']}}}\n").unwrap();
    let error = config::load(&Source::File(file), []).unwrap_err().to_string();
    assert!(error.contains("validation.manifests.urls") && error.contains("unclosed group"), "{error}");
}
