//! Listing repositories.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{on_every_store, on_every_store_with, options};

#[test]
fn repositories_are_listed_in_byte_order_of_their_full_names() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/_catalog").await, @r#"
        200 OK
        content-length: 20
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"repositories":[]}
        "#);
        for name in ["a/b", "a", "b", "a-b", "a.b", "a0"] {
            server.push_image(name, "v1", "x").await;
        }
        server.push_blob("blobs/only", "x").await;
        assert_snapshot!(server.get("/v2/_catalog").await, @r#"
        200 OK
        content-length: 50
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {"repositories":["a","a-b","a.b","a/b","a0","b"]}
        "#);
    });
}

#[test]
fn pages_link_to_the_next() {
    on_every_store(async |server| {
        for name in ["a", "a-b", "a/b"] {
            server.push_image(name, "v1", "x").await;
        }
        let first = server.get("/v2/_catalog?n=2").await;
        assert_eq!(first.json()["repositories"], json!(["a", "a-b"]));
        assert_eq!(first.header("link"), Some(r#"</v2/_catalog?last=a-b&n=2>; rel="next""#));
        let second = server.get("/v2/_catalog?last=a-b&n=2").await;
        assert_eq!((second.json()["repositories"].clone(), second.header("link")), (json!(["a/b"]), None));
        let last = server.get("/v2/_catalog?last=a&n=1").await;
        assert_eq!(last.header("link"), Some(r#"</v2/_catalog?last=a-b&n=1>; rel="next""#));
        assert_eq!(server.get("/v2/_catalog?n=0").await.json()["repositories"], json!([]));
    });
}

#[test]
fn a_page_has_a_largest_size() {
    on_every_store_with(registry_server::http::Options { catalog_max_entries: 5, ..options() }, async |server| {
        for n in ["6", "-1", "x"] {
            let reply = server.get(&format!("/v2/_catalog?n={n}")).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_str()), (400, "PAGINATION_NUMBER_INVALID"), "{n}");
        }
        assert_eq!(server.get("/v2/_catalog?n=5").await.status, 200);
        assert_eq!(server.get("/v2/_catalog").await.status, 200);
    });
}
