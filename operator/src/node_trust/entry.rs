//! A registry as nodes know it. Everything is checked again here: what stands in these files decides whom a whole node trusts.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
};

use crate::{
    names::{RegistryName, is_object_name},
    pki::Certificate,
};

/// More than a bundle of a company's authorities takes, and little enough for a thousand of them.
pub const AUTHORITIES_LIMIT: usize = 64 * 1024;
/// The longest label of a DNS name.
const LABEL_LIMIT: usize = 63;

/// Why something cannot be told to nodes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A registry's name and namespace are labels, or its host could be somebody else's.
    #[error("{0:?} is no DNS label")]
    Label(String),
    /// The domain is the administrator's.
    #[error("{0:?} is no DNS domain")]
    Domain(String),
    /// A Service without an address of its own cannot be told to nodes.
    #[error("the Service has no address that nodes could reach")]
    NoAddress,
    /// Nodes would be led to themselves, or to what is no Service.
    #[error("{0} is no address of a Service")]
    Address(IpAddr),
    /// None of it could be read, so that nobody would be trusted.
    #[error("the authorities hold no certificate that can be read")]
    NoAuthority,
    /// See [`AUTHORITIES_LIMIT`].
    #[error("the authorities have {0} bytes, more than {AUTHORITIES_LIMIT}")]
    TooLarge(usize),
}

/// How the registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain, as a spec has spelled out.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// The port that images do not name.
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// What a registry says about itself.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// Its namespace and name, of which its host is computed: no part of it comes from a spec.
    pub registry: &'a RegistryName,
    /// How it is spoken to.
    pub scheme: Scheme,
    /// The Service's port.
    pub port: NonZeroU16,
    /// The Service's addresses.
    pub addresses: &'a [IpAddr],
    /// Whom to trust, in PEM; `None` is whom the node trusts anyway.
    pub authorities: Option<&'a [u8]>,
}

/// A registry as nodes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    host: String,
    scheme: Scheme,
    address: SocketAddr,
    authorities: Option<String>,
}

impl Entry {
    /// Checks what a registry says about itself, in a cluster of that DNS domain.
    ///
    /// # Errors
    /// When nodes could not be told that, or should not.
    pub fn new(told: &Told<'_>, cluster_domain: &str) -> Result<Self, Error> {
        let RegistryName { namespace, name } = told.registry;
        for label in [name, namespace] {
            if label.len() > LABEL_LIMIT || label.contains('.') || !is_object_name(label) {
                return Err(Error::Label(label.clone()));
            }
        }
        if !is_object_name(cluster_domain) {
            return Err(Error::Domain(cluster_domain.to_owned()));
        }
        let [.., host] = told.registry.hosts(cluster_domain);
        let port = told.port.get();
        let host = if port == told.scheme.default_port() { host } else { format!("{host}:{port}") };
        let authorities = told.authorities.filter(|_| told.scheme == Scheme::Https).map(authorities).transpose()?;
        Ok(Self { host, scheme: told.scheme, address: SocketAddr::new(address(told.addresses)?, port), authorities })
    }

    /// The Pod's own registry on its own node, see [`canary`](super::canary): its host is nobody's, its address the Pod's.
    pub(super) const fn of_canary(host: String, address: SocketAddr) -> Self {
        Self { host, scheme: Scheme::Http, address, authorities: None }
    }

    /// The host by which images are named, with the port where that is not the scheme's own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// How the registry is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where nodes reach it: address and port of the Service.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom to trust for this host, in PEM, one certificate after another.
    #[must_use]
    pub fn authorities(&self) -> Option<&str> {
        self.authorities.as_deref()
    }

    /// `https://10.96.0.7:443`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

/// The one that every runtime understands: containerd 1.x and CRI-O know no address of six, and where there are both, a node has both.
fn address(addresses: &[IpAddr]) -> Result<IpAddr, Error> {
    let chosen = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).ok_or(Error::NoAddress)?;
    let link_local = match chosen {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if chosen.is_loopback() || chosen.is_unspecified() || chosen.is_multicast() || link_local {
        return Err(Error::Address(*chosen));
    }
    Ok(*chosen)
}

fn authorities(pem: &[u8]) -> Result<String, Error> {
    if pem.len() > AUTHORITIES_LIMIT {
        return Err(Error::TooLarge(pem.len()));
    }
    let bundle = Certificate::only_certificates(pem);
    if bundle.is_empty() { Err(Error::NoAuthority) } else { Ok(bundle) }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::pki::Authority;

    /// The certificate of an authority.
    pub(in crate::node_trust) fn authority() -> String {
        let registry = RegistryName { namespace: "apps".into(), name: "team".into() };
        let authority = Authority::generate(&registry, Timestamp::now()).unwrap();
        String::from_utf8(authority.pair.certificate).unwrap()
    }

    /// The registry `name` in the namespace `apps`.
    pub(in crate::node_trust) fn entry(name: &str, scheme: Scheme, address: &str, authorities: Option<&str>) -> Entry {
        let address: SocketAddr = address.parse().unwrap();
        let registry = RegistryName { namespace: "apps".into(), name: name.into() };
        let told = Told {
            registry: &registry,
            scheme,
            port: NonZeroU16::new(address.port()).unwrap(),
            addresses: &[address.ip()],
            authorities: authorities.map(str::as_bytes),
        };
        Entry::new(&told, "cluster.local").unwrap()
    }

    fn told(namespace: &str, name: &str, addresses: &[&str], authorities: Option<&[u8]>) -> Result<Entry, Error> {
        let registry = RegistryName { namespace: namespace.into(), name: name.into() };
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let port = NonZeroU16::new(443).unwrap();
        let told = Told { registry: &registry, scheme: Scheme::Https, port, addresses: &addresses, authorities };
        Entry::new(&told, "cluster.local")
    }

    #[test]
    fn the_host_is_computed_and_has_the_port_that_images_name() {
        let host = |scheme, address| entry("team", scheme, address, None).host().to_owned();
        assert_eq!(host(Scheme::Https, "10.96.0.7:443"), "team.apps.svc.cluster.local");
        assert_eq!(host(Scheme::Http, "10.96.0.7:80"), "team.apps.svc.cluster.local");
        assert_eq!(host(Scheme::Https, "10.96.0.7:80"), "team.apps.svc.cluster.local:80");
        assert_eq!(host(Scheme::Https, "10.96.0.7:5000"), "team.apps.svc.cluster.local:5000");
    }

    #[test]
    fn no_name_leads_out_of_its_own_host() {
        for name in ["docker.io", "..", "a/b", "", "Team", "-a", "a b", "a\"b", &"x".repeat(64)] {
            assert_eq!(told("apps", name, &["10.96.0.7"], None), Err(Error::Label(name.into())));
            assert_eq!(told(name, "team", &["10.96.0.7"], None), Err(Error::Label(name.into())));
        }
        let registry = RegistryName { namespace: "apps".into(), name: "team".into() };
        let port = NonZeroU16::new(443).unwrap();
        let addresses = ["10.96.0.7".parse().unwrap()];
        let told = Told { registry: &registry, scheme: Scheme::Https, port, addresses: &addresses, authorities: None };
        assert_eq!(Entry::new(&told, "../etc"), Err(Error::Domain("../etc".into())));
    }

    #[test]
    fn nodes_are_led_to_a_service_and_to_the_address_that_every_runtime_understands() {
        let address =
            |addresses: &[&str]| told("apps", "team", addresses, None).map(|entry| entry.address().ip().to_string());
        assert_eq!(address(&["fd00::7", "10.96.0.7"]), Ok("10.96.0.7".into()));
        assert_eq!(address(&["fd00::7"]), Ok("fd00::7".into()));
        assert_eq!(address(&[]), Err(Error::NoAddress));
        for elsewhere in
            ["127.0.0.1", "0.0.0.0", "169.254.169.254", "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1"]
        {
            assert_eq!(address(&[elsewhere]), Err(Error::Address(elsewhere.parse().unwrap())));
        }
    }

    #[test]
    fn nothing_but_certificates_comes_to_a_node() {
        let authority = authority();
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let bundle = format!("# ours\n{authority}{key}{authority}");
        let entry = told("apps", "team", &["10.96.0.7"], Some(bundle.as_bytes())).unwrap();
        assert_eq!(entry.authorities(), Some(format!("{authority}{authority}").as_str()));
        let refused = |pem: &[u8]| told("apps", "team", &["10.96.0.7"], Some(pem)).unwrap_err();
        assert_eq!(refused(b"none"), Error::NoAuthority);
        assert_eq!(refused(key.as_bytes()), Error::NoAuthority);
        assert_eq!(refused(&[b'x'; AUTHORITIES_LIMIT + 1]), Error::TooLarge(AUTHORITIES_LIMIT + 1));
    }
}
