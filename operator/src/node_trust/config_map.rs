//! The `ConfigMap` by which the operator tells all nodes of a registry, one a registry in the operator's own namespace. What it holds
//! is public. Both sides are here, so that they agree.
//!
//! It names the registry, never a host: each node computes that by itself, so that not even who may write these objects can
//! have nodes trust anybody for somebody else's host.

use std::{
    collections::BTreeMap,
    net::{AddrParseError, IpAddr},
    num::{NonZeroU16, ParseIntError},
};

use k8s_openapi::{
    api::core::v1::ConfigMap,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::ResourceExt;

use super::entry::{self, Entry, Scheme, Told};
use crate::names::{FIELD_MANAGER, RegistryName, key, label};

/// Value of the component label, by which these objects are selected.
pub const COMPONENT: &str = "node-trust";
const SCHEME: &str = "scheme";
const PORT: &str = "port";
const ADDRESSES: &str = "addresses";

/// Why an object cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Its name and its labels do not belong together.
    #[error("its labels name no registry, or another one than its name")]
    Name,
    /// Neither `http` nor `https`.
    #[error("{0:?} is no scheme")]
    Scheme(String),
    /// No number of a port.
    #[error("its port cannot be read")]
    Port(#[source] ParseIntError),
    /// One is no address.
    #[error("its addresses cannot be read")]
    Addresses(#[source] AddrParseError),
    /// What it says cannot be told to a node.
    #[error("what it says cannot be told to a node")]
    Entry(#[source] entry::Error),
}

/// What selects these objects, as a label selector is written.
#[must_use]
pub fn selector() -> String {
    format!("{}={FIELD_MANAGER},{}={COMPONENT}", label::MANAGED_BY, label::COMPONENT)
}

/// The object that tells of a registry. It goes with `owner`: the `DaemonSet` whose Pods read it.
#[must_use]
pub fn build(told: &Told<'_>, namespace: &str, owner: OwnerReference) -> ConfigMap {
    let addresses: Vec<_> = told.addresses.iter().map(IpAddr::to_string).collect();
    let authorities = told.authorities.map(|pem| String::from_utf8_lossy(pem).into_owned());
    let data = [(SCHEME, told.scheme.to_string()), (PORT, told.port.to_string()), (ADDRESSES, addresses.join(","))];
    let data = data.into_iter().chain(authorities.map(|pem| (key::AUTHORITY, pem)));
    let registry = told.registry;
    let labels = [
        (label::NAME, label::APPLICATION),
        (label::COMPONENT, COMPONENT),
        (label::MANAGED_BY, FIELD_MANAGER),
        (label::PART_OF, label::APPLICATION),
        (label::REGISTRY_NAMESPACE, &registry.namespace),
        (label::REGISTRY_NAME, &registry.name),
    ];
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(registry.node_trust_config_map()),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(data.map(|(key, value)| (key.to_owned(), value)).collect()),
        ..ConfigMap::default()
    }
}

/// The registry that an object is about.
///
/// # Errors
/// When it is none of ours.
pub fn registry(object: &ConfigMap) -> Result<RegistryName, Error> {
    let label = |key: &str| object.labels().get(key).cloned();
    let named = label(label::REGISTRY_NAMESPACE).zip(label(label::REGISTRY_NAME));
    let registry = named.map(|(namespace, name)| RegistryName { namespace, name });
    registry.filter(|registry| registry.node_trust_config_map() == object.name_any()).ok_or(Error::Name)
}

/// What an object says, in a cluster of that DNS domain.
///
/// # Errors
/// When it cannot be understood, or says what nodes are not to be told.
pub fn read(object: &ConfigMap, cluster_domain: &str) -> Result<Entry, Error> {
    let registry = registry(object)?;
    let nothing = BTreeMap::new();
    let data = object.data.as_ref().unwrap_or(&nothing);
    let text = |key: &str| data.get(key).map(String::as_str).unwrap_or_default();
    let scheme = match text(SCHEME) {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => return Err(Error::Scheme(other.to_owned())),
    };
    let addresses = text(ADDRESSES).split(',').filter(|address| !address.is_empty()).map(str::parse);
    let told = Told {
        registry: &registry,
        scheme,
        port: text(PORT).parse::<NonZeroU16>().map_err(Error::Port)?,
        addresses: &addresses.collect::<Result<Vec<_>, _>>().map_err(Error::Addresses)?,
        authorities: data.get(key::AUTHORITY).map(String::as_bytes),
    };
    Entry::new(&told, cluster_domain).map_err(Error::Entry)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::node_trust::entry::tests::authority;

    /// The object that tells of the registry `name` in the namespace `apps`.
    pub(in crate::node_trust) fn object(name: &str, address: &str, authorities: Option<&str>) -> ConfigMap {
        let registry = RegistryName { namespace: "apps".into(), name: name.into() };
        let told = Told {
            registry: &registry,
            scheme: Scheme::Https,
            port: NonZeroU16::new(443).unwrap(),
            addresses: &[address.parse().unwrap()],
            authorities: authorities.map(str::as_bytes),
        };
        build(&told, "system", OwnerReference::default())
    }

    #[test]
    fn what_the_operator_tells_is_what_a_node_reads() {
        let authority = authority();
        let team = object("team", "10.96.0.7", Some(&authority));
        assert_eq!(team.name_any(), "team.apps.nodes");
        let entry = read(&team, "cluster.local").unwrap();
        assert_eq!(entry.host(), "team.apps.svc.cluster.local");
        assert_eq!(entry.url(), "https://10.96.0.7:443");
        assert_eq!(entry.authorities(), Some(authority.as_str()));
        assert_eq!(read(&object("open", "10.96.0.8", None), "cluster.local").unwrap().authorities(), None);
    }

    #[test]
    fn an_object_that_says_anything_else_is_refused() {
        let refused = |change: &dyn Fn(&mut ConfigMap)| {
            let mut object = object("team", "10.96.0.7", None);
            change(&mut object);
            read(&object, "cluster.local").unwrap_err()
        };
        let with = |key: &str, value: &str| {
            refused(&|object| _ = object.data.get_or_insert_default().insert(key.to_owned(), value.to_owned()))
        };
        assert_eq!(refused(&|object| object.metadata.name = Some("other.apps.nodes".into())), Error::Name);
        assert_eq!(refused(&|object| object.metadata.labels = None), Error::Name);
        assert_eq!(refused(&|object| object.data = None), Error::Scheme(String::new()));
        for port in ["0", "443\n", "65536"] {
            assert!(matches!(with(PORT, port), Error::Port(_)), "{port}");
        }
        assert!(matches!(with(ADDRESSES, "10.96.0.7,docker.io"), Error::Addresses(_)));
        assert!(matches!(with(ADDRESSES, "127.0.0.1"), Error::Entry(entry::Error::Address(_))));
    }
}
