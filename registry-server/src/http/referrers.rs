//! Referrers: `GET /v2/<name>/referrers/<digest>` (distribution-spec, "Listing Referrers").

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;

use super::{Call, error::ApiError, extract::Query, pagination, response};
use crate::oci::{Descriptor, Digest, media_type};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

/// An image index of the manifests that name `subject`, empty when there are none.
pub(super) async fn list(call: &Call, subject: &Digest) -> Result<Response, ApiError> {
    let query = Query::of(&call.head.uri);
    let artifact_type = query.first("artifactType");
    let after = query.digest("last")?;
    let found = call.registry().referrers(&call.repository, subject, artifact_type.as_deref(), after.as_ref()).await?;
    let index = Index { schema_version: 2, media_type: media_type::OCI_INDEX, manifests: found.descriptors };
    let mut response = response::document(&index);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OCI_INDEX));
    if artifact_type.is_some() {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if let Some(last) = found.continues_after.map(|last| last.to_string()) {
        let filter = artifact_type.as_deref().map(|wanted| ("artifactType", wanted));
        let parameters: Vec<(&str, &str)> = filter.into_iter().chain([("last", last.as_str())]).collect();
        let path = format!("/v2/{}/referrers/{subject}", call.repository);
        headers.insert(header::LINK, pagination::next(&call.context, &path, &parameters));
    }
    Ok(response)
}
