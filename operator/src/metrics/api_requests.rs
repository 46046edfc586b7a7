//! A layer around the Kubernetes client that counts what goes to the API server, by verb and resource, and what comes back
//! that is not what was asked for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Method, Request, Response, StatusCode, Uri};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tower::{Layer, Service};

/// What a request to the API server is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// As RBAC names it: get, list, watch, create, update, patch, delete.
    verb: &'static str,
    /// The resource's plural with its subresource, `secrets` or `privateregistries/status`; empty for anything else.
    resource: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    verb: &'static str,
    resource: String,
    /// The HTTP status, or `none` where there was no answer.
    code: String,
}

/// Counts requests that pass through; a `tower` layer.
#[derive(Clone, Debug, Default)]
pub struct CountRequests {
    requests: Family<Labels, Counter>,
    errors: Family<ErrorLabels, Counter>,
}

impl CountRequests {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { requests, errors } = self;
        registry.register("api_requests", "Requests to the API server, by verb and resource", requests.clone());
        registry.register("api_errors", "Requests that the API server refused or did not answer", errors.clone());
    }

    /// Counts a refusal. That there is no such object, or no such kind in this cluster, is an answer.
    fn ended(&self, labels: Labels, status: Option<StatusCode>) {
        let Labels { verb, resource } = labels;
        let refused = status.is_none_or(|status| status.is_client_error() || status.is_server_error());
        if !refused || status == Some(StatusCode::NOT_FOUND) && matches!(verb, "get" | "list") {
            return;
        }
        let code = status.map_or_else(|| "none".to_owned(), |status| status.as_u16().to_string());
        self.errors.get_or_create(&ErrorLabels { verb, resource, code }).inc();
    }
}

impl<S> Layer<S> for CountRequests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted { counts: self.clone(), inner }
    }
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    counts: CountRequests,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let labels = labels(request.method(), request.uri());
        let counts = self.counts.clone();
        counts.requests.get_or_create(&labels).inc();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            counts.ended(labels, answer.as_ref().ok().map(Response::status));
            answer
        })
    }
}

/// Takes a request apart as the API server does (Kubernetes API concepts, "Resource URIs").
fn labels(method: &Method, uri: &Uri) -> Labels {
    let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let below_version = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let below_namespace = match below_version {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        _ => below_version,
    };
    let (resource, named) = match *below_namespace {
        [] => (String::new(), false),
        [resource] => (resource.to_owned(), false),
        [resource, _] => (resource.to_owned(), true),
        [resource, _, subresource, ..] => (format!("{resource}/{subresource}"), true),
    };
    Labels { verb: verb(method, uri.query(), named), resource }
}

fn verb(method: &Method, query: Option<&str>, named: bool) -> &'static str {
    let watches = query.is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"));
    match *method {
        Method::GET if watches => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(method: Method, uri: &'static str) -> (&'static str, String) {
        let Labels { verb, resource } = labels(&method, &Uri::from_static(uri));
        (verb, resource)
    }

    #[test]
    fn requests_are_named_as_in_rbac() {
        let named = |verb, resource: &str| (verb, resource.to_owned());
        assert_eq!(counted(Method::GET, "/api/v1/namespaces/shop/secrets/depot-tls"), named("get", "secrets"));
        assert_eq!(counted(Method::GET, "/api/v1/secrets?limit=500"), named("list", "secrets"));
        assert_eq!(counted(Method::GET, "/api/v1/secrets?watch=true&x=y"), named("watch", "secrets"));
        assert_eq!(
            counted(
                Method::PATCH,
                "/apis/privateregistry.io/v1alpha1/namespaces/shop/privateregistries/depot/status?force=true"
            ),
            named("patch", "privateregistries/status")
        );
        assert_eq!(
            counted(Method::PATCH, "/apis/apps/v1/namespaces/shop/deployments/depot"),
            named("patch", "deployments")
        );
        assert_eq!(counted(Method::GET, "/api/v1/namespaces/shop"), named("get", "namespaces"));
        assert_eq!(counted(Method::GET, "/version"), named("list", ""));
        assert_eq!(counted(Method::POST, "/api/v1/namespaces"), named("create", "namespaces"));
    }
    #[test]
    fn a_refusal_is_counted_by_its_status_and_what_does_not_exist_is_none() {
        let counts = CountRequests::default();
        let labels = |verb| Labels { verb, resource: "secrets".to_owned() };
        counts.ended(labels("patch"), Some(StatusCode::OK));
        counts.ended(labels("get"), Some(StatusCode::NOT_FOUND));
        counts.ended(labels("patch"), Some(StatusCode::CONFLICT));
        counts.ended(labels("watch"), None);
        let mut registry = Registry::default();
        counts.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("api_errors_total")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(text.contains(r#"api_errors_total{verb="patch",resource="secrets",code="409"} 1"#), "{text}");
        assert!(text.contains(r#"api_errors_total{verb="watch",resource="secrets",code="none"} 1"#), "{text}");
    }
}
