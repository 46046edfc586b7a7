//! What the operator's Deployment and the Pod of `helm test` have in common.

use super::{Case, has};

/// Cases of the Pod at a JSON pointer of an object.
macro_rules! pod {
    ($kind:literal, $at:literal) => {
        &[
            has("image: {repository: 'example.com:5000/o'}", $kind, image!($at), "'example.com:5000/o:0.1.0'"),
            has("image: {tag: v7}", $kind, image!($at), "'privateregistry/operator:v7'"),
            has(
                "image: {digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}",
                $kind,
                image!($at),
                "'privateregistry/operator:0.1.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'",
            ),
            has("image: {pullPolicy: Always}", $kind, container!($at, "/imagePullPolicy"), "Always"),
            has("resources: {requests: {cpu: 1}}", $kind, container!($at, "/resources/requests/cpu"), "1"),
            has("resources: {limits: {memory: 1Gi}}", $kind, container!($at, "/resources/limits/memory"), "1Gi"),
            has("resources: {claims: [{name: a}]}", $kind, container!($at, "/resources/claims"), "[{name: a}]"),
            has("securityContext: {runAsUser: 7}", $kind, container!($at, "/securityContext/runAsUser"), "7"),
            has("imagePullSecrets: [{name: regcred}]", $kind, concat!($at, "/imagePullSecrets"), "[{name: regcred}]"),
            has("serviceAccount: {name: keeper}", $kind, concat!($at, "/serviceAccountName"), "keeper"),
            has("serviceAccount: {create: false, name: warden}", $kind, concat!($at, "/serviceAccountName"), "warden"),
            has("podSecurityContext: {fsGroup: 7}", $kind, concat!($at, "/securityContext/fsGroup"), "7"),
            has(
                "podSecurityContext: {runAsUser: null, runAsGroup: null}",
                $kind,
                concat!($at, "/securityContext"),
                "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}",
            ),
            has("nodeSelector: {disk: fast}", $kind, concat!($at, "/nodeSelector"), "{disk: fast}"),
            has("tolerations: [{operator: Exists}]", $kind, concat!($at, "/tolerations"), "[{operator: Exists}]"),
        ]
    };
}

macro_rules! container {
    ($at:literal, $field:literal) => {
        concat!($at, "/containers/0", $field)
    };
}

macro_rules! image {
    ($at:literal) => {
        container!($at, "/image")
    };
}

pub(super) const OF_DEPLOYMENT: &[Case] = pod!("Deployment", "/spec/template/spec");
pub(super) const OF_CHECK: &[Case] = pod!("Pod", "/spec");
