//! The catalog: `GET /v2/_catalog`, the reference's list of repositories.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{Uri, header};
use serde_json::json;

use super::{
    Context, answered_by,
    error::{ApiError, Detail},
    identify, pagination, response,
};
use crate::{
    auth::{Action, Gate, Principal},
    oci::{ErrorCode, Repository},
    registry::catalog::Visibility,
};

/// How many repositories a request gets that does not say.
const DEFAULT_COUNT: usize = 100;

/// The repositories that the principal may pull from, a page at a time, in byte order.
pub(super) async fn list(State(context): State<Context>, request: Request) -> Response {
    answered_by(request.extensions(), "catalog");
    let (head, _) = request.into_parts();
    if let Some(response) = response::unless_read(&head.method) {
        return response;
    }
    let answer = async {
        let principal = identify(&context, &head).await?;
        context.gate.authorize_catalog(&principal)?;
        let mut response = page(&context, &principal, &head.uri).await?;
        response.extensions_mut().insert(principal);
        Ok::<_, ApiError>(response)
    };
    answer.await.into_response()
}

async fn page(context: &Context, principal: &Principal, uri: &Uri) -> Result<Response, ApiError> {
    let most = context.options.catalog_max_entries;
    let count = pagination::count(uri)?.unwrap_or(DEFAULT_COUNT.min(most));
    if count > most {
        return Err(ApiError::new(ErrorCode::PaginationNumberInvalid, Detail::of(json!({ "n": count }))));
    }
    let last = pagination::last(uri);
    let pullable = Pullable { gate: &context.gate, principal };
    let page = context.registry.catalog(last.as_deref(), count, &pullable).await?;
    let mut response = response::document(&json!({ "repositories": page.names }));
    if let (true, Some(last)) = (page.more, page.names.last()) {
        let link = pagination::next(context, "/v2/_catalog", &[("last", last), ("n", &count.to_string())]);
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// What somebody may pull.
struct Pullable<'a> {
    gate: &'a Gate,
    principal: &'a Principal,
}

impl Visibility for Pullable<'_> {
    fn shows(&self, repository: &Repository) -> bool {
        self.gate.may(self.principal, Action::Pull, repository)
    }

    fn shows_below(&self, prefix: &str) -> bool {
        self.gate.may_below(self.principal, Action::Pull, prefix)
    }
}
