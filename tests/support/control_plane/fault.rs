//! What can go wrong between the operator and the API server, and for which requests.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderMap, Method, Request, StatusCode};

/// A request that the operator sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// PATCH is how everything is written but Events.
    pub method: Method,
    /// Such as `/api/v1/namespaces/kitchen/secrets`.
    pub path: String,
    /// What it is narrowed down by, as it is sent.
    pub query: String,
    /// Whether it is a watch.
    pub watch: bool,
    /// Whether it asks for nothing of objects but their metadata.
    pub metadata: bool,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let watch = query.split('&').any(|pair| pair == "watch=true");
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let metadata = accept.is_some_and(|accept| accept.contains("as=PartialObjectMetadata"));
        Self { method: request.method().clone(), path: request.uri().path().to_owned(), query, watch, metadata }
    }

    /// Whether it writes one object of this kind, such as `secrets`.
    pub fn writes(&self, kind: &str) -> bool {
        self.method == Method::PATCH && self.path.contains(&format!("/{kind}/"))
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It does not reach the API server; this is the answer.
    Answer(StatusCode, HeaderMap),
    /// It reaches the API server later.
    Delay(Duration),
    /// Its answer ends after a while, finished or not.
    Cut(Duration),
    /// It does not reach the API server; the answer is a watch with this one line.
    Event(String),
    /// The network ends before it reaches the API server: nothing passes any more until the proxy is healed.
    PartitionBefore,
    /// It reaches the API server, and the network ends before its answer: nothing passes any more until the proxy is healed.
    PartitionAfter,
}

impl Fault {
    /// A refusal without further headers.
    pub fn answer(status: StatusCode) -> Self {
        Self::Answer(status, HeaderMap::new())
    }

    /// The API server has more to do than it can, and says when to come back.
    pub fn too_many_requests(seconds: u32) -> Self {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, seconds.into())]);
        Self::Answer(StatusCode::TOO_MANY_REQUESTS, headers)
    }

    /// The version that a watch was to go on from is forgotten, as told within a watch.
    pub fn expired() -> Self {
        let status = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}"#;
        Self::Event(format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n"))
    }
}

/// `fault` for one request alone: the one after `passed` others that are `meant`.
pub fn after(
    passed: u32,
    fault: Fault,
    meant: impl Fn(&Asked) -> bool + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static {
    let seen = AtomicU32::new(0);
    move |asked| (meant(asked) && seen.fetch_add(1, Ordering::Relaxed) == passed).then(|| fault.clone())
}

/// `fault` for the first `times` requests that are `meant`.
pub fn first(
    times: u32,
    fault: Fault,
    meant: impl Fn(&Asked) -> bool + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static {
    let left = AtomicU32::new(times);
    move |asked| {
        let take = |left: u32| left.checked_sub(1);
        let hit = meant(asked) && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        hit.then(|| fault.clone())
    }
}
