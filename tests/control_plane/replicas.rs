//! `kubectl scale` stops a registry and starts it again; more servers than may write a volume are refused.

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::beside_a_registry;
use support::registry;
use support::wait::eventually;

#[tokio::test]
async fn a_registry_is_stopped_and_started_by_its_scale() -> Result<()> {
    beside_a_registry("replicas", "{}", async |stage, _| {
        let client = stage.namespace.client.clone();
        let api: Api<DynamicObject> = Api::namespaced_with(client, stage.namespace.name(), &registry::resource());

        let scale = api.get_scale("team").await?;
        let (asked, status) = (scale.spec.and_then(|spec| spec.replicas), scale.status.context("no status")?);
        assert_eq!((asked, status.replicas), (Some(1), 1), "the default is there to be read");
        assert!(status.selector.is_some_and(|selector| selector.contains("app.kubernetes.io/instance=team")));

        to(&api, 0).await?;
        until(&api, "False", "Stopped").await?;
        // The Deployment says so a moment later.
        eventually("no replica", async || {
            let replicas = api.get("team").await?.data["status"]["replicas"].clone();
            ensure!(replicas == 0, "there are {replicas}");
            Ok(())
        })
        .await?;
        let refusal = format!("{:#}", to(&api, 2).await.expect_err("two servers on one volume"));
        assert!(refusal.contains("replicas must be 1, or 0 for a registry that is stopped"), "{refusal}");

        to(&api, 1).await?;
        until(&api, "True", "Serving").await
    })
    .await
}

async fn to(api: &Api<DynamicObject>, replicas: i32) -> Result<()> {
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    api.patch_scale("team", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Waits until the condition Ready says so.
async fn until(api: &Api<DynamicObject>, status: &str, reason: &str) -> Result<()> {
    eventually(reason, async || {
        let team = api.get("team").await?;
        let conditions = team.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap_or(&Value::Null);
        ensure!(ready["status"] == status && ready["reason"] == reason, "Ready is {ready}");
        Ok(())
    })
    .await
}
