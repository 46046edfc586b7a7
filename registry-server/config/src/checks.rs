//! What only the value of a key can tell: addresses, URLs, headers and expressions that have the right type and may make no
//! sense. Files, ports and other machines are not looked at.
//!
//! The server makes its settings with these, and the operator asks them what the server would say.

pub mod health;
pub mod http;
pub mod manifests;

use crate::{Config, document::Report};

/// Says what is wrong with the values of `config`, in which defaults are filled in. What is stored where, who logs in and how
/// connections are encrypted is not looked at.
pub fn check(config: Config, report: &mut Report) {
    let http = config.http.unwrap_or_default();
    http::address(http.addr.as_deref().unwrap_or_default(), http.net.unwrap_or_default(), report);
    http::host(http.host.as_deref(), report);
    http::prefix(http.prefix.as_deref().unwrap_or_default(), report);
    http::headers(http.headers.unwrap_or_default(), report);
    health::settle(config.health.unwrap_or_default(), "storage", report);
    manifests::settle(config.validation.unwrap_or_default(), report);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{defaults, document::shape, keys::Described, yaml};

    fn said(text: &str) -> Report {
        let mut report = Report::default();
        let document = yaml::parse(text, Config::NODE, "", &mut report).unwrap();
        let mut document = shape(document, Config::NODE, "", &mut report).unwrap();
        defaults::fill(&mut document, Config::NODE);
        check(serde_json::from_value(document).unwrap(), &mut report);
        report
    }

    #[test]
    fn a_configuration_that_says_nothing_is_good() {
        let report = said("version: 0.1");
        assert_eq!((report.errors, report.warnings), (Vec::new(), Vec::new()));
    }

    #[test]
    fn every_value_without_sense_is_named() {
        let report = said(
            "http: {addr: nowhere, host: hub, prefix: registry, headers: {'X Y': [z]}}\n\
             health: {tcp: [{addr: a}]}\n\
             validation: {manifests: {urls: {deny: ['(']}}}\n",
        );
        for (reason, beginning) in report.errors.iter().zip([
            "http.addr is nowhere, it has to be host:port",
            "http.host is hub, it has to be a URL like https://hub",
            "http.prefix is registry, it has to begin and end with /",
            "http.headers has X Y: z, which is no HTTP header",
            "health.tcp[0].addr is a, it has to be host:port",
            "validation.manifests.urls: \"(\" is no regular expression",
        ]) {
            assert!(reason.starts_with(beginning), "{reason}");
        }
        assert_eq!(report.errors.len(), 6, "{report:?}");
    }
}
