//! A pushed manifest: its `Content-Type` on the first line, then the document.

use std::sync::LazyLock;

use axum::body::Body;
use http::{HeaderValue, Request, StatusCode, header};
use regex::Regex;
use registry_server::oci::{Manifest, manifest::stored_media_type};
use serde_json::Value;

use crate::world::World;

/// image-spec, "Non-Distributable Layers", and Docker's foreign layers.
static KEPT_ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\Aapplication/vnd\.(oci\.image\.layer\.nondistributable\.v1|docker\.image\.rootfs\.foreign)\.")
        .unwrap()
});

/// The fields whose meaning the registry acts on.
const FIELDS: [&str; 8] =
    ["schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations"];

thread_local! {
    static WORLD: World = World::in_memory();
}

pub(crate) fn check(input: &[u8]) {
    let end = input.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (first, document) = (&input[..end], &input[(end + 1).min(input.len())..]);
    let content_type = HeaderValue::from_bytes(first).ok().filter(|value| !value.is_empty());
    let declared = content_type.as_ref().and_then(|value| value.to_str().ok());

    // What was stored by others is read too, whatever it is.
    let _ = (stored_media_type(document), Manifest::parse(document, None));
    if let Ok(manifest) = Manifest::parse_pushed(document, declared) {
        assert_reads_as(&manifest, document, declared);
    }
    WORLD.with(|world| assert_is_stored_or_refused(world, content_type, document));
}

/// What a client reads that knows nothing but JSON.
fn assert_reads_as(manifest: &Manifest, document: &[u8], declared: Option<&str>) {
    let value: Value = serde_json::from_slice(document).unwrap();
    let kind = manifest.kind().as_str();
    assert_eq!(stored_media_type(document), kind, "it is served as it was pushed");
    if let Some(declared) = declared {
        assert_eq!(declared.split(';').next().unwrap().trim(), kind);
    }
    let has = |field: &str| value.get(field).is_some_and(|value| !value.is_null());
    assert_ne!(has("manifests"), has("config") || has("layers"), "it can be read in two ways");
    assert_eq!(manifest.kind().is_index(), has("manifests"));

    let digests = |field: &str| -> Vec<Value> {
        let listed = value.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let kept = |layer: &Value| !KEPT_ELSEWHERE.is_match(layer["mediaType"].as_str().unwrap_or_default());
        let listed = listed.into_iter().filter(|entry| field != "layers" || kept(entry));
        listed.map(|mut entry| entry["digest"].take()).collect()
    };
    let mut blobs = digests("layers");
    blobs.extend(has("config").then(|| value["config"]["digest"].clone()));
    let read =
        |digests: &[_]| -> Vec<Value> { digests.iter().map(|digest| serde_json::to_value(digest).unwrap()).collect() };
    let mut found = read(manifest.blobs());
    found.sort_by_key(Value::to_string);
    blobs.sort_by_key(Value::to_string);
    assert_eq!(found, blobs);
    assert_eq!(read(manifest.children()), digests("manifests"));
    let subject = manifest.subject().map(|subject| subject.to_string());
    assert_eq!(subject.as_deref(), value["subject"]["digest"].as_str());

    // Go reads keys without regard to case: a second spelling is a second meaning.
    for key in value.as_object().unwrap().keys() {
        let spelled = FIELDS.iter().find(|field| folded(field) == folded(key));
        assert!(spelled.is_none_or(|field| field == key), "{key} is {} to others", spelled.unwrap());
    }
}

/// Letters that some alphabet takes for the same are the same.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect()
}

fn assert_is_stored_or_refused(world: &World, content_type: Option<HeaderValue>, document: &[u8]) {
    let mut request = Request::put("/v2/fuzz/manifests/latest").header(header::HOST, "registry.test");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    let pushed = world.send(request.body(Body::from(document.to_vec())).unwrap());
    pushed.assert_is_in_order();
    if pushed.status == StatusCode::CREATED {
        let pulled = world.call("GET", "/v2/fuzz/manifests/latest", Body::empty());
        assert_eq!((pulled.status, &pulled.body[..]), (StatusCode::OK, document));
        world.call("DELETE", &pushed.location(), Body::empty()).assert_is_in_order();
    }
}
