//! Tags: `GET /v2/<name>/tags/list` (distribution-spec, "Listing Tags").

use axum::response::Response;
use http::header;
use serde::Serialize;

use super::{Call, error::ApiError, pagination, response};

/// A list of names can be long: it is not copied to be written.
#[derive(Serialize)]
struct Tags<'a> {
    name: &'a str,
    tags: &'a [String],
}

/// The tags in byte order: all of them, or with `n` a page of at most the configured size.
pub(super) async fn list(call: &Call) -> Result<Response, ApiError> {
    let uri = &call.head.uri;
    let limit = pagination::count(uri)?.map(|count| count.min(call.context.options.tags_max));
    let page = call.registry().tags(&call.repository, pagination::last(uri), limit).await?;
    let name = call.repository.as_str();
    let mut response = response::document(&Tags { name, tags: &page.names });
    if let (true, Some(last), Some(limit)) = (page.more, page.names.last(), limit) {
        let path = format!("/v2/{name}/tags/list");
        let link = pagination::next(&call.context, &path, &[("last", last), ("n", &limit.to_string())]);
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
