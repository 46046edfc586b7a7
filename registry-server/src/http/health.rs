//! The listener for probes and monitoring: whether the server lives and is ready, its metrics, and which versions of its
//! reloadable files are in force.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{auth::Gate, config::Readiness, metrics::Metrics, registry::Registry, reload::Reloading, tls::Material};

/// A storage that has not answered after this long is not working.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the listener reports about.
pub(crate) struct Subject {
    pub(crate) registry: Arc<Registry>,
    pub(crate) readiness: Option<Readiness>,
    pub(crate) gate: Gate,
    pub(crate) certificate: Option<Arc<Reloading<Material>>>,
    pub(crate) metrics: Metrics,
    /// The path of the metrics; `None`: there are none.
    pub(crate) metrics_path: Option<String>,
    /// Cancelled when the server takes no more requests.
    pub(crate) ending: CancellationToken,
    pub(crate) storage: StorageHealth,
}

/// What is known of the storage: asked when somebody wants to know, and not more often than the interval.
#[derive(Default)]
pub(crate) struct StorageHealth(Mutex<Probed>);

#[derive(Default)]
struct Probed {
    at: Option<Instant>,
    failures: u32,
    reason: String,
}

/// The routes of the listener.
pub(crate) fn router(subject: Subject) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/debug/health", get(health))
        .route("/versions", get(versions))
        // Not a route: its path is the user's, and may be one of those above.
        .fallback(metrics)
        .with_state(Arc::new(subject))
}

/// Whether requests should be sent here: the storage works, and the server is not ending.
async fn ready(State(subject): State<Arc<Subject>>) -> Response {
    if subject.ending.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response();
    }
    match subject.storage_problem().await {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("storage: {reason}\n")).into_response(),
    }
}

/// The reference's form: a JSON object of what is wrong.
async fn health(State(subject): State<Arc<Subject>>) -> Response {
    match subject.storage_problem().await {
        None => object(StatusCode::OK, &json!({})),
        Some(reason) => object(StatusCode::SERVICE_UNAVAILABLE, &json!({ "storagedriver_registry": reason })),
    }
}

fn object(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

async fn versions(State(subject): State<Arc<Subject>>) -> Response {
    let certificate = subject.certificate.as_ref().map(|certificate| {
        let material = certificate.current();
        json!({
            "sha256": material.sha256,
            "serialNumber": material.serial_number,
            "notAfter": material.not_after.to_string(),
        })
    });
    let file = |sha256: Option<String>| sha256.map(|sha256| json!({ "sha256": sha256 }));
    let versions = json!({
        "certificate": certificate,
        "htpasswd": file(subject.gate.users_sha256()),
        "access": file(subject.gate.policy_sha256()),
    });
    object(StatusCode::OK, &versions)
}

async fn metrics(State(subject): State<Arc<Subject>>, uri: Uri) -> Response {
    if subject.metrics_path.as_deref() != Some(uri.path()) {
        return (StatusCode::NOT_FOUND, "there are /livez, /readyz, /debug/health and /versions\n").into_response();
    }
    match subject.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl Subject {
    /// What is wrong with the storage, when it failed often enough for that to count.
    async fn storage_problem(&self) -> Option<String> {
        let readiness = self.readiness?;
        // Held while asking, so that many questions at once are one.
        let mut probed = self.storage.0.lock().await;
        if probed.at.is_none_or(|at| at.elapsed() >= readiness.interval) {
            match tokio::time::timeout(PROBE_TIMEOUT, self.registry.health()).await {
                Ok(Ok(())) => probed.failures = 0,
                Ok(Err(error)) => probed.failed(describe(&error)),
                Err(_) => probed.failed(format!("no answer after {} s", PROBE_TIMEOUT.as_secs())),
            }
            probed.at = Some(Instant::now());
        }
        (probed.failures >= readiness.threshold).then(|| probed.reason.clone())
    }
}

impl Probed {
    fn failed(&mut self, reason: String) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::error!("the storage does not work: {reason}");
        }
        self.reason = reason;
    }
}

/// An error with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
