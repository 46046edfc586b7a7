//! `health`: from the keys to checks that can be run.

use std::{path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;

use super::http::check_address;
use crate::{Health, HttpCheck, RequestHeaders, document::Report, without_user_info};

/// How long a check takes at most where the configuration says "for ever", as zero does in the reference.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long the storage and files may take.
const LOCAL_TIMEOUT: Option<crate::Duration> = Some(crate::Duration::from_secs(5));

/// Checks more often than this would do nothing else.
const SHORTEST: Duration = Duration::from_millis(100);

/// Something that has to be well for the registry to serve.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// The reference's name for it; no other check has it.
    pub name: String,
    /// What is looked at.
    pub probe: Probe,
    /// Time between two looks.
    pub interval: Duration,
    /// How long a look may take.
    pub timeout: Duration,
    /// Failures in a row that count as one; at least one.
    pub threshold: u32,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub enum Probe {
    /// The storage can be reached and written to.
    Storage,
    /// This file does not exist.
    File(PathBuf),
    /// This URL answers to HEAD with a status.
    Http {
        /// `http` or `https`.
        uri: Uri,
        /// Sent with the request.
        headers: HeaderMap,
        /// What the answer has to have.
        status: StatusCode,
    },
    /// This `host:port` accepts a connection.
    Tcp(String),
}

/// The checks that `health` asks for, with storage by `driver`. What cannot be checked is refused.
pub fn settle(health: Health, driver: &str, report: &mut Report) -> Vec<HealthCheck> {
    let mut checks = Vec::new();
    if let Some(storage) = health.storagedriver.filter(|storage| storage.enabled.unwrap_or(false)) {
        let name = format!("storagedriver_{driver}");
        checks.push(check(name, Probe::Storage, storage.interval, LOCAL_TIMEOUT, storage.threshold));
    }
    for (index, file) in health.file.unwrap_or_default().into_iter().enumerate() {
        match file.file {
            Some(path) => {
                let name = path.display().to_string();
                checks.push(check(name, Probe::File(path), file.interval, LOCAL_TIMEOUT, file.threshold));
            }
            None => report.refuse(format!("health.file[{index}].file is missing: give the path of a file")),
        }
    }
    for (index, http) in health.http.unwrap_or_default().into_iter().enumerate() {
        let (interval, timeout, threshold) = (http.interval, http.timeout, http.threshold);
        let probe = url(http, index, report);
        checks.extend(probe.map(|(name, probe)| check(name, probe, interval, timeout, threshold)));
    }
    for (index, tcp) in health.tcp.unwrap_or_default().into_iter().enumerate() {
        let address = tcp.addr.unwrap_or_default();
        check_address(&address, &format!("health.tcp[{index}].addr"), report);
        checks.push(check(address.clone(), Probe::Tcp(address), tcp.interval, tcp.timeout, tcp.threshold));
    }
    refuse_twins(&checks, report);
    checks
}

/// Two checks of one name would hide each other's results.
fn refuse_twins(checks: &[HealthCheck], report: &mut Report) {
    let mut names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    names.sort_unstable();
    for twins in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        report.refuse(format!("health checks {} twice: leave one of them out", twins[0]));
    }
}

fn check(
    name: String,
    probe: Probe,
    interval: Option<crate::Duration>,
    timeout: Option<crate::Duration>,
    threshold: Option<u32>,
) -> HealthCheck {
    let timeout = timeout.unwrap_or_default().0;
    HealthCheck {
        name,
        probe,
        interval: interval.unwrap_or_default().0.max(SHORTEST),
        timeout: if timeout.is_zero() { TIMEOUT } else { timeout },
        threshold: threshold.unwrap_or_default().max(1),
    }
}

/// A check of a URL and its name, which is shown to everybody who may look: without user and password.
fn url(http: HttpCheck, index: usize, report: &mut Report) -> Option<(String, Probe)> {
    let key = format!("health.http[{index}]");
    let text = http.uri.unwrap_or_default();
    let (name, login) = split_login(&text);
    let uri = name.parse::<Uri>().ok().filter(can_be_asked);
    if uri.is_none() {
        let shown = without_user_info(&text);
        report.refuse(format!("{key}.uri is {shown:?}, it has to be a URL such as http://localhost:8080/health"));
    }
    let status = StatusCode::from_u16(http.statuscode.unwrap_or_default()).ok();
    if status.is_none() {
        report.refuse(format!("{key}.statuscode is no HTTP status, it has to be a number such as 200"));
    }
    let mut headers = headers(&key, http.headers.unwrap_or_default(), report);
    if let (Some(login), false) = (login, headers.contains_key(AUTHORIZATION)) {
        headers.extend(authorization(login).map(|value| (AUTHORIZATION, value)));
    }
    Some((name, Probe::Http { uri: uri?, headers, status: status? }))
}

fn can_be_asked(uri: &Uri) -> bool {
    let (host, authority) =
        (uri.host().unwrap_or_default(), uri.authority().map_or("", |authority| authority.as_str()));
    // What follows the host is a port, or a part of a password that should have been percent-encoded.
    matches!(uri.scheme_str(), Some("http" | "https"))
        && !host.is_empty()
        && (host == authority || uri.port_u16().is_some())
}

/// `https://user:password@host/` as `https://host/` and `user:password`.
fn split_login(url: &str) -> (String, Option<&str>) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (login, _) = authority.rsplit_once('@')?;
        Some((format!("{scheme}://{}", &rest[login.len() + 1..]), Some(login)))
    };
    split().unwrap_or_else(|| (url.to_owned(), None))
}

/// What Go's client, and so the reference, makes of user and password in a URL.
fn authorization(login: &str) -> Option<HeaderValue> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let [user, password] = [user, password].map(|text| percent_decode_str(text).collect::<Vec<u8>>());
    let encoded = STANDARD.encode([user.as_slice(), b":", &password].concat());
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{defaults, document::shape, keys::Described, yaml};

    fn checks(health: &str) -> Result<Vec<HealthCheck>, Vec<String>> {
        let mut report = Report::default();
        let health = yaml::parse(health, Health::NODE, "health", &mut report).unwrap();
        let mut health = shape(health, Health::NODE, "health", &mut report).unwrap();
        defaults::fill(&mut health, Health::NODE);
        let checks = settle(serde_json::from_value(health).unwrap(), "filesystem", &mut report);
        if report.errors.is_empty() { Ok(checks) } else { Err(report.errors) }
    }

    #[test]
    fn checks_have_the_references_names_and_defaults() {
        let checks = checks(
            "{storagedriver: {enabled: true, threshold: 3}, file: [{file: /down}], http: [{uri: 'http://a/', \
             headers: {X-Token: [t]}, statuscode: 204, timeout: 1s}], tcp: [{addr: 'b:1', interval: 3s}]}",
        )
        .unwrap();
        let shown: Vec<_> = checks
            .iter()
            .map(|check| (check.name.as_str(), check.interval.as_secs(), check.timeout.as_secs(), check.threshold))
            .collect();
        assert_eq!(
            shown,
            [("storagedriver_filesystem", 10, 5, 3), ("/down", 10, 5, 1), ("http://a/", 10, 1, 1), ("b:1", 3, 3, 1)]
        );
        assert!(matches!(&checks[2].probe, Probe::Http { headers, status, .. }
            if headers["x-token"] == "t" && status.as_u16() == 204));
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let reasons =
            checks("{file: [{}], http: [{uri: 'ftp://a'}, {uri: 'http://a', statuscode: 7}], tcp: [{addr: b}]}");
        let reasons = reasons.unwrap_err();
        for (reason, beginning) in reasons.iter().zip([
            "health.file[0].file is missing",
            "health.http[0].uri is \"ftp://a\", it has to be a URL",
            "health.http[1].statuscode is no HTTP status",
            "health.tcp[0].addr is b, it has to be host:port",
        ]) {
            assert!(reason.starts_with(beginning), "{reason}");
        }
        assert_eq!(reasons.len(), 4, "{reasons:?}");
    }

    #[test]
    fn a_password_in_a_url_is_sent_and_not_shown() {
        let checks = checks("{http: [{uri: 'https://robot:hunter%2F2@a:8443/b?c=@d'}]}").unwrap();
        assert_eq!(checks[0].name, "https://a:8443/b?c=@d");
        assert!(!format!("{checks:?}").contains("hunter"), "{checks:?}");
        let Probe::Http { uri, headers, .. } = &checks[0].probe else { panic!("{checks:?}") };
        assert_eq!(uri.to_string(), "https://a:8443/b?c=@d");
        let encoded = headers["authorization"].to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap(), b"robot:hunter/2");
    }

    #[test]
    fn a_password_in_a_url_that_cannot_be_used_is_not_shown() {
        let reasons =
            checks("{http: [{uri: 'ftp://robot:hunter2@a/'}, {uri: 'http://robot:hunter/2@a/'}]}").unwrap_err();
        assert!(reasons.len() == 2 && !reasons.concat().contains("hunter"), "{reasons:?}");
    }

    #[test]
    fn two_checks_of_one_name_are_refused() {
        let reasons = checks("{tcp: [{addr: 'a:1'}, {addr: 'a:1'}]}").unwrap_err();
        assert_eq!(reasons, ["health checks a:1 twice: leave one of them out"]);
    }
}
