//! The Ingress that leads clients outside the cluster to the Service.
//!
//! An Ingress has no fields for what a registry needs of a controller, only annotations of the controller's own: TLS to the
//! backend, bodies of any size that are passed on while they come in, and time for large layers. Those of a controller that the
//! cluster does not have mean nothing to the others. Names and forms of values are from their sources and documentation:
//!
//! | prefix | controller | where |
//! |---|---|---|
//! | `nginx.ingress.kubernetes.io` | kubernetes/ingress-nginx | `internal/ingress/annotations`, against which a test compares them |
//! | `nginx.org` | nginx/kubernetes-ingress | `internal/configs/annotations.go`; times in nginx's form, `900s` |
//! | `haproxy.org` | haproxytech/kubernetes-ingress | `documentation/annotations.md`; `timeout-server` on an Ingress since 1.11 |
//! | `haproxy-ingress.github.io` | jcmoraisjr/haproxy-ingress | <https://haproxy-ingress.github.io/docs/configuration/keys/> |
//! | `alb.ingress.kubernetes.io` | kubernetes-sigs/aws-load-balancer-controller | `pkg/annotations/constants.go`, `docs/guide/ingress/annotations.md`; health is asked for by the protocol of the backend |

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::verified_name;
use crate::{
    controller::{
        issue::Material,
        optional_kinds::{OptionalChild, OptionalKind},
        registry::{Ingress, Registry},
    },
    names::port,
};

/// Seconds without a byte after which a controller gives up: checking a layer of some gigabytes takes the server minutes.
const TIMEOUT: u32 = 900;

pub(super) fn ingress(registry: &Registry, material: &Material) -> Option<OptionalChild> {
    let ingress = registry.exposure.ingress.as_ref()?;
    let mut metadata = registry.child_metadata(registry.name.workload(), "registry");
    let mut annotations = default_annotations(registry, ingress, material);
    annotations.extend(ingress.annotations.clone());
    metadata.annotations = Some(annotations);
    Some(OptionalKind::Ingress.child(metadata, spec(registry, ingress)))
}

fn spec(registry: &Registry, ingress: &Ingress) -> Value {
    let backend = json!({"service": {"name": registry.name.workload(), "port": {"name": port::REGISTRY_NAME}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let mut spec = json!({"rules": [{"host": ingress.host, "http": {"paths": [path]}}]});
    if let Some(class) = &ingress.class_name {
        spec["ingressClassName"] = json!(class);
    }
    let own = || registry.tls.is_enabled().then(|| registry.name.tls_secret());
    if let Some(secret) = ingress.tls_secret_name.clone().or_else(own) {
        spec["tls"] = json!([{"hosts": [ingress.host], "secretName": secret}]);
    }
    spec
}

fn default_annotations(registry: &Registry, ingress: &Ingress, material: &Material) -> BTreeMap<String, String> {
    let seconds = TIMEOUT.to_string();
    let with_unit = format!("{TIMEOUT}s");
    let mut annotations = vec![
        ("nginx.ingress.kubernetes.io/proxy-body-size", "0".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-request-buffering", "off".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-read-timeout", seconds.clone()),
        ("nginx.ingress.kubernetes.io/proxy-send-timeout", seconds),
        ("nginx.org/client-max-body-size", "0".to_owned()),
        ("nginx.org/proxy-read-timeout", with_unit.clone()),
        ("nginx.org/proxy-send-timeout", with_unit.clone()),
        ("haproxy.org/timeout-server", with_unit.clone()),
        ("haproxy-ingress.github.io/timeout-server", with_unit),
    ];
    if registry.tls.is_enabled() {
        annotations.extend(tls_to_the_backend(registry));
        if material.certificate.as_ref().is_some_and(|served| served.authorities.is_some()) {
            annotations.extend(verified_backend(registry, ingress));
        }
    }
    annotations.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn tls_to_the_backend(registry: &Registry) -> [(&'static str, String); 5] {
    [
        ("nginx.ingress.kubernetes.io/backend-protocol", "HTTPS".to_owned()),
        ("nginx.org/ssl-services", registry.name.workload()),
        ("haproxy.org/server-ssl", "true".to_owned()),
        ("haproxy-ingress.github.io/backend-protocol", "h1-ssl".to_owned()),
        ("alb.ingress.kubernetes.io/backend-protocol", "HTTPS".to_owned()),
    ]
}

/// The two controllers that take an authority from a Secret of the form that the registry's has, with `ca.crt`.
fn verified_backend(registry: &Registry, ingress: &Ingress) -> [(&'static str, String); 7] {
    let host = verified_name(registry, Some(&ingress.host));
    let secret = registry.name.tls_secret();
    [
        ("nginx.ingress.kubernetes.io/proxy-ssl-secret", format!("{}/{secret}", registry.name.namespace)),
        ("nginx.ingress.kubernetes.io/proxy-ssl-verify", "on".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-ssl-server-name", "on".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-ssl-name", host.clone()),
        ("haproxy-ingress.github.io/secure-verify-ca-secret", secret),
        ("haproxy-ingress.github.io/secure-verify-hostname", host.clone()),
        ("haproxy-ingress.github.io/secure-sni", host),
    ]
}
