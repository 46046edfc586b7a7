//! `CertificateReady`: whether a good certificate is served, and whether it will still be one tomorrow.

use jiff::Timestamp;

use super::{Finding, problem};
use crate::{
    api::v1alpha1::PrivateRegistryStatus,
    controller::{
        registry::{About, Tls},
        status::Pass,
    },
    pki::certificate::warning_time,
};

/// Reason of a certificate that is served, and that nobody has renewed although its end is near.
pub(in crate::controller) const CERTIFICATE_EXPIRING: &str = "CertificateExpiring";

pub(super) fn finding(pass: &Pass<'_>, now: Timestamp) -> Finding {
    let registry = pass.registry;
    if let Some(problem) = problem(pass, |problem| problem.about == About::Certificate) {
        return problem.into();
    }
    if matches!(registry.tls, Tls::Disabled) {
        let message = "spec.tls.disabled is set: passwords and images cross the network readable";
        return Finding::new(true, registry.tls.ready_reason(), message);
    }
    let Some(served) = pass.material.and_then(|material| material.certificate.as_ref()) else {
        return Finding::new(
            false,
            "WaitingForService",
            "the certificate names the Service's address, which is not known yet",
        );
    };
    let end = served.certificate.not_after;
    let warning = warning_time(served.certificate.not_before, end);
    let reason = if has_not_been_renewed(warning, served.renewal_time, now) {
        CERTIFICATE_EXPIRING
    } else {
        registry.tls.ready_reason()
    };
    let message = match served.renewal_time {
        Some(renewal) => format!("valid until {end}, renewed at {renewal}"),
        None => format!("valid until {end}; replace it in its Secret before that"),
    };
    Finding::new(true, reason, message)
}

/// What has to be said of the certificate of a registry with which the operator cannot go on; `None` while there is time.
pub(super) fn not_renewed(previous: Option<&PrivateRegistryStatus>, error: &str, now: Timestamp) -> Option<Finding> {
    let certificate = previous?.certificate.as_ref()?;
    let end = certificate.not_after.0;
    let warning = warning_time(certificate.not_before.0, end);
    let renewal = certificate.renewal_time.as_ref().map(|time| time.0);
    if now >= end {
        let message = format!("the certificate has expired at {end}; it could not be renewed: {error}");
        return Some(Finding::new(false, "CertificateExpired", message));
    }
    has_not_been_renewed(warning, renewal, now).then(|| {
        let message = format!("the certificate is valid until {end}; it could not be renewed: {error}");
        Finding::new(true, CERTIFICATE_EXPIRING, message)
    })
}

/// Whether the end is near, and nobody does what should have been done by now.
fn has_not_been_renewed(warning: Timestamp, renewal: Option<Timestamp>, now: Timestamp) -> bool {
    now >= warning && renewal.is_none_or(|renewal| now > renewal)
}
