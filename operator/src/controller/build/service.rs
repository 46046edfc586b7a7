//! The Service under which the registry is reached.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::non_empty;
use crate::{api::v1alpha1::IpFamilyPolicy, controller::registry::Registry, names::port};

pub(super) fn service(registry: &Registry) -> Service {
    let mut metadata = registry.child_metadata(registry.name.workload(), "registry");
    metadata.annotations = non_empty(registry.service.annotations.clone());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(registry.service.type_.as_str().to_owned()),
            load_balancer_class: registry.service.load_balancer_class.clone(),
            ip_family_policy: registry.service.ip_family_policy.map(IpFamilyPolicy::as_str).map(str::to_owned),
            selector: Some(registry.name.selector()),
            ports: Some(vec![ServicePort {
                name: Some(port::REGISTRY_NAME.to_owned()),
                port: registry.service.port,
                target_port: Some(IntOrString::String(port::REGISTRY_NAME.to_owned())),
                node_port: registry.service.node_port,
                protocol: Some("TCP".to_owned()),
                app_protocol: Some(if registry.tls.is_enabled() { "https" } else { "http" }.to_owned()),
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
