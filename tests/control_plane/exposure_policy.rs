//! What the chart's policy lets a registry ask for, where whoever runs the cluster has restricted what leads to it from outside.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use support::command::{command, run};
use support::control_plane::{Options, Stage, on_own_control_plane};
use support::registry::Registry;
use support::root;
use support::wait::eventually;

const EXPOSURE: &str = r#"{"restricted": true, "allowedHosts": ["*.{namespace}.example.com", "registry.example.com"],
    "allowedServiceTypes": ["ClusterIP", "NodePort"], "allowedAnnotations": ["example.com/*", "exact"]}"#;

fn ingress(host: &str) -> Value {
    json!({"ingress": {"host": host}})
}

fn route(hosts: &[&str]) -> Value {
    json!({"httpRoute": {"hostnames": hosts, "parentRefs": [{"name": "public"}]}})
}

/// Specs that are refused, and what the refusal has to say.
fn refused() -> Vec<(Value, &'static str)> {
    let elsewhere = "does not allow the host of spec.ingress or spec.httpRoute";
    let annotation = "does not allow an annotation";
    vec![
        (ingress("shop.example.com"), elsewhere),
        (ingress("team.other.example.com"), elsewhere),
        (ingress("xregistry.example.com"), elsewhere),
        (route(&["registry.example.com", "shop.example.com"]), elsewhere),
        (
            json!({"service": {"type": "LoadBalancer"}}),
            "spec.service.type LoadBalancer; allowed are: ClusterIP, NodePort",
        ),
        (json!({"service": {"annotations": {"example.org/a": "b"}}}), annotation),
        (
            json!({"ingress": {"host": "registry.example.com", "annotations":
                {"nginx.ingress.kubernetes.io/server-alias": "shop.example.com"}}}),
            annotation,
        ),
    ]
}

fn allowed(namespace: &str) -> [Value; 4] {
    [
        json!({}),
        ingress(&format!("team.{namespace}.example.com")),
        route(&["registry.example.com"]),
        json!({"service": {"type": "NodePort", "annotations": {"example.com/any": "a", "exact": "b"}}}),
    ]
}

#[tokio::test]
async fn a_restricted_cluster_refuses_hosts_types_and_annotations_that_are_not_listed() -> Result<()> {
    on_own_control_plane("exposure-policy", Options::default(), async |stage| {
        let older = stage.namespace.registry("older").spec("service: {type: LoadBalancer}")?.created().await?;
        restrict(stage, EXPOSURE).await?;
        let team = Registry::named(&stage.namespace, "team");
        for (spec, why) in refused() {
            // The API server takes a moment to know of a policy.
            eventually("a refusal", async || {
                // What was stored before it knew is no change any more.
                team.apply(json!({})).await?;
                let refusal = team.apply(spec.clone()).await.err().with_context(|| format!("{spec} was stored"))?;
                ensure!(format!("{refusal:#}").contains(why), "{spec}: {refusal:#}");
                Ok(())
            })
            .await?;
        }
        for spec in allowed(stage.namespace.name()) {
            team.apply(spec).await?;
        }
        // What is there stays, and the operator can work with it.
        let _operator = stage.operator()?.start().await?;
        older.until_condition("Ready", "False", "").await?;
        older.apply(json!({"service": {"type": "LoadBalancer"}})).await?;
        ensure!(older.apply(json!({"service": {"type": "LoadBalancer", "port": 444}})).await.is_err(), "it was stored");
        older.delete().await?;

        // Restricted and nothing listed: what needs nothing from outside.
        restrict(stage, r#"{"restricted": true}"#).await?;
        eventually("a refusal", async || {
            team.apply(json!({})).await?;
            let refusal = team.apply(ingress("registry.example.com")).await.err().context("it was stored")?;
            ensure!(format!("{refusal:#}").contains("allowed are: none"), "{refusal:#}");
            Ok(())
        })
        .await?;
        team.apply(json!({})).await
    })
    .await
}

/// Applies the chart's policy with these values.
async fn restrict(stage: &Stage<'_>, exposure: &str) -> Result<()> {
    let chart = root().join("charts/private-registry-operator");
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    let exposure = format!("exposure={exposure}");
    let arguments = ["template", "giraffe", chart, "--set-json", &exposure];
    let show = ["--show-only", "templates/exposure_policy.yaml"];
    stage.plane.apply(&run(command("helm", arguments.into_iter().chain(show))).await?).await
}
