//! The certificate that is served, and the authorities that clients have to be told of.

use jiff::{SignedDuration, Timestamp};

use super::Occurrence;
use crate::{
    controller::registry::{Provided, Registry, SelfSigned, Tls, Trust},
    names::RegistryName,
    pki::{self, Authority, Certificate, Current, Pair, certificate::warning_time, leaf, renewal},
};

/// Authorities that are published beside those in use: one whose leaf is still served, and room for a person who replaces them in a
/// hurry.
const MOST_PREVIOUS: usize = 3;

/// The certificate that is served.
#[derive(Debug)]
pub struct Served {
    /// Certificate and key.
    pub pair: Pair,
    /// What the certificate says.
    pub certificate: Certificate,
    /// The authorities to trust, in PEM.
    pub authorities: Option<Vec<u8>>,
    /// The operator's own authority, certificate and key.
    pub authority: Option<Pair>,
    /// The request for another leaf that this one answers; see [`annotation::RENEW`](crate::names::annotation::RENEW).
    pub renewal: Option<String>,
    /// When the operator renews it, or cert-manager.
    pub renewal_time: Option<Timestamp>,
    /// When the next thing is to be done about it.
    pub next: Option<Timestamp>,
}

/// What is served: made where it is missing or due, `None` without TLS or while the user's cannot be used.
pub(super) fn served(
    registry: &Registry,
    overlap: SignedDuration,
    now: Timestamp,
    occurrences: &mut Vec<Occurrence>,
) -> Result<Option<Served>, pki::Error> {
    let trust = &registry.trust;
    match &registry.tls {
        Tls::Disabled | Tls::Provided(None) => Ok(None),
        Tls::Provided(Some(provided)) => Ok(Some(self::provided(provided, trust, now))),
        Tls::CertManager(tls) => Ok(tls
            .provided
            .as_ref()
            .map(|provided| Served { renewal_time: tls.renewal_time, ..self::provided(provided, trust, now) })),
        Tls::SelfSigned(tls) => self_signed(&registry.name, tls, trust, overlap, now, occurrences).map(Some),
    }
}

fn provided(provided: &Provided, trust: &Trust, now: Timestamp) -> Served {
    let Provided { pair, certificate, authorities } = provided;
    let Certificate { not_before, not_after, .. } = *certificate;
    let turns = [not_before, warning_time(not_before, not_after), not_after];
    Served {
        authorities: bundle(authorities.clone().unwrap_or_default(), trust.previous(pair, now)),
        pair: pair.clone(),
        certificate: certificate.clone(),
        authority: None,
        renewal: None,
        renewal_time: None,
        next: turns.into_iter().find(|turn| *turn > now),
    }
}

fn self_signed(
    name: &RegistryName,
    tls: &SelfSigned,
    trust: &Trust,
    overlap: SignedDuration,
    now: Timestamp,
    occurrences: &mut Vec<Occurrence>,
) -> Result<Served, pki::Error> {
    let authority = if let Some(authority) = &tls.authority {
        authority.clone()
    } else {
        occurrences.push(Occurrence::AuthorityCreated);
        Authority::generate(name, now)?
    };
    let changeover = tls
        .current
        .certificate()
        .map_or(Timestamp::MIN, |leaf| renewal::changeover(leaf, &authority, &trust.published, overlap, now));
    let reason = pki::reissue_reason(&tls.current, &tls.wanted, &authority, changeover, now);
    let (pair, certificate) = match (reason, &tls.pair, &tls.current) {
        (None, Some(pair), Current::Readable(leaf)) => (pair.clone(), leaf.clone()),
        (reason, ..) => {
            let pair = leaf::issue(&authority, &tls.wanted, now)?;
            let certificate = Certificate::from_pair(&pair)?;
            let reason = reason.unwrap_or(renewal::ReissueReason::Missing);
            occurrences.push(Occurrence::CertificateIssued { reason, not_after: certificate.not_after });
            (pair, certificate)
        }
    };
    let renewal_time = renewal::renewal_time(&certificate, &tls.wanted);
    let waits = !certificate.is_signed_by(&authority.certificate);
    let others = trust.previous(&pair, now).into_iter().chain(trust.signer(&certificate));
    let others = others.filter(|previous| **previous != authority.certificate);
    Ok(Served {
        authorities: bundle(authority.certificate.to_pem().into_bytes(), others.collect()),
        // While it waits for the new authority, a request for another leaf stays unanswered.
        renewal: tls.renewal.clone().filter(|_| !(waits && tls.wanted.at_once)),
        renewal_time: Some(renewal_time),
        next: Some(if waits { changeover } else { renewal_time }),
        authority: Some(authority.pair),
        pair,
        certificate,
    })
}

impl Trust {
    /// The authorities that clients still need while a Pod may serve an earlier leaf than this one.
    fn previous(&self, pair: &Pair, now: Timestamp) -> Vec<&Certificate> {
        if self.loaded && self.leaf.as_ref() == Some(&pair.certificate) {
            return Vec::new();
        }
        self.published.iter().filter(|authority| authority.is_valid_at(now)).collect()
    }

    /// The authority that has signed this leaf, where clients know it.
    fn signer(&self, leaf: &Certificate) -> Option<&Certificate> {
        self.published.iter().find(|authority| leaf.is_signed_by(authority))
    }
}

/// The authorities in use, in PEM, and behind them the others, each once.
fn bundle(mut bundle: Vec<u8>, others: Vec<&Certificate>) -> Option<Vec<u8>> {
    let mut known = Certificate::of_bundle(&bundle);
    let most = known.len() + MOST_PREVIOUS;
    for other in others {
        if known.len() < most && !known.contains(other) {
            if !bundle.is_empty() && !bundle.ends_with(b"\n") {
                bundle.push(b'\n');
            }
            bundle.extend(other.to_pem().into_bytes());
            known.push(other.clone());
        }
    }
    (!bundle.is_empty()).then_some(bundle)
}
