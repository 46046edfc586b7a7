//! What Prometheus is told of the registry, as far as the cluster has the kinds for it.

use super::optional::usable;
use crate::{
    api::v1alpha1::PrivateRegistrySpec,
    controller::{
        observe::Observed,
        optional_kinds::OptionalKind,
        registry::{Monitoring, Problem},
    },
};

pub(super) fn monitoring(spec: &PrivateRegistrySpec, observed: &Observed, problems: &mut Vec<Problem>) -> Monitoring {
    let Some(wanted) = &spec.monitoring else { return Monitoring::default() };
    let mut usable = |kind, field| usable(kind, field, observed, problems);
    Monitoring {
        service_monitor: wanted
            .service_monitor
            .clone()
            .filter(|_| usable(OptionalKind::ServiceMonitor, "monitoring.serviceMonitor")),
        prometheus_rule: wanted
            .prometheus_rule
            .clone()
            .filter(|_| usable(OptionalKind::PrometheusRule, "monitoring.prometheusRule")),
    }
}
