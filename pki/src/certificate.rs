//! Reading certificates, ours and those that people bring.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use rustls::{crypto::aws_lc_rs, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION},
    parse_x509_certificate,
    time::ASN1Time,
};

use super::{Error, Pair, SubjectNames};

/// The longest time before the end of a certificate in which people are warned of it. Whoever renews by program has done so long
/// before: ACME clients do a month ahead, cert-manager at two thirds of the lifetime.
const LONGEST_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Kind of a certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// P-256.
    Ecdsa,
    /// 2048 bits.
    Rsa,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// Hexadecimal with colons.
    pub serial_number: String,
    /// The hosts and addresses it is good for.
    pub names: SubjectNames,
    /// Kind of its key; `None` is one that is not made here.
    pub algorithm: Option<KeyAlgorithm>,
    der: Vec<u8>,
}

impl Certificate {
    /// The first certificate of a pair whose key belongs to it. It is the check that the server makes before it serves one.
    ///
    /// # Errors
    /// When one of the two is not PEM or damaged, or the key belongs to another certificate.
    pub fn from_pair(pair: &Pair) -> Result<Self, Error> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pair.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| Error::NoCertificate)?;
        let certificate = Self::from_der(chain.first().ok_or(Error::NoCertificate)?)?;
        let key = PrivateKeyDer::from_pem_slice(&pair.key).map_err(|_| Error::NoKey)?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(Error::Key)?;
        Ok(certificate)
    }

    /// Every certificate of a bundle in PEM that can be read; what cannot is left out.
    #[must_use]
    pub fn of_bundle(pem: &[u8]) -> Vec<Self> {
        CertificateDer::pem_slice_iter(pem).flatten().filter_map(|der| Self::from_der(&der).ok()).collect()
    }

    /// The certificates of a bundle alone, written anew in PEM: it may have comments, keys and whatever else beside them. Empty where
    /// it has none that can be read.
    #[must_use]
    pub fn only_certificates(pem: &[u8]) -> String {
        Self::of_bundle(pem).iter().map(Self::to_pem).collect()
    }

    fn from_der(der: &[u8]) -> Result<Self, Error> {
        let (_, parsed) = parse_x509_certificate(der).map_err(|error| match error {
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => Error::Certificate(error),
            x509_parser::nom::Err::Incomplete(_) => {
                Error::Certificate(x509_parser::error::X509Error::InvalidCertificate)
            }
        })?;
        Ok(Self {
            not_before: timestamp(parsed.validity().not_before)?,
            not_after: timestamp(parsed.validity().not_after)?,
            serial_number: parsed.raw_serial_as_string(),
            names: names(&parsed)?,
            algorithm: algorithm(&parsed),
            der: der.to_vec(),
        })
    }

    /// Whether clients whose clock says `now` accept it.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..self.not_after).contains(&now)
    }

    /// Whether `authority` has signed it.
    #[must_use]
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let (Ok((_, leaf)), Ok((_, authority))) =
            (parse_x509_certificate(&self.der), parse_x509_certificate(&authority.der))
        else {
            return false;
        };
        leaf.issuer() == authority.subject() && leaf.verify_signature(Some(authority.public_key())).is_ok()
    }

    /// The certificate alone, in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("CERTIFICATE", self.der.as_slice()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }
}

/// From when on people are warned that nobody has renewed a certificate of this validity: two weeks before its end, or a tenth of its
/// lifetime where that is less.
#[must_use]
pub fn warning_time(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let tenth = not_after.duration_since(not_before) / 10;
    not_after - tenth.min(LONGEST_WARNING)
}

fn timestamp(time: ASN1Time) -> Result<Timestamp, Error> {
    Timestamp::from_second(time.timestamp()).map_err(|_| Error::Certificate(x509_parser::error::X509Error::InvalidDate))
}

fn names(certificate: &X509Certificate<'_>) -> Result<SubjectNames, Error> {
    let mut names = SubjectNames::default();
    let Some(extension) = certificate.subject_alternative_name()? else { return Ok(names) };
    for name in &extension.value.general_names {
        match name {
            GeneralName::DNSName(name) => {
                names.dns.insert((*name).to_ascii_lowercase());
            }
            GeneralName::IPAddress(bytes) => names.ip.extend(address(bytes)),
            _ => {}
        }
    }
    Ok(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn algorithm(certificate: &X509Certificate<'_>) -> Option<KeyAlgorithm> {
    let algorithm = &certificate.public_key().algorithm.algorithm;
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        Some(KeyAlgorithm::Ecdsa)
    } else if *algorithm == OID_PKCS1_RSAENCRYPTION {
        Some(KeyAlgorithm::Rsa)
    } else {
        None
    }
}
