//! A layer around the Kubernetes client that counts what goes to the API server, by verb and resource.
//!
//! Retries inside the client are seen as one request.

use std::task::{Context, Poll};

use http::{Method, Request, Uri};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use tower::{Layer, Service};

/// What a request to the API server is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Labels {
    /// As RBAC names it: get, list, watch, create, update, patch, delete.
    verb: &'static str,
    /// The resource's plural with its subresource, `secrets` or `privateregistries/status`; empty for anything else.
    resource: String,
}

/// Counts requests that pass through; a `tower` layer.
#[derive(Clone, Debug, Default)]
pub struct CountRequests(Family<Labels, Counter>);

impl CountRequests {
    pub(super) fn family(&self) -> &Family<Labels, Counter> {
        &self.0
    }
}

impl<S> Layer<S> for CountRequests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted { requests: self.0.clone(), inner }
    }
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    requests: Family<Labels, Counter>,
    inner: S,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.requests.get_or_create(&labels(request.method(), request.uri())).inc();
        self.inner.call(request)
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
}
