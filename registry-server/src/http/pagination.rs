//! Pages of ordered lists: `n`, `last` and the `Link` to the next page (distribution-spec, "Listing Tags").

use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{
    Context,
    error::{ApiError, Detail},
    extract::Query,
    response,
};
use crate::oci::ErrorCode;

/// What stays readable in a query, as Go's `url.QueryEscape` has it.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How many entries the request asks for; `None` when it does not say.
pub(super) fn count(uri: &Uri) -> Result<Option<usize>, ApiError> {
    let Some(text) = Query::of(uri).first("n") else { return Ok(None) };
    // Digits alone: `str::parse` would accept a sign.
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ApiError::new(ErrorCode::PaginationNumberInvalid, Detail::of(json!({ "n": text }))));
    }
    // More than a number can hold is everything.
    Ok(Some(text.parse().unwrap_or(usize::MAX)))
}

/// The entry after which the page begins.
pub(super) fn last(uri: &Uri) -> Option<String> {
    Query::of(uri).first("last").map(|last| last.into_owned())
}

/// The `Link` to a page (RFC 8288) of the list at `path`; `parameters` in alphabetical order, as the reference has them.
pub(super) fn next(context: &Context, path: &str, parameters: &[(&str, &str)]) -> HeaderValue {
    let encoded = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, QUERY));
    let query: Vec<String> = parameters.iter().map(encoded).collect();
    let prefix = context.options.prefix.trim_end_matches('/');
    response::value(format!("<{prefix}{path}?{}>; rel=\"next\"", query.join("&")))
}
