//! Whether clients that trust `ca.crt` take the certificate for the endpoint, and what the server answers them.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use rustls::client::danger::ServerCertVerifier as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

use super::{is_plain, is_stopped, seen, without_endpoint};
use crate::{
    names::key,
    pki::{Certificate, certificate::warning_time},
    plugin::{
        doctor::{
            finding::{Finding, Part},
            observed::{Answer, Observed},
            probe,
        },
        words::date,
    },
};

pub(super) fn findings(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    if is_plain(observed) {
        let message = "plain HTTP, as the spec says (spec.tls.disabled): every client and node has to be told so";
        return vec![Part::Certificate.ok(message)];
    }
    seen(Part::Certificate, &observed.certificate, |secret| {
        let host = observed.registry.status.as_ref().and_then(|status| status.endpoint.clone());
        vec![match (secret, host) {
            (Some(secret), Some(host)) => of_secret(secret, &host, now),
            (Some(_), None) => without_endpoint(Part::Certificate),
            (None, _) => Part::Certificate.fail(
                format!(
                    "Secret {}/{} does not exist: there is no certificate",
                    observed.name.namespace,
                    observed.name.tls_secret()
                ),
                "the operator makes it: see what is said about operator and resource",
            ),
        }]
    })
}

/// What a client finds that trusts the `ca.crt` beside the certificate.
fn of_secret(secret: &Secret, host: &str, now: Timestamp) -> Finding {
    let data = |key: &str| secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.as_slice());
    let chain = data(key::CERTIFICATE).unwrap_or_default();
    let Some(certificate) = Certificate::of_bundle(chain).into_iter().next() else {
        let message = "the certificate in the Secret cannot be read";
        return Part::Certificate.fail(message, "delete the Secret, if it is the operator's own: it makes another one");
    };
    let until = date(certificate.not_after, now);
    let renew = "see CertificateReady; a certificate of your own is replaced in its Secret";
    if !certificate.is_valid_at(now) {
        let message = format!("it is good from {} until {until}, and not now", date(certificate.not_before, now));
        return Part::Certificate.fail(message, renew);
    }
    if let Some(Err(error)) = data(key::AUTHORITY).map(|authorities| verified(chain, authorities, host, now)) {
        let message = format!("clients that trust ca.crt do not take the certificate for {host}: {error}");
        return Part::Certificate.fail(message, renew);
    }
    if warning_time(certificate.not_before, certificate.not_after) <= now {
        return Part::Certificate.warn(format!("it ends soon, and nobody has renewed it: {until}"), renew);
    }
    let trusted =
        if data(key::AUTHORITY).is_some() { "signed by the authority in ca.crt" } else { "no ca.crt is known" };
    Part::Certificate.ok(format!("good for {host} until {until}, {trusted}"))
}

/// Whether a client that trusts `authorities` takes `chain` for `host`.
fn verified(chain: &[u8], authorities: &[u8], host: &str, now: Timestamp) -> Result<(), String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).flatten().collect();
    let (leaf, intermediates) = chain.split_first().ok_or("there is no certificate")?;
    let name = ServerName::try_from(probe::host_of(host).to_owned()).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let verifier = probe::verifier(authorities)?;
    let verdict = verifier.verify_server_cert(leaf, intermediates, &name, &[], now);
    verdict.map(drop).map_err(|error| error.to_string())
}

/// What the server answers.
pub(super) fn answer(observed: &Observed) -> Vec<Finding> {
    let Some(answer) = observed.answer.as_ref().filter(|_| !is_stopped(observed)) else { return Vec::new() };
    seen(Part::Answer, answer, |answer| vec![of_answer(answer, &observed.name.pull_secret())])
}

fn of_answer(answer: &Answer, secret: &str) -> Finding {
    match answer {
        Answer::Status { code: 200, logged_in: true } => {
            Part::Answer.ok(format!("the server answers /v2/ and takes the password in Secret {secret}"))
        }
        Answer::Status { code: 200 | 401, logged_in: false } => Part::Answer.ok("the server answers /v2/"),
        Answer::Status { code: 401, .. } => Part::Answer.fail(
            format!("the server does not take the password in Secret {secret}"),
            "ask again in a minute: the kubelet brings a new password to the Pod; if it stays, see CredentialsReady",
        ),
        Answer::Status { code, .. } => {
            Part::Answer.fail(format!("the server answers {code} to /v2/"), "kubectl logs of its Pod has the cause")
        }
        Answer::Broken(why) => Part::Answer
            .fail(format!("the server does not answer as it should: {why}"), "kubectl logs of its Pod has the cause"),
    }
}
