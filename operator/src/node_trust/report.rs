//! What a node says of itself, to the kubelet and to the operator, which asks: a node writes nothing into the cluster, so that one
//! that was broken into can lie about itself and nobody else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};

use super::node::Problem;
use crate::names::RegistryName;

/// What a node says of one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of the registry's `ConfigMap` that was carried out last, or could not be.
    pub version: String,
    /// What is wrong with this registry on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What is wrong with the node, for all registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_problem: Option<Problem>,
}

/// What a node knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// What is wrong with the node.
    pub(super) node: Option<Problem>,
    /// Version and problem of each registry.
    pub(super) registries: BTreeMap<RegistryName, (String, Option<Problem>)>,
}

/// Where it is kept for those who ask.
#[derive(Clone, Debug)]
pub(super) struct Board(Arc<Mutex<Option<Standing>>>);

impl Board {
    /// Of a node that has not been told anything yet.
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Puts up what is so now. Returns what was so before.
    pub(super) fn put(&self, standing: Standing) -> Standing {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(standing).unwrap_or_default()
    }

    fn is_started(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn node_problem(&self) -> Option<Problem> {
        let starting = || Some(Problem::new("Starting", "the node has not been told of any registry yet"));
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standing.as_ref().map_or_else(starting, |standing| standing.node.clone())
    }

    fn report(&self, registry: &RegistryName) -> Option<Report> {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = standing.as_ref()?;
        let (version, problem) = standing.registries.get(registry)?.clone();
        Some(Report { version, problem, node_problem: standing.node.clone() })
    }
}

/// What is asked. Started is a node where all was tried once, well or not: its runtime can look for the canary then. Ready is a node
/// whose runtime reads what is written; what is wrong with one registry alone does not make it less so, or whoever makes registries could
/// hold up the rollout of a new version.
pub(super) fn router(board: Board) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/startedz", get(started))
        .route("/readyz", get(ready))
        .route("/registries/{namespace}/{name}", get(report))
        .with_state(board)
}

async fn started(State(board): State<Board>) -> StatusCode {
    if board.is_started() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn ready(State(board): State<Board>) -> Response {
    match board.node_problem() {
        None => "ok".into_response(),
        Some(problem) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}: {}", problem.reason, problem.message)).into_response()
        }
    }
}

async fn report(State(board): State<Board>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let Some(report) = board.report(&RegistryName { namespace, name }) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match serde_json::to_string(&report) {
        Ok(text) => ([("content-type", "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt;

    use super::*;

    async fn ask(board: &Board, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(board.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        (status, String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_is_ready_when_it_was_told_everything_and_its_runtime_reads_it() {
        let board = Board::new();
        assert_eq!(ask(&board, "/livez").await.0, StatusCode::OK);
        for path in ["/startedz", "/readyz"] {
            assert_eq!(ask(&board, path).await.0, StatusCode::SERVICE_UNAVAILABLE);
        }
        let registry = RegistryName { namespace: "apps".into(), name: "team".into() };
        let taken = Problem::new("DirectoryTaken", "delete it");
        let registries = BTreeMap::from([(registry, ("7".to_owned(), Some(taken.clone())))]);
        board.put(Standing { node: None, registries: registries.clone() });
        assert_eq!(ask(&board, "/readyz").await, (StatusCode::OK, "ok".into()));
        let (status, body) = ask(&board, "/registries/apps/team").await;
        assert_eq!(status, StatusCode::OK);
        let expected = Report { version: "7".into(), problem: Some(taken.clone()), node_problem: None };
        assert_eq!(serde_json::from_str::<Report>(&body).unwrap(), expected);
        assert_eq!(ask(&board, "/registries/apps/other").await.0, StatusCode::NOT_FOUND);
        board.put(Standing { node: Some(taken), registries });
        assert_eq!(ask(&board, "/startedz").await.0, StatusCode::OK, "as well as it could");
        let (status, body) = ask(&board, "/readyz").await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "DirectoryTaken: delete it"));
    }
}
