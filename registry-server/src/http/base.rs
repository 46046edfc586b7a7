//! What is not about a repository: the version check at `/v2/` and the sign of life at `/`.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};

use super::{Context, answered_by, error::ApiError, identify, response};

/// `/`: the listener answers. For load balancers; needs no credentials.
pub(super) async fn alive() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `/v2`: clients that left out the slash are sent to it.
pub(super) async fn redirect(State(context): State<Context>) -> Response {
    let to = format!("{}/v2/", context.options.prefix.trim_end_matches('/'));
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    response.headers_mut().insert(header::LOCATION, response::value(to));
    response
}

/// `/v2/`: the API is spoken here, and the credentials are right (distribution-spec, "Determining Support"). A browser that
/// asks with OPTIONS what it may send does so without credentials.
pub(super) async fn ping(State(context): State<Context>, request: Request) -> Response {
    answered_by(request.extensions(), "base");
    let (head, _) = request.into_parts();
    if head.method == Method::OPTIONS {
        return response::json("{}");
    }
    let answer = async {
        let principal = identify(&context, &head).await?;
        context.gate.authorize_base(&principal)?;
        let mut response = response::json("{}");
        response.extensions_mut().insert(principal);
        Ok::<_, ApiError>(response)
    };
    answer.await.into_response()
}
