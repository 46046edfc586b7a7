//! Content to push: blobs that nobody has pushed before, manifests and indexes.

use bytes::Bytes;
use registry_server::oci::{Algorithm, Digest};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(crate) const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const ARTIFACT: &str = "application/vnd.example.conformance.v1+json";
pub(crate) const OTHER_ARTIFACT: &str = "application/vnd.example.conformance.v2";

/// A blob with its address.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) content: Bytes,
    pub(crate) digest: Digest,
}

impl Blob {
    pub(crate) fn of(algorithm: Algorithm, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let digest = Digest::of(algorithm, &content);
        Self { content, digest }
    }

    /// So many bytes that nobody has seen before.
    pub(crate) fn random(algorithm: Algorithm, size: usize) -> Self {
        Self::of(algorithm, random(size))
    }

    /// What a manifest says of it.
    pub(crate) fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.content.len() })
    }
}

/// So many bytes that nobody has seen before; every place in them looks different.
pub(crate) fn random(size: usize) -> Bytes {
    // xorshift64*, seeded by the system.
    let mut state = Uuid::new_v4().as_u64_pair().0 | 1;
    let step = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
    };
    std::iter::repeat_with(step).take(size).collect()
}

/// A manifest's or an index's bytes, with their media type.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) media_type: &'static str,
    pub(crate) content: Bytes,
}

impl Document {
    pub(crate) fn new(media_type: &'static str, content: impl Into<Bytes>) -> Self {
        Self { media_type, content: content.into() }
    }

    /// What `value` says, which has to say its media type.
    pub(crate) fn of(media_type: &'static str, value: &Value) -> Self {
        Self::new(media_type, value.to_string())
    }

    pub(crate) fn digest(&self, algorithm: Algorithm) -> Digest {
        Digest::of(algorithm, &self.content)
    }

    pub(crate) fn sha256(&self) -> Digest {
        self.digest(Algorithm::Sha256)
    }

    /// What an index, or a subject, says of it.
    pub(crate) fn descriptor(&self, algorithm: Algorithm) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(algorithm), "size": self.content.len() })
    }
}

/// An index of these descriptors.
pub(crate) fn index(children: &[Value]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children })
}

/// A manifest's descriptor for a subject that was never pushed.
pub(crate) fn missing_subject() -> Value {
    Document::new(OCI_IMAGE, random(32)).descriptor(Algorithm::Sha256)
}
