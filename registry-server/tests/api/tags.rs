//! Listing tags.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Server, on_every_store, on_every_store_with, options};

async fn push(server: &Server, tags: &[&str]) {
    for tag in tags {
        server.push_image("team/app", tag, "same").await;
    }
}

#[test]
fn tags_are_listed_in_ascii_order() {
    on_every_store(async |server| {
        push(&server, &["b", "a", "v1.10", "v1.2", "A", "_x", "0.1.20", "0.1.2"]).await;
        assert_snapshot!(server.get("/v2/team/app/tags/list").await, @r#"
        200 OK
        content-length: 78
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"name":"team/app","tags":["0.1.2","0.1.20","A","_x","a","b","v1.10","v1.2"]}
        "#);
    });
}

#[test]
fn pages_link_to_the_next() {
    on_every_store(async |server| {
        push(&server, &["a", "b", "c", "d", "e"]).await;
        let first = server.get("/v2/team/app/tags/list?n=2").await;
        assert_snapshot!(first, @r#"
        200 OK
        content-length: 37
        content-type: application/json
        docker-distribution-api-version: registry/2.0
        link: </v2/team/app/tags/list?last=b&n=2>; rel="next"

        {"name":"team/app","tags":["a","b"]}
        "#);
        let second = server.get("/v2/team/app/tags/list?last=b&n=2").await;
        assert_eq!(second.json()["tags"], json!(["c", "d"]));
        assert_eq!(second.header("link"), Some(r#"</v2/team/app/tags/list?last=d&n=2>; rel="next""#));
        let third = server.get("/v2/team/app/tags/list?last=d&n=2").await;
        assert_eq!((third.json()["tags"].clone(), third.header("link")), (json!(["e"]), None));
        assert_eq!(server.get("/v2/team/app/tags/list?last=bb").await.json()["tags"], json!(["c", "d", "e"]));
        assert_eq!(server.get("/v2/team/app/tags/list?n=5").await.header("link"), None);
    });
}

#[test]
fn none_may_be_asked_for() {
    on_every_store(async |server| {
        push(&server, &["a"]).await;
        let reply = server.get("/v2/team/app/tags/list?n=0").await;
        assert_eq!((reply.json()["tags"].clone(), reply.header("link")), (json!([]), None));
    });
}

#[test]
fn too_many_are_clamped_and_nonsense_is_refused() {
    on_every_store_with(registry_server::http::Options { tags_max: 2, ..options() }, async |server| {
        push(&server, &["a", "b", "c"]).await;
        for n in ["1000", "99999999999", "99999999999999999999999"] {
            let reply = server.get(&format!("/v2/team/app/tags/list?n={n}")).await;
            assert_eq!(reply.json()["tags"], json!(["a", "b"]), "{n}");
            assert_eq!(reply.header("link"), Some(r#"</v2/team/app/tags/list?last=b&n=2>; rel="next""#), "{n}");
        }
        for n in ["-1", "+1", "x"] {
            let reply = server.get(&format!("/v2/team/app/tags/list?n={n}")).await;
            assert_eq!(reply.code(), "PAGINATION_NUMBER_INVALID", "{n}");
        }
    });
}

#[test]
fn an_unknown_repository_has_no_list() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/team/app/tags/list").await, @r#"
        404 Not Found
        content-length: 116
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"team/app"}}]}
        "#);
    });
}

#[test]
fn a_repository_whose_tags_were_deleted_has_an_empty_list() {
    on_every_store(async |server| {
        push(&server, &["a"]).await;
        server.delete("/v2/team/app/manifests/a").await;
        assert_eq!(server.get("/v2/team/app/tags/list").await.json(), json!({ "name": "team/app", "tags": [] }));
    });
}
