//! Servers to drive: their router, without sockets. One of each kind for all inputs of a thread.

use std::{path::Path, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use registry_server::{
    app::App,
    auth::Gate,
    config::{self, Source},
    connection::Limits,
    http::{Context, Options, router},
    oci::{Algorithm, Digest},
    registry::Registry,
    storage::{Store, memory::Memory},
    telemetry::Telemetry,
};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// The API of one registry.
pub(crate) struct World {
    runtime: Runtime,
    router: Router,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl World {
    /// A registry in memory that lets everybody do everything.
    pub(crate) fn in_memory() -> Self {
        Self::on(Memory::default())
    }

    /// A registry on `store` that lets everybody do everything.
    pub(crate) fn on(store: impl Store) -> Self {
        let options = Options { delete_enabled: true, ..Options::default() };
        let registry = Arc::new(Registry::new(store));
        Self {
            runtime: runtime(),
            router: router(Context { registry, gate: Gate::open(), options: Arc::new(options) }),
        }
    }

    /// The server of a configuration, or why there is none.
    pub(crate) fn configured(configuration: &Path) -> Result<Self, String> {
        let loaded = config::load(&Source::File(configuration.to_owned()), []).map_err(|error| error.to_string())?;
        let runtime = runtime();
        let app = runtime
            .block_on(App::build(loaded.settings, Limits::default(), Telemetry::default()))
            .map_err(|error| error.to_string())?;
        let router = app.router();
        Ok(Self { runtime, router })
    }

    pub(crate) fn send(&self, request: Request<Body>) -> Reply {
        self.runtime.block_on(async {
            let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Reply { status: head.status, headers: head.headers, body }
        })
    }

    /// A request whose parts are known to be good.
    pub(crate) fn call(&self, method: &str, target: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(target).header("host", "registry.test");
        self.send(request.body(body.into()).unwrap())
    }

    /// Stores a blob.
    pub(crate) fn push_blob(&self, repository: &str, content: &'static [u8]) -> Digest {
        let digest = Digest::of(Algorithm::Sha256, content);
        let reply = self.call("POST", &format!("/v2/{repository}/blobs/uploads/?digest={digest}"), content);
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        digest
    }

    /// Begins an upload session; its path.
    pub(crate) fn begin_upload(&self, repository: &str) -> String {
        let reply = self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), Body::empty());
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
        reply.location()
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The path of `Location`, without its state.
    pub(crate) fn location(&self) -> String {
        let location = self.header("location").unwrap().strip_prefix("http://registry.test").unwrap();
        location.split('?').next().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Holds for every answer: not the server's fault, not a page for a browser, and of moderate size.
    #[track_caller]
    pub(crate) fn assert_is_in_order(&self) {
        assert!(!self.status.is_server_error(), "{self:?}");
        let media_type = self.header("content-type").unwrap_or_default();
        assert!(!media_type.contains("html"), "{self:?}");
        if self.status.is_client_error() {
            assert!(self.body.len() <= 64 << 10, "{} bytes: {:?}", self.body.len(), self.status);
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
