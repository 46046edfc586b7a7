//! What is not about a repository.

use insta::assert_snapshot;

use crate::support::{on_every_store, on_every_store_with, options};

#[test]
fn the_api_is_announced() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/").await, @"
        200 OK
        content-length: 2
        content-type: application/json
        docker-distribution-api-version: registry/2.0

        {}
        ");
        assert_snapshot!(server.head("/v2/").await, @"
        200 OK
        content-length: 2
        content-type: application/json
        docker-distribution-api-version: registry/2.0
        ");
        assert_snapshot!(server.get("/v2").await, @"
        301 Moved Permanently
        content-length: 0
        docker-distribution-api-version: registry/2.0
        location: /v2/
        ");
        assert_snapshot!(server.get("/").await, @"
        200 OK
        cache-control: no-cache
        content-length: 0
        docker-distribution-api-version: registry/2.0
        ");
    });
}

#[test]
fn what_is_no_endpoint_is_not_found() {
    on_every_store(async |server| {
        assert_snapshot!(server.get("/v2/Capital/manifests/v1").await, @"
        404 Not Found
        content-length: 19
        content-type: text/plain; charset=utf-8
        docker-distribution-api-version: registry/2.0

        404 page not found
        ");
        for target in
            ["/v1/", "/v2/a", "/v2/a/b/c", "/v2/a/../b/manifests/v1", "/v2//manifests/v1", "/v2/%ff/manifests/x"]
        {
            assert_eq!(server.get(target).await.status, 404, "{target}");
        }
    });
}

#[test]
fn a_method_that_a_route_does_not_have_is_refused() {
    on_every_store(async |server| {
        assert_snapshot!(server.call("PATCH", "/v2/a/manifests/v1", &[], "").await, @"
        405 Method Not Allowed
        allow: DELETE, GET, HEAD, PUT
        content-length: 19
        content-type: text/plain; charset=utf-8
        docker-distribution-api-version: registry/2.0

        Method not allowed
        ");
        assert_eq!(server.post("/v2/_catalog").await.status, 405);
        assert_eq!(server.get("/v2/a/blobs/uploads/").await.header("allow"), Some("POST"));
    });
}

#[test]
fn the_api_may_live_below_a_prefix() {
    let options = registry_server::http::Options { prefix: "/hidden/".to_owned(), ..options() };
    on_every_store_with(options, async |server| {
        assert_eq!(server.get("/v2/").await.status, 404);
        assert_eq!(server.get("/hidden/v2/").await.status, 200);
        let reply = server.post("/hidden/v2/a/blobs/uploads/").await;
        assert!(reply.location().starts_with("/hidden/v2/a/blobs/uploads/"), "{reply}");
    });
}

#[test]
fn configured_headers_are_on_every_response() {
    let mut options = options();
    options.headers.insert("x-content-type-options", "nosniff".parse().unwrap());
    on_every_store_with(options, async |server| {
        for target in ["/v2/", "/v2/_catalog", "/v2/a/manifests/v1", "/elsewhere"] {
            let reply = server.get(target).await;
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{target}");
            assert_eq!(reply.header("docker-distribution-api-version"), Some("registry/2.0"), "{target}");
        }
    });
}

#[test]
fn a_head_request_gets_the_headers_of_a_get_request() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        let blob = server.push_blob("app", "blob").await;
        for target in [
            "/v2/".to_owned(),
            "/v2/_catalog".to_owned(),
            "/v2/app/tags/list?n=0".to_owned(),
            "/v2/app/manifests/v1".to_owned(),
            "/v2/app/manifests/absent".to_owned(),
            format!("/v2/app/manifests/{digest}"),
            format!("/v2/app/blobs/{blob}"),
            format!("/v2/app/blobs/{digest}"),
            format!("/v2/app/referrers/{digest}"),
            "/v2/nothing".to_owned(),
        ] {
            let (get, head) = (server.get(&target).await, server.head(&target).await);
            assert_eq!((get.status, &get.headers), (head.status, &head.headers), "{target}");
            assert!(head.body.is_empty() && get.headers.contains_key("content-length"), "{target}");
        }
    });
}
