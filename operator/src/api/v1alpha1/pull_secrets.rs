//! Where else Pods may pull from the registry.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_object_name;

/// Copies of the pull Secret in other namespaces, and service accounts whose Pods pull with it without naming it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullSecrets {
    /// Namespaces that get a copy of the pull Secret, among those that take copies: by their label
    /// `privateregistry.io/pull-secrets: "true"`, or because the administrator has listed them for the operator. `{}` selects all
    /// of those. The copy's name is `<name>.<namespace>.pull`, after the registry. Defaults to no namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,

    /// Names of service accounts to whose `imagePullSecrets` the pull Secret is added, in the registry's own namespace and in each
    /// namespace with a copy. One that does not exist gets it when it appears. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(format!("self.all(name, {})", is_object_name("name"))).message("pullSecrets.serviceAccounts must be \
            names of service accounts: lower case letters, digits, '-' and '.'")
    )]
    pub service_accounts: Vec<String>,
}

/// Which namespaces are meant, by their labels: all that is written has to be true of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels with their values. `kubernetes.io/metadata.name` is a namespace's own name. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub match_labels: BTreeMap<String, String>,

    /// Conditions on labels. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<NamespaceRequirement>,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)")
    .message("namespaceSelector.matchExpressions: In and NotIn need values, Exists and DoesNotExist take none"))]
pub struct NamespaceRequirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// What is to be true of it.
    pub operator: LabelOperator,

    /// Values for `In` and `NotIn`. Defaults to none, as `Exists` and `DoesNotExist` want it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// What can be asked of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// It has one of the values.
    In,
    /// It is not there, or has none of the values.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}
