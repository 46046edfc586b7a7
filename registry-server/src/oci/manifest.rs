//! Manifests and indexes (image-spec; Docker's version 2, schema 2): what has to be right before one is stored, and what
//! the registry reads out of it.
//!
//! The document's bytes are never changed; this only looks.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, de::IgnoredAny};

use super::{Descriptor, Digest, ManifestType, media_type};

mod unambiguous;

/// Media type of Docker's signed schema 1, which old volumes hold and which is served but no longer accepted.
const DOCKER_SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// A valid manifest, reduced to what the registry acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    kind: ManifestType,
    blobs: Vec<Digest>,
    remote_layers: Vec<RemoteLayer>,
    children: Vec<Digest>,
    /// For what each of the children is, in their order.
    platforms: Vec<Option<Platform>>,
    subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
}

/// A layer whose content may be somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLayer {
    /// Its content.
    pub digest: Digest,
    /// Where that is, as far as the manifest says.
    pub urls: Vec<String>,
}

/// What an image is for (image-spec, "Image Index": `platform`), as far as indexes are told apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// Such as `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Such as `linux`.
    #[serde(default)]
    pub os: String,
}

/// Why a document is not stored as a manifest. The text is shown to the one who pushes.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Not JSON, or not of the shape that the fields require.
    #[error("the manifest is not valid JSON of a manifest: {0}")]
    Json(serde_json::Error),
    /// A `Content-Type` that no manifest has.
    #[error(
        "media type {0:?} is not supported; supported are OCI image manifests and indexes, Docker version 2 schema 2 \
         manifests and Docker manifest lists"
    )]
    MediaType(String),
    /// `Content-Type` and `mediaType` disagree, the confusion of CVE-2021-41190.
    #[error("the Content-Type is {declared}, but the manifest's mediaType is {stated:?}")]
    MediaTypeMismatch {
        /// From the request.
        declared: ManifestType,
        /// From the document.
        stated: String,
    },
    /// Docker's types have to be stated in the document.
    #[error("a manifest of type {0} needs the field mediaType")]
    MediaTypeMissing(ManifestType),
    /// Not 2.
    #[error("schemaVersion is {0}, only 2 is supported")]
    SchemaVersion(u64),
    /// Both an image and an index, to be read differently by different clients.
    #[error("a manifest has either manifests, or config and layers, never both")]
    Ambiguous,
    /// An image without `config`.
    #[error("an image manifest needs the field config")]
    ConfigMissing,
    /// An index without `manifests`, or an image's fields under an index's type.
    #[error("an index needs the field manifests")]
    ManifestsMissing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    #[serde(borrow)]
    config: Option<Referenced<'a>>,
    layers: Option<Vec<Referenced<'a>>>,
    manifests: Option<Vec<Referenced<'a>>>,
    subject: Option<Referenced<'a>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// As much of a descriptor as storing a manifest needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referenced<'a> {
    #[serde(borrow, default)]
    media_type: Cow<'a, str>,
    digest: Digest,
    urls: Option<Vec<String>>,
    platform: Option<Platform>,
}

impl Referenced<'_> {
    fn is_non_distributable(&self) -> bool {
        media_type::is_non_distributable(&self.media_type)
    }
}

impl Manifest {
    /// As [`parse`](Self::parse), for a document that is not stored yet: it has to mean the same to every reader.
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong with the document.
    pub fn parse_pushed(content: &[u8], content_type: Option<&str>) -> Result<Self, Invalid> {
        let manifest = Self::parse(content, content_type)?;
        unambiguous::check(content).map_err(Invalid::Json)?;
        Ok(manifest)
    }

    /// Checks `content`, pushed with `content_type` (parameters are ignored; without one the document decides).
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong with the document.
    pub fn parse(content: &[u8], content_type: Option<&str>) -> Result<Self, Invalid> {
        let declared = content_type.map(declared_type).transpose()?;
        let document: Document<'_> = serde_json::from_slice(content).map_err(Invalid::Json)?;
        if let Some(version) = document.schema_version.filter(|&version| version != 2) {
            return Err(Invalid::SchemaVersion(version));
        }
        if document.manifests.is_some() && (document.config.is_some() || document.layers.is_some()) {
            return Err(Invalid::Ambiguous);
        }
        let kind = agreed_type(declared, &document)?;
        if kind.is_index() { Self::index(kind, document) } else { Self::image(kind, document) }
    }

    fn index(kind: ManifestType, document: Document<'_>) -> Result<Self, Invalid> {
        if document.config.is_some() || document.layers.is_some() {
            return Err(Invalid::ManifestsMissing);
        }
        let children = document.manifests.ok_or(Invalid::ManifestsMissing)?;
        let (children, platforms) = children.into_iter().map(|child| (child.digest, child.platform)).unzip();
        Ok(Self {
            kind,
            blobs: Vec::new(),
            remote_layers: Vec::new(),
            children,
            platforms,
            subject: document.subject.map(|subject| subject.digest),
            artifact_type: stated(document.artifact_type),
            annotations: document.annotations,
        })
    }

    fn image(kind: ManifestType, document: Document<'_>) -> Result<Self, Invalid> {
        let config = document.config.ok_or(Invalid::ConfigMissing)?;
        let layers = document.layers.unwrap_or_default();
        let stored_here = layers.iter().filter(|layer| !layer.is_non_distributable()).map(|layer| layer.digest);
        let blobs = std::iter::once(config.digest).chain(stored_here).collect();
        let remote = |layer: Referenced<'_>| {
            let anywhere = layer.is_non_distributable();
            let urls = layer.urls.unwrap_or_default();
            (anywhere || !urls.is_empty()).then_some(RemoteLayer { digest: layer.digest, urls })
        };
        Ok(Self {
            kind,
            blobs,
            remote_layers: layers.into_iter().filter_map(remote).collect(),
            children: Vec::new(),
            platforms: Vec::new(),
            subject: document.subject.map(|subject| subject.digest),
            artifact_type: stated(document.artifact_type).or_else(|| stated(Some(config.media_type.into_owned()))),
            annotations: document.annotations,
        })
    }

    /// The media type it is served with.
    pub fn kind(&self) -> ManifestType {
        self.kind
    }

    /// Configuration and layers that have to be in the repository; layers whose content may stay elsewhere are left out.
    pub fn blobs(&self) -> &[Digest] {
        &self.blobs
    }

    /// Layers that name URLs, and those that need not be in the repository.
    pub fn remote_layers(&self) -> &[RemoteLayer] {
        &self.remote_layers
    }

    /// What an index lists.
    pub fn children(&self) -> &[Digest] {
        &self.children
    }

    /// What an index lists for one of `platforms`.
    pub fn children_for(&self, platforms: &[Platform]) -> impl Iterator<Item = Digest> {
        let listed = self.children.iter().zip(&self.platforms);
        let wanted = listed.filter(|(_, platform)| platform.as_ref().is_some_and(|found| platforms.contains(found)));
        wanted.map(|(child, _)| *child)
    }

    /// All content it names: blobs, also those that may be elsewhere, and what an index lists.
    pub fn mentioned(&self) -> impl Iterator<Item = Digest> {
        let remote = self.remote_layers.iter().map(|layer| &layer.digest);
        self.blobs.iter().chain(remote).chain(&self.children).copied()
    }

    /// What this manifest refers to: a signature's image, for example. Need not exist.
    pub fn subject(&self) -> Option<Digest> {
        self.subject
    }

    /// How a list of referrers describes this manifest, whose bytes have `digest` and `size`
    /// (distribution-spec, "Listing Referrers").
    pub fn into_descriptor(self, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: self.kind.as_str().to_owned(),
            digest,
            size,
            artifact_type: self.artifact_type,
            annotations: self.annotations,
        }
    }
}

/// An empty string says nothing.
fn stated(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn declared_type(content_type: &str) -> Result<ManifestType, Invalid> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ManifestType::parse(essence).ok_or_else(|| Invalid::MediaType(essence.to_owned()))
}

/// The type that the request and the document agree on.
fn agreed_type(declared: Option<ManifestType>, document: &Document<'_>) -> Result<ManifestType, Invalid> {
    let written = document.media_type.as_deref().filter(|text| !text.is_empty());
    match (declared, written) {
        (Some(declared), Some(text)) if declared.as_str() == text => Ok(declared),
        (Some(declared), Some(text)) => Err(Invalid::MediaTypeMismatch { declared, stated: text.to_owned() }),
        (Some(declared), None) if declared.may_be_implied() => Ok(declared),
        (Some(declared), None) => Err(Invalid::MediaTypeMissing(declared)),
        (None, Some(text)) => ManifestType::parse(text).ok_or_else(|| Invalid::MediaType(text.to_owned())),
        (None, None) if document.manifests.is_some() => Ok(ManifestType::OciIndex),
        (None, None) => Ok(ManifestType::OciImage),
    }
}

/// The media type of a stored manifest: its `mediaType`, else by its shape. Total, because what an older server has
/// stored must stay readable.
pub fn stored_media_type(content: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape<'a> {
        schema_version: Option<u64>,
        #[serde(borrow)]
        media_type: Option<Cow<'a, str>>,
        manifests: Option<IgnoredAny>,
    }
    let Ok(shape) = serde_json::from_slice::<Shape<'_>>(content) else { return "application/octet-stream" };
    if let Some(kind) = shape.media_type.as_deref().and_then(ManifestType::parse) {
        return kind.as_str();
    }
    match shape {
        Shape { schema_version: Some(1), .. } => DOCKER_SCHEMA_1,
        Shape { manifests: Some(_), .. } => ManifestType::OciIndex.as_str(),
        _ => ManifestType::OciImage.as_str(),
    }
}

#[cfg(test)]
mod tests;
