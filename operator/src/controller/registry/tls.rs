//! How a registry proves who it is: what there is of certificates, and what there should be.

use jiff::Timestamp;

use crate::{
    api::v1alpha1::IssuerRef,
    pki::{Authority, Certificate, Current, Pair, Wanted},
};

/// How the registry proves who it is.
#[derive(Debug)]
pub enum Tls {
    /// Not at all.
    Disabled,
    /// By a certificate that the operator issues.
    SelfSigned(Box<SelfSigned>),
    /// By a certificate of the user's. `None`: none that could be served was ever there.
    Provided(Option<Provided>),
    /// By a certificate that cert-manager issues.
    CertManager(Box<CertManager>),
}

impl Tls {
    /// The port that clients use when none is written.
    #[must_use]
    pub const fn default_port(&self) -> i32 {
        match self {
            Self::Disabled => crate::names::port::HTTP,
            Self::SelfSigned(_) | Self::Provided(_) | Self::CertManager(_) => crate::names::port::HTTPS,
        }
    }

    /// Whether the server speaks TLS.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        !matches!(self, Self::Disabled)
    }
}

/// What there is of a certificate that the operator issues, and what there should be.
#[derive(Debug)]
pub struct SelfSigned {
    /// The authority; `None` when there is none that can be used for long enough.
    pub authority: Option<Authority>,
    /// The leaf that is served now, with its key.
    pub pair: Option<Pair>,
    /// What that leaf says.
    pub current: Current,
    /// The leaf that should be served.
    pub wanted: Wanted,
    /// What a person has written to have another leaf, now or before; see [`annotation::RENEW`](crate::names::annotation::RENEW).
    pub renewal: Option<String>,
}

/// What there is of a certificate that cert-manager issues, and what there should be.
#[derive(Debug)]
pub struct CertManager {
    /// What cert-manager is asked for; `None` while the cluster does not have it.
    pub request: Option<Request>,
    /// Uid of the Secret that cert-manager has made.
    pub secret: Option<String>,
    /// What is in it, or what is served while that cannot be used. `None`: none that could be served was ever there.
    pub provided: Option<Provided>,
    /// When cert-manager renews it.
    pub renewal_time: Option<Timestamp>,
}

/// What cert-manager is asked for.
#[derive(Debug)]
pub struct Request {
    /// Who signs.
    pub issuer: IssuerRef,
    /// The certificate.
    pub wanted: Wanted,
}

/// Whom clients trust.
#[derive(Debug)]
pub struct Trust {
    /// The authorities that clients were told to trust.
    pub published: Vec<Certificate>,
    /// The leaf that is in the Secret, with its intermediates, in PEM.
    pub leaf: Option<Vec<u8>>,
    /// Whether every running Pod serves the leaf that is in the Secret, so that no client meets an earlier one.
    pub loaded: bool,
}

/// A certificate of the user's.
#[derive(Debug)]
pub struct Provided {
    /// Certificate and key.
    pub pair: Pair,
    /// What the certificate says.
    pub certificate: Certificate,
    /// The authorities to trust, when they are given.
    pub authorities: Option<Vec<u8>>,
}
