//! What leads clients outside the cluster to the registry through an ingress controller.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::is_object_name;

/// An Ingress for the registry, with TLS in front of it and behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// Host by which clients outside the cluster name images, such as registry.example.com. It is in the certificate that the
    /// operator issues, and in the pull and push Secrets.
    #[schemars(length(min = 3, max = 253))]
    #[x_kube(validation = Rule::new(is_public_host("self")).message("ingress.host must be a lower case host name with a dot, such \
        as registry.example.com, without scheme, port or path"))]
    pub host: String,

    /// Class of the ingress controller. Defaults to the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,

    /// Annotations of the Ingress. They are added to those that make the usual controllers speak TLS to the registry and let large
    /// layers through, and win over them. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('privateregistry.io/'))")
        .message("ingress.annotations must not start with privateregistry.io/: these annotations are the operator's own"))]
    pub annotations: BTreeMap<String, String>,

    /// Secret of type kubernetes.io/tls in the same namespace whose certificate the ingress controller shows to clients. Defaults
    /// to the registry's own certificate; without TLS, to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(is_object_name("self")).message("ingress.tlsSecretName must be the name of a Secret in the same \
        namespace: lower case letters, digits, '-' and '.'"))]
    pub tls_secret_name: Option<String>,
}

/// CEL: whether clients take `value` for the host of an image, which without a dot they would take for a repository.
pub(super) fn is_public_host(value: &str) -> String {
    format!("{value}.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$')")
}
