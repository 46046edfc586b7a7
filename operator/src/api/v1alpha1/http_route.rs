//! What leads clients outside the cluster to the registry through a gateway.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::ingress::is_public_host;

/// An `HTTPRoute` of the Gateway API, and a `BackendTLSPolicy` with which the gateway verifies the registry's certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// Hosts by which clients outside the cluster name images, such as registry.example.com. They are in the certificate that the
    /// operator issues, and in the pull and push Secrets.
    #[schemars(length(min = 1, max = 16), inner(length(min = 3, max = 253)))]
    #[x_kube(validation = Rule::new(format!("self.all(host, {})", is_public_host("host"))).message("httpRoute.hostnames must be lower \
        case host names with a dot, such as registry.example.com, without scheme, port or path"))]
    pub hostnames: Vec<String>,

    /// Gateways that the route asks to be attached to.
    #[schemars(length(min = 1, max = 16))]
    pub parent_refs: Vec<ParentRef>,

    /// Annotations of the route. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('privateregistry.io/'))")
        .message("httpRoute.annotations must not start with privateregistry.io/: these annotations are the operator's own"))]
    pub annotations: BTreeMap<String, String>,
}

/// A gateway, or one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Its namespace. Defaults to that of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,

    /// Name of the one listener that is meant. Defaults to all that take the hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
}
