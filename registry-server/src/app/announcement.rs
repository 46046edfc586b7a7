//! What a server tells its owner when it starts: what it does in plain words, and what may have been overlooked.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::{Addresses, shown};
use crate::{
    config::{self, Driver, Settings},
    connection::Address,
};

/// Where the tutorials mount certificates.
const CERTIFICATES: &str = "/certs";

/// Where the tutorials mount users.
const USERS: [&str; 2] = ["/auth/htpasswd", "/etc/docker/registry/htpasswd"];

/// The port that clients ask when a name has none and the connection is encrypted.
const HTTPS: u16 = 443;

/// What a server tells when it starts.
#[derive(Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What it does.
    pub line: String,
    /// What may have been overlooked; one sentence each.
    pub hints: Vec<String>,
}

impl Announcement {
    pub(super) fn new(settings: &Settings, addresses: &Addresses) -> Self {
        let certificates = files(Path::new(CERTIFICATES));
        let users = USERS.iter().map(PathBuf::from).filter(|path| path.is_file()).collect();
        let mut hints = hints(settings, &certificates, users);
        hints.extend(settings.http.tls.as_ref().and_then(|tls| unnamed(&tls.certificate)));
        Self { line: line(settings, addresses), hints }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.take(1000).map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn line(settings: &Settings, addresses: &Addresses) -> String {
    let address = &addresses.main;
    let listener = match &settings.http.tls {
        Some(tls) => format!("serving https on {address} (TLS by {})", shown(&tls.certificate)),
        None => format!("serving http on {address} (no TLS)"),
    };
    let storage = match &settings.storage.driver {
        Driver::Filesystem(root) => format!("storage filesystem {}", shown(root)),
        Driver::Memory => "storage inmemory, gone when the server ends".to_owned(),
    };
    let read_only = if settings.storage.read_only { " (read-only)" } else { "" };
    let users = match &settings.htpasswd {
        Some(htpasswd) => format!("authentication htpasswd ({})", shown(&htpasswd.path)),
        None => "no authentication".to_owned(),
    };
    let rules = settings.access.as_ref().map_or_else(String::new, |path| format!(", access rules {}", shown(path)));
    let debug = addresses.debug.map_or_else(String::new, |debug| format!(", health and metrics on {debug}"));
    let publish = match address {
        Address::Tcp(address) => {
            format!("; in a container publish with {}", publish(address.port(), settings.http.tls.is_some()))
        }
        Address::Unix(_) => String::new(),
    };
    format!("{listener}, {storage}{read_only}, {users}{rules}{debug}{publish}")
}

/// The option of `docker run` that leads clients to this port.
fn publish(port: u16, encrypted: bool) -> String {
    match encrypted && port != HTTPS {
        true => format!("-p {HTTPS}:{port}, or with -p {HTTPS}:{HTTPS} and REGISTRY_HTTP_ADDR=:{HTTPS}"),
        false => format!("-p {port}:{port}"),
    }
}

fn hints(settings: &Settings, certificates: &[PathBuf], users: Vec<PathBuf>) -> Vec<String> {
    let mut hints = Vec::new();
    if settings.http.tls.is_none() && matches!(settings.http.address, config::Address::Tcp(_)) {
        hints.extend(unused_certificate(certificates));
        if settings.htpasswd.is_some() {
            hints.push(
                "passwords are sent unencrypted: give http.tls.certificate and http.tls.key, unless a proxy in front \
                 speaks TLS"
                    .to_owned(),
            );
        }
    }
    if settings.htpasswd.is_none() {
        hints.extend(users.first().map(|path| {
            let path = shown(path);
            format!(
                "{path} is not used, nobody is asked for a password: set REGISTRY_AUTH=htpasswd and \
                 REGISTRY_AUTH_HTPASSWD_PATH={path}"
            )
        }));
    }
    hints
}

fn unused_certificate(files: &[PathBuf]) -> Option<String> {
    let certificate = files.iter().find(|file| file.extension().is_some_and(|extension| extension == "crt"))?;
    let key = files.iter().find(|file| file.extension().is_some_and(|extension| extension == "key"));
    let key = key.map_or_else(|| shown(&certificate.with_extension("key")), |key| shown(key));
    let certificate = shown(certificate);
    Some(format!(
        "{certificate} is not used, connections are not encrypted: set REGISTRY_HTTP_TLS_CERTIFICATE={certificate} and \
         REGISTRY_HTTP_TLS_KEY={key}"
    ))
}

/// A certificate that has a common name alone, as `openssl req` makes it unless told otherwise.
fn unnamed(path: &Path) -> Option<String> {
    let pem = std::fs::read(path).ok()?;
    let leaf = CertificateDer::from_pem_slice(&pem).ok()?;
    let (_, leaf) = parse_x509_certificate(&leaf).ok()?;
    if leaf.subject_alternative_name().ok()?.is_some() {
        return None;
    }
    let (path, name) = (shown(path), alternative_name(&leaf));
    Some(format!(
        "{path} names its host in no subjectAltName, Docker, containerd and browsers refuse it: make it again with \
         -addext subjectAltName={name} added to the `openssl req` command"
    ))
}

/// The name that such a certificate was meant to have, as openssl writes it.
fn alternative_name(leaf: &X509Certificate<'_>) -> String {
    let common = leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
    let is_host = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-*".contains(&byte));
    match common {
        address if address.parse::<IpAddr>().is_ok() => format!("IP:{address}"),
        host if !host.is_empty() && is_host(host) => format!("DNS:{host}"),
        _ => "DNS:registry.example.com".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;
    use crate::config::{Source, load};

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(&Source::Embedded, variables).unwrap().settings
    }

    fn addresses(main: &str) -> Addresses {
        Addresses { main: Address::Tcp(main.parse().unwrap()), debug: None }
    }

    #[test]
    fn the_defaults_in_plain_words() {
        assert_eq!(
            line(&settings(&[]), &addresses("[::]:5000")),
            "serving http on :5000 (no TLS), storage filesystem ./data, no authentication; in a container publish with \
             -p 5000:5000"
        );
    }

    #[test]
    fn everything_in_plain_words() {
        let settings = settings(&[
            ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/tls.crt"),
            ("REGISTRY_HTTP_TLS_KEY", "/certs/tls.key"),
            ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
            ("REGISTRY_STORAGE", "inmemory"),
        ]);
        let settings = Settings { access: Some("/auth/access.yml".into()), ..settings };
        let addresses = Addresses { debug: Some("0.0.0.0:5001".parse().unwrap()), ..addresses("10.0.0.1:443") };
        assert_eq!(
            line(&settings, &addresses),
            "serving https on 10.0.0.1:443 (TLS by /certs/tls.crt), storage inmemory, gone when the server ends, \
             authentication htpasswd (/auth/htpasswd), access rules /auth/access.yml, health and metrics on \
             0.0.0.0:5001; in a container publish with -p 443:443"
        );
        assert_eq!(hints(&settings, &["/certs/tls.crt".into()], vec!["/auth/htpasswd".into()]), Vec::<String>::new());
    }

    #[test]
    fn a_port_for_tls_is_published_where_clients_ask() {
        assert_eq!(publish(5000, true), "-p 443:5000, or with -p 443:443 and REGISTRY_HTTP_ADDR=:443");
        assert_eq!(publish(443, true), "-p 443:443");
        assert_eq!(publish(5000, false), "-p 5000:5000");
    }

    /// What is said of a certificate with this common name and these alternative names.
    fn said_of(common_name: &str, alternative_names: &[&str]) -> Option<String> {
        let names: Vec<String> = alternative_names.iter().map(ToString::to_string).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        unnamed(file.path())
    }

    #[test]
    fn a_certificate_that_clients_refuse_is_pointed_out() {
        assert_eq!(said_of("registry.lab", &["registry.lab"]), None);
        for (common_name, name) in [
            ("registry.lab", "DNS:registry.lab"),
            ("127.0.0.1", "IP:127.0.0.1"),
            ("The\nregistry", "DNS:registry.example.com"),
        ] {
            let said = said_of(common_name, &[]).unwrap();
            assert!(said.contains(&format!("-addext subjectAltName={name} ")), "{said}");
        }
        assert_eq!(unnamed(Path::new("/nonexistent")), None);
    }

    #[test]
    fn mounted_files_that_are_not_used_are_pointed_out() {
        let files = ["/certs/domain.crt".into(), "/certs/domain.key".into()];
        assert_eq!(
            hints(&settings(&[]), &files, vec!["/auth/htpasswd".into()]),
            [
                "/certs/domain.crt is not used, connections are not encrypted: set \
                 REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt and REGISTRY_HTTP_TLS_KEY=/certs/domain.key",
                "/auth/htpasswd is not used, nobody is asked for a password: set REGISTRY_AUTH=htpasswd and \
                 REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd",
            ]
        );
    }

    #[test]
    fn passwords_in_the_clear_are_pointed_out() {
        let hints = hints(&settings(&[("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd")]), &[], Vec::new());
        assert!(hints[0].starts_with("passwords are sent unencrypted"), "{hints:?}");
    }
}
