//! What leads to a registry from outside the cluster, and who may come.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;

use crate::api::v1alpha1::ParentRef;

/// What leads to the registry from outside the cluster, and who may come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposure {
    /// What a load balancer has given the Service; empty for a Service of another type, and until it has.
    pub load_balancer: Vec<Host>,
    /// What leads to it through an ingress controller.
    pub ingress: Option<Ingress>,
    /// What leads to it through a gateway.
    pub http_route: Option<HttpRoute>,
    /// Who may reach the Pod; `None` for everybody.
    pub network_policy: Option<NetworkPolicy>,
    /// Pods that may be evicted at once; `None` for no budget.
    pub max_unavailable: Option<i32>,
}

impl Exposure {
    /// Names that the certificate needs beside those of the Service.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let ingress = self.ingress.iter().map(|ingress| ingress.host.clone());
        let routes = self.http_route.iter().flat_map(|route| route.hostnames.clone());
        self.load_balancer.iter().filter_map(Host::name).chain(ingress).chain(routes)
    }

    /// Whether clients come through something that speaks HTTP itself.
    #[must_use]
    pub const fn is_proxied(&self) -> bool {
        self.ingress.is_some() || self.http_route.is_some()
    }

    /// Addresses that the certificate needs beside those of the Service.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.load_balancer.iter().filter_map(Host::address)
    }
}

/// What leads to the registry through an ingress controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// The host that clients name.
    pub host: String,
    /// Class of the controller.
    pub class_name: Option<String>,
    /// Annotations that win over the operator's own.
    pub annotations: BTreeMap<String, String>,
    /// Secret with the certificate that clients see, when it is another one than the registry's.
    pub tls_secret_name: Option<String>,
}

/// What leads to the registry through a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRoute {
    /// The hosts that clients name.
    pub hostnames: Vec<String>,
    /// The gateways.
    pub parent_refs: Vec<ParentRef>,
    /// Annotations of the route.
    pub annotations: BTreeMap<String, String>,
    /// Whether the gateway is told how to verify the registry.
    pub backend_tls_policy: bool,
}

/// Who may reach the Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkPolicy {
    /// Who may pull and push; nobody stands for the Pods of the namespace.
    pub allowed_peers: Vec<NetworkPolicyPeer>,
    /// Who may read metrics beside the operator.
    pub metrics_peers: Vec<NetworkPolicyPeer>,
    /// Where the operator is.
    pub operator_namespace: String,
}

/// A name or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    fn name(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Address(_) => None,
        }
    }

    const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::Address(address) => Some(*address),
        }
    }
}

/// As it stands in a URL (RFC 3986 section 3.2.2).
impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}
