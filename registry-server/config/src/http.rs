//! `http`: the listeners.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::Duration;

/// Extra response headers: a name and its values.
pub type Headers = BTreeMap<String, HeaderValues>;

/// The values of one header.
pub type HeaderValues = Vec<String>;

/// The main listener, and with `debug` a second one for health and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    /// `host:port`; an empty host is every address of the machine. Default: `:5000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<String>,
    /// The URL that clients see, such as `https://registry.example.com`, when it cannot be told from a request. Default: from
    /// the request's `Forwarded`, `X-Forwarded-*` or `Host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What comes before `/v2/` in every path; begins and ends with `/`. Default: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Accepted for the sake of configurations written for the reference, which signs the state of uploads with it. Here that
    /// state is in the storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Makes `Location` headers paths instead of URLs. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relativeurls: Option<bool>,
    /// How long requests in flight may take to end after SIGTERM. Default: 8s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draintimeout: Option<Duration>,
    /// Added to every response. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: Headers,
    /// HTTPS. Default: plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The listener for health and metrics. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<Debug>,
    /// HTTP/2, offered over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http2: Option<Http2>,
}

/// HTTPS. Both files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// The certificate in PEM, followed by its intermediates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM (PKCS#8, PKCS#1 or SEC1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Files with the CAs that client certificates are checked against. Default: none, client certificates are not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clientcas: Vec<PathBuf>,
    /// Whether a client certificate is required once `clientcas` is given. Default: require-and-verify-client-cert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clientauth: Option<ClientAuth>,
    /// The oldest protocol version spoken. Default: tls1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimumtls: Option<MinimumTls>,
}

/// Whether a client certificate is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// No connection without one.
    #[default]
    RequireAndVerifyClientCert,
    /// Checked when a client sends one.
    VerifyClientCertIfGiven,
}

/// The oldest protocol version spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MinimumTls {
    /// TLS 1.2 and 1.3.
    #[default]
    #[serde(rename = "tls1.2")]
    Tls12,
    /// TLS 1.3 alone.
    #[serde(rename = "tls1.3")]
    Tls13,
}

/// The listener for health and metrics: plain HTTP, not for the internet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Debug {
    /// `host:port`. Default: no such listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addr: Option<String>,
    /// Metrics for Prometheus on this listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Prometheus {
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Default: `/metrics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// HTTP/2, offered over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Http2 {
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}
