//! The authority of one registry. It signs that registry's leaf and nothing else.

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::{Certificate, Error, Pair, issued_now};
/// How long an authority is valid: ten years.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// What an authority is called, for people who look at it. X.520 allows each part 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Whose it is.
    pub organization: Option<String>,
    /// Its name.
    pub common_name: String,
}

/// An authority with its key.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Certificate and key as they are kept.
    pub pair: Pair,
    /// What the certificate says.
    pub certificate: Certificate,
}

impl Authority {
    /// A new authority with a P-256 key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate(subject: impl Into<Subject>, now: Timestamp) -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        issued_now(&mut params, now, LIFETIME)?;
        params.distinguished_name = distinguished_name(subject.into());
        // It signs leaves, never another authority.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Self::from_pair(Pair { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() })
    }

    /// The authority that an earlier run has kept.
    ///
    /// # Errors
    /// When one of the two is not PEM, or the key belongs to another certificate.
    pub fn from_pair(pair: Pair) -> Result<Self, Error> {
        let certificate = Certificate::from_pair(&pair)?;
        Ok(Self { pair, certificate })
    }

    /// Whether a new one is due: a leaf of this lifetime would outlive it, or the clock was ahead when it was made.
    #[must_use]
    pub fn is_due(&self, leaf_lifetime: SignedDuration, now: Timestamp) -> bool {
        now < self.certificate.not_before || now + leaf_lifetime > self.certificate.not_after
    }

    /// When it was made.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.certificate.not_before + super::BACKDATE
    }
}

fn distinguished_name(subject: Subject) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = subject.organization {
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, subject.common_name);
    name
}
