//! The one place where an error becomes a response and, if it is ours, a line in the log.

use std::{error::Error, io, sync::Arc};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::response;
use crate::{
    auth::{Action, Refused},
    oci::{Digest, ErrorCode, Repository, route::Unroutable},
    registry::{blobs, manifests, tags, uploads},
    storage,
};

/// 404 as the reference's router sends it for a path that is no endpoint, a malformed repository name included.
pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// An answer other than the one asked for: the envelope `{"errors":[{"code","message","detail"}]}` with a status.
#[derive(Debug)]
pub(super) struct ApiError(Box<Envelope>);

#[derive(Debug)]
struct Envelope {
    status: StatusCode,
    code: ErrorCode,
    /// One entry each; one entry without a detail when there is none.
    details: Vec<Detail>,
    headers: HeaderMap,
}

/// Bytes of a detail's sentence: what is quoted in it may be as long as a manifest.
const SENTENCE: usize = 1024;

/// Unknown references that are named, each by an entry. A manifest may have tens of thousands.
const NAMED: usize = 100;

/// What an entry says beyond its code, as JSON; nothing if it is `None`.
#[derive(Debug, Default)]
pub(super) struct Detail(Option<Box<RawValue>>);

impl Detail {
    /// Anything that can be written as JSON.
    pub(super) fn of(detail: impl Serialize) -> Self {
        Self(serde_json::value::to_raw_value(&detail).ok())
    }
}

impl From<&str> for Detail {
    /// A sentence, cut where it quotes too much of the request.
    fn from(text: &str) -> Self {
        match text.floor_char_boundary(SENTENCE) {
            end if end < text.len() => Self::of(format!("{}...", &text[..end])),
            _ => Self::of(text),
        }
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl ApiError {
    /// An error with the status that its code has.
    pub(super) fn new(code: ErrorCode, detail: impl Into<Detail>) -> Self {
        Self::all(code, vec![detail.into()])
    }

    fn all(code: ErrorCode, details: Vec<Detail>) -> Self {
        Self(Box::new(Envelope { status: status(code), code, details, headers: HeaderMap::new() }))
    }

    fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same with one more header.
    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Refused by the gate. A 401 names what was asked for, as the reference does.
    pub(super) fn refused(refused: Refused, action: Action, repository: &Repository) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Access<'a> {
            r#type: &'static str,
            class: &'static str,
            name: &'a str,
            action: String,
        }
        let mut error = Self::from(refused);
        if error.0.code == ErrorCode::Unauthorized {
            let access =
                Access { r#type: "repository", class: "", name: repository.as_str(), action: action.to_string() };
            error.0.details = vec![Detail::of([access])];
        }
        error
    }

    /// 405: deleting is off.
    pub(super) fn deletion_disabled() -> Self {
        Self::new(ErrorCode::Unsupported, "deletion is disabled: set storage.delete.enabled to true to allow it")
    }

    /// 413: a manifest is larger than allowed.
    pub(super) fn manifest_too_large(limit: usize) -> Self {
        Self::new(ErrorCode::SizeInvalid, format!("a manifest has at most {limit} bytes"))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// 414: a push sets more tags than allowed.
    pub(super) fn too_many_tags(limit: usize) -> Self {
        Self::new(ErrorCode::TagInvalid, format!("a push sets at most {limit} tags"))
            .with_status(StatusCode::URI_TOO_LONG)
    }

    fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %Chain(error), "failed to answer a request");
        let full = causes(error)
            .filter_map(|error| error.downcast_ref::<io::Error>())
            .any(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded));
        Self::new(
            ErrorCode::Unknown,
            if full {
                "the registry's storage is full: what it has can be pulled, more does not fit"
            } else {
                "the registry's storage failed, its log says why"
            },
        )
    }
}

/// An error and its causes on one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        causes(self.0).skip(1).try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}

/// An error, its cause, the cause's cause and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The status of a code (distribution-spec, "Error Codes"; the reference for its own).
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Denied => StatusCode::FORBIDDEN,
        ErrorCode::BlobUnknown
        | ErrorCode::BlobUploadInvalid
        | ErrorCode::BlobUploadUnknown
        | ErrorCode::ManifestUnknown
        | ErrorCode::NameUnknown => StatusCode::NOT_FOUND,
        ErrorCode::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::DigestInvalid
        | ErrorCode::ManifestBlobUnknown
        | ErrorCode::ManifestInvalid
        | ErrorCode::NameInvalid
        | ErrorCode::PaginationNumberInvalid
        | ErrorCode::SizeInvalid
        | ErrorCode::TagInvalid => StatusCode::BAD_REQUEST,
    }
}

/// On responses: the errors that they tell of, for the log.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The code of all of them.
    pub(crate) code: ErrorCode,
    details: Arc<[Detail]>,
}

impl Failure {
    /// What each error says beyond its code.
    pub(crate) fn details(&self) -> impl Iterator<Item = Option<Value>> {
        self.details.iter().map(|Detail(json)| serde_json::from_str(json.as_ref()?.get()).ok())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Envelope { status, code, details, headers } = *self.0;
        #[derive(Serialize)]
        struct Errors<'a> {
            errors: Vec<Entry<'a>>,
        }
        #[derive(Serialize)]
        struct Entry<'a> {
            code: &'static str,
            message: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a RawValue>,
        }
        let entry = |detail| Entry { code: code.as_str(), message: code.message(), detail };
        let entries = details.iter().map(|Detail(json)| entry(json.as_deref()));
        let mut response = response::document(&Errors { errors: entries.collect() });
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(Failure { code, details: details.into() });
        response
    }
}

impl From<Unroutable> for ApiError {
    fn from(error: Unroutable) -> Self {
        let code = match error {
            Unroutable::NotFound => ErrorCode::NameInvalid,
            Unroutable::Digest(_) => ErrorCode::DigestInvalid,
            Unroutable::Tag(_) => ErrorCode::TagInvalid,
            Unroutable::UploadId => ErrorCode::BlobUploadUnknown,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let text = refused.to_string();
        let retry = |after: std::time::Duration| HeaderValue::from(after.as_secs().max(1));
        match refused {
            Refused::Unauthenticated { challenge } => {
                Self::new(ErrorCode::Unauthorized, Detail::default()).with_header(header::WWW_AUTHENTICATE, challenge)
            }
            Refused::Denied { action: _, repository: _ } | Refused::CatalogDenied => Self::new(ErrorCode::Denied, text),
            Refused::Throttled { retry_after } => {
                Self::new(ErrorCode::TooManyRequests, text).with_header(header::RETRY_AFTER, retry(retry_after))
            }
            Refused::Overloaded { retry_after } => {
                Self::new(ErrorCode::Unavailable, text).with_header(header::RETRY_AFTER, retry(retry_after))
            }
        }
    }
}

impl From<storage::Error> for ApiError {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::ShuttingDown => Self::new(ErrorCode::Unavailable, error.to_string()),
            error => Self::internal(&error),
        }
    }
}

impl From<blobs::Error> for ApiError {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::Unknown(digest) => Self::new(ErrorCode::BlobUnknown, digest.to_string()),
            blobs::Error::Storage(error) => error.into(),
            error @ blobs::Error::Read { .. } => Self::internal(&error),
        }
    }
}

impl From<uploads::Error> for ApiError {
    fn from(error: uploads::Error) -> Self {
        let text = error.to_string();
        match error {
            uploads::Error::Unknown(_) => Self::new(ErrorCode::BlobUploadUnknown, text),
            uploads::Error::Busy(_) => Self::new(ErrorCode::TooManyRequests, text)
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("1")),
            uploads::Error::DigestMismatch { expected: _, actual: _ } => Self::new(ErrorCode::DigestInvalid, text),
            uploads::Error::Interrupted { received: _, source: _ } => {
                Self::new(ErrorCode::BlobUploadInvalid, text).with_status(StatusCode::BAD_REQUEST)
            }
            uploads::Error::Storage(error) => error.into(),
        }
    }
}

impl From<manifests::Error> for ApiError {
    fn from(error: manifests::Error) -> Self {
        match error {
            manifests::Error::TagUnknown(tag) => Self::new(ErrorCode::ManifestUnknown, format!("unknown tag={tag}")),
            manifests::Error::Unknown { repository, digest } => {
                Self::new(ErrorCode::ManifestUnknown, format!("unknown manifest name={repository} revision={digest}"))
            }
            manifests::Error::Invalid(invalid) => Self::new(ErrorCode::ManifestInvalid, invalid.to_string()),
            error @ manifests::Error::UrlForbidden { .. } => Self::new(ErrorCode::ManifestInvalid, error.to_string()),
            error @ manifests::Error::DigestMismatch { .. } => Self::new(ErrorCode::DigestInvalid, error.to_string()),
            manifests::Error::ReferencesUnknown(digests) => Self::references_unknown(&digests),
            manifests::Error::Storage(error) => error.into(),
        }
    }
}

impl From<tags::Error> for ApiError {
    fn from(error: tags::Error) -> Self {
        match error {
            tags::Error::RepositoryUnknown(repository) => Self::repository_unknown(&repository),
            tags::Error::Unknown(tag) => Self::new(ErrorCode::ManifestUnknown, format!("unknown tag={tag}")),
            tags::Error::Storage(error) => error.into(),
        }
    }
}

impl ApiError {
    fn references_unknown(digests: &[Digest]) -> Self {
        let mut details: Vec<Detail> = digests.iter().take(NAMED).map(|digest| digest.to_string().into()).collect();
        if let Some(more) = digests.len().checked_sub(NAMED).filter(|&more| more > 0) {
            details.push(format!("and {more} more").into());
        }
        Self::all(ErrorCode::ManifestBlobUnknown, details)
    }

    fn repository_unknown(repository: &Repository) -> Self {
        Self::new(ErrorCode::NameUnknown, Detail::of(json!({ "name": repository.as_str() })))
    }
}
