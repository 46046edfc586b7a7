//! Media types of manifests, and of the layers whose content may stay elsewhere.

use std::fmt;

/// A kind of manifest that is stored. The type is not kept beside the bytes; it is derived from them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestType {
    /// OCI image manifest.
    OciImage,
    /// OCI image index.
    OciIndex,
    /// Docker image manifest, version 2, schema 2.
    DockerImage,
    /// Docker manifest list.
    DockerList,
}

impl ManifestType {
    const ALL: [Self; 4] = [Self::OciImage, Self::OciIndex, Self::DockerImage, Self::DockerList];

    /// The registered media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OciImage => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => OCI_INDEX,
            Self::DockerImage => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    /// The type with this name; `None` for everything that is not stored, the signed schema 1 included.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it lists manifests rather than a configuration and layers.
    pub fn is_index(self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }

    /// Whether documents of this type may leave out `mediaType`. Docker's may not: without it they would be taken for
    /// the OCI type of the same shape when they are read back.
    pub fn may_be_implied(self) -> bool {
        matches!(self, Self::OciImage | Self::OciIndex)
    }
}

impl fmt::Display for ManifestType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An OCI image index, also the shape of every answer about referrers.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Whether the content of a layer of this type need not be in the registry: Docker's foreign layers and OCI's
/// non-distributable ones, each with its compressions.
pub fn is_non_distributable(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
}
