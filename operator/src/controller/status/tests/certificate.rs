//! What is said of the certificate.

use super::*;
use crate::controller::tests::fixtures::resource;

#[test]
fn a_certificate_that_could_not_be_renewed_is_said_before_and_after_its_end() {
    let serving = Cluster::serving().status("{}", None, now());
    let days = |days: i64| now() + jiff::SignedDuration::from_hours(24 * days);
    let told = |at| {
        let status = conditions::failed(Some(&serving), "ApplyFailed", "quota exceeded", false, Some(3), at);
        condition_of(&status, condition::CERTIFICATE_READY)
    };
    assert_eq!(told(days(80)), is("True", "Issued"), "there is time");
    assert_eq!(told(days(82)), is("True", "CertificateExpiring"));
    assert_eq!(told(days(90)), is("False", "CertificateExpired"));
}

#[test]
fn plain_http_is_said_aloud() {
    let status = Cluster::serving().status("{tls: {disabled: true}}", None, now());
    assert_eq!(condition_of(&status, condition::CERTIFICATE_READY), is("True", "Disabled"));
    assert_eq!((status.ca_secret_ref, status.certificate), (None, None));
    assert_eq!(resource("{}").metadata.generation, Some(3));
}
