//! How the registry proves who it is: what there is of certificates, and whether it can be used.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

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
    match (&spec.self_signed, &spec.secret_ref, spec.disabled.unwrap_or_default()) {
        (None, None, true) => Ok(Tls::Disabled),
        (None, Some(secret), false) => Ok(Tls::Provided(provided(&secret.name, observed, now, problems))),
        (self_signed, None, false) => {
            let spec = self_signed.clone().unwrap_or_default();
            let wanted = wanted(&spec, name, names)?;
            let renewal = resource.annotations().get(annotation::RENEW).cloned();
            Ok(Tls::SelfSigned(Box::new(self::self_signed(wanted, renewal, observed, now))))
        }
        _ => Err(Error::Union("tls takes one of selfSigned, secretRef and disabled: true")),
    }
}

fn wanted(spec: &v1alpha1::SelfSigned, name: &RegistryName, mut names: SubjectNames) -> Result<Wanted, Error> {
    let lifetime = spec.duration.as_deref().map_or(Ok(DEFAULT_LIFETIME), |value| duration("duration", value))?;
    let renew_before =
        spec.renew_before.as_deref().map_or(Ok(DEFAULT_RENEW_BEFORE), |value| duration("renewBefore", value))?;
    if renew_before >= lifetime || !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&lifetime) {
        return Err(Error::Lifetime);
    }
    let extra: Vec<IpAddr> = spec
        .ip_addresses
        .iter()
        .map(|address| address.parse().map_err(|_| Error::Address(address.clone())))
        .collect::<Result<_, _>>()?;
    names.dns.extend(spec.dns_names.iter().cloned());
    names.ip.extend(extra);
    Ok(Wanted {
        common_name: name.name.clone(),
        names,
        algorithm: spec.algorithm,
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
fn provided(name: &str, observed: &Observed, now: Timestamp, problems: &mut Vec<Problem>) -> Option<Provided> {
    let problem = match observed.referenced.get(name).and_then(Option::as_deref) {
        None => not_found(name),
        Some(secret) => match readable(secret) {
            Ok(provided) => {
                problems.extend(validity(name, &provided.certificate, now));
                return Some(provided);
            }
            Err(error) => unusable(name, &error),
        },
    };
    problems.push(problem);
    observed.tls.as_deref().and_then(|secret| readable(secret).ok())
}

fn readable(secret: &Secret) -> Result<Provided, pki::Error> {
    let pair = Pair {
        certificate: bytes(secret, key::CERTIFICATE).unwrap_or_default().to_vec(),
        key: bytes(secret, key::PRIVATE_KEY).unwrap_or_default().to_vec(),
    };
    let certificate = Certificate::from_pair(&pair)?;
    let authorities = bytes(secret, key::AUTHORITY).filter(|bundle| !Certificate::of_bundle(bundle).is_empty());
    Ok(Provided { pair, certificate, authorities: authorities.map(<[u8]>::to_vec) })
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

fn unusable(name: &str, error: &pki::Error) -> Problem {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Problem {
        about: About::Certificate,
        reason: "InvalidCertificate",
        message: format!(
            "Secret {name}, named by spec.tls.secretRef, cannot be served: {error}{cause}; put a certificate and its key into \
             tls.crt and tls.key"
        ),
        may_pass: false,
    }
}

/// A certificate outside its validity is served all the same: clients say what is wrong better than a refused connection.
fn validity(name: &str, certificate: &Certificate, now: Timestamp) -> Option<Problem> {
    let (reason, what) = if now >= certificate.not_after {
        ("CertificateExpired", format!("has expired at {}", certificate.not_after))
    } else if now < certificate.not_before {
        ("CertificateNotYetValid", format!("is not valid before {}", certificate.not_before))
    } else {
        return None;
    };
    Some(Problem {
        about: About::Certificate,
        reason,
        message: format!("the certificate of Secret {name}, named by spec.tls.secretRef, {what}: replace it"),
        may_pass: false,
    })
}
