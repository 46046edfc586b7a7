//! Manifests: `GET`, `HEAD`, `PUT` and `DELETE` of `/v2/<name>/manifests/<reference>`.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{Call, error::ApiError, extract::Query, location, response};
use crate::{
    oci::{ErrorCode, Reference},
    registry::manifests::Push,
};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// Tags that one push may set. The specification asks for ten at least.
const TAGS_AT_ONCE: usize = 100;

/// `GET` and `HEAD`: the bytes as they were pushed, whatever `Accept` says (distribution-spec, "Pulling manifests").
pub(super) async fn get(call: &Call, reference: &Reference) -> Result<Response, ApiError> {
    let (registry, repository) = (call.registry(), &call.repository);
    let manifest = match call.asks_before_push() {
        true => registry.confirm_manifest(repository, reference).await?,
        false => registry.manifest(repository, reference).await?,
    };
    if response::is_unchanged(&call.head.headers, &manifest.digest) {
        return Ok(response::not_modified(&manifest.digest));
    }
    let mut response = Response::new(Body::from(manifest.content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(manifest.media_type));
    response::identify_content(headers, &manifest.digest);
    Ok(response)
}

/// `PUT`: stores a manifest, under tags or by its digest (distribution-spec, "Pushing Manifests").
pub(super) async fn put(call: &Call, reference: Reference, body: &mut Body) -> Result<Response, ApiError> {
    let Call { context, principal: _, repository, head } = call;
    let tags = Query::of(&head.uri).tags("tag")?;
    if tags.len() > TAGS_AT_ONCE {
        return Err(ApiError::too_many_tags(TAGS_AT_ONCE));
    }
    let echoed: Vec<HeaderValue> = tags.iter().map(|tag| response::value(tag.as_str())).collect();
    let content = collect(&head.headers, body, context.options.manifest_max_bytes).await?;
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let push = Push { reference, tags, content_type, content };
    let pushed = context.registry.put_manifest(repository, push).await?;
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    let path = format!("/v2/{repository}/manifests/{}", pushed.digest);
    headers.insert(header::LOCATION, location::url(context, head, &path));
    headers.insert(response::CONTENT_DIGEST, response::value(pushed.digest.to_string()));
    headers.extend(pushed.subject.map(|subject| (OCI_SUBJECT, response::value(subject.to_string()))));
    for tag in echoed {
        headers.append(OCI_TAG, tag);
    }
    Ok(response)
}

/// The whole body, unless it is longer than `limit`. A length that is announced is refused before anything is read.
async fn collect(headers: &HeaderMap, body: &mut Body, limit: usize) -> Result<Bytes, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::manifest_too_large(limit));
    }
    let collected = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::manifest_too_large(limit)
        } else {
            ApiError::new(ErrorCode::ManifestInvalid, format!("the manifest did not arrive completely: {error}"))
        }
    })?;
    Ok(collected.to_bytes())
}

/// `DELETE`: a tag, or a manifest with every tag that points at it (distribution-spec, "Content Management").
pub(super) async fn delete(call: &Call, reference: &Reference) -> Result<Response, ApiError> {
    match reference {
        Reference::Tag(tag) => call.registry().delete_tag(&call.repository, tag).await?,
        Reference::Digest(digest) => call.registry().delete_manifest(&call.repository, digest).await?,
    }
    Ok(StatusCode::ACCEPTED.into_response())
}
