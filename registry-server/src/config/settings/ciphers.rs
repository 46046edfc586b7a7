//! Which versions and cipher suites of TLS are spoken, from the reference's keys `minimumtls` and `ciphersuites`.

use registry_config::MinimumTls;
use rustls::{CipherSuite, SupportedCipherSuite, crypto::aws_lc_rs::ALL_CIPHER_SUITES};

use super::Report;

/// Suites that the reference knows and that are not spoken here: without forward secrecy, or without authenticated
/// encryption.
const OBSOLETE: [&str; 10] = [
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// The suites to speak, best first. As in the reference, `names` choose among those of TLS 1.2 alone.
pub(super) fn choose(minimum: MinimumTls, names: &[String], report: &mut Report) -> Vec<SupportedCipherSuite> {
    if matches!(minimum, MinimumTls::Tls10 | MinimumTls::Tls11) {
        report.warn("http.tls.minimumtls is below tls1.2, which is the oldest version spoken".to_owned());
    }
    let suites = ALL_CIPHER_SUITES.iter().copied();
    if minimum == MinimumTls::Tls13 {
        if !names.is_empty() {
            report.warn(
                "http.tls.ciphersuites is ignored with http.tls.minimumtls: tls1.3, whose suites cannot be chosen"
                    .to_owned(),
            );
        }
        return suites.filter(|suite| suite.tls13().is_some()).collect();
    }
    if names.is_empty() {
        return suites.collect();
    }
    let chosen: Vec<SupportedCipherSuite> = names.iter().filter_map(|name| named(name, report)).collect();
    let chosen: Vec<_> = suites
        .filter(|suite| suite.tls13().is_some() || chosen.iter().any(|one| one.suite() == suite.suite()))
        .collect();
    if report.errors.is_empty() && chosen.iter().all(|suite| suite.tls13().is_some()) {
        report.warn(
            "http.tls.ciphersuites names no suite of TLS 1.2 that is spoken: only clients with TLS 1.3 can connect"
                .to_owned(),
        );
    }
    chosen
}

/// The suite that Go calls `name`.
fn named(name: &str, report: &mut Report) -> Option<SupportedCipherSuite> {
    let found = ALL_CIPHER_SUITES.iter().copied().find(|suite| go_name(suite.suite()).as_deref() == Some(name));
    if found.is_none() {
        if OBSOLETE.contains(&name) {
            report.warn(format!(
                "http.tls.ciphersuites: {name} is not spoken, it lacks forward secrecy or authenticated encryption"
            ));
        } else {
            let known: Vec<String> = ALL_CIPHER_SUITES.iter().filter_map(|suite| go_name(suite.suite())).collect();
            report.refuse(format!(
                "unknown TLS cipher suite '{name}' specified for http.tls.ciphersuites: the names are {}",
                known.join(", ")
            ));
        }
    }
    found
}

/// Go's name of a suite; the library's differs for TLS 1.3.
fn go_name(suite: CipherSuite) -> Option<String> {
    suite.as_str().map(|name| name.replace("TLS13_", "TLS_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(minimum: MinimumTls, names: &[&str]) -> (Vec<String>, Report) {
        let mut report = Report::default();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let suites = choose(minimum, &names, &mut report);
        (suites.iter().filter_map(|suite| go_name(suite.suite())).collect(), report)
    }

    const TLS13: [&str; 3] = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];

    #[test]
    fn every_modern_suite_is_spoken_by_default() {
        let (suites, report) = chosen(MinimumTls::Tls12, &[]);
        assert_eq!((suites.len(), report.warnings.len()), (9, 0));
        for name in TLS13 {
            assert!(suites.iter().any(|suite| suite == name), "{name} is not in {suites:?}");
        }
    }

    #[test]
    fn suites_of_tls_1_2_are_chosen_by_gos_names() {
        let (suites, report) = chosen(MinimumTls::Tls12, &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
        assert_eq!(suites, [&TLS13[..], &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]].concat());
        assert!(report.warnings.is_empty(), "{report:?}");
    }

    #[test]
    fn every_name_of_the_reference_is_known() {
        let mut names = OBSOLETE.to_vec();
        names.extend(TLS13);
        for kind in ["ECDSA", "RSA"] {
            for cipher in ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256"] {
                names.push(format!("TLS_ECDHE_{kind}_WITH_{cipher}").leak());
            }
        }
        let (suites, report) = chosen(MinimumTls::Tls12, &names);
        assert_eq!((suites.len(), report.errors), (9, Vec::<String>::new()));
        assert_eq!(report.warnings.len(), OBSOLETE.len());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let (_, report) = chosen(MinimumTls::Tls12, &["TLS_NULL"]);
        assert!(report.errors[0].starts_with("unknown TLS cipher suite 'TLS_NULL'"), "{report:?}");
        assert!(report.errors[0].contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "{report:?}");
    }

    #[test]
    fn old_versions_are_served_as_tls_1_2_with_a_warning() {
        let (suites, report) = chosen(MinimumTls::Tls10, &[]);
        assert_eq!(suites.len(), 9);
        assert!(report.warnings[0].contains("below tls1.2"), "{report:?}");
    }

    #[test]
    fn names_are_ignored_with_a_warning_when_tls_1_3_is_the_oldest() {
        let (suites, report) = chosen(MinimumTls::Tls13, &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
        assert_eq!(suites.len(), 3);
        assert!(report.warnings[0].contains("is ignored"), "{report:?}");
    }
}
