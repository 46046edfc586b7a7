//! Certificates that could not be issued, or would be due at once.

use super::{refused, says};

#[test]
fn a_certificate_cannot_be_due_when_it_is_issued() {
    let spec = |duration: &str, before: &str| {
        refused(&format!("{{tls: {{selfSigned: {{duration: '{duration}', renewBefore: '{before}'}}}}}}"))
    };
    assert_eq!(spec("1825d", "90d"), "");
    assert_eq!(spec("24h", "1439m"), "");
    says(&spec("24h", "1d"), "renewBefore (left out: 30d) must be shorter than duration");
    says(&refused("{tls: {selfSigned: {duration: 30d}}}"), "must be shorter than duration");
    says(&refused("{tls: {selfSigned: {renewBefore: 90d}}}"), "must be shorter than duration");
    for duration in ["90", "1w", "P90D", "0d", "1.5h"] {
        says(&spec(duration, "30m"), "duration must be a whole number of days, hours or minutes");
    }
    for duration in ["1826d", "43801h", "59m"] {
        says(&spec(duration, "30m"), "between 1h and 1825d");
    }
    says(&spec("90d", "a week"), "renewBefore must be a whole number");
}

#[test]
fn what_cert_manager_could_not_issue_is_refused_with_the_rules_of_other_certificates() {
    let spec = |rest: &str| refused(&format!("{{tls: {{certManager: {{issuerRef: {{name: notary}}, {rest}}}}}}}"));
    says(&spec("duration: 20d"), "renewBefore (left out: 30d) must be shorter than duration");
    says(&spec("duration: 1h, renewBefore: 4m"), "renewBefore must be at least 5m");
    says(&spec("dnsNames: [Example.com]"), "dnsNames must be lower case host names");
    says(&spec("serviceNames: false"), "give dnsNames or ipAddresses");
    assert_eq!(spec("serviceNames: false, ipAddresses: [192.0.2.7]"), "");
}

#[test]
fn names_in_certificates_are_names_and_addresses_are_addresses() {
    for name in ["https://example.com", "Example.com", "a b", "*", "10.0.0.0/8", "-a.example"] {
        let answer = refused(&format!("{{tls: {{selfSigned: {{dnsNames: ['{name}']}}}}}}"));
        says(&answer, "dnsNames must be lower case host names");
    }
    for address in ["example.com", "10.0.0", "10.0.0.0/8"] {
        let answer = refused(&format!("{{tls: {{selfSigned: {{ipAddresses: ['{address}']}}}}}}"));
        says(&answer, "ipAddresses must be IPv4 or IPv6 addresses");
    }
}
