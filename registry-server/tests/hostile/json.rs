//! Manifests that no tool writes.

use super::{server::Server, wire::Answer};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

#[track_caller]
fn push(server: &Server, media_type: &str, document: impl AsRef<[u8]>) -> Answer {
    let answer = server.call("PUT", "/v2/a/manifests/latest", &[("content-type", media_type)], document.as_ref());
    assert!(answer.body.len() < 64 << 10, "an answer of {} bytes", answer.body.len());
    answer
}

/// An index with something else in it.
fn index_with(rest: &str) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[],{rest}}}"#)
}

#[test]
fn documents_that_readers_disagree_about_are_refused() {
    let server = Server::start();
    let before = server.settled();
    let cases = [
        ("nested a million deep", index_with(&format!("\"x\":{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20)))),
        ("nested and never closed", index_with(&"{\"x\":".repeat(500_000))),
        ("a key twice", index_with(r#""manifests":[]"#)),
        ("a key in two cases", index_with(r#""Manifests":[]"#)),
        ("a number beyond any", index_with(r#""x":1e999"#)),
        ("a version beyond any", index_with("\"x\":0").replace(":2,", ":99999999999999999999,")),
        ("a fraction of a version", index_with("\"x\":0").replace(":2,", ":2.5,")),
        ("half a character", index_with(r#""x":"\ud800""#)),
        ("two documents", index_with("\"x\":0") + "{}"),
        ("a list", "[]".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, document) in cases {
        let answer = push(&server, OCI_INDEX, document);
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(answer.text().contains("MANIFEST_INVALID"), "{what}: {}", answer.text());
    }
    let answer = push(&server, OCI_INDEX, [index_with("\"x\":\"").as_bytes(), b"\xff\"}"].concat());
    assert_eq!(answer.status, 400, "bytes that are no text");
    server.assert_holds(&before);
}

#[test]
fn what_is_quoted_from_a_refused_manifest_is_cut() {
    let server = Server::start();
    let long = "x".repeat(3 << 20);
    let cases = [
        ("media type", format!(r#"{{"schemaVersion":2,"mediaType":"{long}","manifests":[]}}"#)),
        ("version", format!(r#"{{"schemaVersion":"{long}","manifests":[]}}"#)),
        ("digest", format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{long}"}}]}}"#)),
        ("key", format!(r#"{{"schemaVersion":2,"manifests":[{{"{long}":1}}]}}"#)),
    ];
    for (what, document) in cases {
        assert_eq!(push(&server, OCI_INDEX, document).status, 400, "{what}");
    }
    let header = "x".repeat(30 << 10);
    assert_eq!(push(&server, &header, "{}").status, 400);
}

#[test]
fn tens_of_thousands_of_unknown_references_are_counted_and_not_listed() {
    let server = Server::start();
    let descriptors: Vec<String> = (0..30_000).map(|index| format!(r#"{{"digest":"sha256:{index:064x}"}}"#)).collect();
    let answer = push(&server, OCI_INDEX, format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptors.join(",")));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("and 29900 more"), "{}", answer.text());
}

#[test]
fn large_and_odd_documents_that_mean_one_thing_are_kept_byte_for_byte() {
    let server = Server::start();
    server.push_blob("a", b"{}");
    let keys: Vec<String> = (0..100_000).map(|index| format!("\"k{index}\":null")).collect();
    let config = format!(r#""config":{{"mediaType":"x","digest":"{}","size":2}}"#, super::sha256("{}"));
    let documents = [
        (OCI_INDEX, index_with(&keys.join(","))),
        (OCI_INDEX, index_with(&format!("\"annotations\":{{\"x\":\"{}\"}}", "x".repeat(3 << 20)))),
        (
            OCI_INDEX,
            index_with("\"x\":-0.0e-300, \"y\":123456789012345678901234567890,\n\t\"\\u0000\":\"\\ud83d\\ude00\" "),
        ),
        (OCI_IMAGE, format!(r#"{{"schemaVersion":2,{config},"layers":[]}}"#)),
    ];
    for (media_type, document) in documents {
        assert_eq!(push(&server, media_type, &document).status, 201, "{document:.100}");
        let pulled = server.get("/v2/a/manifests/latest");
        assert!(pulled.body == document.as_bytes());
        assert_eq!(pulled.header("content-type"), Some(media_type));
    }
}
