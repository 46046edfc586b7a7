//! `http`: where the server listens, what clients are told, and what is added to answers.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::{Headers, Network, document::Report};

/// Where the registry listens: `host:port`, or the path of a socket.
pub fn address(text: &str, network: Network, report: &mut Report) {
    match network {
        Network::Tcp => check_address(text, "http.addr", report),
        Network::Unix if !text.starts_with(['/', '.']) => report
            .refuse(format!("http.addr is {text}, with http.net: unix it has to be a path such as /run/registry.sock")),
        Network::Unix => {}
    }
}

/// `host:port`; the host may be empty.
pub fn check_address(address: &str, key: &str, report: &mut Report) {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.parse::<u16>().is_err()) {
        let example = address.parse::<u16>().map_or_else(|_| ":5000".to_owned(), |port| format!(":{port}"));
        report.refuse(format!("{key} is {address}, it has to be host:port or :port, such as {example}"));
    }
}

/// The URL that clients see.
pub fn host(host: Option<&str>, report: &mut Report) {
    let Some(host) = host else { return };
    if !host.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some() && uri.scheme().is_some()) {
        report.refuse(format!("http.host is {host}, it has to be a URL like https://{host}"));
    }
}

/// What comes before `/v2/`.
pub fn prefix(prefix: &str, report: &mut Report) {
    if !(prefix.starts_with('/') && prefix.ends_with('/')) {
        report.refuse(format!("http.prefix is {prefix}, it has to begin and end with /"));
    }
}

/// What is added to every answer.
pub fn headers(headers: Headers, report: &mut Report) -> HeaderMap {
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
