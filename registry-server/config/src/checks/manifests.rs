//! `validation`: rules about manifests.

use http::{Uri, uri::Scheme};
use regex::{Regex, RegexSet};

use crate::{IndexValidation, Platform, Platforms, UrlValidation, Validation, document::Report};

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

    /// Whether a layer may be at `url`.
    #[must_use]
    pub fn permit(&self, url: &str) -> bool {
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

/// What is asked of manifests: of URLs nothing unless the configuration does, unlike in the reference, whose rules without any
/// expression refuse every layer that is stored elsewhere.
pub fn settle(section: Validation, report: &mut Report) -> (Option<UrlRules>, Completeness) {
    let enabled = section.enabled.unwrap_or_default() || !section.disabled.unwrap_or_default();
    if !enabled {
        return (None, Completeness::None);
    }
    let manifests = section.manifests.unwrap_or_default();
    let urls = manifests.urls.and_then(|urls| url_rules(&urls, report));
    (urls, completeness(manifests.indexes.unwrap_or_default(), report))
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
            Completeness::Platforms(listed)
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
