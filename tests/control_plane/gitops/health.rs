//! What Argo CD's health check in `deploy/gitops/argocd` makes of the statuses that the operator writes.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use support::command::{command, run_with_input};
use support::control_plane::on_control_plane;
use support::manifest;
use support::registry::Registry;
use support::root;
use support::wait::eventually;
use tempfile::NamedTempFile;

/// Key of Argo CD's own `ConfigMap`.
const KEY: &str = "resource.customizations.health.privateregistry.io_PrivateRegistry";

#[tokio::test]
async fn argo_cd_sees_every_state_that_the_operator_tells() -> Result<()> {
    on_control_plane("gitops-health", async |stage| {
        let script = script()?;
        let team = stage.namespace.registry("team").created().await?;
        let is = async |status: &str, words: &str| until(&script, &team, status, words).await;
        is("Progressing", "the operator has not followed this spec yet").await?;

        let mut operator = stage.operator()?.start().await?;
        is("Progressing", "ClaimPending").await?;
        let _controllers = stage.play_controllers();
        is("Healthy", "images are served as team.").await?;

        team.apply(
            json!({"auth": {"users": [{"name": "amy", "access": "Push", "passwordSecretRef": {"name": "none"}}]}}),
        )
        .await?;
        is("Progressing", "SecretNotFound").await?;
        stage.namespace.put_secret("none", "Opaque", [("password", "")]).await?;
        is("Degraded", "InvalidPassword").await?;

        team.annotate("privateregistry.io/paused", "true").await?;
        is("Suspended", "privateregistry.io/paused").await?;
        team.annotate("privateregistry.io/paused", Value::Null).await?;
        team.apply(json!({"replicas": 0})).await?;
        is("Suspended", "spec.replicas is 0").await?;
        team.apply(json!({})).await?;
        is("Healthy", "images are served").await?;

        // What the status says is about an older spec.
        ensure!(operator.stop().await?, "the operator has failed");
        team.apply(json!({"replicas": 0})).await?;
        is("Progressing", "the operator has not followed this spec yet").await
    })
    .await
}

/// The script as a file.
fn script() -> Result<NamedTempFile> {
    let text = std::fs::read_to_string(root().join("deploy/gitops/argocd/argocd-cm.yaml"))?;
    let map: Value = manifest::parse(&text)?;
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), map["data"][KEY].as_str().with_context(|| format!("no {KEY}"))?)?;
    Ok(file)
}

async fn until(script: &NamedTempFile, team: &Registry, status: &str, words: &str) -> Result<()> {
    eventually(&format!("{status}, {words}"), async || {
        let object = serde_json::to_string(&team.object().await?)?;
        let said = run_with_input(command("argo-lua", [script.path()]), &object).await?;
        let health: Value = serde_json::from_str(&said)?;
        let message = health["message"].as_str().unwrap_or_default();
        ensure!(health["status"] == status && message.contains(words), "Argo CD says {health}");
        Ok(())
    })
    .await
}
