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
fn the_api_may_live_below_a_prefix_and_the_root_is_alive_all_the_same() {
    let options = registry_server::http::Options { prefix: "/hidden/".to_owned(), ..options() };
    on_every_store_with(options, async |server| {
        for target in ["/v2/", "/v2", "/v2/_catalog", "/hidden", "/hidden/", "/hiddenv2/"] {
            let reply = server.get(target).await;
            assert_eq!((reply.status.as_u16(), &reply.body[..]), (404, &b"404 page not found\n"[..]), "{target}");
        }
        assert_eq!(server.get("/hidden/v2/").await.status, 200);
        assert_eq!(server.get("/hidden/v2").await.header("location"), Some("/hidden/v2/"));
        assert_eq!(server.get("/").await.header("cache-control"), Some("no-cache"));
    });
}

#[test]
fn every_method_is_answered_at_the_base() {
    on_every_store(async |server| {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let reply = server.call(method, "/v2/", &[], "").await;
            assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &b"{}"[..]), "{method}");
        }
    });
}

#[test]
fn browsers_may_ask_what_a_route_takes() {
    on_every_store(async |server| {
        for (target, allowed) in [
            ("/v2/_catalog", "GET, HEAD"),
            ("/v2/a/tags/list", "GET, HEAD"),
            ("/v2/a/manifests/v1", "DELETE, GET, HEAD, PUT"),
            ("/v2/a/blobs/uploads/", "POST"),
        ] {
            let reply = server.call("OPTIONS", target, &[], "").await;
            assert_eq!((reply.status.as_u16(), reply.header("allow")), (200, Some(allowed)), "{target}");
            assert!(reply.body.is_empty(), "{target}");
        }
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
fn a_configured_header_has_all_its_values_and_does_not_replace_one_of_the_response() {
    let mut options = options();
    for value in ["https://a.example", "https://b.example"] {
        options.headers.append("access-control-allow-origin", value.parse().unwrap());
    }
    options.headers.insert("cache-control", "no-store".parse().unwrap());
    on_every_store_with(options, async |server| {
        let blob = server.push_blob("app", "x").await;
        let reply = server.get(&format!("/v2/app/blobs/{blob}")).await;
        assert_eq!(reply.headers.get_all("access-control-allow-origin").iter().count(), 2);
        assert_eq!(reply.header("cache-control"), Some("max-age=31536000"));
        assert_eq!(server.get("/v2/").await.header("cache-control"), Some("no-store"));
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
