//! What the chart has for Prometheus and Grafana.

use serde_json::Value;

use crate::tools::{RELEASE, read, render, the, try_render};

const RULES: [&str; 2] = ["metrics.serviceMonitor.enabled=true", "metrics.prometheusRule.enabled=true"];

fn alerts() -> Vec<Value> {
    let objects = render(&RULES);
    the(&objects, "PrometheusRule")["spec"]["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn every_alert_says_what_has_happened_and_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() >= 6);
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        for annotation in ["summary", "description"] {
            assert!(
                alert["annotations"][annotation].as_str().is_some_and(|text| text.len() > 30),
                "{name}: {annotation}"
            );
        }
        assert!(["warning", "critical"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn alerts_are_about_the_operator_of_this_release() {
    for alert in alerts() {
        let expression = alert["expr"].as_str().unwrap();
        assert!(
            expression.contains(&format!("service=\"{RELEASE}-private-registry-operator-metrics\"")),
            "{expression}"
        );
    }
    let refusal = try_render(&["metrics.prometheusRule.enabled=true"]).unwrap_err();
    assert!(refusal.contains("metrics.prometheusRule.enabled needs metrics.serviceMonitor.enabled"), "{refusal}");
}

#[test]
fn the_dashboard_is_found_by_grafana_and_is_the_file_of_the_chart() {
    let objects = render(&["metrics.dashboard.enabled=true"]);
    let map = the(&objects, "ConfigMap");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let shown: Value = serde_json::from_str(map["data"]["private-registry.json"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&read("charts/private-registry-operator/files/dashboard.json")).unwrap();
    assert_eq!(shown, file);
    let panels = file["panels"].as_array().unwrap();
    let described = panels.iter().filter(|panel| panel["type"] != "row");
    assert!(described.clone().count() > 10);
    assert!(described.clone().all(|panel| panel["description"].as_str().is_some_and(|text| text.ends_with('.'))));
}
