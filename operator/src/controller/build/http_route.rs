//! The `HTTPRoute` that leads clients outside the cluster to the Service, and what a gateway needs to verify the registry behind it:
//! a `BackendTLSPolicy`, and the authorities in the `ConfigMap` that it names.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{non_empty, verified_name};
use crate::{
    controller::{
        issue::Material,
        optional_kinds::{OptionalChild, OptionalKind},
        registry::Registry,
    },
    names::key,
};

pub(super) fn http_route(registry: &Registry) -> Option<OptionalChild> {
    let route = registry.exposure.http_route.as_ref()?;
    let mut metadata = registry.child_metadata(registry.name.workload(), "registry");
    metadata.annotations = non_empty(route.annotations.clone());
    let rule = json!({
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": registry.name.workload(), "port": registry.service.port}],
        // No limit: a layer takes as long as its client needs.
        "timeouts": {"request": "0s"},
    });
    let spec = json!({"hostnames": route.hostnames, "parentRefs": route.parent_refs, "rules": [rule]});
    Some(OptionalKind::HttpRoute.child(metadata, spec))
}

pub(super) fn backend_tls_policy(registry: &Registry, material: &Material) -> Option<OptionalChild> {
    let route = registry.exposure.http_route.as_ref().filter(|route| route.backend_tls_policy)?;
    let authorities = authorities(registry, material);
    let mut validation = json!({"hostname": verified_name(registry, route.hostnames.first())});
    match &authorities {
        Some(_) => {
            let reference = json!({"group": "", "kind": "ConfigMap", "name": registry.name.authorities_config_map()});
            validation["caCertificateRefs"] = json!([reference]);
        }
        // A certificate whose authority nobody told is one that everybody knows.
        None => validation["wellKnownCACertificates"] = json!("System"),
    }
    let target = json!({"group": "", "kind": "Service", "name": registry.name.workload()});
    let metadata = registry.child_metadata(registry.name.workload(), "registry");
    let spec = json!({"targetRefs": [target], "validation": validation});
    Some(OptionalKind::BackendTlsPolicy.child(metadata, spec))
}

/// The authorities, readable by whoever reads `ConfigMaps`: they are no secret.
pub(super) fn authorities(registry: &Registry, material: &Material) -> Option<ConfigMap> {
    registry.exposure.http_route.as_ref().filter(|route| route.backend_tls_policy)?;
    let bundle = material.certificate.as_ref()?.authorities.clone()?;
    Some(ConfigMap {
        metadata: registry.child_metadata(registry.name.authorities_config_map(), "certificate"),
        // PEM, which is ASCII.
        data: Some([(key::AUTHORITY.to_owned(), String::from_utf8(bundle).ok()?)].into()),
        ..ConfigMap::default()
    })
}
