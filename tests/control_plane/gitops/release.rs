//! `kubectl wait` and Helm's `--wait`, whose reader of statuses (kstatus) is Flux's as well: Ready is seen when it is there and not
//! before, from the moment of creation on.

use anyhow::{Context as _, Result, ensure};
use support::command::{run, run_refused};
use support::control_plane::{Stage, on_control_plane};
use support::manifest::at;
use support::registry::Registry;
use tempfile::TempDir;

use super::administrator;

#[tokio::test]
async fn helm_and_kubectl_wait_until_a_registry_is_ready_from_the_first_moment_on() -> Result<()> {
    on_control_plane("gitops-wait", async |stage| {
        let chart = chart("{}")?;
        // Nobody has said anything yet: without a word kstatus takes a resource for finished.
        let refusal = run_refused(helm(stage, &chart, "1s")?).await?;
        ensure!(refusal.contains("PrivateRegistry") && refusal.contains("InProgress"), "{refusal}");
        ensure!(kubectl_wait(stage, "1s").await.is_err(), "there is nobody who could have made it ready");
        let team = Registry::named(&stage.namespace, "team");
        ensure!(*at(&team.object().await?, "/status/observedGeneration") == -1, "the status answers something");

        // An operator that has said what is missing: nothing makes the Deployment available.
        let _operator = stage.operator()?.start().await?;
        team.until_condition("Ready", "False", "").await?;
        let refusal = run_refused(helm(stage, &chart, "1s")?).await?;
        ensure!(refusal.contains("InProgress"), "{refusal}");

        let controllers = stage.play_controllers();
        run(helm(stage, &chart, "60s")?).await?;
        kubectl_wait(stage, "60s").await?;
        drop(controllers);

        // A new spec is waited for as well, although Ready is still True of the old one when the wait begins.
        let slower = self::chart("{resources: {limits: {memory: 300Mi}}}")?;
        let refusal = run_refused(helm(stage, &slower, "1s")?).await?;
        ensure!(refusal.contains("InProgress"), "{refusal}");

        // What a person has to correct is a failure, and not in progress.
        stage.namespace.put_secret("wrong", "Opaque", [("htpasswd", "amy:plain")]).await?;
        let wrong = self::chart("{auth: {htpasswdSecretRef: {name: wrong}}}")?;
        run_refused(helm(stage, &wrong, "1s")?).await?;
        team.until_condition("Stalled", "True", "line 1").await?;
        let refusal = run_refused(helm(stage, &wrong, "1s")?).await?;
        ensure!(refusal.contains("Failed"), "{refusal}");
        Ok(())
    })
    .await
}

/// A chart with the registry `team` of this spec.
fn chart(spec: &str) -> Result<TempDir> {
    let folder = TempDir::new()?;
    std::fs::create_dir(folder.path().join("templates"))?;
    std::fs::write(folder.path().join("Chart.yaml"), "{apiVersion: v2, name: registries, version: 1.0.0}\n")?;
    let registry = format!(
        "apiVersion: privateregistry.io/v1alpha1\nkind: PrivateRegistry\nmetadata: {{name: team}}\nspec: {spec}\n"
    );
    std::fs::write(folder.path().join("templates/registry.yaml"), registry)?;
    Ok(folder)
}

fn helm(stage: &Stage<'_>, chart: &TempDir, timeout: &str) -> Result<tokio::process::Command> {
    let chart = chart.path().to_str().context("a folder whose name is no text")?;
    administrator(stage, "helm", ["upgrade", "--install", "registries", chart, "--wait", "--timeout", timeout])
}

async fn kubectl_wait(stage: &Stage<'_>, timeout: &str) -> Result<String> {
    let timeout = format!("--timeout={timeout}");
    run(administrator(stage, "kubectl", ["wait", "--for=condition=Ready", "preg/team", &timeout])?).await
}
