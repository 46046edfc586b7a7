//! Blobs: `GET`, `HEAD` and `DELETE` of `/v2/<name>/blobs/<digest>`.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use super::{Call, body::BlobBody, error::ApiError, range::Selection, response};
use crate::oci::{Digest, ErrorCode};

/// `GET` and `HEAD`, ranges included (distribution-spec, "Pulling blobs"; RFC 9110, section 14).
pub(super) async fn get(call: &Call, digest: &Digest) -> Result<Response, ApiError> {
    let (registry, repository) = (call.registry(), &call.repository);
    let blob = match call.asks_before_push() {
        true => registry.confirm_blob(repository, digest).await?,
        false => registry.blob(repository, digest).await?,
    };
    if response::is_unchanged(&call.head.headers, digest) {
        return Ok(response::not_modified(digest));
    }
    let size = blob.size();
    let selection = Selection::of(&call.head.headers, size, &digest.to_string());
    let (status, range) = match selection {
        Selection::Whole => (StatusCode::OK, 0..size),
        Selection::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Selection::Unsatisfiable => return Err(unsatisfiable(size)),
    };
    let content_range = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| response::value(format!("bytes {}-{}/{size}", range.start, range.end - 1)));
    let mut response = Response::new(Body::new(BlobBody::new(blob.into_chunks(range), *digest)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Content never changes under its digest; a year is as long as caches go.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.extend(content_range.map(|value| (header::CONTENT_RANGE, value)));
    response::identify_content(headers, digest);
    Ok(response)
}

fn unsatisfiable(size: u64) -> ApiError {
    ApiError::new(ErrorCode::RangeInvalid, format!("the blob has {size} bytes"))
        .with_header(header::CONTENT_RANGE, response::value(format!("bytes */{size}")))
}

/// `DELETE`: takes the blob out of this repository (distribution-spec, "Deleting Blobs").
pub(super) async fn delete(call: &Call, digest: &Digest) -> Result<Response, ApiError> {
    call.registry().delete_blob(&call.repository, digest).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
