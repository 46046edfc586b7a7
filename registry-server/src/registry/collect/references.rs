//! What a stored manifest names, read as leniently as can be: a collection must not lose what a manifest of another
//! server's making refers to, whether or not this one would accept it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::oci::{Digest, media_type};

/// What a manifest names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Configuration, layers, and whatever an index lists.
    pub(super) content: Vec<Named>,
    /// Whether `content` is the list of an index, so that it may be manifests.
    pub(super) is_index: bool,
    /// What it refers to, without keeping it.
    pub(super) subject: Option<Digest>,
}

/// Content that a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) digest: Digest,
    /// Its size in bytes, where the manifest says.
    pub(super) size: Option<u64>,
    /// Whether nothing is wrong when it is not in the store: layers that may stay elsewhere, and what indexes list.
    pub(super) may_be_absent: bool,
}

impl Named {
    /// The same content, which is kept under another digest.
    pub(super) fn filed_as(self, digest: Digest) -> Self {
        Self { digest, ..self }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(borrow)]
    config: Option<Descriptor<'a>>,
    layers: Option<Vec<Descriptor<'a>>>,
    /// Of artifact manifests, which never became part of the specification.
    blobs: Option<Vec<Descriptor<'a>>>,
    manifests: Option<Vec<Descriptor<'a>>>,
    /// Of Docker's schema 1.
    fs_layers: Option<Vec<SchemaOneLayer<'a>>>,
    subject: Option<Descriptor<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    #[serde(borrow, default)]
    media_type: Cow<'a, str>,
    #[serde(borrow, default)]
    digest: Cow<'a, str>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaOneLayer<'a> {
    #[serde(borrow, default)]
    blob_sum: Cow<'a, str>,
}

impl Descriptor<'_> {
    /// `None` for a digest that no content can be stored under.
    fn named(&self, may_be_absent: bool) -> Option<Named> {
        Some(Named { digest: self.digest.parse().ok()?, size: self.size, may_be_absent })
    }
}

impl References {
    /// What the manifest names; `None` when `content` is no manifest.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let document: Document<'_> = serde_json::from_slice(content).ok()?;
        let subject = document.subject.and_then(|subject| subject.digest.parse().ok());
        if let Some(manifests) = document.manifests {
            let content = manifests.iter().filter_map(|listed| listed.named(true)).collect();
            return Some(Self { content, is_index: true, subject });
        }
        let config = document.config.and_then(|config| config.named(false));
        let is_manifest =
            config.is_some() || document.layers.is_some() || document.blobs.is_some() || document.fs_layers.is_some();
        let layers = document.layers.into_iter().chain(document.blobs).flatten();
        let layers = layers.filter_map(|layer| layer.named(media_type::is_non_distributable(&layer.media_type)));
        let old = document.fs_layers.into_iter().flatten().filter_map(|layer| layer.blob_sum.parse().ok());
        let old = old.map(|digest| Named { digest, size: None, may_be_absent: false });
        is_manifest.then(|| Self {
            content: config.into_iter().chain(layers).chain(old).collect(),
            is_index: false,
            subject,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oci::Algorithm;

    fn digest(content: &str) -> Digest {
        Digest::of(Algorithm::Sha256, content.as_bytes())
    }

    fn names(document: &str) -> Option<Vec<Digest>> {
        References::read(document.as_bytes()).map(|found| found.content.iter().map(|named| named.digest).collect())
    }

    #[test]
    fn every_kind_of_manifest_is_understood() {
        let [a, b, c] = ["a", "b", "c"].map(digest);
        let image = format!(
            r#"{{"config":{{"digest":"{a}","size":1}},"layers":[{{"digest":"{b}"}},{{"digest":"{c}",
                "mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}}],"subject":{{"digest":"{b}"}}}}"#
        );
        assert_eq!(names(&image), Some(vec![a, b, c]), "foreign layers that are here stay here");
        let image = References::read(image.as_bytes()).unwrap();
        assert_eq!((image.subject, image.is_index), (Some(b), false));
        assert_eq!(image.content.iter().map(|named| named.may_be_absent).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(image.content[0].size, Some(1));

        let index = format!(r#"{{"manifests":[{{"digest":"{a}"}},{{"digest":"md5:0"}},{{}}]}}"#);
        assert_eq!(names(&index), Some(vec![a]));
        assert!(References::read(index.as_bytes()).unwrap().is_index);
        assert_eq!(names(&format!(r#"{{"schemaVersion":1,"fsLayers":[{{"blobSum":"{a}"}}]}}"#)), Some(vec![a]));
        assert_eq!(names(&format!(r#"{{"blobs":[{{"digest":"{a}"}}]}}"#)), Some(vec![a]));
    }

    #[test]
    fn other_documents_are_no_manifests() {
        for document in [r#"{"architecture":"amd64","config":{"Env":[]},"rootfs":{}}"#, "{}", "[]", "", "\u{1f}\u{8b}"]
        {
            assert_eq!(names(document), None, "{document:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = References::read(&content);
        }
    }
}
