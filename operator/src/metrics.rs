//! What the operator counts, for Prometheus: passes, requests to the API server, failing watches, certificates, leadership.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use http::{Method, Request};
use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tower::{Layer, Service};

use crate::names::RegistryName;

/// Seconds; a pass that sends nothing takes less than a millisecond, one that makes keys and hashes up to a few seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<ReconcileLabels, Counter>,
    duration: Histogram,
    requests: Family<RequestLabels, Counter>,
    watch_errors: Family<WatchLabels, Counter>,
    in_backoff: Gauge,
    certificates: Family<CertificateLabels, Gauge>,
    leader: Gauge,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Without an error.
    Ok,
    /// The spec has to be corrected.
    Invalid,
    /// With an error; it is tried again.
    Error,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    resource: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    namespace: String,
    name: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("private_registry_operator"),
            reconciles: Family::default(),
            duration: Histogram::new(BUCKETS),
            requests: Family::default(),
            watch_errors: Family::default(),
            in_backoff: Gauge::default(),
            certificates: Family::default(),
            leader: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, reconciles, duration, requests, watch_errors, in_backoff, certificates, leader } = self;
        registry.register("reconciles", "Passes over a registry, by how they ended", reconciles.clone());
        registry.register("reconcile_duration_seconds", "How long a pass took", duration.clone());
        registry.register("api_requests", "Requests to the API server, by verb and resource", requests.clone());
        registry.register("watch_errors", "Watches that failed and were started again", watch_errors.clone());
        registry.register("objects_in_backoff", "Registries whose last pass failed", in_backoff.clone());
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "End of the validity of a registry's certificate",
            certificates.clone(),
        );
        registry.register("leader", "Whether this replica does the work", leader.clone());
    }

    /// The exposition format.
    ///
    /// # Errors
    /// Never, because a String takes everything.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A pass has begun.
    #[must_use]
    pub fn reconcile_started(&self) -> Instant {
        Instant::now()
    }

    /// A pass has ended.
    pub fn reconcile_ended(&self, started: Instant, outcome: Outcome) {
        self.duration.observe(started.elapsed().as_secs_f64());
        self.reconciles.get_or_create(&ReconcileLabels { outcome: outcome.as_str() }).inc();
    }

    /// A watch has failed.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_errors.get_or_create(&WatchLabels { kind: kind.to_owned() }).inc();
    }

    /// So many registries wait after a failure.
    pub fn in_backoff(&self, registries: usize) {
        self.in_backoff.set(i64::try_from(registries).unwrap_or(i64::MAX));
    }

    /// The certificate of a registry ends then; `None` when there is none.
    pub fn certificate_expires(&self, registry: &RegistryName, at: Option<Timestamp>) {
        let labels = CertificateLabels { namespace: registry.namespace.clone(), name: registry.name.clone() };
        match at {
            Some(at) => _ = self.certificates.get_or_create(&labels).set(at.as_second()),
            None => _ = self.certificates.remove(&labels),
        }
    }

    /// Whether this replica does the work.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    fn requested(&self, method: &Method, path: &str, query: Option<&str>) {
        let labels = RequestLabels { verb: verb(method, path, query), resource: resource(path) };
        self.requests.get_or_create(&labels).inc();
    }
}

/// Counts what goes to the API server.
#[derive(Clone, Debug)]
pub struct CountRequests(pub Arc<Metrics>);

impl<S> Layer<S> for CountRequests {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted { inner, metrics: Arc::clone(&self.0) }
    }
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, B> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let uri = request.uri();
        self.metrics.requested(request.method(), uri.path(), uri.query());
        self.inner.call(request)
    }
}

/// The verb as RBAC names it.
fn verb(method: &Method, path: &str, query: Option<&str>) -> &'static str {
    let watches = query.is_some_and(|query| query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1"));
    match *method {
        Method::GET if watches => "watch",
        Method::GET if segments(path).nth(1).is_some() => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PATCH => "patch",
        Method::PUT => "update",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// `secrets`, or `privateregistries/status`: never a name, so that the number of series is bounded.
fn resource(path: &str) -> String {
    let mut segments = segments(path);
    let resource = segments.next().unwrap_or("other");
    match segments.nth(1) {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource.to_owned(),
    }
}

/// Resource, name and subresource of a path: `/api/v1/...` or `/apis/<group>/<version>/...`, in a namespace or not.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let mut parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    let version = if parts.first() == Some(&"apis") { 3 } else { 2 };
    parts.drain(..version.min(parts.len()));
    if parts.first() == Some(&"namespaces") && parts.len() > 2 {
        parts.drain(..2);
    }
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_as_rbac_does() {
        let cases = [
            (Method::GET, "/api/v1/secrets", Some("watch=true&limit=5"), "watch", "secrets"),
            (Method::GET, "/api/v1/secrets", Some("limit=5"), "list", "secrets"),
            (Method::GET, "/api/v1/namespaces/kitchen/secrets/cook", None, "get", "secrets"),
            (Method::GET, "/api/v1/namespaces/kitchen/pods", Some("labelSelector=watch"), "list", "pods"),
            (Method::PATCH, "/apis/apps/v1/namespaces/kitchen/deployments/larder", None, "patch", "deployments"),
            (
                Method::PATCH,
                "/apis/privateregistry.io/v1alpha1/namespaces/kitchen/privateregistries/larder/status",
                None,
                "patch",
                "privateregistries/status",
            ),
            (Method::PATCH, "/apis/coordination.k8s.io/v1/namespaces/hall/leases/l", None, "patch", "leases"),
            (Method::GET, "/version", None, "list", "other"),
        ];
        for (method, path, query, wanted_verb, wanted_resource) in cases {
            assert_eq!((verb(&method, path, query), resource(path).as_str()), (wanted_verb, wanted_resource), "{path}");
        }
    }

    #[test]
    fn metrics_have_the_prefix_and_the_units() {
        let metrics = Metrics::default();
        metrics.requested(&Method::GET, "/api/v1/secrets", None);
        metrics.reconcile_ended(metrics.reconcile_started(), Outcome::Ok);
        let larder = RegistryName { namespace: "kitchen".into(), name: "larder".into() };
        metrics.certificate_expires(&larder, Some(Timestamp::from_second(7).unwrap()));
        metrics.leads(true);
        let text = metrics.render().unwrap();
        for line in [
            r#"private_registry_operator_api_requests_total{verb="list",resource="secrets"} 1"#,
            r#"private_registry_operator_reconciles_total{outcome="ok"} 1"#,
            r#"private_registry_operator_certificate_expiry_timestamp_seconds{namespace="kitchen",name="larder"} 7"#,
            "private_registry_operator_leader 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.certificate_expires(&larder, None);
        assert!(!metrics.render().unwrap().contains("kitchen"));
    }
}
