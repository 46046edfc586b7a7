//! The operator's Deployment, beside what `pod` says of its Pod.

use super::{Case, Outcome, has};

const KIND: &str = "Deployment";
const CONTEXT: &str = "/spec/template/spec/containers/0/securityContext";

/// A setting is a variable of this place in the list.
macro_rules! setting {
    ($values:literal, $place:literal, $yaml:literal) => {
        Case {
            values: $values,
            outcome: Outcome::Has(KIND, concat!("/spec/template/spec/containers/0/env/", $place), $yaml),
        }
    };
}

pub(super) const CASES: &[Case] = &[
    has("replicas: 2", KIND, "/spec/replicas", "2"),
    setting!("serverImage: {repository: example.com/s}", 0, "{name: SERVER_IMAGE, value: 'example.com/s:0.1.0'}"),
    setting!("serverImage: {tag: v7}", 0, "{name: SERVER_IMAGE, value: 'privateregistry/server:v7'}"),
    setting!(
        "serverImage: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}",
        0,
        "{name: SERVER_IMAGE, value: 'privateregistry/server:0.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}"
    ),
    setting!("clusterDomain: savannah.local", 1, "{name: CLUSTER_DOMAIN, value: savannah.local}"),
    setting!("watchNamespaces: [lion, zebra]", 2, "{name: WATCH_NAMESPACES, value: 'lion,zebra'}"),
    setting!("pullSecrets: {namespaces: [zebra]}", 2, "{name: PULL_SECRET_NAMESPACES, value: zebra}"),
    setting!(
        "nodeTrust: {enabled: true}",
        2,
        "{name: NODE_TRUST_DAEMON_SET, value: giraffe-private-registry-operator-node-trust}"
    ),
    setting!("credentials: {gracePeriod: 90s}", 2, "{name: CREDENTIALS_GRACE_PERIOD, value: 90s}"),
    setting!("concurrency: 3", 3, "{name: CONCURRENCY, value: '3'}"),
    setting!("leaderElection: {enabled: false}", 4, "{name: LEADER_ELECT, value: 'false'}"),
    has("leaderElection: {enabled: false}", KIND, "/spec/strategy", "{type: Recreate}"),
    setting!("log: {level: debug}", 5, "{name: LOG_LEVEL, value: debug}"),
    setting!("log: {format: text}", 6, "{name: LOG_FORMAT, value: text}"),
    has(
        "securityContext: {runAsUser: 7}",
        KIND,
        CONTEXT,
        "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}, runAsUser: 7}",
    ),
    has("affinity: {nodeAffinity: {a: b}}", KIND, "/spec/template/spec/affinity", "{nodeAffinity: {a: b}}"),
    has(
        "topologySpreadConstraints: [{maxSkew: 1}]",
        KIND,
        "/spec/template/spec/topologySpreadConstraints",
        "[{maxSkew: 1}]",
    ),
    has("priorityClassName: high", KIND, "/spec/template/spec/priorityClassName", "high"),
    has("podLabels: {team: savannah}", KIND, "/spec/template/metadata/labels/team", "savannah"),
    has("podAnnotations: {a: b}", KIND, "/spec/template/metadata/annotations", "{a: b}"),
];

#[test]
fn the_pod_is_what_values_say() {
    super::judge("deployment.yaml");
}
