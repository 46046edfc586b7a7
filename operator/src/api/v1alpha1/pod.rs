//! Parts of the spec that are handed to the Pod as they are.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::EnvVarSource, apimachinery::pkg::api::resource::Quantity};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When the kubelet pulls the server's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At every start of the container.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// Not at all: the node must have it.
    Never,
}

impl ImagePullPolicy {
    /// As the Pod API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// Resources of the server's container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler sets aside, such as cpu: 50m. Defaults to the limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, Quantity>,
    /// What the container may use at most, such as memory: 512Mi. Defaults to no limit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, Quantity>,
}

/// An environment variable of the server's container: `value` or `valueFrom`, or neither for an empty one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.value) && has(self.valueFrom))").message("env takes one of value and valueFrom, not both"))]
pub struct EnvVar {
    /// Name of the variable: letters, digits and `_ - .`, not starting with a digit. Variables that would change what the operator
    /// itself decides about the server (where it listens, who may log in, where blobs are kept) are refused.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z_.-][A-Za-z0-9_.-]*$')")
            .message("the name of an environment variable consists of letters, digits and _ - . and does not start with a digit"),
        validation = Rule::new(format!("!self.matches('{OWNED_VARIABLES}')"))
            .message("this variable belongs to the operator: auth, access, tls, storage, addresses and the HTTP secret are \
                      configured by other fields of the spec")
    )]
    pub name: String,

    /// Value of the variable. `$(NAME)` stands for another variable, as in Pods. Defaults to the empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub value: Option<String>,

    /// Where the value is found, as in Pods: a key of a Secret or `ConfigMap`, a field of the Pod, a resource of the container.
    /// Defaults to nowhere: `value` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// Variables of the server that override what the operator writes into its config.yml. What follows the prefix is read by the
/// server whatever its case.
const OWNED_VARIABLES: &str = "^REGISTRY_(?i:CONFIGURATION_PATH|VERSION|(AUTH|ACCESS|STORAGE|HTTP_(ADDR|NET|SECRET|TLS|DEBUG|DRAINTIMEOUT))(_.*)?|HTTP)$";

/// The `ServiceAccount` of the registry's Pod: one that exists, or the operator's own with annotations. Neither way a token
/// for the API server is mounted, because the server has no use for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.name) || !has(self.annotations)")
    .message("serviceAccount takes one of name and annotations: annotate the ServiceAccount that exists yourself"))]
pub struct ServiceAccount {
    /// Name of a `ServiceAccount` in the same namespace that exists already. Defaults to the registry's own name and to one that the
    /// operator makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,

    /// Annotations of the operator's own `ServiceAccount`, such as `eks.amazonaws.com/role-arn`, by which a cloud gives the Pod a role.
    /// Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('privateregistry.io/'))").message(
        "serviceAccount.annotations must not start with privateregistry.io/: these annotations are the operator's own"))]
    pub annotations: BTreeMap<String, String>,
}
