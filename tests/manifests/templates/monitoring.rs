//! Alerts and the dashboard.

use super::{Case, has, has_no, says};

const RULE: &str = "PrometheusRule";
const MAP: &str = "ConfigMap";

pub(super) const CASES: &[Case] = &[
    has_no("", RULE),
    has_no("", MAP),
    has(
        "metrics: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}}",
        RULE,
        "/spec/groups/0/name",
        "private-registry-operator",
    ),
    says(
        "metrics: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true, certificateDays: 3}}",
        "time() < 259200",
    ),
    has(
        "metrics: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true, labels: {a: b}}}",
        RULE,
        "/metadata/labels/a",
        "b",
    ),
    has("metrics: {dashboard: {enabled: true}}", MAP, "/metadata/labels/grafana_dashboard", "'1'"),
    has("metrics: {dashboard: {enabled: true, labels: {a: b}}}", MAP, "/metadata/labels/a", "b"),
    has("metrics: {dashboard: {enabled: true, annotations: {a: b}}}", MAP, "/metadata/annotations", "{a: b}"),
];

#[test]
fn alerts_and_the_dashboard_come_as_values_say() {
    super::judge("monitoring.yaml");
}
