//! The operator's own endpoints on plain HTTP: `/livez`, `/readyz` and `/metrics`.
//!
//! Nothing here needs a login, so nothing here tells a secret or changes anything.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::metrics::Metrics;

/// Connections served at once; more wait in the kernel's queue. Probes and a scraper or two need a handful.
const CONNECTIONS: usize = 32;

/// A client has this long to send its request's header, idle time between two requests included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection ends after this time whatever it does.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);

/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Endpoints {
    ready: watch::Receiver<bool>,
    metrics: Metrics,
}

/// The endpoints. `/readyz` answers 200 while `ready` holds `true`.
pub fn router(ready: watch::Receiver<bool>, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(Endpoints { ready, metrics })
}

async fn readyz(State(endpoints): State<Endpoints>) -> Response {
    if *endpoints.ready.borrow() {
        "ok".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not connected to the API server yet").into_response()
    }
}

async fn scrape(State(endpoints): State<Endpoints>) -> Response {
    let mut text = String::new();
    match endpoints.metrics.write(&mut text) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Serves `router` on `listener` until `shutdown` completes. Connections still open then are closed.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let place = tokio::select! {
            () = &mut shutdown => return,
            Some(_) = connections.join_next() => continue,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    connection(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection on the admin address");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection. What goes wrong on it is its client's business, and only worth a line for debugging.
async fn connection(stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let ended: Result<Result<(), hyper::Error>, _> = timeout(CONNECTION_TIMEOUT, serving).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "a connection to the admin address ended early");
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn answer(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_follows_the_connection_to_the_api_server() {
        let (connected, ready) = watch::channel(false);
        let router = router(ready, Metrics::new());
        assert_eq!(answer(&router, "/livez").await.0, StatusCode::OK);
        assert_eq!(answer(&router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);

        connected.send_replace(true);

        assert_eq!(answer(&router, "/readyz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_served() {
        let (_connected, ready) = watch::channel(true);
        let metrics = Metrics::new();
        metrics.leads(true);

        let (status, text) = answer(&router(ready, metrics), "/metrics").await;

        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("private_registry_operator_leader 1"), "{text}");
    }
}
