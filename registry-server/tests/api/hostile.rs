//! Requests that no client means.

use axum::body::Body;
use http::{HeaderValue, Request};
use proptest::prelude::*;
use registry_server::{registry::Registry, storage::memory::Memory};
use tokio::runtime::Runtime;

use crate::support::{Server, options};

/// Parts that paths of the API are made of, and some that they are not.
fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "v2",
        "app",
        "manifests",
        "blobs",
        "uploads",
        "tags",
        "list",
        "referrers",
        "_catalog",
        "..",
        ".",
        "",
        "%2e%2e",
        "%2F",
        "%00",
        "%ff",
        "latest",
        "sha256:",
        "1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ]);
    prop::collection::vec(known, 0..8).prop_map(|parts| format!("/v2/{}", parts.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "n",
        "last",
        "digest",
        "mount",
        "from",
        "tag",
        "artifactType",
        "_state",
        "digest-algorithm",
    ]);
    let value = prop_oneof![
        "[a-zA-Z0-9:%/.+-]{0,20}",
        Just("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned()),
    ];
    prop::collection::vec((name, value), 0..3)
        .prop_map(|pairs| pairs.iter().map(|(name, value)| format!("{name}={value}&")).collect())
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "range",
        "content-range",
        "content-type",
        "if-none-match",
        "if-range",
        "host",
        "forwarded",
    ]);
    prop::collection::vec((name, prop::collection::vec(0x20_u8..0xff, 0..30)), 0..3)
}

proptest! {
    #[test]
    fn nothing_makes_the_server_fail(
        method in prop::sample::select(vec!["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"]),
        path in path(),
        query in query(),
        headers in headers(),
        body in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut request = Request::builder().method(method).uri(format!("{path}?{query}"));
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        // A target that is no URI never gets past the connection.
        if let Ok(request) = request.body(Body::from(body)) {
            let server = Server::new(Registry::new(Memory::default()), options());
            let reply = Runtime::new().unwrap().block_on(server.send(request));
            prop_assert!(!reply.status.is_server_error(), "{reply}");
        }
    }
}
