//! Health checks: what they look at, and what a server does while one of them fails.

use std::{fs, net::TcpListener};

use super::{
    client::Response,
    eventually,
    process::Process,
    server::{Files, Server},
};

const INTERVAL: &str = "interval: 100ms";

fn is_unavailable(response: &Response) -> bool {
    response.status == 503 && response.body.contains("\"code\":\"UNAVAILABLE\"")
}

#[test]
fn while_a_file_is_there_every_request_is_refused_and_the_debug_listener_says_why() {
    let server = Server::start(Files::new(), &format!("health: {{file: [{{file: DIR/down, {INTERVAL}}}]}}"));
    let debug = |path: &str| server.debug().get(path);
    assert_eq!((debug("/debug/health").status, debug("/debug/health").body.as_str()), (200, "{}"));
    assert_eq!((debug("/readyz").status, server.http().get("/").status), (200, 200));

    let down = server.files().write("down", "");
    eventually("the registry is out of service", || server.http().get("/").status == 503);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("POST", "/v2/a/blobs/uploads/"),
        ("GET", "/v2/a/manifests/v1"),
        ("GET", "/elsewhere"),
    ] {
        let response = server.http().request(method, path, "");
        assert!(is_unavailable(&response), "{method} {path}: {response:?}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.body.contains("health check failed: please see /debug/health"), "{response:?}");
    }
    let health = debug("/debug/health");
    let problems: serde_json::Value = serde_json::from_str(&health.body).unwrap();
    assert_eq!((health.status, health.header("content-type")), (503, Some("application/json")));
    assert_eq!(problems, serde_json::json!({ down.to_str().unwrap(): "file exists" }));
    assert_eq!(debug("/readyz").status, 503, "no traffic is to be sent here");
    assert_eq!(debug("/livez").status, 200, "and yet nobody is to kill it");

    fs::remove_file(down).unwrap();
    eventually("the registry is back in service", || server.http().get("/").status == 200);
    assert_eq!((debug("/debug/health").body.as_str(), debug("/readyz").status), ("{}", 200));
}

#[test]
fn an_address_and_a_url_have_to_answer() {
    let other = Server::start(Files::new(), "");
    let url = format!("http://{}/v2/", other.address());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let health = format!(
        "health: {{http: [{{uri: '{url}', {INTERVAL}}}], tcp: [{{addr: '{address}', threshold: 2, {INTERVAL}}}]}}"
    );
    let server = Server::start(Files::new(), &health);
    let problems = || -> serde_json::Value { serde_json::from_str(&server.debug().get("/debug/health").body).unwrap() };
    assert_eq!(problems(), serde_json::json!({}));

    drop(other);
    eventually("the URL is a problem", || problems()[&url].as_str().is_some_and(|reason| reason.starts_with(&url)));
    drop(listener);
    eventually("the address is one too", || problems()[&address].is_string());
    assert!(is_unavailable(&server.http().get("/v2/")));

    let _again = TcpListener::bind(&address).unwrap();
    eventually("the address is well again", || problems()[&address].is_null());
    assert!(is_unavailable(&server.http().get("/v2/")), "the URL still is a problem");
}

#[test]
fn a_directory_that_is_gone_takes_a_server_out_of_service() {
    let files = Files::new();
    let variables = [
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "DIR/images"),
        ("REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL", "100ms"),
        ("REGISTRY_HEALTH_STORAGEDRIVER_THRESHOLD", "1"),
        ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"),
    ];
    let process = Process::start(files, &[], &variables);
    let debug = super::client::Client::http(process.debug_address());
    assert_eq!((process.http().get("/v2/").status, debug.get("/readyz").status), (200, 200));

    fs::remove_dir_all(process.files.path("images")).unwrap();
    eventually("the registry is out of service", || is_unavailable(&process.http().get("/v2/")));
    let problems = debug.get("/debug/health").body;
    assert!(problems.contains("\"storagedriver_filesystem\":") && problems.contains("was removed"), "{problems}");
    assert_eq!((debug.get("/readyz").status, debug.get("/livez").status), (503, 200));
    process.eventually_logs("health check storagedriver_filesystem failed");
}

#[test]
fn metrics_have_the_references_names_and_form() {
    let server = Server::start(Files::new(), "http: {debug: {prometheus: {enabled: true}}}");
    assert_eq!(server.http().get("/v2/a/manifests/v1").status, 404);
    assert_eq!(server.http().request("POST", "/v2/a/blobs/uploads/", "").status, 202);
    let metrics = || server.debug().get("/metrics");
    let has = |line: &str| metrics().body.lines().any(|found| found == line);
    for line in [
        "# TYPE registry_http_requests_total counter",
        "registry_http_requests_total{code=\"404\",handler=\"manifest\",method=\"get\"} 1",
        "registry_http_requests_total{code=\"202\",handler=\"blob_upload\",method=\"post\"} 1",
        "registry_http_request_duration_seconds_bucket{le=\"60\",handler=\"manifest\",method=\"get\"} 1",
        "registry_http_request_size_bytes_count{handler=\"manifest\"} 1",
        "registry_http_response_size_bytes_bucket{le=\"2147483648\",handler=\"manifest\"} 1",
        "registry_http_in_flight_requests{handler=\"manifest\"} 0",
        "# TYPE registry_storage_action_seconds histogram",
        "registry_storage_action_seconds_bucket{le=\"10\",driver=\"inmemory\",action=\"GetContent\"} 1",
        "registry_storage_action_seconds_count{driver=\"inmemory\",action=\"Writer\"} 1",
        "registry_storage_action_seconds_count{driver=\"inmemory\",action=\"Move\"} 0",
        "# TYPE registry_storage_cache_requests_total counter",
        "registry_storage_cache_hits_total 0",
        "registry_storage_cache_errors_total 0",
    ] {
        eventually(line, || has(line));
    }
    assert_eq!(metrics().header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}
