//! Certificates: a registry's own authority, the leaf it signs, and when that has to happen again. The operator keeps them in
//! Secrets, `registry certificate` in files.
//!
//! Nothing here reads a clock, a file or the API server: the time comes in, PEM goes out. [`authority`] and [`leaf`] make, [`certificate`]
//! reads, [`renewal`] decides. Keys are made by aws-lc; a private key appears in no error and no `Debug` output.

pub mod authority;
pub mod certificate;
pub mod leaf;
pub mod renewal;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, SerialNumber, date_time_ymd};

pub use self::{
    authority::{Authority, Subject},
    certificate::{Certificate, KeyAlgorithm},
    leaf::Wanted,
    renewal::{Current, ReissueReason, reissue_reason},
};

/// How far a certificate's validity starts before it is issued, so that a client whose clock is a little late accepts it.
pub const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// Why a certificate could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text holds no certificate in PEM.
    #[error("failed to read the certificate: no PEM block CERTIFICATE in it")]
    NoCertificate,
    /// The certificate is damaged.
    #[error("failed to read the certificate: {0}")]
    Certificate(#[from] x509_parser::error::X509Error),
    /// The text holds no private key in PEM.
    #[error("failed to read the private key: no PEM block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY in it")]
    NoKey,
    /// The key is of a kind that TLS does not use, or belongs to another certificate.
    #[error("failed to use the private key with its certificate")]
    Key(#[source] rustls::Error),
    /// Issuing failed.
    #[error("failed to issue a certificate")]
    Issue(#[from] rcgen::Error),
    /// The system gave no random bytes.
    #[error("failed to get random bytes from the system")]
    Random,
}

/// A certificate with its private key, both in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, followed by its intermediates.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// The hosts and addresses that a certificate is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectNames {
    /// Host names, in lower case.
    pub dns: BTreeSet<String>,
    /// Addresses.
    pub ip: BTreeSet<IpAddr>,
}

impl SubjectNames {
    /// What a registry behind these hosts and Service addresses is called, from outside and from its own Pod.
    #[must_use]
    pub fn of_service(hosts: impl IntoIterator<Item = String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        Self {
            dns: hosts.into_iter().chain(["localhost".to_owned()]).collect(),
            ip: addresses.into_iter().chain(loopback).collect(),
        }
    }
}

/// Validity of `lifetime` from now on, and a random serial number of 127 bits (RFC 5280 section 4.1.2.2: positive, at most 20
/// bytes).
fn issued_now(params: &mut CertificateParams, now: Timestamp, lifetime: SignedDuration) -> Result<(), Error> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| Error::Random)?;
    // The first bit is the sign; the second keeps the length the same for all.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now - BACKDATE);
    params.not_after = epoch + since_epoch(now + lifetime);
    Ok(())
}

/// Whole seconds, which is all that a certificate can say; a clock before 1970 counts as 1970.
fn since_epoch(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
}
