//! Alerts come when they should, and at no other time, and say what they should: by promtool's unit tests of rules. The rules are those
//! that the operator writes for a registry and those of the chart; the series stand in `alerts/`.

use anyhow::{Context as _, Result};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use support::command::{command, run};
use support::control_plane::{Options, on_own_control_plane};
use support::home::Home;
use support::manifest::{at, parse_all};
use support::operator::{NAMESPACE, RELEASE};
use support::root;
use support::wait::until;

const MONITORED: &str = "monitoring: {serviceMonitor: {}, prometheusRule: {}}";

/// Checks rules and has them tested by a file of `alerts/`, which knows them as `rules.yaml`.
async fn tested(rules: &DynamicObject, test: &str) -> Result<()> {
    let home = Home::new("")?;
    home.write("rules.yaml", at(rules, "/spec").to_string())?;
    home.write("test.yaml", std::fs::read(root().join("tests/ecosystem/alerts").join(test))?)?;
    home.run("promtool", ["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"]).await?;
    home.run("promtool", ["test", "rules", "test.yaml"]).await.map(drop)
}

#[tokio::test]
async fn alerts_of_a_registry_come_when_something_is_wrong_with_it() -> Result<()> {
    on_own_control_plane("alerts", Options::default(), async |stage| {
        for kind in ["servicemonitors", "prometheusrules"] {
            stage.plane.define(&format!("monitoring.coreos.com_{kind}")).await?;
        }
        let _operator = stage.operator()?.start().await?;
        stage.namespace.registry("team").spec(MONITORED)?.created().await?;
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule"));
        let api = Api::<DynamicObject>::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &kind);
        let mut rules = until(&api, "team", "being there", |_| true).await?;
        // The series know it as apps/team.
        let told = rules.data.to_string().replace(stage.namespace.name(), "apps");
        rules.data = serde_json::from_str(&told)?;
        tested(&rules, "registry.yaml").await
    })
    .await
}

#[tokio::test]
async fn alerts_of_the_operator_come_when_something_is_wrong_with_it() -> Result<()> {
    let values = "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true";
    let chart = root().join("charts").join(RELEASE);
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    let render = ["template", RELEASE, chart, "--namespace", NAMESPACE, "--set", values];
    let objects = parse_all(&run(command("helm", render)).await?)?;
    let is_rule = |object: &&DynamicObject| at(object, "/spec/groups").is_array();
    tested(objects.iter().find(is_rule).context("the chart has no rules")?, "operator.yaml").await
}
