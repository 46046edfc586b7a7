//! Whether Prometheus is told what the spec asks for.

use super::{Finding, Pass, problem};
use crate::controller::registry::About;

/// Nothing where nothing is asked for.
pub(super) fn monitoring(pass: &Pass<'_>) -> Option<Finding> {
    if let Some(problem) = problem(pass, |problem| problem.about == About::Monitoring) {
        return Some(problem.into());
    }
    let asked = &pass.registry.monitoring;
    let (monitor, rule) = (asked.service_monitor.is_some(), asked.prometheus_rule.is_some());
    let name = pass.registry.name.workload();
    let what = match (monitor, rule) {
        (true, true) => format!("ServiceMonitor {name} and PrometheusRule {name} are there"),
        (true, false) => format!("ServiceMonitor {name} is there"),
        (false, true) => format!("PrometheusRule {name} is there"),
        (false, false) => return None,
    };
    Some(Finding::new(true, "Created", what))
}
