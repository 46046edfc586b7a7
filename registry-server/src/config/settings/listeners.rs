//! `http`: where the server listens, and how.

use std::{path::PathBuf, time::Duration};

use http::HeaderMap;
use registry_config::{ClientAuth, Network, Secret, checks::http as checks};
use rustls::SupportedCipherSuite;

use super::{Report, ciphers};

/// The listeners.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where the registry listens.
    pub address: Address,
    /// The URL that clients see, when it is not told from requests.
    pub host: Option<String>,
    /// Begins and ends with `/`.
    pub prefix: String,
    /// What signs the `_state` of upload locations; `None`: whatever is random enough.
    pub secret: Option<Secret>,
    /// Whether `Location` headers are paths.
    pub relative_urls: bool,
    /// How long requests in flight may take to end.
    pub drain: Duration,
    /// Added to every response.
    pub headers: HeaderMap,
    /// HTTPS; `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// Whether HTTP/2 is spoken without TLS.
    pub h2c: bool,
    /// The listener for health, metrics and profiles.
    pub debug: Option<Debug>,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `host:port`; the host may be empty.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

/// HTTPS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate and its intermediates, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// CAs of client certificates; empty: none is asked for.
    pub client_cas: Vec<PathBuf>,
    /// What is asked of client certificates.
    pub client_auth: ClientAuth,
    /// Suites of TLS 1.2 and 1.3, best first. A version without suites is not spoken.
    pub cipher_suites: Vec<SupportedCipherSuite>,
}

/// The listener for health, metrics and profiles.
#[derive(Debug, Clone)]
pub struct Debug {
    /// `host:port`.
    pub address: String,
    /// The path of the metrics; `None`: there are none.
    pub metrics: Option<String>,
}

pub(super) fn settle(http: registry_config::Http, report: &mut Report) -> Http {
    let (address, network) = (http.addr.unwrap_or_default(), http.net.unwrap_or_default());
    let prefix = http.prefix.unwrap_or_default();
    checks::address(&address, network, report);
    checks::host(http.host.as_deref(), report);
    checks::prefix(&prefix, report);
    Http {
        address: match network {
            Network::Tcp => Address::Tcp(address),
            Network::Unix => Address::Unix(address.into()),
        },
        host: http.host,
        prefix,
        secret: http.secret.filter(|secret| !secret.0.is_empty()),
        relative_urls: http.relativeurls.unwrap_or_default(),
        drain: http.draintimeout.unwrap_or_default().0,
        headers: checks::headers(http.headers.unwrap_or_default(), report),
        tls: http.tls.and_then(|tls| certificate(tls, report)),
        http2: !http.http2.and_then(|http2| http2.disabled).unwrap_or_default(),
        h2c: http.h2c.and_then(|h2c| h2c.enabled).unwrap_or_default(),
        debug: http.debug.and_then(|debug| debug_listener(debug, report)),
    }
}

fn certificate(tls: registry_config::Tls, report: &mut Report) -> Option<Tls> {
    let client_cas = tls.clientcas.unwrap_or_default();
    let (certificate, key) = match (tls.certificate, tls.key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => {
            if client_cas.is_empty() {
                report.warn(
                    "http.tls has no certificate and key, connections are not encrypted: give http.tls.certificate and \
                     http.tls.key"
                        .to_owned(),
                );
            } else {
                report.refuse("http.tls.clientcas needs http.tls.certificate and http.tls.key".to_owned());
            }
            return None;
        }
        (Some(_), None) => {
            report.refuse("http.tls.key is missing, http.tls.certificate is given".to_owned());
            return None;
        }
        (None, Some(_)) => {
            report.refuse("http.tls.certificate is missing, http.tls.key is given".to_owned());
            return None;
        }
    };
    let client_auth = tls.clientauth.unwrap_or_default();
    if client_cas.is_empty() && client_auth != ClientAuth::default() {
        report.warn(
            "http.tls.clientauth is ignored without http.tls.clientcas, no client is asked for a certificate: give the CAs \
             of client certificates"
                .to_owned(),
        );
    }
    let (minimum, suites) = (tls.minimumtls.unwrap_or_default(), tls.ciphersuites.unwrap_or_default());
    let cipher_suites = ciphers::choose(minimum, &suites, report);
    Some(Tls { certificate, key, client_cas, client_auth, cipher_suites })
}

fn debug_listener(debug: registry_config::Debug, report: &mut Report) -> Option<Debug> {
    let address = debug.addr?;
    checks::check_address(&address, "http.debug.addr", report);
    let prometheus = debug.prometheus.unwrap_or_default();
    let path = prometheus.path.unwrap_or_default();
    if !path.starts_with('/') {
        report.refuse(format!("http.debug.prometheus.path is {path}, it has to begin with /"));
    }
    Some(Debug { address, metrics: prometheus.enabled.unwrap_or_default().then_some(path) })
}
