//! The distribution API over HTTP: one route table, thin handlers, one way out for errors.
//!
//! Turns requests into calls of [`Registry`] and answers into responses. Decides nothing about who may do what
//! ([`Gate`]) and nothing about connections, logs and metrics, which are wrapped around this router.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{Extensions, HeaderMap, Method, header, request::Parts};
use registry_config::Secret;

pub(crate) mod access_log;
mod base;
mod blobs;
mod body;
mod catalog;
mod error;
mod extensions;
mod extract;
pub(crate) mod health;
mod location;
mod manifests;
mod pagination;
mod profile;
mod range;
mod referrers;
mod remainder;
mod response;
mod tags;
mod upload_state;
mod uploads;

use self::error::{ApiError, not_found};
use crate::{
    auth::{Action, Gate, Principal, Refused},
    metrics::InFlight,
    oci::{Repository, Route},
    registry::Registry,
};

/// What every request needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The registry that is served.
    pub registry: Arc<Registry>,
    /// Who may do what.
    pub gate: Gate,
    /// How it is served.
    pub options: Arc<Options>,
}

/// How the API is served: the parts of the configuration that show in responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `http.host`: scheme and authority, and a path if there is one, for `Location` headers. Without it they are taken
    /// from the request.
    pub host: Option<String>,
    /// `http.relativeurls`: `Location` headers are paths alone.
    pub relative_urls: bool,
    /// `http.prefix`: the path below which the whole API lives; empty or starting with `/`.
    pub prefix: String,
    /// `http.secret`: signs the `_state` of upload locations.
    pub secret: Secret,
    /// `http.headers`: added to every response.
    pub headers: HeaderMap,
    /// `storage.delete.enabled`: blobs, manifests and tags may be deleted.
    pub delete_enabled: bool,
    /// `storage.maintenance.readonly`: nothing may be changed.
    pub read_only: bool,
    /// `catalog.maxentries`: repositories on one page at most.
    pub catalog_max_entries: usize,
    /// `tags.maxtags`: tags on one page at most, when a page was asked for.
    pub tags_max: usize,
    /// Largest manifest accepted, in bytes.
    pub manifest_max_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: None,
            relative_urls: false,
            prefix: String::new(),
            secret: Secret("not given".to_owned()),
            headers: HeaderMap::new(),
            delete_enabled: false,
            read_only: false,
            catalog_max_entries: 1000,
            tags_max: 1000,
            manifest_max_bytes: 4 << 20,
        }
    }
}

/// On requests: the scheme of the connection, `http` unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme(pub &'static str);

/// The distribution API (distribution-spec, "Endpoints").
///
/// Repository names hold slashes, which a path matcher cannot split, so everything below a name goes through
/// [`Route::parse`], the one place that knows the grammar.
pub fn router(context: Context) -> Router {
    let api = Router::new()
        .route("/v2", any(base::redirect))
        .route("/v2/", any(base::ping))
        .route("/v2/_catalog", any(catalog::list))
        .route("/v2/_oci/ext/discover", any(extensions::of_registry))
        .route("/v2/{*path}", any(dispatch));
    let api = match context.options.prefix.trim_end_matches('/') {
        "" => api,
        prefix => Router::new().nest(prefix, api),
    };
    // Load balancers ask for the root, whatever the prefix.
    api.route("/", any(base::alive))
        .fallback(async || not_found())
        .layer(axum::middleware::map_response_with_state(context.clone(), response::standing_headers))
        .with_state(context)
}

/// Takes note of the route that answers a request, by the reference's name for it.
fn answered_by(extensions: &Extensions, route: &'static str) {
    if let Some(in_flight) = extensions.get::<InFlight>() {
        in_flight.answered_by(route);
    }
}

/// A request to a repository, by a principal who may make it.
#[derive(Debug)]
struct Call {
    context: Context,
    principal: Principal,
    repository: Repository,
    head: Parts,
}

impl Call {
    fn registry(&self) -> &Registry {
        &self.context.registry
    }

    /// Whether this asks, on behalf of somebody who could push, if content still has to be pushed.
    fn asks_before_push(&self) -> bool {
        let Context { gate, options, .. } = &self.context;
        self.head.method == Method::HEAD
            && !options.read_only
            && gate.may(&self.principal, Action::Push, &self.repository)
    }
}

/// Everything below a repository's name.
async fn dispatch(State(context): State<Context>, request: Request) -> Response {
    let route = match extract::route(request.uri()) {
        Ok(route) => route,
        Err(error) => return error.into_response(),
    };
    answered_by(request.extensions(), name(&route));
    let asked_for = route.clone();
    let (head, mut body) = request.into_parts();
    let client_waits = head.headers.contains_key(header::EXPECT);
    let mut response = match rights(&route, &head.method) {
        (Some(action), _) => admit(context, head, &mut body, route, action).await,
        (None, allowed) if head.method == Method::OPTIONS => response::options(allowed),
        (None, allowed) => response::method_not_allowed(allowed),
    };
    if !client_waits {
        remainder::discard(&mut body).await;
    }
    response.extensions_mut().insert(asked_for);
    response
}

/// Answers a request if its sender may make it; the response says who that is.
async fn admit(context: Context, head: Parts, body: &mut Body, route: Route, action: Action) -> Response {
    let repository = route.repository().clone();
    let principal = match identify(&context, &head).await {
        Ok(principal) => principal,
        Err(refused) => return ApiError::refused(refused, action, &repository).into_response(),
    };
    let mut response = match context.gate.authorize(&principal, action, &repository) {
        Ok(()) => {
            let call = Call { context, principal: principal.clone(), repository, head };
            permitted(route, &call, action, body).await.into_response()
        }
        Err(refused) => ApiError::refused(refused, action, &repository).into_response(),
    };
    response.extensions_mut().insert(principal);
    response
}

/// Who sends the request.
async fn identify(context: &Context, head: &Parts) -> Result<Principal, Refused> {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    context.gate.identify(&head.headers, peer).await
}

/// Answers a request that its sender may make, unless the registry is configured not to.
async fn permitted(route: Route, call: &Call, action: Action, body: &mut Body) -> Result<Response, ApiError> {
    let options = &call.context.options;
    let reads = matches!(call.head.method, Method::GET | Method::HEAD);
    if options.read_only && action != Action::Pull && !reads {
        return Ok(response::method_not_allowed("GET, HEAD"));
    }
    if action == Action::Delete && !options.delete_enabled {
        return Err(ApiError::deletion_disabled());
    }
    answer(route, call, body).await
}

/// What a method of a route needs, `None` when the route does not have it, and the methods that it has.
fn rights(route: &Route, method: &Method) -> (Option<Action>, &'static str) {
    let reads = matches!(*method, Method::GET | Method::HEAD).then_some(Action::Pull);
    let deletes = (*method == Method::DELETE).then_some(Action::Delete);
    let pushes = |methods: &[Method]| methods.contains(method).then_some(Action::Push);
    match route {
        Route::Blob { .. } => (reads.or(deletes), "DELETE, GET, HEAD"),
        Route::Manifest { .. } => (reads.or(deletes).or(pushes(&[Method::PUT])), "DELETE, GET, HEAD, PUT"),
        Route::Tags { .. } | Route::Referrers { .. } | Route::Extensions { .. } => (reads, "GET, HEAD"),
        Route::Uploads { .. } => (pushes(&[Method::POST]), "POST"),
        Route::Upload { .. } => (
            // Its status is the business of the one who uploads, not of everybody who may pull.
            pushes(&[Method::GET, Method::HEAD, Method::PATCH, Method::PUT, Method::DELETE]),
            "DELETE, GET, HEAD, PATCH, PUT",
        ),
    }
}

/// The reference's name for a route.
fn name(route: &Route) -> &'static str {
    match route {
        Route::Blob { .. } => "blob",
        Route::Uploads { .. } => "blob_upload",
        Route::Upload { .. } => "blob_upload_chunk",
        Route::Manifest { .. } => "manifest",
        Route::Tags { .. } => "tags",
        Route::Referrers { .. } => "referrers",
        Route::Extensions { .. } => "extensions",
    }
}

async fn answer(route: Route, call: &Call, body: &mut Body) -> Result<Response, ApiError> {
    match (call.head.method.as_str(), route) {
        ("DELETE", Route::Blob { repository: _, digest }) => blobs::delete(call, &digest).await,
        (_, Route::Blob { repository: _, digest }) => blobs::get(call, &digest).await,
        (_, Route::Uploads { repository: _ }) => uploads::start(call, body).await,
        ("PATCH", Route::Upload { repository: _, id }) => uploads::append(call, id, body).await,
        ("PUT", Route::Upload { repository: _, id }) => uploads::finish(call, id, body).await,
        ("DELETE", Route::Upload { repository: _, id }) => uploads::cancel(call, id).await,
        (_, Route::Upload { repository: _, id }) => uploads::status(call, id).await,
        ("PUT", Route::Manifest { repository: _, reference }) => manifests::put(call, reference, body).await,
        ("DELETE", Route::Manifest { repository: _, reference }) => manifests::delete(call, &reference).await,
        (_, Route::Manifest { repository: _, reference }) => manifests::get(call, &reference).await,
        (_, Route::Tags { repository: _ }) => tags::list(call).await,
        (_, Route::Referrers { repository: _, subject }) => referrers::list(call, &subject).await,
        (_, Route::Extensions { repository: _ }) => Ok(extensions::of_repository(call)),
    }
}
