//! What a configuration asks of manifests beyond being some (`validation.manifests`). Pure.

use http::{Uri, uri::Scheme};
use regex::{Regex, RegexSet};

use crate::oci::{Digest, Manifest, manifest::Platform};

/// What is asked of manifests. The default takes layers from anywhere, and wants every image of an index to be there.
#[derive(Debug, Clone, Default)]
pub struct Validation {
    /// Where layers may be fetched from that are not stored here; `None`: nobody asks.
    pub urls: Option<UrlRules>,
    /// Which images of an index have to be in its repository.
    pub completeness: Completeness,
}

/// Which images of an index have to be in its repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Completeness {
    /// All of them.
    #[default]
    All,
    /// Those for one of these platforms.
    Platforms(Vec<Platform>),
    /// None.
    None,
}

/// Which URLs layers may name. As in the reference, an expression matches anywhere in a URL unless it is anchored.
#[derive(Debug, Clone)]
pub struct UrlRules {
    /// One of these has to match; `None`: everything is allowed.
    allow: Option<RegexSet>,
    /// None of these may match.
    deny: RegexSet,
}

/// A text that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expression:?} is no regular expression: {reason}")]
pub struct InvalidExpression {
    expression: String,
    reason: String,
}

impl UrlRules {
    /// Rules made of regular expressions. Without any, nothing is allowed, as in the reference.
    ///
    /// # Errors
    /// When one is malformed, or all together are too large.
    pub fn new(allow: &[String], deny: &[String]) -> Result<Self, InvalidExpression> {
        let everything = allow.is_empty() && !deny.is_empty();
        Ok(Self { allow: if everything { None } else { Some(set(allow)?) }, deny: set(deny)? })
    }

    fn permit(&self, url: &str) -> bool {
        is_web_address(url) && self.allow.as_ref().is_none_or(|allow| allow.is_match(url)) && !self.deny.is_match(url)
    }
}

fn set(expressions: &[String]) -> Result<RegexSet, InvalidExpression> {
    RegexSet::new(expressions).map_err(|error| {
        let malformed = expressions.iter().find(|expression| Regex::new(expression).is_err());
        let expression = malformed.map_or_else(|| expressions.join("|"), String::clone);
        // The lines before the last one draw the place.
        let text = error.to_string();
        let reason = text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        InvalidExpression { expression, reason }
    })
}

/// Whether `url` is one of HTTP or HTTPS, whole: a fragment would be lost on the way.
fn is_web_address(url: &str) -> bool {
    let scheme = url.parse::<Uri>().ok().and_then(|uri| uri.into_parts().scheme);
    scheme.is_some_and(|scheme| scheme == Scheme::HTTP || scheme == Scheme::HTTPS) && !url.contains('#')
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
            Completeness::Platforms(wanted) => manifest.children_for(wanted).collect(),
            Completeness::None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], deny: &[&str]) -> UrlRules {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        UrlRules::new(&owned(allow), &owned(deny)).unwrap()
    }

    #[test]
    fn an_address_is_allowed_and_not_denied() {
        let both = rules(&["^https?://[^/]+\\.example\\.com/", "mirror"], &["^http://", "/secret/"]);
        for (url, permitted) in [
            ("https://store.example.com/layer", true),
            ("https://mirror.test/layer", true),
            ("https://other.test/layer", false),
            ("http://store.example.com/layer", false),
            ("https://store.example.com/secret/layer", false),
        ] {
            assert_eq!(both.permit(url), permitted, "{url}");
        }
        assert!(rules(&[], &["evil"]).permit("https://anywhere.test/"));
        assert!(!rules(&[], &["evil"]).permit("https://evil.test/"));
        assert!(!rules(&[], &[]).permit("https://anywhere.test/"), "as in the reference");
    }

    #[test]
    fn only_whole_web_addresses_are_allowed() {
        let everything = rules(&[".*"], &[]);
        for url in
            ["ftp://store.test/x", "/path", "store.test", "", "https://store.test/x#part", "https:// /", "file:///x"]
        {
            assert!(!everything.permit(url), "{url}");
        }
        assert!(everything.permit("HTTP://store.test/x"));
    }

    #[test]
    fn a_malformed_expression_is_an_error() {
        let error = UrlRules::new(&["^ok$".to_owned(), "(".to_owned()], &[]).unwrap_err();
        assert_eq!(error.to_string(), r#""(" is no regular expression: unclosed group"#);
        assert!(UrlRules::new(&[], &["[".to_owned()]).is_err());
    }
}
