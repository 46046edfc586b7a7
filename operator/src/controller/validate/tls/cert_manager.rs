//! A certificate that cert-manager issues: what it is asked for, and what it says.
//!
//! cert-manager keeps what it issues in a Secret of its own. What is served is a copy, so that nothing unreadable is ever served,
//! whatever happens to that Secret and whoever kept the certificate before.

use jiff::Timestamp;
use serde_json::Value;

use super::provided;
use crate::{
    api::v1alpha1,
    controller::{
        observe::Observed,
        optional_kinds::OptionalKind,
        registry::{About, CertManager, Problem, Request},
        validate::optional::usable,
    },
    names::RegistryName,
    pki::Wanted,
};

/// Reason of a certificate that cert-manager is about to issue.
pub(in crate::controller) const WAITING_FOR_CERTIFICATE: &str = "WaitingForCertificate";

pub(super) fn cert_manager(
    spec: &v1alpha1::CertManager,
    wanted: Wanted,
    name: &RegistryName,
    observed: &Observed,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> CertManager {
    let installed = usable(OptionalKind::Certificate, "tls.certManager", observed, problems);
    let status = observed.optional.statuses.get(&OptionalKind::Certificate);
    if installed {
        problems.extend(not_ready(name, status));
    }
    let secret = observed.issued.as_deref();
    let what = format!("Secret {}, which cert-manager keeps,", name.issued_secret());
    CertManager {
        request: installed.then(|| Request { issuer: spec.issuer_ref.clone(), wanted }),
        secret: secret.and_then(|secret| secret.metadata.uid.clone()),
        provided: provided(secret, &what, waiting(name, "has not made its Secret yet"), observed, now, problems),
        renewal_time: status.and_then(|status| status["renewalTime"].as_str()?.parse().ok()),
    }
}

/// What keeps the Certificate from being ready, in cert-manager's words.
fn not_ready(name: &RegistryName, status: Option<&Value>) -> Option<Problem> {
    let condition = |type_: &str| {
        let conditions = status.and_then(|status| status["conditions"].as_array()).into_iter().flatten();
        conditions.clone().find(|condition| condition["type"] == type_)
    };
    let said = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
    let ready = condition("Ready");
    if ready.is_some_and(|ready| ready["status"] == "True") {
        return None;
    }
    let issuing = condition("Issuing");
    let Some(ready) = ready else { return Some(waiting(name, "has not answered yet")) };
    let words: Vec<_> =
        [Some(said(ready)), issuing.map(said)].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    let words = format!("says that the certificate is not ready: {}", words.join("; "));
    if issuing.is_some_and(|issuing| issuing["status"] == "True") {
        return Some(waiting(name, &words));
    }
    Some(Problem { reason: "CertificateNotReady", ..waiting(name, &words) })
}

fn waiting(name: &RegistryName, what: &str) -> Problem {
    let certificate = name.workload();
    Problem {
        about: About::Certificate,
        reason: WAITING_FOR_CERTIFICATE,
        message: format!("cert-manager {what}; kubectl describe certificate {certificate}"),
        may_pass: true,
    }
}
