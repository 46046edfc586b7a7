//! Content descriptors (image-spec, "OCI Content Descriptors"), as far as a registry looks into them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Digest;

/// What a manifest or an index says of content it refers to. Fields nobody here reads are not kept; the document itself
/// is always stored and served byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// What kind of artifact a manifest is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free-form annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// About how many bytes it takes in a document.
    pub fn weight(&self) -> usize {
        const FIXED: usize = 256;
        let annotations = self.annotations.iter().flatten().map(|(key, value)| key.len() + value.len());
        FIXED + self.media_type.len() + self.artifact_type.as_ref().map_or(0, String::len) + annotations.sum::<usize>()
    }
}
