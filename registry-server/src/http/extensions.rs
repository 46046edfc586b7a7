//! What this registry offers beyond the specification: `GET /v2/_oci/ext/discover`, for the registry or for a repository
//! (distribution-spec, extensions/_oci.md).
//!
//! The extension that lists extensions is the only one.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Call, Context, answered_by, error::ApiError, identify, response};

/// Where the extension is documented.
const DOCUMENTATION: &str = "https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md";

/// The extensions of the registry, for everybody who may call `/v2/`.
pub(super) async fn of_registry(State(context): State<Context>, request: Request) -> Response {
    answered_by(request.extensions(), "extensions");
    let (head, _) = request.into_parts();
    if let Some(response) = response::unless_read(&head.method) {
        return response;
    }
    let answer = async {
        let principal = identify(&context, &head).await?;
        context.gate.authorize_base(&principal)?;
        let mut response = list("/v2/_oci/ext/discover");
        response.extensions_mut().insert(principal);
        Ok::<_, ApiError>(response)
    };
    answer.await.into_response()
}

/// The extensions of a repository.
pub(super) fn of_repository(call: &Call) -> Response {
    list(&format!("/v2/{}/_oci/ext/discover", call.repository))
}

fn list(endpoint: &str) -> Response {
    response::document(&json!({ "extensions": [{
        "name": "_oci",
        "description": "lists the extensions of this registry",
        "url": DOCUMENTATION,
        "endpoints": [endpoint],
    }] }))
}
