//! How the registry proves who it is: what there is of certificates, and whether it can be used.

mod cert_manager;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

pub(in crate::controller) use self::cert_manager::WAITING_FOR_CERTIFICATE;
use super::{Error, bytes, duration};
use crate::{
    api::v1alpha1::{self, PrivateRegistry},
    controller::{
        observe::Observed,
        registry::{About, Problem, Provided, SelfSigned, Tls, Trust},
    },
    names::{RegistryName, annotation, key},
    pki::{self, Authority, Certificate, Current, Pair, SubjectNames, Wanted},
};

const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);
const DEFAULT_RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
const SHORTEST_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// Half an authority's life, so that a leaf never has to end with its authority.
const LONGEST_LIFETIME: SignedDuration = SignedDuration::from_hours(1825 * 24);

pub(super) fn tls(
    resource: &PrivateRegistry,
    name: &RegistryName,
    names: SubjectNames,
    observed: &Observed,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> Result<Tls, Error> {
    let spec = &resource.spec.tls;
    match (&spec.self_signed, &spec.secret_ref, &spec.cert_manager, spec.disabled.unwrap_or_default()) {
        (None, None, None, true) => Ok(Tls::Disabled),
        (None, Some(secret), None, false) => Ok(Tls::Provided(user_s(&secret.name, observed, now, problems))),
        (None, None, Some(spec), false) => {
            let names = if spec.service_names.unwrap_or(true) { names } else { SubjectNames::default() };
            let wanted = wanted(&spec.certificate, "certManager", name, names)?;
            Ok(Tls::CertManager(Box::new(cert_manager::cert_manager(spec, wanted, name, observed, now, problems))))
        }
        (self_signed, None, None, false) => {
            let spec = self_signed.clone().unwrap_or_default();
            let wanted = wanted(&spec, "selfSigned", name, names)?;
            let renewal = resource.annotations().get(annotation::RENEW).cloned();
            Ok(Tls::SelfSigned(Box::new(self::self_signed(wanted, renewal, observed, now))))
        }
        _ => Err(Error::Union("tls takes one of selfSigned, secretRef, certManager and disabled: true")),
    }
}

fn wanted(
    spec: &v1alpha1::SelfSigned,
    kind: &'static str,
    name: &RegistryName,
    mut names: SubjectNames,
) -> Result<Wanted, Error> {
    let length = |field, value: &Option<String>, default| {
        value.as_deref().map_or(Ok(default), |value| duration(kind, field, value))
    };
    let lifetime = length("duration", &spec.duration, DEFAULT_LIFETIME)?;
    let renew_before = length("renewBefore", &spec.renew_before, DEFAULT_RENEW_BEFORE)?;
    if renew_before >= lifetime || !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&lifetime) {
        return Err(Error::Lifetime(kind));
    }
    let extra: Vec<IpAddr> = spec
        .ip_addresses
        .iter()
        .map(|address| address.parse().map_err(|_| Error::Address { kind, address: address.clone() }))
        .collect::<Result<_, _>>()?;
    names.dns.extend(spec.dns_names.iter().cloned());
    names.ip.extend(extra);
    Ok(Wanted {
        common_name: name.name.clone(),
        names,
        algorithm: spec.algorithm.into(),
        lifetime,
        renew_before,
        at_once: false,
    })
}

/// A Secret of ours that cannot be read counts as missing: what was in it is issued again.
fn self_signed(wanted: Wanted, renewal: Option<String>, observed: &Observed, now: Timestamp) -> SelfSigned {
    let authority = observed
        .ca
        .as_deref()
        .and_then(pair)
        .and_then(|pair| Authority::from_pair(pair).ok())
        .filter(|authority| !authority.is_due(wanted.lifetime, now));
    let pair = observed.tls.as_deref().and_then(pair);
    let current = pair.as_ref().map_or(Current::Missing, |pair| {
        Certificate::from_pair(pair).map_or_else(Current::Unreadable, Current::Readable)
    });
    let answered = observed.tls.as_deref().and_then(|secret| secret.annotations().get(annotation::RENEW));
    let wanted = Wanted { at_once: renewal.is_some() && renewal.as_ref() != answered, ..wanted };
    SelfSigned { authority, pair, current, wanted, renewal }
}

/// Whom clients trust until this pass.
pub(super) fn trust(observed: &Observed) -> Trust {
    let value = |key| observed.tls.as_deref().and_then(|secret| bytes(secret, key));
    Trust {
        published: Certificate::of_bundle(value(key::AUTHORITY).unwrap_or_default()),
        leaf: value(key::CERTIFICATE).map(<[u8]>::to_vec),
        loaded: observed.loaded.certificate,
    }
}

/// The user's certificate; while that cannot be used, the one that is served.
fn user_s(name: &str, observed: &Observed, now: Timestamp, problems: &mut Vec<Problem>) -> Option<Provided> {
    let secret = observed.referenced.get(name).and_then(Option::as_deref);
    let what = format!("Secret {name}, named by spec.tls.secretRef,");
    provided(secret, &what, not_found(name), observed, now, problems)
}

/// The certificate of a Secret; while that is `missing` or cannot be used, the one that is served. `what` begins a sentence about the
/// Secret.
fn provided(
    secret: Option<&Secret>,
    what: &str,
    missing: Problem,
    observed: &Observed,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> Option<Provided> {
    let problem = match secret.map(readable) {
        None => missing,
        Some(Ok(provided)) => {
            problems.extend(validity(what, &provided.certificate, now));
            return Some(provided);
        }
        Some(Err(error)) => unusable(what, &error),
    };
    problems.push(problem);
    observed.tls.as_deref().and_then(|secret| readable(secret).ok())
}

/// What a Secret has to serve. Its authorities are published to everybody, and people keep a key in the same file.
fn readable(secret: &Secret) -> Result<Provided, pki::Error> {
    let pair = Pair {
        certificate: bytes(secret, key::CERTIFICATE).unwrap_or_default().to_vec(),
        key: bytes(secret, key::PRIVATE_KEY).unwrap_or_default().to_vec(),
    };
    let certificate = Certificate::from_pair(&pair)?;
    let authorities = Certificate::only_certificates(bytes(secret, key::AUTHORITY).unwrap_or_default());
    Ok(Provided { pair, certificate, authorities: (!authorities.is_empty()).then(|| authorities.into_bytes()) })
}

fn pair(secret: &Secret) -> Option<Pair> {
    let certificate = bytes(secret, key::CERTIFICATE)?.to_vec();
    Some(Pair { certificate, key: bytes(secret, key::PRIVATE_KEY)?.to_vec() })
}

fn not_found(name: &str) -> Problem {
    Problem {
        about: About::Certificate,
        reason: "SecretNotFound",
        message: format!(
            "Secret {name}, named by spec.tls.secretRef, does not exist: create it with type kubernetes.io/tls"
        ),
        may_pass: true,
    }
}

fn unusable(what: &str, error: &pki::Error) -> Problem {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Problem {
        about: About::Certificate,
        reason: "InvalidCertificate",
        message: format!(
            "{what} cannot be served: {error}{cause}; put a certificate and its key into \
             tls.crt and tls.key"
        ),
        may_pass: false,
    }
}

/// A certificate outside its validity is served all the same: clients say what is wrong better than a refused connection.
fn validity(what: &str, certificate: &Certificate, now: Timestamp) -> Option<Problem> {
    let (reason, how) = if now >= certificate.not_after {
        ("CertificateExpired", format!("has expired at {}", certificate.not_after))
    } else if now < certificate.not_before {
        ("CertificateNotYetValid", format!("is not valid before {}", certificate.not_before))
    } else {
        return None;
    };
    Some(Problem {
        about: About::Certificate,
        reason,
        message: format!("the certificate of {what} {how}: replace it"),
        may_pass: false,
    })
}
