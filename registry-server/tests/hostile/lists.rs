//! Questions whose answers would be large.

use super::server::Server;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn with_tags() -> Server {
    let server = Server::start();
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    for tag in ["a", "b", "c"] {
        let answer = server.call("PUT", &format!("/v2/a/manifests/{tag}"), &[("content-type", OCI_INDEX)], index);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    server
}

#[test]
fn a_billion_repositories_are_refused_and_a_billion_tags_cut() {
    let server = with_tags();
    let refused = server.get("/v2/_catalog?n=1000000000");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("PAGINATION_NUMBER_INVALID"), "{}", refused.text());
    for count in ["1000000000", "4294967296", "18446744073709551615", "99999999999999999999999999"] {
        let tags = server.get(&format!("/v2/a/tags/list?n={count}"));
        assert_eq!((tags.status, tags.text().trim()), (200, r#"{"name":"a","tags":["a","b","c"]}"#), "{count}");
        assert_eq!(server.get(&format!("/v2/_catalog?n={count}")).status, 400, "{count}");
    }
}

#[test]
fn a_last_entry_beyond_everything_is_followed_by_nothing() {
    let server = with_tags();
    for last in ["z".repeat(30 << 10), "%ff".repeat(1000), "a%2f".repeat(1000), "~".to_owned()] {
        let catalog = server.get(&format!("/v2/_catalog?n=5&last={last}"));
        assert_eq!(catalog.status, 200);
        let tags = server.get(&format!("/v2/a/tags/list?n=5&last={last}"));
        assert_eq!(tags.status, 200);
        let is_empty = |text: &str, list: &str| text.contains(&format!("\"{list}\":[]"));
        let is_early = last.starts_with('a');
        assert_eq!(is_empty(&tags.text(), "tags"), !is_early, "{}", tags.text());
        assert!(is_empty(&catalog.text(), "repositories"), "{}", catalog.text());
    }
}

#[test]
fn thousands_of_ranges_are_answered_with_the_whole_once() {
    let server = Server::start();
    let content = vec![b'x'; 100_000];
    let digest = server.push_blob("a", &content);
    let ranges = format!("bytes={}", vec!["0-99999"; 5000].join(","));
    let answer = server.call("GET", &format!("/v2/a/blobs/{digest}"), &[("range", &ranges)], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert!(answer.body == content, "{} bytes", answer.body.len());
}

#[test]
fn thousands_of_entity_tags_and_parameters_are_read() {
    let server = Server::start();
    let digest = server.push_blob("a", b"cargo");
    let mut tags = vec!["\"x\""; 5000];
    let quoted = format!("\"{digest}\"");
    tags.push(&quoted);
    let target = format!("/v2/a/blobs/{digest}?{}", "n=1&".repeat(5000));
    assert_eq!(server.call("GET", &target, &[("if-none-match", &tags.join(", "))], b"").status, 304);
    let tags = "tag=a&".repeat(5000);
    let refused = server.call("PUT", &format!("/v2/a/manifests/latest?{tags}"), &[], b"{}");
    assert_eq!(refused.status, 414);
}

#[test]
fn the_referrers_of_nothing_are_none_whatever_the_filter() {
    let server = Server::start();
    let subject = super::sha256("nothing");
    for filter in ["x".repeat(30 << 10), "%00".to_owned(), "%ff%fe".to_owned(), "a%0d%0aset-cookie:%20x".to_owned()] {
        let answer = server.get(&format!("/v2/a/referrers/{subject}?artifactType={filter}"));
        assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
        assert!(answer.text().contains("\"manifests\":[]"), "{}", answer.text());
    }
}
