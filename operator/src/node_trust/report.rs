//! What a node says of itself, to the kubelet and to the operator, which asks: a node writes nothing into the cluster, so that one
//! that was broken into can lie about itself and nobody else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::node::Problem;
use crate::controller::hexadecimal;

/// Where a node says it all.
pub const PATH: &str = "/registries";

/// What a node says of one registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of the registry's `ConfigMap` that was carried out last, or could not be.
    pub version: String,
    /// What is wrong with this registry on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// What is wrong with the node, for all registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What is so with each registry that it has been told of, by `<namespace>/<name>`.
    #[serde(default)]
    pub registries: BTreeMap<String, Report>,
}

/// The entity tag of what a node says (RFC 9110, section 8.8.3): nodes that say the same have the same one, so that it is read of
/// one of them.
#[must_use]
pub fn entity_tag(text: &[u8]) -> String {
    format!("\"{}\"", hexadecimal(digest(&SHA256, text).as_ref()))
}

/// Where it is kept for those who ask.
#[derive(Clone, Debug)]
pub(crate) struct Board(Arc<Mutex<Post>>);

/// What is put up, and as it is sent.
#[derive(Debug)]
struct Post {
    /// Whether all was tried once.
    is_started: bool,
    standing: Standing,
    text: Bytes,
    tag: String,
}

impl Post {
    fn of(standing: Standing, is_started: bool) -> Self {
        // A map of which the keys are strings can always be written.
        let text = serde_json::to_vec(&standing).unwrap_or_default();
        Self { is_started, standing, tag: entity_tag(&text), text: text.into() }
    }
}

impl Board {
    /// Of a node that has not been told anything yet.
    pub(crate) fn new() -> Self {
        let starting = Problem::new("Starting", "the node has not been told of any registry yet");
        let standing = Standing { problem: Some(starting), ..Standing::default() };
        Self(Arc::new(Mutex::new(Post::of(standing, false))))
    }

    /// Puts up what is so now. Returns what was so before.
    pub(crate) fn put(&self, standing: Standing) -> Standing {
        let mut post = self.lock();
        if post.is_started && post.standing == standing {
            return standing;
        }
        std::mem::replace(&mut *post, Post::of(standing, true)).standing
    }

    fn lock(&self) -> MutexGuard<'_, Post> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked. Started is a node where all was tried once, well or not: its runtime can look for the canary then. Ready is a node
/// whose runtime reads what is written; what is wrong with one registry alone does not make it less so, or whoever makes registries could
/// hold up the rollout of a new version.
pub(crate) fn router(board: Board) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/startedz", get(started))
        .route("/readyz", get(ready))
        .route(PATH, get(registries))
        .with_state(board)
}

async fn started(State(board): State<Board>) -> StatusCode {
    if board.lock().is_started { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn ready(State(board): State<Board>) -> Response {
    match &board.lock().standing.problem {
        None => "ok".into_response(),
        Some(problem) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}: {}", problem.reason, problem.message)).into_response()
        }
    }
}

async fn registries(State(board): State<Board>, headers: HeaderMap) -> Response {
    let (text, tag) = {
        let post = board.lock();
        (post.text.clone(), post.tag.clone())
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    if known.flat_map(|known| known.split(',')).any(|known| known.trim() == tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::CONTENT_TYPE, "application/json".to_owned()), (header::ETAG, tag)], text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        http::Request,
    };
    use tower::ServiceExt;

    use super::*;

    async fn ask(board: &Board, path: &str, known: &str) -> (StatusCode, String, String) {
        let request = Request::get(path).header(header::IF_NONE_MATCH, known).body(Body::empty()).unwrap();
        let response = router(board.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let tag = response.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap(), tag)
    }

    async fn status(board: &Board, path: &str) -> StatusCode {
        ask(board, path, "").await.0
    }

    fn standing(problem: Option<Problem>) -> Standing {
        let taken = Problem::new("DirectoryTaken", "delete it");
        let report = Report { version: "7".into(), problem: Some(taken) };
        Standing { problem, registries: BTreeMap::from([("apps/team".to_owned(), report)]) }
    }

    #[tokio::test]
    async fn a_node_is_ready_when_it_was_told_everything_and_its_runtime_reads_it() {
        let board = Board::new();
        assert_eq!(status(&board, "/livez").await, StatusCode::OK);
        for path in ["/startedz", "/readyz"] {
            assert_eq!(status(&board, path).await, StatusCode::SERVICE_UNAVAILABLE);
        }
        board.put(standing(None));
        for path in ["/startedz", "/readyz"] {
            assert_eq!(status(&board, path).await, StatusCode::OK, "{path}");
        }
        board.put(standing(Some(Problem::new("ConfigPathNotSet", "set it"))));
        assert_eq!(status(&board, "/startedz").await, StatusCode::OK, "as well as it could");
        let (status, body, _) = ask(&board, "/readyz", "").await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "ConfigPathNotSet: set it"));
    }

    #[tokio::test]
    async fn what_a_node_says_is_sent_to_those_who_do_not_have_it() {
        let board = Board::new();
        let (_, body, starting) = ask(&board, PATH, "").await;
        assert_eq!(serde_json::from_str::<Standing>(&body).unwrap().problem.unwrap().reason, "Starting");
        assert_eq!(board.put(standing(None)).problem.unwrap().reason, "Starting");
        let (status, body, tag) = ask(&board, PATH, &format!("{starting}, \"other\"")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(serde_json::from_str::<Standing>(&body).unwrap(), standing(None));
        assert_eq!(tag, entity_tag(body.as_bytes()));
        board.put(standing(None));
        let known = format!("{starting}, {tag}");
        assert_eq!(ask(&board, PATH, &known).await, (StatusCode::NOT_MODIFIED, String::new(), tag));
    }
}
