//! A name that a certificate can be good for.

use std::{fmt, net::IpAddr, str::FromStr};

/// A host, in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Host(String),
    Address(IpAddr),
}

impl Name {
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Host(host) => Some(host),
            Self::Address(_) => None,
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Host(_) => None,
            Self::Address(address) => Some(*address),
        }
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if text.contains("://") {
            return Err("it is a URL: give the host alone");
        }
        if text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            return Err("it has a port: a certificate is good for a host, at all of its ports");
        }
        let host = text.strip_prefix("*.").unwrap_or(text);
        if text.len() > 253 || !host.split('.').all(is_label) {
            return Err("it is no host name (letters, digits, '-' and '.') and no address");
        }
        Ok(Self::Host(text.to_ascii_lowercase()))
    }
}

fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => formatter.write_str(host),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_are_told_apart() {
        assert_eq!("Registry.Example.com".parse(), Ok(Name::Host("registry.example.com".to_owned())));
        assert_eq!("*.example.com".parse(), Ok(Name::Host("*.example.com".to_owned())));
        assert_eq!("192.0.2.10".parse(), Ok(Name::Address([192, 0, 2, 10].into())));
        assert_eq!("2001:db8::1".parse::<Name>().unwrap().to_string(), "2001:db8::1");
    }

    #[test]
    fn what_is_no_name_says_what_it_is() {
        for (text, reason) in [
            ("registry:5000", "it has a port"),
            ("192.0.2.10:5000", "it has a port"),
            ("https://registry", "it is a URL"),
            ("", "it is no host name"),
            ("a..b", "it is no host name"),
            ("-a", "it is no host name"),
            ("a b", "it is no host name"),
        ] {
            let error = text.parse::<Name>().unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}
