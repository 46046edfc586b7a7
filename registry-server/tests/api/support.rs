//! A registry without sockets, and words to drive it with.

use std::{fmt, future::Future, path::PathBuf, sync::Arc};

use axum::{Router, body::Body};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use registry_server::{
    auth::Gate,
    http::{Context, Options, router},
    oci::{Algorithm, Digest},
    registry::{
        Registry,
        collect::{self, Line},
    },
    storage::{
        filesystem::{self, Filesystem},
        memory::Memory,
    },
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Runs a test on a fresh registry over each kind of store, with deletion enabled.
pub(crate) fn on_every_store<F: Future<Output = ()>>(test: impl Fn(Server) -> F) {
    on_every_store_with(options(), test);
}

/// As [`on_every_store`], with other options.
pub(crate) fn on_every_store_with<F: Future<Output = ()>>(options: Options, test: impl Fn(Server) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    insta::allow_duplicates! {
        runtime.block_on(test(Server::new(Registry::new(Memory::default()), options.clone())));
        let directory = tempfile::tempdir().unwrap();
        runtime.block_on(test(Server::new(open(directory.path().to_owned()), options.clone())));
    }
}

/// Runs a test on a registry in memory, for what would wait for the disk too often.
pub(crate) fn in_memory<F: Future<Output = ()>>(test: impl FnOnce(Server) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(Server::new(Registry::new(Memory::default()), options())));
}

/// Runs a test on a registry over a directory, which it may look into.
pub(crate) fn on_a_directory<F: Future<Output = ()>>(test: impl FnOnce(Server, PathBuf) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_owned();
    runtime.block_on(test(Server::new(open(root.clone()), options()), root));
}

/// A registry over a directory that may have been used before.
pub(crate) fn open(root: PathBuf) -> Registry {
    Registry::new(Filesystem::open(root, filesystem::Options::default()).unwrap())
}

pub(crate) fn options() -> Options {
    Options { delete_enabled: true, ..Options::default() }
}

pub(crate) fn sha256(content: impl AsRef<[u8]>) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_ref())
}

pub(crate) fn sha512(content: impl AsRef<[u8]>) -> Digest {
    Digest::of(Algorithm::Sha512, content.as_ref())
}

/// The API of one registry.
#[derive(Clone)]
pub(crate) struct Server {
    router: Router,
    registry: Option<Arc<Registry>>,
}

impl Server {
    pub(crate) fn new(registry: Registry, options: Options) -> Self {
        let registry = Arc::new(registry);
        let context = Context { registry: Arc::clone(&registry), gate: Gate::open(), options: Arc::new(options) };
        Self { registry: Some(registry), ..Self::of(router(context)) }
    }

    pub(crate) fn of(router: Router) -> Self {
        Self { router, registry: None }
    }

    /// Collects garbage; what was told meanwhile and at the end.
    pub(crate) async fn collect(&self, options: collect::Options) -> (Vec<Line>, collect::Summary) {
        let (lines, mut told) = tokio::sync::mpsc::channel(16);
        let told = async {
            let mut all = Vec::new();
            while let Some(line) = told.recv().await {
                all.push(line);
            }
            all
        };
        let registry = self.registry.as_ref().unwrap();
        let (told, summary) = futures::join!(told, registry.collect(options, lines));
        (told, summary.unwrap())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }

    /// A request from a client that calls the registry `registry.test`.
    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(target).header(header::HOST, "registry.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.call("GET", target, &[], Body::empty()).await
    }

    pub(crate) async fn head(&self, target: &str) -> Reply {
        self.call("HEAD", target, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, target: &str) -> Reply {
        self.call("POST", target, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Reply {
        self.call("DELETE", target, &[], Body::empty()).await
    }

    /// Stores a blob with one request.
    pub(crate) async fn push_blob(&self, repository: &str, content: impl Into<Bytes>) -> Digest {
        let content = content.into();
        let digest = sha256(&content);
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let reply = self.call("POST", &target, &[], content).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply}");
        digest
    }

    pub(crate) async fn put_manifest(&self, target: &str, media_type: &str, content: impl Into<Body>) -> Reply {
        self.call("PUT", target, &[("content-type", media_type)], content).await
    }

    /// Stores an image under a tag; `mark` makes it unlike others. The digest of its manifest.
    pub(crate) async fn push_image(&self, repository: &str, tag: &str, mark: &str) -> Digest {
        let image = self.image(repository, mark).await.to_string();
        let target = format!("/v2/{repository}/manifests/{tag}");
        let reply = self.put_manifest(&target, OCI_IMAGE, image.clone()).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply}");
        sha256(image)
    }

    /// A manifest whose blobs are in the repository, not stored yet.
    pub(crate) async fn image(&self, repository: &str, mark: &str) -> Value {
        let config = self.push_blob(repository, format!("config {mark}")).await;
        let layer = self.push_blob(repository, "layer").await;
        json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": { "mediaType": "application/vnd.test.config", "digest": config, "size": 7 + mark.len() },
            "layers": [{ "mediaType": "application/vnd.test.layer", "digest": layer, "size": 5 }],
        })
    }

    /// Begins an upload session; the path of its location.
    pub(crate) async fn begin_upload(&self, repository: &str) -> String {
        let reply = self.post(&format!("/v2/{repository}/blobs/uploads/")).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply}");
        reply.location()
    }
}

/// A whole response. Printed as status, sorted headers and body, with an upload session's identifier replaced.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The path of `Location`, with its query.
    pub(crate) fn location(&self) -> String {
        self.header("location").unwrap().strip_prefix("http://registry.test").unwrap().to_owned()
    }

    /// The response as text, with the session of a location replaced: for replies that do not name it.
    pub(crate) fn without_session(&self, location: &str) -> String {
        let path = location.split('?').next().unwrap();
        self.to_string().replace(path.rsplit('/').next().unwrap(), "<session>")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The first code of an error envelope.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        let mut text = format!("{}\n{}\n", self.status, headers.join("\n"));
        if !self.body.is_empty() {
            text.push('\n');
            text.push_str(String::from_utf8_lossy(&self.body).trim_end());
        }
        if let Some(session) = self.header("docker-upload-uuid") {
            text = text.replace(session, "<session>");
        }
        if let Some(state) = self.header("location").and_then(|location| location.split_once("?_state=")) {
            text = text.replace(state.1, "<state>");
        }
        formatter.write_str(text.trim_end())
    }
}
