//! What a configuration asks of manifests beyond being some (`validation.manifests`). Pure.

use registry_config::checks::manifests::{Completeness, UrlRules};

use crate::oci::{Digest, Manifest, manifest::Platform};

/// What is asked of manifests. The default takes layers from anywhere, and wants every image of an index to be there.
#[derive(Debug, Clone, Default)]
pub struct Validation {
    /// Where layers may be fetched from that are not stored here; `None`: nobody asks.
    pub urls: Option<UrlRules>,
    /// Which images of an index have to be in its repository.
    pub completeness: Completeness,
}

impl From<&registry_config::Platform> for Platform {
    fn from(platform: &registry_config::Platform) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self { architecture: text(&platform.architecture), os: text(&platform.os) }
    }
}

impl Validation {
    /// A URL that a layer of the manifest must not name, and the layer.
    pub(super) fn forbidden_url<'a>(&self, manifest: &'a Manifest) -> Option<(Digest, &'a str)> {
        let rules = self.urls.as_ref()?;
        let mut named =
            manifest.remote_layers().iter().flat_map(|layer| layer.urls.iter().map(|url| (layer.digest, url.as_str())));
        named.find(|(_, url)| !rules.permit(url))
    }

    /// Content that the manifest's repository has to hold as blobs.
    pub(super) fn blobs(&self, manifest: &Manifest) -> Vec<Digest> {
        // Where rules say which addresses are good, a layer without one has to be here.
        let homeless = manifest.remote_layers().iter().filter(|layer| self.urls.is_some() && layer.urls.is_empty());
        manifest.blobs().iter().copied().chain(homeless.map(|layer| layer.digest)).collect()
    }

    /// Images of an index that its repository has to hold.
    pub(super) fn children(&self, manifest: &Manifest) -> Vec<Digest> {
        match &self.completeness {
            Completeness::All => manifest.children().to_vec(),
            Completeness::Platforms(wanted) => {
                let wanted: Vec<_> = wanted.iter().map(Platform::from).collect();
                manifest.children_for(&wanted).collect()
            }
            Completeness::None => Vec::new(),
        }
    }
}
