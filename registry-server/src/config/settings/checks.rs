//! `health`: conditions of readiness besides the storage.

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use registry_config::RequestHeaders;

use super::Report;

/// Conditions of readiness besides the storage.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// Files that must not exist.
    pub files: Vec<FileCheck>,
    /// URLs that must answer.
    pub http: Vec<HttpCheck>,
    /// Addresses that must accept connections.
    pub tcp: Vec<TcpCheck>,
}

/// A file that must not exist.
#[derive(Debug, Clone)]
pub struct FileCheck {
    /// The file.
    pub file: PathBuf,
    /// Time between two checks.
    pub interval: Duration,
    /// Failures in a row that make the server unready; at least one.
    pub threshold: u32,
}

/// A URL that must answer.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL, with a scheme and a host.
    pub uri: Uri,
    /// Sent with the request.
    pub headers: HeaderMap,
    /// The status that is expected.
    pub status: StatusCode,
    /// How long the answer may take.
    pub timeout: Duration,
    /// Time between two checks.
    pub interval: Duration,
    /// Failures in a row that make the server unready; at least one.
    pub threshold: u32,
}

/// An address that must accept connections.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    /// `host:port`.
    pub address: String,
    /// How long connecting may take.
    pub timeout: Duration,
    /// Time between two checks.
    pub interval: Duration,
    /// Failures in a row that make the server unready; at least one.
    pub threshold: u32,
}

pub(super) fn settle(health: registry_config::Health, report: &mut Report) -> Checks {
    let files = health.file.unwrap_or_default().into_iter().enumerate();
    let urls = health.http.unwrap_or_default().into_iter().enumerate();
    let addresses = health.tcp.unwrap_or_default().into_iter().enumerate();
    Checks {
        files: files.filter_map(|(index, check)| file_check(index, check, report)).collect(),
        http: urls.filter_map(|(index, check)| http_check(index, check, report)).collect(),
        tcp: addresses.filter_map(|(index, check)| tcp_check(index, check, report)).collect(),
    }
}

/// Checks more often than once a second tell nothing new.
fn interval(asked: Option<registry_config::Duration>) -> Duration {
    asked.unwrap_or_default().0.max(Duration::from_secs(1))
}

fn timeout(asked: Option<registry_config::Duration>) -> Duration {
    // Zero is the reference's "for ever", which a check must not take.
    let asked = asked.unwrap_or_default().0;
    if asked.is_zero() { Duration::from_secs(10) } else { asked }
}

fn file_check(index: usize, check: registry_config::FileCheck, report: &mut Report) -> Option<FileCheck> {
    let Some(file) = check.file else {
        report.refuse(format!("health.file[{index}].file is missing: give the file that must not exist"));
        return None;
    };
    let threshold = check.threshold.unwrap_or_default().max(1);
    Some(FileCheck { file, interval: interval(check.interval), threshold })
}

fn http_check(index: usize, check: registry_config::HttpCheck, report: &mut Report) -> Option<HttpCheck> {
    let key = format!("health.http[{index}]");
    let uri = check.uri.as_deref().and_then(|uri| uri.parse::<Uri>().ok());
    let Some(uri) = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()) else {
        report.refuse(format!("{key}.uri has to be a URL like http://localhost:8080/health"));
        return None;
    };
    let status = check.statuscode.unwrap_or_default();
    let Ok(status) = StatusCode::from_u16(status) else {
        report.refuse(format!("{key}.statuscode is {status}, it has to be a status like 200"));
        return None;
    };
    Some(HttpCheck {
        uri,
        headers: headers(&key, check.headers.unwrap_or_default(), report),
        status,
        timeout: timeout(check.timeout),
        interval: interval(check.interval),
        threshold: check.threshold.unwrap_or_default().max(1),
    })
}

fn headers(key: &str, headers: RequestHeaders, report: &mut Report) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, values) in headers {
        for value in values {
            match (HeaderName::try_from(&name), HeaderValue::try_from(&value.0)) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    map.append(name, value);
                }
                _ => report.refuse(format!("{key}.headers has {name}, which is no HTTP header or has no proper value")),
            }
        }
    }
    map
}

fn tcp_check(index: usize, check: registry_config::TcpCheck, report: &mut Report) -> Option<TcpCheck> {
    let address = check.addr.filter(|address| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    });
    let Some(address) = address else {
        report.refuse(format!("health.tcp[{index}].addr has to be host:port"));
        return None;
    };
    Some(TcpCheck {
        address,
        timeout: timeout(check.timeout),
        interval: interval(check.interval),
        threshold: check.threshold.unwrap_or_default().max(1),
    })
}
