//! TLS of the main listener: a certificate with its key, and the CAs of client certificates, read again when the files
//! change. New connections use the new ones; open connections go on.

mod unverified;

use std::{fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use registry_config::ClientAuth;
use rustls::{
    RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use x509_parser::parse_x509_certificate;

use self::unverified::Unverified;
use crate::{
    config::Tls,
    reload::{Content, Reloading, hex},
};

/// A certificate in force and what there is to say about it.
pub(crate) struct Material {
    /// What connections are accepted with.
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 in hex of the certificate file.
    pub(crate) sha256: String,
    /// The leaf's serial number in hex.
    pub(crate) serial_number: String,
    /// The end of the leaf's validity.
    pub(crate) not_after: Timestamp,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("failed to load TLS certificate {} with key {}: {reason}", certificate.display(), key.display())]
pub struct Error {
    certificate: PathBuf,
    key: PathBuf,
    reason: String,
}

/// Loads what `settings` name. `http2` is offered before HTTP/1.1.
///
/// # Errors
/// When a file cannot be read, or the key does not belong to the certificate.
pub(crate) fn open(settings: &Tls, http2: bool) -> Result<Reloading<Material>, Error> {
    let mut paths = vec![settings.certificate.clone(), settings.key.clone()];
    paths.extend_from_slice(&settings.client_cas);
    let how = settings.clone();
    Reloading::open("certificate", paths, move |contents| load(contents, &how, http2)).map_err(|reason| Error {
        certificate: settings.certificate.clone(),
        key: settings.key.clone(),
        reason,
    })
}

/// `contents` are the certificate, its key and the CAs of client certificates.
fn load(contents: &[Content], how: &Tls, http2: bool) -> Result<Material, String> {
    let [certificate, key, client_cas @ ..] = contents else { return Err("no files were given".to_owned()) };
    let chain = certificates(certificate)?;
    let (serial_number, not_after) = describe(&chain[0]).map_err(|error| in_file(certificate, error))?;
    let provider =
        Arc::new(CryptoProvider { cipher_suites: how.cipher_suites.clone(), ..aws_lc_rs::default_provider() });
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(&how.cipher_suites))
        .map_err(|error| error.to_string())?;
    let builder = match client_verifier(client_cas, how.client_auth, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, private_key(key)?).map_err(explain)?;
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| error.to_string())?;
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(Material { config: Arc::new(config), sha256: certificate.sha256(), serial_number, not_after })
}

/// The versions that have one of `suites`.
fn versions(suites: &[SupportedCipherSuite]) -> Vec<&'static SupportedProtocolVersion> {
    let spoken = |version: &&SupportedProtocolVersion| suites.iter().any(|suite| suite.version() == *version);
    [&TLS13, &TLS12].into_iter().filter(spoken).collect()
}

/// All certificates of a file; at least one.
fn certificates(content: &Content) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&content.bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| in_file(content, error))?;
    if certificates.is_empty() {
        return Err(in_file(content, "there is no certificate in it, it has to be PEM (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(certificates)
}

fn private_key(content: &Content) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&content.bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => in_file(
            content,
            "there is no private key in it, it has to be PEM without a passphrase (-----BEGIN PRIVATE KEY-----)",
        ),
        error => in_file(content, error),
    })
}

/// Serial number in hex and end of validity of a leaf.
fn describe(leaf: &CertificateDer<'_>) -> Result<(String, Timestamp), String> {
    let (_, certificate) =
        parse_x509_certificate(leaf).map_err(|error| format!("it is no X.509 certificate: {error}"))?;
    let seconds = certificate.validity().not_after.timestamp();
    let not_after = Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    Ok((hex(certificate.raw_serial()), not_after))
}

fn client_verifier(
    files: &[Content],
    client_auth: ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for content in files {
        for certificate in certificates(content)? {
            roots.add(certificate).map_err(|error| in_file(content, error))?;
        }
    }
    let verified = |provider| WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match client_auth {
        ClientAuth::RequestClientCert => return Ok(Some(Arc::new(Unverified::new(provider, false)))),
        ClientAuth::RequireAnyClientCert => return Ok(Some(Arc::new(Unverified::new(provider, true)))),
        ClientAuth::VerifyClientCertIfGiven => verified(provider).allow_unauthenticated(),
        ClientAuth::RequireAndVerifyClientCert => verified(provider),
    };
    builder.build().map(Some).map_err(|error| error.to_string())
}

fn in_file(content: &Content, error: impl fmt::Display) -> String {
    format!("{}: {error}", content.path.display())
}

fn explain(error: rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key does not belong to the certificate; the certificate file has to begin with the key's own certificate, \
             followed by intermediates"
                .to_owned()
        }
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(name: &str, text: &str) -> Content {
        Content { path: name.into(), bytes: text.as_bytes().to_vec() }
    }

    fn pair(algorithm: &'static rcgen::SignatureAlgorithm) -> (String, String) {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["registry.example".to_owned()]).unwrap();
        parameters.serial_number = Some(vec![0x0a, 0xbc].into());
        parameters.not_after = rcgen::date_time_ymd(2040, 5, 6);
        (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn how() -> Tls {
        Tls {
            certificate: "tls.crt".into(),
            key: "tls.key".into(),
            client_cas: Vec::new(),
            client_auth: ClientAuth::default(),
            cipher_suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(),
        }
    }

    fn loaded(certificate: &str, key: &str) -> Result<Material, String> {
        let contents = [content("tls.crt", certificate), content("tls.key", key)];
        load(&contents, &how(), true)
    }

    #[test]
    fn a_version_without_suites_is_not_spoken() {
        let tls13: Vec<_> = how().cipher_suites.into_iter().filter(|suite| suite.tls13().is_some()).collect();
        assert_eq!(versions(&tls13), [&TLS13]);
        assert_eq!(versions(&how().cipher_suites), [&TLS13, &TLS12]);
    }

    #[test]
    fn a_pair_is_loaded_and_described() {
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_RSA_SHA256] {
            let (certificate, key) = pair(algorithm);
            let material = loaded(&certificate, &key).unwrap();
            assert_eq!(material.serial_number, "0abc");
            assert_eq!(material.not_after.to_string(), "2040-05-06T00:00:00Z");
            assert_eq!(material.config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        }
    }

    #[test]
    fn a_chain_after_the_leaf_is_kept() {
        let (leaf, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
        let (other, other_key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert!(loaded(&format!("{leaf}{other}"), &key).is_ok());
        let reason = loaded(&format!("{leaf}{other}"), &other_key).err().unwrap();
        assert!(reason.starts_with("the key does not belong to the certificate"), "{reason}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let (certificate, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
        for (certificate, key, reason) in [
            ("", key.as_str(), "tls.crt: there is no certificate in it"),
            (&key, &key, "tls.crt: there is no certificate in it"),
            (&certificate, "", "tls.key: there is no private key in it"),
            (&certificate, &certificate, "tls.key: there is no private key in it"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "tls.crt: it is no X.509"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &key, "tls.crt: "),
        ] {
            let error = loaded(certificate, key).err().unwrap();
            assert!(error.starts_with(reason), "{error} is not {reason}");
        }
    }

    #[test]
    fn client_cas_have_to_be_certificates() {
        let (certificate, key) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
        let with = |ca: &str| {
            let contents = [content("tls.crt", &certificate), content("tls.key", &key), content("ca.crt", ca)];
            load(&contents, &how(), false)
        };
        assert!(with(&certificate).is_ok());
        assert!(with("x").err().unwrap().starts_with("ca.crt: there is no certificate in it"));
    }
}
