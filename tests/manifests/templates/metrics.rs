//! The Service of the metrics, and the `ServiceMonitor`.

use super::{Case, has, has_no};

const MONITOR: &str = "ServiceMonitor";

pub(super) const CASES: &[Case] = &[
    has_no("metrics: {service: {enabled: false}}", "Service"),
    has("metrics: {service: {port: 9090}}", "Service", "/spec/ports/0/port", "9090"),
    has("metrics: {service: {annotations: {a: b}}}", "Service", "/metadata/annotations", "{a: b}"),
    has_no("", MONITOR),
    has("metrics: {serviceMonitor: {enabled: true}}", MONITOR, "/spec/endpoints/0/interval", "30s"),
    has("metrics: {serviceMonitor: {enabled: true, interval: 10s}}", MONITOR, "/spec/endpoints/0/interval", "10s"),
    has("metrics: {serviceMonitor: {enabled: true, labels: {a: b}}}", MONITOR, "/metadata/labels/a", "b"),
];

#[test]
fn metrics_are_offered_as_values_say() {
    super::judge("metrics.yaml");
}
