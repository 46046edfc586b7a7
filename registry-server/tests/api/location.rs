//! `Location` headers: where clients are sent, whatever stands in front of the registry.

use registry_server::http::Options;

use crate::support::{OCI_IMAGE, Server, on_every_store_with, options, sha256};

/// What every `Location` of a server begins with, for requests with these headers and everything below this prefix.
async fn bases(server: &Server, prefix: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let mut bases = Vec::new();
    let mut take = |location: &str, path: &str| {
        let (base, rest) = location.split_once("/v2/").unwrap();
        assert!(rest.starts_with(path), "{location} is not about {path}");
        bases.push(base.to_owned());
    };
    let digest = sha256("content");
    let session = server.call("POST", &format!("{prefix}/v2/a/b/blobs/uploads/"), headers, "").await;
    let session = session.header("location").unwrap();
    take(session, "a/b/blobs/uploads/");
    let session = format!("{prefix}/v2/{}", session.split_once("/v2/").unwrap().1);

    let patched = server.call("PATCH", &session, headers, "con").await;
    take(patched.header("location").unwrap(), "a/b/blobs/uploads/");
    let status = server.call("GET", &session, headers, "").await;
    take(status.header("location").unwrap(), "a/b/blobs/uploads/");
    let late = [headers, &[("content-range", "7-9"), ("content-length", "3")]].concat();
    let late = server.call("PATCH", &session, &late, "ten").await;
    assert_eq!(late.status, 416);
    take(late.header("location").unwrap(), "a/b/blobs/uploads/");
    let separator = if session.contains('?') { '&' } else { '?' };
    let done = server.call("PUT", &format!("{session}{separator}digest={digest}"), headers, "tent").await;
    take(done.header("location").unwrap(), &format!("a/b/blobs/{digest}"));

    let whole = format!("{prefix}/v2/a/c/blobs/uploads/?digest={digest}");
    let whole = server.call("POST", &whole, headers, "content").await;
    take(whole.header("location").unwrap(), &format!("a/c/blobs/{digest}"));
    let mount = format!("{prefix}/v2/a/d/blobs/uploads/?mount={digest}&from=a/b");
    let mounted = server.call("POST", &mount, headers, "").await;
    assert_eq!(mounted.status, 201);
    take(mounted.header("location").unwrap(), &format!("a/d/blobs/{digest}"));

    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE}","config":{{"mediaType":"a/b","digest":"{digest}","size":7}},"layers":[]}}"#
    );
    let typed = [headers, &[("content-type", OCI_IMAGE)]].concat();
    let pushed = server.call("PUT", &format!("{prefix}/v2/a/b/manifests/v1"), &typed, manifest.clone()).await;
    take(pushed.header("location").unwrap(), &format!("a/b/manifests/{}", sha256(manifest)));
    bases
}

/// Every `Location` begins with `base`.
fn all_begin_with(base: &str, options: Options, headers: &[(&str, &str)]) {
    on_every_store_with(options.clone(), async |server| {
        for found in bases(&server, options.prefix.trim_end_matches('/'), headers).await {
            assert_eq!(found, base, "with {headers:?}");
        }
    });
}

const PROXIES: [(&str, &str); 3] = [
    ("forwarded", "for=192.0.2.1;host=standard.example:8443;proto=https"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "custom.example"),
];

#[test]
fn the_nearest_witness_counts() {
    let configured = Options { host: Some("https://configured.example".to_owned()), ..options() };
    all_begin_with("https://configured.example", configured, &PROXIES);
    all_begin_with("https://standard.example:8443", options(), &PROXIES);
    all_begin_with("http://custom.example", options(), &PROXIES[1..]);
    all_begin_with("http://registry.test", options(), &[]);
    all_begin_with("https://registry.test", options(), &[("x-forwarded-proto", "https")]);
}

#[test]
fn relative_urls_are_paths_whoever_stands_in_front() {
    all_begin_with("", Options { relative_urls: true, ..options() }, &PROXIES);
    let below = Options { relative_urls: true, prefix: "/hidden/".to_owned(), ..options() };
    all_begin_with("/hidden", below, &[]);
}

#[test]
fn a_prefix_is_in_every_location() {
    let below = Options { prefix: "/hidden/deep/".to_owned(), ..options() };
    all_begin_with("http://registry.test/hidden/deep", below.clone(), &[]);
    all_begin_with("https://standard.example:8443/hidden/deep", below.clone(), &PROXIES);
    let host = |host: &str| Options { host: Some(host.to_owned()), ..below.clone() };
    all_begin_with("https://configured.example/hidden/deep", host("https://configured.example"), &[]);
    all_begin_with("https://configured.example/hidden/deep", host("https://configured.example/"), &[]);
}

#[test]
fn a_path_of_the_configured_host_stands_for_the_prefix() {
    let below = Options { prefix: "/hidden/".to_owned(), ..options() };
    let host = |host: &str| Options { host: Some(host.to_owned()), ..below.clone() };
    all_begin_with("https://proxy.example/hidden", host("https://proxy.example/hidden/"), &[]);
    all_begin_with("https://proxy.example/images", host("https://proxy.example/images"), &[]);
}
