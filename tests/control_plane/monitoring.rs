//! What Prometheus is told: by kinds that come with other software, and about metrics that are really there.

use anyhow::{Context as _, Result, ensure};
use http::Method;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};
use support::command::{command, run, run_with_input};
use support::control_plane::{Options, Stage, on_own_control_plane, own_address};
use support::manifest::{at, parse_all};
use support::prometheus::{missing, named};
use support::root;
use support::secure_server::{User, with_measured_server};
use support::wait::{eventually, until, until_gone};

const MONITORED: &str = "monitoring: {serviceMonitor: {interval: 15s, labels: {release: lens}}, prometheusRule: {}}";

/// Files and names of the definitions.
const MONITORS: (&str, &str) = ("monitoring.coreos.com_servicemonitors", "servicemonitors.monitoring.coreos.com");
const RULES: (&str, &str) = ("monitoring.coreos.com_prometheusrules", "prometheusrules.monitoring.coreos.com");

fn objects(stage: &Stage<'_>, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", kind));
    Api::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &resource)
}

#[tokio::test]
async fn kinds_that_come_later_are_used_and_alerts_and_dashboard_ask_for_what_is_there() -> Result<()> {
    on_own_control_plane("monitoring", Options::default(), async |stage| {
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec(MONITORED)?.ready().await?;
        team.until_condition("MonitoringReady", "False", "servicemonitors.monitoring.coreos.com: install").await?;

        stage.plane.define(MONITORS.0).await?;
        stage.plane.define(RULES.0).await?;
        team.until_condition("MonitoringReady", "True", "are there").await?;
        let (monitors, rules) = (objects(stage, "ServiceMonitor"), objects(stage, "PrometheusRule"));
        let endpoint = at(&monitors.get("team").await?, "/spec/endpoints/0/interval").clone();
        assert_eq!(endpoint, "15s");
        let rule = rules.get("team").await?;

        team.apply(json!({"monitoring": {"serviceMonitor": {"interval": "30s"}}})).await?;
        until_gone(&rules, "team").await?;
        team.apply(json!({})).await?;
        until_gone(&monitors, "team").await?;
        team.apply(json!({"monitoring": {"serviceMonitor": {"interval": "30s"}}})).await?;
        until(&monitors, "team", "being there again", |monitor| monitor.metadata.deletion_timestamp.is_none()).await?;
        // The kind goes, and with it the monitor: told, and no harm to the rest.
        stage.plane.undefine(MONITORS.1).await?;
        stage.plane.undefine(RULES.1).await?;
        team.apply(json!({"monitoring": {"serviceMonitor": {"interval": "1m"}}, "podLabels": {"shelf": "top"}}))
            .await?;
        team.until_condition("MonitoringReady", "False", "servicemonitors.monitoring.coreos.com: install").await?;
        let shelf = |deployment: &k8s_openapi::api::apps::v1::Deployment| {
            let labels = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
            labels.is_some_and(|labels| labels.contains_key("shelf"))
        };
        until(&stage.namespace.api(), "team", "the new label", shelf).await?;

        // By now everything has happened that the operator counts, a watch that failed included.
        let mut objects = chart().await?;
        objects.push(rule);
        queries_are_about_metrics_that_are_there(&objects, &operator.metrics().await?).await
    })
    .await
}

/// Every query is one, and asks for metrics of `operator` or of a server to which everything has happened that is counted; those of
/// the dashboard find something.
async fn queries_are_about_metrics_that_are_there(objects: &[DynamicObject], operator: &str) -> Result<()> {
    let mut queries = Vec::new();
    objects.iter().for_each(|object| collect(&object.data, &mut queries));
    let plain = queries.iter().filter(|query| !query.starts_with("label_values"));
    let plain: Vec<_> = plain.map(|query| query.replace("$__rate_interval", "5m")).collect();
    run_with_input(command("promql", ["queries"]), &plain.join("\n")).await?;
    for rule in objects.iter().filter(|object| at(object, "/spec/groups").is_array()) {
        run_with_input(command("promql", ["rules"]), &at(rule, "/spec").to_string()).await?;
    }
    with_measured_server(&own_address().to_string(), async |server| {
        server.ask(Method::GET, "/v2/team/app/manifests/none", User::Puller).await?;
        std::fs::write(server.folder().join("htpasswd"), "no line of such a file")?;
        let metrics = eventually("a file that was refused", async || {
            let metrics = server.metrics().await?;
            let refused = "registry_reloads_total{file=\"htpasswd\",outcome=\"refused\"} 1";
            ensure!(metrics.contains(refused), "{metrics}");
            Ok(metrics)
        })
        .await?;
        find_all(&queries, &format!("{metrics}{operator}"))?;
        dashboard_finds_something(&metrics, operator).await
    })
    .await
}

/// Every panel of the dashboard shows something of a registry and an operator from which Prometheus has read twice.
async fn dashboard_finds_something(server: &str, operator: &str) -> Result<()> {
    let mut queries = Vec::new();
    collect(&dashboard()?["panels"], &mut queries);
    let filled = |query: &String| {
        let variables = [("$__rate_interval", "5m"), ("$namespace", "apps"), ("$service", "team-metrics")];
        variables.iter().fold(query.clone(), |query, (name, value)| query.replace(name, value))
    };
    let target = |service: &str, scraped: &str| {
        let labels = json!({"namespace": "apps", "service": service, "pod": format!("{service}-0")});
        json!({"labels": labels, "scrapes": [scraped, scraped]})
    };
    let input = json!({
        "targets": [target("team-metrics", server), target("operator-metrics", operator)],
        "queries": queries.iter().map(filled).collect::<Vec<_>>(),
    });
    run_with_input(command("promql", ["answers"]), &input.to_string()).await.map(drop)
}

/// The chart's alerts, and its dashboard as an object.
async fn chart() -> Result<Vec<DynamicObject>> {
    let values = "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true";
    let chart = root().join("charts/private-registry-operator");
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    let arguments = ["template", "giraffe", chart, "--set", values, "--show-only", "templates/monitoring.yaml"];
    let mut objects = parse_all(&run(command("helm", arguments)).await?)?;
    objects.push(DynamicObject { types: None, metadata: kube::api::ObjectMeta::default(), data: dashboard()? });
    Ok(objects)
}

fn dashboard() -> Result<Value> {
    let file = root().join("charts/private-registry-operator/files/dashboard.json");
    Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
}

/// Every query below `value`.
fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match (key.as_str(), value) {
            ("expr" | "query", Value::String(query)) => queries.push(query.clone()),
            _ => collect(value, queries),
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
        _ => {}
    }
}

fn find_all(queries: &[String], exposition: &str) -> Result<()> {
    ensure!(!queries.is_empty(), "no query at all");
    for query in queries {
        for name in named(query) {
            if let Some(problem) = missing(&name, exposition) {
                anyhow::bail!("{query}: {problem} in\n{exposition}");
            }
        }
    }
    Ok(())
}
