//! Pieces of responses that several handlers share.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

use super::Context;
use crate::oci::Digest;

/// The digest of the content that a response is about.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Adds what every response has: the API's version, which old clients insist on, and the configured headers, unless the
/// response has them already.
pub(super) async fn standing_headers(State(context): State<Context>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    for name in context.options.headers.keys() {
        if !headers.contains_key(name) {
            for value in context.options.headers.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
    }
    response
}

/// A value made of text that was parsed before, which cannot hold a control character; empty if it does.
pub(super) fn value(text: impl Into<String>) -> HeaderValue {
    HeaderValue::try_from(text.into()).unwrap_or(HeaderValue::from_static(""))
}

/// `Docker-Content-Digest` and `ETag`.
pub(super) fn identify_content(headers: &mut HeaderMap, digest: &Digest) {
    headers.insert(CONTENT_DIGEST, value(digest.to_string()));
    headers.insert(header::ETAG, value(format!("\"{digest}\"")));
}

/// Whether the client has the content already (RFC 9110, "If-None-Match"). Like the reference, an entity tag may lack its
/// quotes.
pub(super) fn is_unchanged(headers: &HeaderMap, digest: &Digest) -> bool {
    let digest = digest.to_string();
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|tags| tags.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest
    })
}

/// 304: the content has not changed, nor can it.
pub(super) fn not_modified(digest: &Digest) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    identify_content(response.headers_mut(), digest);
    response
}

/// 200 with a JSON document.
pub(super) fn json(document: impl Into<Body>) -> Response {
    let mut response = Response::new(document.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200 with a value as JSON, which ends with a newline as the reference's documents do.
pub(super) fn document(value: &impl Serialize) -> Response {
    // Writing to memory fails for maps whose keys are no strings, which no document here has.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    json(text)
}

/// 200 for OPTIONS, which browsers ask with before a page of another origin may send the request that it means.
pub(super) fn options(allowed: &'static str) -> Response {
    (StatusCode::OK, [(header::ALLOW, HeaderValue::from_static(allowed))]).into_response()
}

/// What a route that can only be read answers to any other method.
pub(super) fn unless_read(method: &Method) -> Option<Response> {
    match *method {
        Method::GET | Method::HEAD => None,
        Method::OPTIONS => Some(options("GET, HEAD")),
        _ => Some(method_not_allowed("GET, HEAD")),
    }
}

/// 405 as the reference's router sends it, for a method that a route does not have or not at the moment.
pub(super) fn method_not_allowed(allowed: &'static str) -> Response {
    let allow = [(header::ALLOW, HeaderValue::from_static(allowed))];
    (StatusCode::METHOD_NOT_ALLOWED, allow, "Method not allowed\n").into_response()
}
