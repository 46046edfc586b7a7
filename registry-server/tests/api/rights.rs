//! Where rights decide what an answer holds, beyond yes and no.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use insta::assert_snapshot;
use registry_server::{
    app::App,
    config::{self, Source},
    connection::Limits,
    telemetry::Telemetry,
};
use serde_json::json;

use crate::support::{Reply, Server, sha256};

const RULES: &str = "
rules:
  - {users: [owner], repositories: ['**'], actions: [pull, push, delete]}
  - {users: [guest], repositories: [shared/**], actions: [pull]}
  - {users: [guest], repositories: [guest/**], actions: [pull, push]}
";

/// A server with the users `owner` and `guest`, whose passwords are their names.
fn with_users(test: impl AsyncFnOnce(Server)) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let line = |user: &str| format!("{user}:{}\n", bcrypt::hash(user, 4).unwrap());
    fs::write(path("htpasswd"), line("owner") + &line("guest")).unwrap();
    fs::write(path("access.yml"), RULES).unwrap();
    let configuration = json!({
        "version": "0.1",
        "storage": { "inmemory": {}, "delete": { "enabled": true } },
        "http": { "addr": "127.0.0.1:0" },
        "auth": { "htpasswd": { "realm": "Yard", "path": path("htpasswd") } },
        "access": { "path": path("access.yml") },
    });
    fs::write(path("config.yml"), configuration.to_string()).unwrap();
    let settings = config::load(&Source::File(path("config.yml")), []).unwrap().settings;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let app = App::build(settings, Limits::default(), Telemetry::default()).await.unwrap();
        test(Server::of(app.router())).await;
    });
}

async fn call(server: &Server, user: &str, method: &str, target: &str, body: &'static str) -> Reply {
    let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{user}")));
    server.call(method, target, &[("authorization", &credentials)], body).await
}

/// Stores a blob as the owner.
async fn push(server: &Server, repository: &str, content: &'static str) -> String {
    let digest = sha256(content);
    let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    assert_eq!(call(server, "owner", "POST", &target, content).await.status, 201);
    digest.to_string()
}

#[test]
fn who_is_not_let_in_is_told_why() {
    with_users(async |server| {
        assert_snapshot!(server.get("/v2/shared/app/manifests/v1").await, @r#"
        401 Unauthorized
        content-length: 153
        content-type: application/json
        docker-distribution-api-version: registry/2.0
        www-authenticate: Basic realm="Yard"

        {"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"shared/app","Action":"pull"}]}]}
        "#);
        assert_snapshot!(call(&server, "guest", "POST", "/v2/shared/app/blobs/uploads/", "").await, @r#"
        403 Forbidden
        content-length: 142
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"DENIED","message":"requested access to the resource is denied","detail":"push of repository shared/app is not allowed"}]}
        "#);
        assert_eq!(server.get("/v2/").await.status, 401);
        assert_eq!(call(&server, "guest", "GET", "/v2/", "").await.status, 200);
    });
}

#[test]
fn a_blob_is_mounted_from_where_the_client_may_pull_alone() {
    with_users(async |server| {
        let secret = push(&server, "private/app", "secret").await;
        let shared = push(&server, "shared/app", "shared").await;
        let mount = async |query: String| {
            call(&server, "guest", "POST", &format!("/v2/guest/app/blobs/uploads/?{query}"), "").await.status.as_u16()
        };
        assert_eq!(mount(format!("mount={shared}&from=shared/app")).await, 201);
        assert_eq!(mount(format!("mount={secret}&from=private/app")).await, 202);
        assert_eq!(mount(format!("mount={secret}")).await, 202, "nor is it found without being named");
        assert_eq!(call(&server, "guest", "HEAD", &format!("/v2/guest/app/blobs/{secret}"), "").await.status, 404);
        push(&server, "shared/other", "secret").await;
        assert_eq!(mount(format!("mount={secret}")).await, 201);
    });
}

#[test]
fn the_catalog_lists_what_the_client_may_pull() {
    with_users(async |server| {
        for repository in ["private/app", "shared/app", "guest/app", "zebra"] {
            let digest = push(&server, repository, "{}").await;
            let image = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}","size":2}},"layers":[]}}"#);
            let target = format!("/v2/{repository}/manifests/v1");
            let pushed = call(&server, "owner", "PUT", &target, image.leak()).await;
            assert_eq!(pushed.status, 201, "{pushed}");
        }
        let everything = call(&server, "owner", "GET", "/v2/_catalog", "").await.json();
        assert_eq!(everything["repositories"], json!(["guest/app", "private/app", "shared/app", "zebra"]));
        let visible = call(&server, "guest", "GET", "/v2/_catalog", "").await.json();
        assert_eq!(visible["repositories"], json!(["guest/app", "shared/app"]));
        let first = call(&server, "guest", "GET", "/v2/_catalog?n=1", "").await;
        assert_eq!(first.header("link"), Some(r#"</v2/_catalog?last=guest%2Fapp&n=1>; rel="next""#));
        let last = call(&server, "guest", "GET", "/v2/_catalog?last=guest%2Fapp&n=1", "").await;
        assert_eq!((last.json()["repositories"].clone(), last.header("link")), (json!(["shared/app"]), None));
    });
}

#[test]
fn an_upload_belongs_to_the_user_who_began_it() {
    with_users(async |server| {
        let location = call(&server, "guest", "POST", "/v2/guest/app/blobs/uploads/", "").await.location();
        for method in ["GET", "PATCH", "DELETE"] {
            let reply = call(&server, "owner", method, &location, "").await;
            assert_eq!(reply.code(), "BLOB_UPLOAD_UNKNOWN", "{method}");
        }
        assert_eq!(server.get(&location).await.status, 401);
        assert_eq!(call(&server, "guest", "PATCH", &location, "x").await.status, 202);
    });
}
