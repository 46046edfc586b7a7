//! What lets Prometheus read the server's metrics: a Service of their own, because the registry's may lead outside, and a
//! `ServiceMonitor` that names it.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use serde_json::json;

use crate::{
    controller::{
        optional_kinds::{OptionalChild, OptionalKind},
        registry::Registry,
    },
    names::{label, port},
};

/// What is in `app.kubernetes.io/component` of the two.
const COMPONENT: &str = "metrics";

pub(super) fn metrics_service(registry: &Registry) -> Option<Service> {
    registry.monitoring.service_monitor.as_ref()?;
    Some(Service {
        metadata: registry.child_metadata(registry.name.metrics_service(), COMPONENT),
        spec: Some(ServiceSpec {
            // Prometheus speaks to each Pod, and above all to one that is not ready.
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(registry.name.selector()),
            ports: Some(vec![ServicePort {
                name: Some(port::METRICS_NAME.to_owned()),
                port: port::DEBUG,
                target_port: Some(IntOrString::String(port::DEBUG_NAME.to_owned())),
                protocol: Some("TCP".to_owned()),
                app_protocol: Some("http".to_owned()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

pub(super) fn service_monitor(registry: &Registry) -> Option<OptionalChild> {
    let wanted = registry.monitoring.service_monitor.as_ref()?;
    let mut metadata = registry.child_metadata(registry.name.workload(), COMPONENT);
    metadata.labels.get_or_insert_default().extend(wanted.labels.clone());
    let mut endpoint = json!({"port": port::METRICS_NAME, "path": "/metrics", "scheme": "http"});
    if let Some(interval) = &wanted.interval {
        endpoint["interval"] = json!(interval);
    }
    let mut selector = registry.name.selector();
    selector.insert(label::COMPONENT.to_owned(), COMPONENT.to_owned());
    let spec = json!({"selector": {"matchLabels": selector}, "endpoints": [endpoint]});
    Some(OptionalKind::ServiceMonitor.child(metadata, spec))
}
