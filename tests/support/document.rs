//! Manifests and indexes as clients make them, in Docker's and in the OCI's form.

use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::image::sha256;

/// Docker's image, version 2 schema 2.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// OCI image.
pub const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Every form of a manifest.
pub const MEDIA_TYPES: [&str; 4] = [DOCKER_IMAGE, DOCKER_LIST, OCI_IMAGE, OCI_INDEX];

/// A manifest or an index: its exact bytes, and what tests ask about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is pushed and served as.
    pub media_type: &'static str,
    /// The bytes.
    pub content: Bytes,
    /// Their sha256 digest.
    pub digest: String,
    /// The digest of what it refers to.
    pub subject: Option<String>,
    /// What a list of referrers calls it.
    pub artifact_type: Option<String>,
}

impl Document {
    /// The document with these fields beside `schemaVersion`.
    pub fn new(media_type: &'static str, fields: Value) -> Result<Self> {
        let mut value = json!({"schemaVersion": 2});
        if let (Some(document), Value::Object(fields)) = (value.as_object_mut(), fields) {
            document.extend(fields);
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let artifact_type = text("/artifactType").or_else(|| text("/config/mediaType"));
        // As clients do, not in the shortest form: what counts is the bytes.
        let content = Bytes::from(serde_json::to_vec_pretty(&value)?);
        let subject = text("/subject/digest");
        Ok(Self { media_type, digest: sha256(&content), content, subject, artifact_type })
    }

    /// Docker's image of this configuration and these layers.
    pub fn docker_image(config: &Bytes, layers: &[Bytes]) -> Result<Self> {
        let layer = |layer: &Bytes| blob("application/vnd.docker.image.rootfs.diff.tar.gzip", layer);
        Self::new(
            DOCKER_IMAGE,
            json!({
                "mediaType": DOCKER_IMAGE,
                "config": blob("application/vnd.docker.container.image.v1+json", config),
                "layers": layers.iter().map(layer).collect::<Vec<_>>(),
            }),
        )
    }

    /// An OCI image of this configuration and these layers. Like many it does not state its media type.
    pub fn oci_image(config: &Bytes, layers: &[Bytes]) -> Result<Self> {
        let layer = |layer: &Bytes| blob("application/vnd.oci.image.layer.v1.tar+gzip", layer);
        Self::new(
            OCI_IMAGE,
            json!({
                "config": blob("application/vnd.oci.image.config.v1+json", config),
                "layers": layers.iter().map(layer).collect::<Vec<_>>(),
            }),
        )
    }

    /// An image of which one layer stays at a vendor's: it is named, but not in the registry.
    pub fn foreign_image(config: &Bytes, layer: &Bytes, absent: &Bytes) -> Result<Self> {
        let mut foreign = blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", absent);
        foreign["urls"] = json!(["https://vendor.example/layer"]);
        Self::new(
            DOCKER_IMAGE,
            json!({
                "mediaType": DOCKER_IMAGE,
                "config": blob("application/vnd.docker.container.image.v1+json", config),
                "layers": [foreign, blob("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
            }),
        )
    }

    /// An OCI artifact that refers to `subject`, such as a signature.
    pub fn artifact(artifact_type: &str, payload: &Bytes, subject: &Self) -> Result<Self> {
        Self::new(
            OCI_IMAGE,
            json!({
                "mediaType": OCI_IMAGE,
                "artifactType": artifact_type,
                "config": blob("application/vnd.oci.empty.v1+json", &EMPTY_CONFIG),
                "layers": [blob("application/octet-stream", payload)],
                "subject": subject.descriptor(),
                "annotations": {"org.example.made": "in a test"},
            }),
        )
    }

    /// Docker's list of images.
    pub fn docker_list(images: &[&Self]) -> Result<Self> {
        Self::new(DOCKER_LIST, json!({"mediaType": DOCKER_LIST, "manifests": on_platforms(images)}))
    }

    /// An OCI index of images or further indexes.
    pub fn oci_index(members: &[&Self]) -> Result<Self> {
        Self::new(OCI_INDEX, json!({"mediaType": OCI_INDEX, "manifests": on_platforms(members)}))
    }

    /// The index that clients keep under the fallback tag of a registry without referrers (distribution-spec, "Referrers
    /// Tag Schema").
    pub fn referrers(referrers: &[&Self]) -> Result<Self> {
        let listed = referrers.iter().map(|referrer| {
            let mut descriptor = referrer.descriptor();
            descriptor["artifactType"] = json!(referrer.artifact_type);
            descriptor
        });
        Self::new(OCI_INDEX, json!({"mediaType": OCI_INDEX, "manifests": listed.collect::<Vec<_>>()}))
    }

    /// What an index or a referrer says of it.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.content.len()})
    }
}

/// The configuration of an artifact that needs none (image-spec, "Guidance for an Empty Descriptor").
pub const EMPTY_CONFIG: Bytes = Bytes::from_static(b"{}");

/// The tag under which clients keep a subject's referrers where the registry does not list them.
pub fn fallback_tag(subject: &str) -> String {
    subject.replacen(':', "-", 1)
}

/// A descriptor of content that is named by sha256.
pub fn blob(media_type: &str, content: &Bytes) -> Value {
    json!({"mediaType": media_type, "digest": sha256(content), "size": content.len()})
}

fn on_platforms(images: &[&Document]) -> Vec<Value> {
    let architectures = ["amd64", "arm64", "s390x", "ppc64le", "riscv64"];
    let described = images.iter().zip(architectures.iter().cycle()).map(|(image, architecture)| {
        let mut descriptor = image.descriptor();
        descriptor["platform"] = json!({"architecture": architecture, "os": "linux"});
        descriptor
    });
    described.collect()
}
