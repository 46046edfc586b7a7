//! How many of the server's Pods may be evicted at once.

use serde_json::json;

use crate::controller::{
    optional_kinds::{OptionalChild, OptionalKind},
    registry::Registry,
};

pub(super) fn pod_disruption_budget(registry: &Registry) -> Option<OptionalChild> {
    let spec = json!({
        "maxUnavailable": registry.exposure.max_unavailable?,
        "selector": {"matchLabels": registry.name.selector()},
        // A server that does not serve is no reason to keep a node.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    });
    let metadata = registry.child_metadata(registry.name.workload(), "registry");
    Some(OptionalKind::PodDisruptionBudget.child(metadata, spec))
}
