//! The listener for probes and monitoring: whether the server lives, is well and ready, its metrics, which versions of its
//! reloadable files are in force, how full the volume is, and profiles.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{error::ApiError, profile};
use crate::{
    auth::Gate,
    health::Health,
    metrics::{Exposition, Metrics},
    oci::ErrorCode,
    reload::Reloading,
    tls::Material,
};

/// What the listener reports about.
pub(crate) struct Subject {
    pub(crate) health: Health,
    pub(crate) gate: Gate,
    pub(crate) certificate: Option<Arc<Reloading<Material>>>,
    pub(crate) metrics: Metrics,
    /// The path of the metrics; `None`: there are none.
    pub(crate) metrics_path: Option<String>,
    /// Cancelled when the server takes no more requests.
    pub(crate) ending: CancellationToken,
}

/// The registry's routes for as long as it is well: while a check fails, every request is refused, as in the reference.
pub(crate) fn while_well(router: Router, health: Health) -> Router {
    router.layer(axum::middleware::from_fn_with_state(health, refuse_unless_well))
}

async fn refuse_unless_well(State(health): State<Health>, request: Request, next: Next) -> Response {
    if health.problems().is_empty() {
        return next.run(request).await;
    }
    ApiError::new(ErrorCode::Unavailable, "health check failed: please see /debug/health").into_response()
}

/// The routes of the listener.
pub(crate) fn router(subject: Subject) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/debug/health", get(well))
        .route("/versions", get(versions))
        .route("/storage", get(storage))
        // Not a route: its path is the user's, and may be one of those above.
        .fallback(metrics)
        .with_state(Arc::new(subject))
        .merge(profile::router())
}

/// Whether requests should be sent here: the server is well, and not ending.
async fn ready(State(subject): State<Arc<Subject>>) -> Response {
    if subject.ending.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response();
    }
    let problems = subject.health.problems();
    if problems.is_empty() {
        return "ok\n".into_response();
    }
    let lines: String = problems.iter().map(|(name, reason)| format!("{name}: {reason}\n")).collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

/// The reference's form: a JSON object of what is wrong.
async fn well(State(subject): State<Arc<Subject>>) -> Response {
    let problems = subject.health.problems();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    object(status, &json!(**problems))
}

fn object(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
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

async fn storage(State(subject): State<Arc<Subject>>) -> Response {
    let known = &subject.metrics.storage.volume;
    let volume = known.usage().map(|usage| {
        json!({
            "capacityBytes": usage.capacity,
            "usedBytes": usage.used,
            "availableBytes": usage.available,
            "inodes": usage.inodes,
            "inodesFree": usage.inodes_free,
        })
    });
    let refused = known.refusals();
    let refused = json!({ "total": refused.total, "secondsAgo": refused.ago.map(|ago| ago.as_secs()) });
    object(StatusCode::OK, &json!({ "volume": volume, "refusedWrites": refused }))
}

async fn metrics(State(subject): State<Arc<Subject>>, uri: Uri, headers: HeaderMap) -> Response {
    if subject.metrics_path.as_deref() != Some(uri.path()) {
        return (
            StatusCode::NOT_FOUND,
            "there are /livez, /readyz, /debug/health, /debug/pprof/, /storage and /versions\n",
        )
            .into_response();
    }
    let exposition = Exposition::accepted(&headers);
    match subject.metrics.render(exposition) {
        Ok(text) => ([(header::CONTENT_TYPE, exposition.content_type())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
