//! Uploads: `/v2/<name>/blobs/uploads/` and the sessions below it (distribution-spec, "Pushing blobs").
//!
//! A `Location` carries all that is needed in its path. Its `_state` parameter need not come back.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyDataStream;
use uuid::Uuid;

use super::{Call, error::ApiError, extract::Query, location, range::ContentRange, response, upload_state};
use crate::{
    auth::Action,
    oci::{Algorithm, Digest, ErrorCode, Repository, digest},
    registry::uploads::Upload,
};

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST`: mounts a blob, takes a whole blob, or begins a session.
pub(super) async fn start(call: &Call, body: &mut Body) -> Result<Response, ApiError> {
    let query = Query::of(&call.head.uri);
    if let Some(mounted) = mount(call, query).await? {
        return Ok(created(call, &mounted));
    }
    let digest = query.digest("digest")?;
    let algorithm = digest.map_or_else(|| algorithm(query), |digest| Ok(digest.algorithm()))?;
    let mut upload = call.registry().begin_upload(&call.repository, call.principal.name(), algorithm).await?;
    let Some(digest) = digest else { return Ok(progress(call, &upload, StatusCode::ACCEPTED)) };
    // The client was never told of the session, so nobody can go on with it.
    upload.end_with_request();
    if let Err(failure) = upload.append(BodyDataStream::new(body)).await {
        upload.cancel().await?;
        return Err(failure.into());
    }
    upload.finish(&digest).await?;
    Ok(created(call, &digest))
}

/// The blob that `mount` asks for, if it was there to be mounted. One that the client may not pull from `from` is treated
/// as one that is not there.
async fn mount(call: &Call, query: Query<'_>) -> Result<Option<Digest>, ApiError> {
    // A malformed digest or name cannot be mounted; the client then uploads.
    let Ok(Some(digest)) = query.digest("mount") else { return Ok(None) };
    let from: Option<Repository> = match query.first("from").map(|name| name.parse()) {
        Some(Ok(from)) => Some(from),
        Some(Err(_)) => return Ok(None),
        None => None,
    };
    let may_pull = |from: &Repository| call.context.gate.may(&call.principal, Action::Pull, from);
    let mounted = call.registry().mount(&call.repository, &digest, from.as_ref(), may_pull).await?;
    Ok(mounted.then_some(digest))
}

/// The algorithm that the client is going to name the blob with, as far as it is known: sha256 unless the client says so, or
/// tried to mount the blob first.
fn algorithm(query: Query<'_>) -> Result<Algorithm, ApiError> {
    let Some(text) = query.first("digest-algorithm") else {
        let mounted = query.digest("mount").ok().flatten();
        return Ok(mounted.map_or(Algorithm::Sha256, |digest| digest.algorithm()));
    };
    text.parse().map_err(|error: digest::ParseError| ApiError::new(ErrorCode::DigestInvalid, error.to_string()))
}

/// `PATCH`: adds a chunk, or a stream of unknown length.
pub(super) async fn append(call: &Call, id: Uuid, body: &mut Body) -> Result<Response, ApiError> {
    let mut upload = resume(call, id).await?;
    receive(call, &mut upload, body).await?;
    Ok(progress(call, &upload, StatusCode::ACCEPTED))
}

/// `PUT`: the last bytes, if any are missing, and the digest of all.
pub(super) async fn finish(call: &Call, id: Uuid, body: &mut Body) -> Result<Response, ApiError> {
    let digest = Query::of(&call.head.uri).digest("digest")?;
    let digest = digest.ok_or_else(|| ApiError::new(ErrorCode::DigestInvalid, "digest missing"))?;
    let mut upload = resume(call, id).await?;
    upload.expect_digest(&digest);
    receive(call, &mut upload, body).await?;
    upload.finish(&digest).await?;
    Ok(created(call, &digest))
}

/// `GET`: how much has arrived.
pub(super) async fn status(call: &Call, id: Uuid) -> Result<Response, ApiError> {
    let upload = resume(call, id).await?;
    Ok(progress(call, &upload, StatusCode::NO_CONTENT))
}

/// `DELETE`: gives the session up.
pub(super) async fn cancel(call: &Call, id: Uuid) -> Result<Response, ApiError> {
    resume(call, id).await?.cancel().await?;
    let headers = [(UPLOAD_UUID, response::value(id.to_string()))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// The session, if it is this repository's and this principal's.
async fn resume(call: &Call, id: Uuid) -> Result<Upload<'_>, ApiError> {
    Ok(call.registry().resume_upload(&call.repository, id, call.principal.name()).await?)
}

/// Takes a request's bytes, if they are the next ones.
async fn receive(call: &Call, upload: &mut Upload<'_>, body: &mut Body) -> Result<(), ApiError> {
    let headers = &call.head.headers;
    let Some(range) = ContentRange::of(headers)? else { return Ok(upload.append(BodyDataStream::new(body)).await?) };
    if range.first != upload.size() {
        return Err(out_of_order(call, upload));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length != range.length) {
        return Err(ApiError::new(ErrorCode::SizeInvalid, "Content-Length and Content-Range disagree"));
    }
    upload.append(BodyDataStream::new(body)).await?;
    if upload.size() != range.first.saturating_add(range.length) {
        let received = upload.size() - range.first;
        let said = format!("Content-Range announced {} bytes, {received} arrived", range.length);
        return Err(ApiError::new(ErrorCode::SizeInvalid, said));
    }
    Ok(())
}

/// 416, saying where the client should go on.
fn out_of_order(call: &Call, upload: &Upload<'_>) -> ApiError {
    ApiError::new(ErrorCode::RangeInvalid, format!("the next byte is number {}", upload.size()))
        .with_header(header::LOCATION, session_url(call, upload))
        .with_header(header::RANGE, response::value(received(upload.size())))
}

/// The bytes that arrived. The header cannot say "none": like the reference, an empty session has `0-0`.
fn received(size: u64) -> String {
    format!("0-{}", size.saturating_sub(1))
}

fn session_url(call: &Call, upload: &Upload<'_>) -> HeaderValue {
    let state = upload_state::query(&call.context.options.secret, &call.repository, upload.id(), upload.size());
    let path = format!("/v2/{}/blobs/uploads/{}{state}", call.repository, upload.id());
    location::url(&call.context, &call.head, &path)
}

/// Where and how to go on.
fn progress(call: &Call, upload: &Upload<'_>, status: StatusCode) -> Response {
    let headers = [
        (header::LOCATION, session_url(call, upload)),
        (header::RANGE, response::value(received(upload.size()))),
        (UPLOAD_UUID, response::value(upload.id().to_string())),
    ];
    (status, headers).into_response()
}

/// 201: the repository holds the blob.
fn created(call: &Call, digest: &Digest) -> Response {
    let path = format!("/v2/{}/blobs/{digest}", call.repository);
    let headers = [
        (header::LOCATION, location::url(&call.context, &call.head, &path)),
        (response::CONTENT_DIGEST, response::value(digest.to_string())),
    ];
    (StatusCode::CREATED, headers).into_response()
}
