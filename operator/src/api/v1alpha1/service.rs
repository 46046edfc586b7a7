//! The Service under which the registry is reached.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Service under which the registry is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.nodePort) || self.type != 'ClusterIP'")
        .message("service.nodePort needs service.type NodePort or LoadBalancer"),
    validation = Rule::new("!has(self.loadBalancerClass) || self.type == 'LoadBalancer'")
        .message("service.loadBalancerClass needs service.type LoadBalancer"),
    validation = Rule::new("self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || (has(self.loadBalancerClass) ? \
        has(oldSelf.loadBalancerClass) && self.loadBalancerClass == oldSelf.loadBalancerClass : !has(oldSelf.loadBalancerClass))")
        .message("service.loadBalancerClass cannot change while service.type is LoadBalancer: set service.type to ClusterIP \
        first, then back with the other class")
)]
pub struct Service {
    /// How the Service is exposed. Defaults to `ClusterIP`.
    #[serde(rename = "type", default)]
    pub type_: ServiceType,

    /// Port of the Service. Defaults to 443, or 80 without TLS. With another port, images are named with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,

    /// Port on every node, for the types `NodePort` and `LoadBalancer`. Defaults to one that Kubernetes chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,

    /// Class of the load balancer, for the type `LoadBalancer`. Defaults to the cluster's own. It cannot change while the type is
    /// `LoadBalancer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 316))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')")
        .message("service.loadBalancerClass must be a name such as internal-vip or example.com/internal-vip"))]
    pub load_balancer_class: Option<String>,

    /// Whether the Service has addresses of one or of both IP families. Defaults to `SingleStack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IpFamilyPolicy")]
    pub ip_family_policy: Option<IpFamilyPolicy>,

    /// Annotations of the Service, for instance those that a cloud's load balancer reads. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('privateregistry.io/'))")
        .message("service.annotations must not start with privateregistry.io/: these annotations are the operator's own"))]
    pub annotations: BTreeMap<String, String>,
}

/// How the Service is exposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Inside the cluster.
    #[default]
    ClusterIP,
    /// Also on a port of every node.
    NodePort,
    /// Also through a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// As the Service API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// Of which IP families the Service has addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilyPolicy {
    /// The cluster's first family.
    SingleStack,
    /// Both, where the cluster has both.
    PreferDualStack,
    /// Both; a cluster that does not have both refuses the Service.
    RequireDualStack,
}

impl IpFamilyPolicy {
    /// As the Service API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SingleStack => "SingleStack",
            Self::PreferDualStack => "PreferDualStack",
            Self::RequireDualStack => "RequireDualStack",
        }
    }
}
