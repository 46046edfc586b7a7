//! The budget of several Pods.

use super::{Case, has, has_no};

pub(super) const CASES: &[Case] =
    &[has_no("", "PodDisruptionBudget"), has("replicas: 2", "PodDisruptionBudget", "/spec/minAvailable", "1")];

#[test]
fn several_pods_have_a_budget() {
    super::judge("pod_disruption_budget.yaml");
}
