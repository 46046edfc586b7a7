//! `validation`, checked: rules about manifests.

use registry_config::{IndexValidation, Platforms, UrlValidation};

use super::Report;
use crate::{
    oci::manifest::Platform,
    registry::validation::{Completeness, UrlRules, Validation},
};

/// Nothing is asked of URLs unless the configuration does, unlike in the reference, whose rules without any expression
/// refuse every layer that is stored elsewhere.
pub(super) fn settle(section: registry_config::Validation, report: &mut Report) -> Validation {
    let enabled = section.enabled.unwrap_or_default() || !section.disabled.unwrap_or_default();
    if !enabled {
        return Validation { urls: None, completeness: Completeness::None };
    }
    let manifests = section.manifests.unwrap_or_default();
    Validation {
        urls: manifests.urls.and_then(|urls| url_rules(&urls, report)),
        completeness: completeness(manifests.indexes.unwrap_or_default(), report),
    }
}

fn url_rules(urls: &UrlValidation, report: &mut Report) -> Option<UrlRules> {
    let expressions = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let rules = UrlRules::new(&expressions(&urls.allow), &expressions(&urls.deny));
    rules.map_err(|error| report.refuse(format!("validation.manifests.urls: {error}"))).ok()
}

fn completeness(indexes: IndexValidation, report: &mut Report) -> Completeness {
    match indexes.platforms.unwrap_or_default() {
        Platforms::All => Completeness::All,
        Platforms::None => Completeness::None,
        Platforms::List => {
            let listed = indexes.platformlist.unwrap_or_default();
            if listed.is_empty() {
                report.warn(
                    "validation.manifests.indexes.platforms is list, but platformlist is empty: every image of an \
                     index has to be there, as with all"
                        .to_owned(),
                );
                return Completeness::All;
            }
            let platform = |listed: registry_config::Platform| Platform {
                architecture: listed.architecture.unwrap_or_default(),
                os: listed.os.unwrap_or_default(),
            };
            Completeness::Platforms(listed.into_iter().map(platform).collect())
        }
    }
}
