//! A repository that a rule works in: where its things are, and the usual ways to put them there.

use std::fmt::Display;

use registry_server::oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    content::{self, Blob, Document, OCI_CONFIG, OCI_IMAGE, OCI_LAYER},
    reply::Reply,
    target::Target,
};

/// A repository.
pub(crate) struct Repository<'a> {
    pub(crate) server: &'a Target,
    pub(crate) name: String,
}

impl<'a> Repository<'a> {
    pub(crate) fn new(server: &'a Target, name: String) -> Self {
        Self { server, name }
    }

    pub(crate) fn path(&self, rest: impl Display) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    pub(crate) fn blob(&self, digest: impl Display) -> String {
        self.path(format_args!("blobs/{digest}"))
    }

    pub(crate) fn manifest(&self, reference: impl Display) -> String {
        self.path(format_args!("manifests/{reference}"))
    }

    pub(crate) fn uploads(&self) -> String {
        self.path("blobs/uploads/")
    }

    pub(crate) fn referrers(&self, subject: impl Display) -> String {
        self.path(format_args!("referrers/{subject}"))
    }

    pub(crate) fn tags(&self) -> String {
        self.path("tags/list")
    }

    /// Begins an upload; the path to go on at.
    pub(crate) async fn begin(&self) -> String {
        self.server.post(&self.uploads(), "").await.expect(202).location()
    }

    /// Puts a blob there.
    pub(crate) async fn push_blob(&self, blob: &Blob) {
        let path = with_digest(&self.begin().await, blob.digest);
        self.server.put(&path, blob.content.clone()).await.expect(201);
    }

    /// Puts so many bytes there that nobody has seen before.
    pub(crate) async fn push_random(&self, algorithm: Algorithm, size: usize) -> Blob {
        let blob = Blob::random(algorithm, size);
        self.push_blob(&blob).await;
        blob
    }

    /// An image like no other, whose configuration and layer are there; its manifest is not.
    pub(crate) async fn image_value(&self, algorithm: Algorithm) -> Value {
        let config = self.push_random(algorithm, 64).await;
        let layer = self.push_random(algorithm, 512).await;
        json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": config.descriptor(OCI_CONFIG),
            "layers": [layer.descriptor(OCI_LAYER)],
        })
    }

    /// The same as a document.
    pub(crate) async fn image(&self) -> Document {
        Document::of(OCI_IMAGE, &self.image_value(Algorithm::Sha256).await)
    }

    /// An artifact of `kind` that refers to `subject`; its manifest is not there yet.
    pub(crate) async fn artifact(&self, kind: &str, subject: &Value) -> Value {
        let empty = Blob::of(Algorithm::Sha256, "{}");
        self.push_blob(&empty).await;
        let layer = self.push_random(Algorithm::Sha256, 64).await;
        json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "artifactType": kind,
            "config": empty.descriptor(content::OCI_EMPTY),
            "layers": [layer.descriptor(kind)],
            "subject": subject,
        })
    }

    /// Sends a manifest.
    pub(crate) async fn put(&self, reference: impl Display, document: &Document) -> Reply {
        let headers = [("content-type", document.media_type)];
        self.server.send("PUT", &self.manifest(reference), &headers, document.content.clone()).await
    }

    /// Puts a manifest there under its sha256 digest.
    pub(crate) async fn push(&self, document: &Document) -> Digest {
        let digest = document.sha256();
        self.put(digest, document).await.expect(201);
        digest
    }

    /// Puts a new image there under a tag.
    pub(crate) async fn push_image(&self, tag: &str) -> Document {
        let image = self.image().await;
        self.put(tag, &image).await.expect(201);
        image
    }

    /// What its manifest is served as, byte for byte.
    pub(crate) async fn expect_manifest(&self, reference: impl Display, document: &Document) -> Reply {
        let reply = self.server.get(&self.manifest(reference)).await.expect(200);
        reply.expect_header("content-type", document.media_type).expect_body(&document.content)
    }

    /// Every tag, as listed without a limit.
    pub(crate) async fn listed_tags(&self) -> Vec<String> {
        tags_of(&self.server.get(&self.tags()).await.expect(200))
    }

    /// Digests that refer to `subject`, by what is at `path`.
    pub(crate) async fn listed_referrers(&self, path: &str) -> Vec<String> {
        let index = self.server.get(path).await.expect(200).json();
        index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["digest"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The tags of a list.
pub(crate) fn tags_of(reply: &Reply) -> Vec<String> {
    let tags = reply.json()["tags"].clone();
    tags.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// A location with the digest of the whole content: it may have a query of its own.
pub(crate) fn with_digest(location: &str, digest: impl Display) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}
