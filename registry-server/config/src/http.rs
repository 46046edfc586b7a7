//! `http`: the listeners.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    Duration, Secret,
    keys::Support::{Implemented, Refused},
    macros::{choice, section},
};

/// Extra response headers: a name and its values.
pub type Headers = BTreeMap<String, Vec<String>>;

section! {
    /// The main listener, and with `debug` a second one for health, metrics and profiles.
    Section Http {
        /// `host:port`, where an empty host is every address of the machine; with `net: unix` the path of a socket.
        addr: String = ":5000" => Implemented,
        /// The kind of that address.
        net: Network = "tcp" => Implemented,
        /// The URL that clients see, such as `https://registry.example.com`, when it cannot be told from a request's
        /// `Forwarded`, `X-Forwarded-*` or `Host`.
        host: String => Implemented,
        /// What comes before `/v2/` in every path; begins and ends with `/`.
        prefix: String = "/" => Implemented,
        /// Signs the state in the locations of uploads, for replicas of the reference that may have to go on with one. Among
        /// themselves servers need no common secret: that state is in the storage.
        secret: Secret => Implemented,
        /// Makes `Location` headers paths instead of URLs.
        relativeurls: bool = "false" => Implemented,
        /// How long requests in flight may take to end after SIGTERM.
        draintimeout: Duration = "8s" => Implemented,
        /// Added to every response.
        headers: Headers => Implemented,
        /// HTTPS, unless absent.
        tls: Tls => Implemented,
        /// The listener for health, metrics and CPU profiles, unless absent.
        debug: Debug => Implemented,
        /// HTTP/2 over TLS.
        http2: Http2 = "{}" => Implemented,
        /// HTTP/2 without TLS.
        h2c: H2c => Implemented,
    }

    /// HTTPS. Files are read again when they change.
    Section Tls {
        /// The certificate in PEM, followed by its intermediates.
        certificate: PathBuf => Implemented,
        /// Its private key in PEM (PKCS#8, PKCS#1 or SEC1).
        key: PathBuf => Implemented,
        /// Files with the CAs that client certificates are checked against; none: no client certificate is asked for.
        clientcas: Vec<PathBuf> => Implemented,
        /// What is asked of clients once `clientcas` is given.
        clientauth: ClientAuth = "require-and-verify-client-cert" => Implemented,
        /// The oldest protocol version spoken. `tls1.0` and `tls1.1`, which 2.8 takes, mean `tls1.2` with a warning.
        minimumtls: MinimumTls = "tls1.2" => Implemented,
        /// The cipher suites of TLS 1.2 that are spoken, by their Go names such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`;
        /// without it all with forward secrecy and authenticated encryption. Those of TLS 1.3 cannot be chosen.
        ciphersuites: Vec<String> => Implemented,
        /// Certificates from an ACME server.
        letsencrypt: LetsEncrypt
            => Refused("give http.tls.certificate and http.tls.key; connections would not be encrypted"),
    }

    /// Certificates from an ACME server.
    Section LetsEncrypt {
        /// Where certificates are kept.
        cachefile: PathBuf => Implemented,
        /// Whom the ACME server writes to.
        email: String => Implemented,
        /// The names certificates may be for.
        hosts: Vec<String> => Implemented,
        /// The ACME server.
        directoryurl: String => Implemented,
    }

    /// The listener for health, metrics and CPU profiles: plain HTTP, not for the internet.
    Section Debug {
        /// `host:port`; no such listener without it.
        addr: String => Implemented,
        /// Metrics for Prometheus on this listener.
        prometheus: Prometheus = "{}" => Implemented,
    }

    /// Metrics for Prometheus.
    Section Prometheus {
        /// Serves them.
        enabled: bool = "false" => Implemented,
        /// Where.
        path: String = "/metrics" => Implemented,
    }

    /// HTTP/2 over TLS.
    Section Http2 {
        /// Offers HTTP/1.1 alone.
        disabled: bool = "false" => Implemented,
    }

    /// HTTP/2 without TLS, for clients that know beforehand that it is spoken.
    Section H2c {
        /// Speaks it beside HTTP/1.1.
        enabled: bool => Implemented,
    }
}

choice! {
    /// The kind of an address.
    Network {
        /// `host:port`.
        #[default]
        Tcp = "tcp",
        /// The path of a Unix socket.
        Unix = "unix",
    }

    /// Whether a client certificate is required.
    ClientAuth {
        /// Asked for, but not required and not checked.
        RequestClientCert = "request-client-cert",
        /// Required, whoever signed it.
        RequireAnyClientCert = "require-any-client-cert",
        /// Checked when a client sends one.
        VerifyClientCertIfGiven = "verify-client-cert-if-given",
        /// No connection without a valid one.
        #[default]
        RequireAndVerifyClientCert = "require-and-verify-client-cert",
    }

    /// The oldest protocol version spoken.
    MinimumTls {
        /// TLS 1.0, which is not spoken.
        Tls10 = "tls1.0",
        /// TLS 1.1, which is not spoken.
        Tls11 = "tls1.1",
        /// TLS 1.2 and 1.3.
        #[default]
        Tls12 = "tls1.2",
        /// TLS 1.3 alone.
        Tls13 = "tls1.3",
    }
}
