//! What Prometheus is told of a registry.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What Prometheus is told of the registry, through the kinds of the Prometheus operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.prometheusRule) || has(self.serviceMonitor)")
    .message("monitoring.prometheusRule needs monitoring.serviceMonitor: its alerts are about what that one reads"))]
pub struct Monitoring {
    /// Lets Prometheus read the server's metrics. Defaults to not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_monitor: Option<ServiceMonitor>,

    /// Alerts about this registry. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus_rule: Option<PrometheusRule>,
}

/// A `ServiceMonitor`, and a Service for the metrics that leads nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceMonitor {
    /// How often metrics are read: a whole number of seconds or minutes. Defaults to Prometheus' own interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 6))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]*[sm]$')")
        .message("serviceMonitor.interval must be a whole number of seconds or minutes: 30s, 1m"))]
    pub interval: Option<String>,

    /// Labels by which Prometheus selects its monitors. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('app.kubernetes.io/'))")
        .message("serviceMonitor.labels must not start with app.kubernetes.io/: these labels are the operator's own"))]
    pub labels: BTreeMap<String, String>,
}

/// A `PrometheusRule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusRule {
    /// Labels by which Prometheus selects its rules. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('app.kubernetes.io/'))")
        .message("prometheusRule.labels must not start with app.kubernetes.io/: these labels are the operator's own"))]
    pub labels: BTreeMap<String, String>,
}
