//! What the operator decides, and no field can change in passing.

use super::{refused, says};

#[test]
fn the_server_s_configuration_does_not_change_what_other_fields_say() {
    for (config, wanted) in [
        ("auth: {none: {}}", "config.auth: who may log in is said by spec.auth"),
        ("access: {path: /x}", "config.access: who may do what is said by spec.auth"),
        ("storage: {inmemory: {}}", "config.storage: where images are kept is said by spec.storage"),
        ("http: {addr: ':80'}", "config.http: addr, net, tls, secret, debug, draintimeout are the operator's own"),
        ("http: {tls: {key: /k}}", "certificates are said by spec.tls"),
    ] {
        says(&refused(&format!("{{config: {{{config}}}}}")), wanted);
    }
}

#[test]
fn labels_ports_and_annotations_of_ours_stay_ours() {
    says(&refused("{podLabels: {app.kubernetes.io/name: x}}"), "podLabels must not start with app.kubernetes.io/");
    says(
        &refused("{podAnnotations: {privateregistry.io/x: z}}"),
        "podAnnotations must not start with privateregistry.io/",
    );
    says(&refused("{service: {annotations: {privateregistry.io/x: z}}}"), "service.annotations must not start with");
    says(&refused("{service: {nodePort: 30443}}"), "nodePort needs service.type NodePort or LoadBalancer");
    says(&refused("{image: 'two words'}"), "image must be an image reference");
    says(
        &refused("{serviceAccount: {annotations: {privateregistry.io/x: z}}}"),
        "serviceAccount.annotations must not start with",
    );
}

#[test]
fn variables_do_not_change_what_the_operator_decides() {
    let variable = |name: &str| refused(&format!("{{env: [{{name: '{name}', value: x}}]}}"));
    for name in [
        "REGISTRY_CONFIGURATION_PATH",
        "REGISTRY_HTTP_SECRET",
        "REGISTRY_HTTP_ADDR",
        "REGISTRY_HTTP",
        "REGISTRY_HTTP_TLS_CERTIFICATE",
        "REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED",
        "REGISTRY_HTTP_DRAINTIMEOUT",
        "REGISTRY_AUTH",
        "REGISTRY_AUTH_HTPASSWD_PATH",
        "REGISTRY_ACCESS_PATH",
        "REGISTRY_STORAGE",
        "REGISTRY_STORAGE_DELETE_ENABLED",
        "REGISTRY_storage_filesystem_rootdirectory",
    ] {
        says(&variable(name), "this variable belongs to the operator");
    }
    for name in ["1ST", "a=b", "with space", "ä"] {
        says(&variable(name), "the name of an environment variable consists of letters, digits and _ - .");
    }
    assert_eq!(variable("REGISTRY_AUTHOR"), "");
    says(
        &refused("{env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}"),
        "env takes one of value and valueFrom",
    );
}

#[test]
fn root_and_windows_are_spelled_out_or_refused() {
    let context = |fields: &str| refused(&format!("{{podSecurityContext: {{{fields}}}}}"));
    says(&context("runAsUser: 0"), "runAsUser 0 is root: write runAsNonRoot: false beside it");
    says(&context("runAsUser: 0, runAsNonRoot: true"), "runAsUser 0 is root");
    says(&context("windowsOptions: {hostProcess: true}"), "the server runs on Linux alone");
}
