//! Whether nodes pull from the registry by its name in the cluster.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Nodes are told where the registry is and whom to trust for it. There is nothing to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeTrust {}
