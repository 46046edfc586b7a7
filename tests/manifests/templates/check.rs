//! The Pod of `helm test`, beside what `pod` says of it.

use super::{Case, has};

const KIND: &str = "Pod";

pub(super) const CASES: &[Case] = &[
    has("", KIND, "/metadata/annotations/helm.sh~1hook", "test"),
    has("", KIND, "/spec/containers/0/args", "[check]"),
    // No Pod of the operator's.
    has("", KIND, "/metadata/labels/app.kubernetes.io~1name", "private-registry-operator-check"),
    has(
        "watchNamespaces: [lion, zebra]",
        KIND,
        "/spec/containers/0/env/0",
        "{name: WATCH_NAMESPACES, value: 'lion,zebra'}",
    ),
    has("leaderElection: {enabled: false}", KIND, "/spec/containers/0/env/0", "{name: LEADER_ELECT, value: 'false'}"),
    // It may run beside the operator, whatever that says of other Pods.
    has("affinity: {nodeAffinity: {a: b}, podAntiAffinity: {c: d}}", KIND, "/spec/affinity", "{nodeAffinity: {a: b}}"),
];

#[test]
fn the_test_is_a_pod_as_the_operator_s_and_none_of_its() {
    super::judge("tests/check.yaml");
}
