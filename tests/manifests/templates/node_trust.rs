//! What is on nodes where that is switched on, and who may read there what.

use super::{Case, has, has_no};

const KIND: &str = "DaemonSet";
/// The operator's right to tell nodes.
const TELLER: &str = "RoleBinding -node-trust-operator";

pub(super) const CASES: &[Case] = &[
    has_no("", KIND),
    has("{nodeTrust: {enabled: true}}", KIND, "/spec/template/spec/initContainers/0/args", "[node-trust]"),
    has(
        "{nodeTrust: {enabled: true, canary: {enabled: false}}}",
        KIND,
        "/spec/template/spec/containers/0/args",
        "[node-trust]",
    ),
    has(
        "{nodeTrust: {enabled: true, runtimes: [docker]}}",
        KIND,
        "/spec/template/spec/containers/0/volumeMounts",
        "[{name: docker-certs, mountPath: /host/etc/docker/certs.d, readOnly: false}]",
    ),
    has(
        "{nodeTrust: {enabled: true, containerd: {certsDir: /a}}}",
        KIND,
        "/spec/template/spec/initContainers/0/env/4",
        "{name: CONTAINERD_CERTS_DIR, value: /a}",
    ),
    has(
        "{nodeTrust: {enabled: true, containerd: {configDir: /a}}}",
        KIND,
        "/spec/template/spec/initContainers/0/env/5",
        "{name: CONTAINERD_CONFIG, value: /a/config.toml}",
    ),
    has(
        "{nodeTrust: {enabled: true, nodeSelector: {disk: fast}}}",
        KIND,
        "/spec/template/spec/nodeSelector",
        "{disk: fast, kubernetes.io/os: linux}",
    ),
    has("{nodeTrust: {enabled: true, tolerations: []}}", KIND, "/spec/template/spec/tolerations", "[]"),
    has("{nodeTrust: {enabled: true, priorityClassName: high}}", KIND, "/spec/template/spec/priorityClassName", "high"),
    has(
        "{nodeTrust: {enabled: true, resources: {requests: {cpu: 1}}}}",
        KIND,
        "/spec/template/spec/initContainers/0/resources/requests/cpu",
        "1",
    ),
    has(
        "{nodeTrust: {enabled: true, podSecurityContext: {seLinuxOptions: {type: spc_t}}}}",
        KIND,
        "/spec/template/spec/securityContext/seLinuxOptions",
        "{type: spc_t}",
    ),
    has(
        "{nodeTrust: {enabled: true}, clusterDomain: savannah.local}",
        KIND,
        "/spec/template/spec/initContainers/0/env/3",
        "{name: CLUSTER_DOMAIN, value: savannah.local}",
    ),
    has(
        "{nodeTrust: {enabled: true}, log: {level: debug}}",
        KIND,
        "/spec/template/spec/initContainers/0/env/6",
        "{name: LOG_LEVEL, value: debug}",
    ),
    has(
        "{nodeTrust: {enabled: true}, log: {format: text}}",
        KIND,
        "/spec/template/spec/initContainers/0/env/7",
        "{name: LOG_FORMAT, value: text}",
    ),
    has(
        "{nodeTrust: {enabled: true}, image: {repository: 'example.com:5000/o'}}",
        KIND,
        "/spec/template/spec/initContainers/0/image",
        "'example.com:5000/o:0.1.0'",
    ),
    has(
        "{nodeTrust: {enabled: true}, image: {tag: v7}}",
        KIND,
        "/spec/template/spec/initContainers/0/image",
        "'privateregistry/operator:v7'",
    ),
    has(
        "{nodeTrust: {enabled: true}, image: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}}",
        KIND,
        "/spec/template/spec/initContainers/0/image",
        "'privateregistry/operator:0.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'",
    ),
    has(
        "{nodeTrust: {enabled: true}, image: {pullPolicy: Always}}",
        KIND,
        "/spec/template/spec/initContainers/0/imagePullPolicy",
        "Always",
    ),
    has(
        "{nodeTrust: {enabled: true}, imagePullSecrets: [{name: regcred}]}",
        KIND,
        "/spec/template/spec/imagePullSecrets",
        "[{name: regcred}]",
    ),
    has("{nodeTrust: {enabled: true}, podLabels: {a: b}}", KIND, "/spec/template/metadata/labels/a", "b"),
    has("{nodeTrust: {enabled: true}, podAnnotations: {a: b}}", KIND, "/spec/template/metadata/annotations/a", "b"),
    has(
        "{nodeTrust: {enabled: true}, securityContext: {runAsUser: 7}}",
        KIND,
        "/spec/template/spec/initContainers/0/securityContext/runAsUser",
        "7",
    ),
    has("{nodeTrust: {enabled: true}, serviceAccount: {name: keeper}}", TELLER, "/subjects/0/name", "keeper"),
    has(
        "{nodeTrust: {enabled: true}, serviceAccount: {create: false, name: warden}}",
        TELLER,
        "/subjects/0/name",
        "warden",
    ),
    has("{nodeTrust: {enabled: true}}", "ClusterRole", "/rules/0/resources", "[nodes]"),
    has("{nodeTrust: {enabled: true}, rbac: {create: false}}", KIND, "/kind", "DaemonSet"),
    has(
        "{nodeTrust: {enabled: true}}",
        KIND,
        "/spec/template/spec/containers/0/image",
        "canary.zoo.invalid/node-trust:self",
    ),
    has(
        "{nodeTrust: {enabled: true, canary: {resources: {requests: {cpu: 1}}}}}",
        KIND,
        "/spec/template/spec/containers/0/resources/requests/cpu",
        "1",
    ),
];

#[test]
fn nodes_have_what_values_say() {
    super::judge("node_trust.yaml");
}
