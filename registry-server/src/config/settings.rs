//! A configuration whose values were checked and whose defaults are filled in: all that the rest of the server sees of it.

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use registry_config::{ClientAuth, Config, Formatter, Level, MinimumTls};

use super::document::Report;

/// What the server is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is logged, and how.
    pub log: Log,
    /// Where blobs and manifests are kept.
    pub storage: Storage,
    /// How users prove who they are; `None`: nobody is asked.
    pub htpasswd: Option<Htpasswd>,
    /// The file with the access rules; `None`: every authenticated user may do everything.
    pub access: Option<PathBuf>,
    /// The listeners.
    pub http: Http,
    /// What readiness depends on; `None`: nothing.
    pub readiness: Option<Readiness>,
    /// Most entries of a page of the catalog.
    pub catalog_max_entries: usize,
    /// Most tags of a page.
    pub tags_max: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The least severe level that is written.
    pub level: Level,
    /// The form of a line.
    pub formatter: Formatter,
    /// Fields of every line.
    pub fields: Vec<(String, String)>,
    /// Whether each request gets a line.
    pub access: bool,
}

/// Where blobs and manifests are kept.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The kind of storage.
    pub driver: Driver,
    /// Whether clients may delete.
    pub delete_enabled: bool,
    /// Whether every write is refused.
    pub read_only: bool,
    /// Removal of abandoned uploads; `None`: they are kept.
    pub purge: Option<Purge>,
}

/// The kind of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// Files below this directory.
    Filesystem(PathBuf),
    /// Memory.
    Memory,
}

/// Removal of abandoned uploads.
#[derive(Debug, Clone, Copy)]
pub struct Purge {
    /// How old an upload has to be.
    pub age: Duration,
    /// Time between two runs.
    pub interval: Duration,
}

/// Users in a file.
#[derive(Debug, Clone)]
pub struct Htpasswd {
    /// What clients show when they ask for a password.
    pub realm: String,
    /// The file.
    pub path: PathBuf,
}

/// The listeners.
#[derive(Debug, Clone)]
pub struct Http {
    /// `host:port` of the registry.
    pub address: String,
    /// The URL that clients see, when it is not told from requests.
    pub host: Option<String>,
    /// Begins and ends with `/`.
    pub prefix: String,
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
    /// The listener for health and metrics.
    pub debug: Option<Debug>,
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
    /// Whether a client certificate is required.
    pub client_auth: ClientAuth,
    /// The oldest version spoken.
    pub minimum: MinimumTls,
}

/// The listener for health and metrics.
#[derive(Debug, Clone)]
pub struct Debug {
    /// `host:port`.
    pub address: String,
    /// The path of the metrics; `None`: there are none.
    pub metrics: Option<String>,
}

/// The storage as a condition of readiness.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    /// How long an answer holds.
    pub interval: Duration,
    /// Failures in a row that make the server unready; at least one.
    pub threshold: u32,
}

/// Checks `config`. The report says what is wrong with it; what it returns then is not to be used.
pub(super) fn settle(config: Config, report: &mut Report) -> Settings {
    let http = config.http.unwrap_or_default();
    Settings {
        log: log(config.log.unwrap_or_default()),
        storage: storage(config.storage.unwrap_or_default(), report),
        htpasswd: config.auth.and_then(|auth| htpasswd(auth, report)),
        access: config.access.and_then(|access| access_path(access, report)),
        http: listeners(http, report),
        readiness: config.health.and_then(|health| readiness(&health)),
        catalog_max_entries: config.catalog.and_then(|catalog| catalog.maxentries).unwrap_or(1000).max(1),
        tags_max: config.tags.and_then(|tags| tags.maxtags).unwrap_or(1000).max(1),
    }
}

fn log(log: registry_config::Log) -> Log {
    Log {
        level: log.level.unwrap_or_default(),
        formatter: log.formatter.unwrap_or_default(),
        fields: log.fields.into_iter().collect(),
        access: !log.accesslog.and_then(|lines| lines.disabled).unwrap_or(false),
    }
}

fn storage(storage: registry_config::Storage, report: &mut Report) -> Storage {
    let driver = match (storage.filesystem, storage.inmemory) {
        (Some(_), Some(_)) => {
            report.refuse(
                "multiple storage drivers specified in configuration or environment: filesystem, inmemory; to choose \
                 one by environment set REGISTRY_STORAGE=inmemory, which replaces the section"
                    .to_owned(),
            );
            Driver::Memory
        }
        (None, Some(_)) => Driver::Memory,
        (filesystem, None) => Driver::Filesystem(
            filesystem.and_then(|options| options.rootdirectory).unwrap_or_else(|| "/var/lib/registry".into()),
        ),
    };
    let maintenance = storage.maintenance.unwrap_or_default();
    Storage {
        driver,
        delete_enabled: storage.delete.and_then(|delete| delete.enabled).unwrap_or(false),
        read_only: maintenance.readonly.and_then(|mode| mode.enabled).unwrap_or(false),
        purge: purge(&maintenance.uploadpurging.unwrap_or_default()),
    }
}

fn purge(options: &registry_config::UploadPurging) -> Option<Purge> {
    let hours = |hours: u64| registry_config::Duration::from_hours(hours);
    options.enabled.unwrap_or(true).then(|| Purge {
        age: options.age.unwrap_or(hours(168)).0,
        // A run a minute is the most that makes sense; none would be what zero asks for.
        interval: options.interval.unwrap_or(hours(24)).0.max(Duration::from_secs(60)),
    })
}

fn htpasswd(auth: registry_config::Auth, report: &mut Report) -> Option<Htpasswd> {
    let options = auth.htpasswd?;
    if auth.none.is_some() {
        report.refuse("auth has both htpasswd and none: keep one".to_owned());
    }
    let Some(path) = options.path else {
        report.refuse(
            "auth.htpasswd.path is missing: give the file, made by `htpasswd -Bbn USER PASSWORD > FILE`".to_owned(),
        );
        return None;
    };
    Some(Htpasswd { realm: options.realm.unwrap_or_else(|| "Registry".to_owned()), path })
}

fn access_path(access: registry_config::Access, report: &mut Report) -> Option<PathBuf> {
    if access.path.is_none() {
        // Without a path there would be no rules, and everybody would have every right.
        report.refuse("access.path is missing: give the file with the rules, or leave access out".to_owned());
    }
    access.path
}

fn listeners(http: registry_config::Http, report: &mut Report) -> Http {
    let address = http.addr.unwrap_or_else(|| ":5000".to_owned());
    check_address(&address, "http.addr", report);
    let prefix = http.prefix.unwrap_or_else(|| "/".to_owned());
    if !(prefix.starts_with('/') && prefix.ends_with('/')) {
        report.refuse(format!("http.prefix is {prefix}, it has to begin and end with /"));
    }
    Http {
        address,
        host: http.host.inspect(|host| check_host(host, report)),
        prefix,
        relative_urls: http.relativeurls.unwrap_or(false),
        drain: http.draintimeout.map_or(Duration::from_secs(8), |duration| duration.0),
        headers: headers(http.headers, report),
        tls: http.tls.and_then(|tls| certificate(tls, report)),
        http2: !http.http2.and_then(|http2| http2.disabled).unwrap_or(false),
        debug: http.debug.and_then(|debug| debug_listener(debug, report)),
    }
}

/// `host:port`; the host may be empty.
fn check_address(address: &str, key: &str, report: &mut Report) {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.parse::<u16>().is_err()) {
        let example = address.parse::<u16>().map_or_else(|_| ":5000".to_owned(), |port| format!(":{port}"));
        report.refuse(format!("{key} is {address}, it has to be host:port or :port, such as {example}"));
    }
}

fn check_host(host: &str, report: &mut Report) {
    let uri = host.parse::<http::Uri>();
    if !uri.is_ok_and(|uri| uri.authority().is_some() && uri.scheme().is_some()) {
        report.refuse(format!("http.host is {host}, it has to be a URL like https://{host}"));
    }
}

fn headers(headers: registry_config::Headers, report: &mut Report) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, values) in headers {
        for value in values {
            match (HeaderName::try_from(&name), HeaderValue::try_from(&value)) {
                (Ok(name), Ok(value)) => {
                    map.append(name, value);
                }
                _ => report.refuse(format!("http.headers has {name}: {value}, which is no HTTP header")),
            }
        }
    }
    map
}

fn certificate(tls: registry_config::Tls, report: &mut Report) -> Option<Tls> {
    let (certificate, key) = match (tls.certificate, tls.key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => {
            if !tls.clientcas.is_empty() {
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
    Some(Tls {
        certificate,
        key,
        client_cas: tls.clientcas,
        client_auth: tls.clientauth.unwrap_or_default(),
        minimum: tls.minimumtls.unwrap_or_default(),
    })
}

fn debug_listener(debug: registry_config::Debug, report: &mut Report) -> Option<Debug> {
    let address = debug.addr?;
    check_address(&address, "http.debug.addr", report);
    let prometheus = debug.prometheus.unwrap_or_default();
    let path = prometheus.path.unwrap_or_else(|| "/metrics".to_owned());
    if !path.starts_with('/') {
        report.refuse(format!("http.debug.prometheus.path is {path}, it has to begin with /"));
    }
    Some(Debug { address, metrics: prometheus.enabled.unwrap_or(false).then_some(path) })
}

fn readiness(health: &registry_config::Health) -> Option<Readiness> {
    let options = health.storagedriver.as_ref()?;
    options.enabled.unwrap_or(false).then(|| Readiness {
        interval: options.interval.unwrap_or(registry_config::Duration::from_secs(10)).0,
        threshold: options.threshold.unwrap_or(1).max(1),
    })
}
