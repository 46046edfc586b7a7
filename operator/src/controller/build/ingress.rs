//! The Ingress that leads clients outside the cluster to the Service.
//!
//! An Ingress has no fields for what a registry needs of a controller, only annotations of the controller's own: TLS to the
//! backend, bodies of any size that are passed on while they come in, and time for large layers. Those of a controller that the
//! cluster does not have mean nothing to the others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

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
    let mut annotations = default_annotations(registry, material);
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

fn default_annotations(registry: &Registry, material: &Material) -> BTreeMap<String, String> {
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
            annotations.extend(verified_backend(registry));
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

/// The one controller that takes an authority from a Secret of the form that the registry's has.
fn verified_backend(registry: &Registry) -> [(&'static str, String); 4] {
    let [.., host] = registry.name.hosts(&registry.cluster_domain);
    let secret = format!("{}/{}", registry.name.namespace, registry.name.tls_secret());
    [
        ("nginx.ingress.kubernetes.io/proxy-ssl-secret", secret),
        ("nginx.ingress.kubernetes.io/proxy-ssl-verify", "on".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-ssl-server-name", "on".to_owned()),
        ("nginx.ingress.kubernetes.io/proxy-ssl-name", host),
    ]
}
