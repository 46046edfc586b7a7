//! The certificate that the registry serves.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SanType,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{Authority, Error, KeyAlgorithm, Pair, SubjectNames, issued_now};

/// The leaf as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// For people who look at the certificate; clients look at `names`.
    pub common_name: String,
    /// The hosts and addresses it is good for.
    pub names: SubjectNames,
    /// Kind of its key.
    pub algorithm: KeyAlgorithm,
    /// How long it is valid.
    pub lifetime: SignedDuration,
    /// How long before its end it is renewed; shorter than `lifetime`.
    pub renew_before: SignedDuration,
    /// A person has asked for another one than that which is served, good as it may be.
    pub at_once: bool,
}

/// A new leaf with a new key, signed by `authority`. Making an RSA key takes up to a second: call it where blocking is allowed.
///
/// # Errors
/// When a name cannot be written into a certificate, or the system gives no random bytes.
pub fn issue(authority: &Authority, wanted: &Wanted, now: Timestamp) -> Result<Pair, Error> {
    let key = KeyPair::generate_for(match wanted.algorithm {
        KeyAlgorithm::Ecdsa => &PKCS_ECDSA_P256_SHA256,
        KeyAlgorithm::Rsa => &PKCS_RSA_SHA256,
    })?;
    let certificate = params(wanted, now)?.signed_by(&key, &issuer(authority)?)?;
    Ok(Pair { certificate: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() })
}

fn params(wanted: &Wanted, now: Timestamp) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    issued_now(&mut params, now, wanted.lifetime)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, &wanted.common_name);
    params.subject_alt_names = subject_alt_names(&wanted.names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if wanted.algorithm == KeyAlgorithm::Rsa {
        // TLS 1.2 clients that know nothing newer encrypt to the key.
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn subject_alt_names(names: &SubjectNames) -> Result<Vec<SanType>, Error> {
    let dns = names.dns.iter().map(|name| Ok(SanType::DnsName(name.as_str().try_into()?)));
    let ip = names.ip.iter().map(|address| Ok(SanType::IpAddress(*address)));
    dns.chain(ip).collect()
}

fn issuer(authority: &Authority) -> Result<Issuer<'static, KeyPair>, Error> {
    let key = String::from_utf8_lossy(&authority.pair.key);
    let certificate = CertificateDer::from_pem_slice(&authority.pair.certificate).map_err(|_| Error::NoCertificate)?;
    Ok(Issuer::from_ca_cert_der(&certificate, KeyPair::from_pem(&key)?)?)
}
