//! A certificate authority of a user's own, for what the operator's does not cover.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

/// An authority that a test made.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, both PEM.
#[derive(Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl Leaf {
    /// As TLS libraries take it.
    pub(crate) fn for_tls(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        Ok((chain.context("failed to read a certificate")?, key.context("failed to read a key")?))
    }
}

/// That a client which trusts `authorities` takes `certificate` (both PEM) for that of the server `name`, a host or an address.
pub fn verify(certificate: &str, name: &str, authorities: &str) -> Result<()> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(authority.context("failed to read an authority")?)?;
    }
    let leaf = CertificateDer::from_pem_slice(certificate.as_bytes()).context("failed to read a certificate")?;
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build()?;
    let name = ServerName::try_from(name.to_owned())?;
    verifier.verify_server_cert(&leaf, &[], &name, &[], UnixTime::now())?;
    Ok(())
}

impl Authority {
    /// A new authority called `name`.
    pub fn new(name: &str) -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)? })
    }

    /// PEM of its certificate, for clients to trust.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for `names`, host names or addresses.
    pub fn issue(&self, names: &[&str]) -> Result<Leaf> {
        let mut parameters = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        parameters.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or_default());
        self.sign(parameters)
    }

    /// A client certificate by which Kubernetes knows the user `name` of `group`.
    pub fn issue_client(&self, name: &str, group: &str) -> Result<Leaf> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.distinguished_name.push(DnType::OrganizationName, group);
        self.sign(parameters)
    }

    fn sign(&self, parameters: CertificateParams) -> Result<Leaf> {
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
