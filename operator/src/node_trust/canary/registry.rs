//! As much of a registry as a runtime needs to pull one image by any tag (OCI distribution-spec, section "Pulling manifests" and
//! "Pulling blobs").

use std::{
    io::{self, Read},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::image::{Document, Image};

/// Layers that are sent at the same time, each with a [`CHUNK`] in memory. The node's runtime wants one; nobody else has a reason to.
const AT_ONCE: usize = 8;
/// What is read at once.
const CHUNK: usize = 64 * 1024;
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const LAYER: &str = "application/octet-stream";

#[derive(Clone)]
struct Served {
    image: Arc<Image>,
    free: Arc<Semaphore>,
}

/// Serves `image` under every name.
pub(in crate::node_trust) fn router(image: Image) -> Router {
    Router::new()
        .route("/v2/", get(|| async {}))
        .route("/v2/{name}/manifests/{reference}", get(manifest))
        .route("/v2/{name}/blobs/{digest}", get(blob))
        .with_state(Served { image: Arc::new(image), free: Arc::new(Semaphore::new(AT_ONCE)) })
}

async fn manifest(State(served): State<Served>, Path((_, reference)): Path<(String, String)>) -> Response {
    let manifest = &served.image.manifest;
    let is_tag = !reference.contains(':');
    if is_tag || reference == manifest.digest { document(manifest) } else { StatusCode::NOT_FOUND.into_response() }
}

async fn blob(State(served): State<Served>, Path((_, digest)): Path<(String, String)>) -> Response {
    let image = &served.image;
    if digest == image.config.digest {
        return document(&image.config);
    }
    if digest != image.layer_digest {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(permit) = Arc::clone(&served.free).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match image.layer() {
        Ok(layer) => {
            let headers = headers(LAYER, image.layer_size(), &digest);
            (headers, Body::from_stream(chunks(layer, permit))).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "failed to read this program, which is the canary's image");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn document(document: &Document) -> Response {
    let length = u64::try_from(document.content.len()).unwrap_or(u64::MAX);
    (headers(document.media_type, length, &document.digest), document.content.clone()).into_response()
}

fn headers(media_type: &'static str, length: u64, digest: &str) -> [(HeaderName, String); 3] {
    [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (DIGEST, digest.to_owned()),
    ]
}

/// What `content` holds, read on a thread where that may take its time.
fn chunks(
    content: impl Read + Send + 'static,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some((content, permit)), async |state| {
        let (mut content, permit) = state?;
        let read = spawn_blocking(move || {
            let mut chunk = vec![0; CHUNK];
            let read = content.read(&mut chunk)?;
            chunk.truncate(read);
            io::Result::Ok((chunk, content))
        });
        match read.await.map_err(io::Error::other).and_then(|read| read) {
            Ok((chunk, _)) if chunk.is_empty() => None,
            Ok((chunk, content)) => Some((Ok(chunk.into()), Some((content, permit)))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, String, Bytes) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let length = response.headers().get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap().to_owned());
        let status = response.status();
        (status, length.unwrap_or_default(), to_bytes(response.into_body(), 1 << 20).await.unwrap())
    }

    #[tokio::test]
    async fn a_runtime_finds_the_image_by_any_tag_and_by_digests_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("program");
        std::fs::write(&program, vec![7; 100_000]).unwrap();
        let image = Image::of(&program).unwrap();
        let mut layer = Vec::new();
        image.layer().unwrap().read_to_end(&mut layer).unwrap();
        let (manifest, config) = (image.manifest.digest.clone(), image.config.digest.clone());
        let (content, layer_digest) = (image.manifest.content.clone(), image.layer_digest.clone());
        let router = router(image);
        assert_eq!(ask(&router, "GET", "/v2/").await.0, StatusCode::OK);
        for reference in ["0.1.0", "latest", &manifest] {
            // What a runtime adds says for whom it asks.
            let path = format!("/v2/node-trust/manifests/{reference}?ns=canary.system.invalid");
            assert_eq!(ask(&router, "GET", &path).await.2, content);
            let (status, length, body) = ask(&router, "HEAD", &path).await;
            assert_eq!((status, length, body.len()), (StatusCode::OK, content.len().to_string(), 0));
        }
        assert_eq!(ask(&router, "GET", &format!("/v2/node-trust/blobs/{config}")).await.0, StatusCode::OK);
        // More than are sent at once: each makes room when it has ended.
        for _ in 0..=AT_ONCE {
            let (status, length, body) = ask(&router, "GET", &format!("/v2/node-trust/blobs/{layer_digest}")).await;
            assert_eq!((status, length), (StatusCode::OK, layer.len().to_string()));
            assert_eq!(body, layer);
        }
        for path in [format!("/v2/node-trust/manifests/{config}"), format!("/v2/node-trust/blobs/{manifest}")] {
            assert_eq!(ask(&router, "GET", &path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}
