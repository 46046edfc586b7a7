//! What a person types after `helm install` works: the commands that Helm prints, and `helm test`, whose Pod is played by a process
//! with its account.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use support::command::{Output, command, run, run_with_input};
use support::control_plane::{Identity, Options, Stage, on_control_plane, on_own_control_plane};
use support::operator::{NAMESPACE, RELEASE};
use support::wait::eventually;
use support::{manifest, root};

/// Of an operator that runs without leader election.
const UNELECTED: (&str, &str) = ("LEADER_ELECT", "false");

/// How long a check waits for what comes by itself: generous, because one that passes ends before.
const LONG: &str = "240s";

/// `helm` on the control plane, with the chart.
fn helm(stage: &Stage<'_>, arguments: &[&str]) -> Result<tokio::process::Command> {
    let mut helm = command("helm", arguments);
    helm.arg(root().join("charts").join(RELEASE)).args(["--namespace", NAMESPACE]);
    helm.env("KUBECONFIG", stage.plane.kubeconfig_file(&Identity::Administrator, "helm")?);
    Ok(helm)
}

/// What the Pod of `helm test` says once it sees that all is well.
fn well(output: &Output) -> bool {
    output.success && output.stdout == "ok    definition\nok    rights\nok    leader"
}

#[tokio::test]
async fn the_commands_that_helm_prints_make_a_registry() -> Result<()> {
    on_own_control_plane("installing", Options::default(), async |stage| {
        // The control plane has the definition and the rights from install.yaml.
        let mut install = helm(stage, &["install", RELEASE])?;
        install.args(["--take-ownership", "--force-conflicts"]);
        let printed = run(install).await?;
        let typed =
            printed.split_once("Make a registry:\n").and_then(|(_, rest)| rest.split_once("\nSecret team-push"));
        let (typed, _) = typed.with_context(|| format!("Helm prints no commands:\n{printed}"))?;

        let _operator = stage.operator_of_cluster()?.start().await?;
        let _controllers = stage.play_controllers_everywhere();
        let mut shell = command("bash", ["-euo", "pipefail"]);
        shell.env("KUBECONFIG", stage.plane.kubeconfig_file(&Identity::Administrator, "person")?);
        let told = run_with_input(shell, typed).await?;
        ensure!(told.contains("privateregistry.privateregistry.io/team condition met"), "{told}");
        let checked = stage.check(LONG, &[]).await?;
        ensure!(well(&checked), "{checked:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn helm_test_says_what_an_installation_lacks() -> Result<()> {
    on_own_control_plane("helm_test", Options::default(), async |stage| {
        let nobody =
            "fail  leader: nobody holds Lease private-registry-system/private-registry-operator: `kubectl describe";
        until_told(stage, &[], nobody).await?;
        let without_election = stage.check(LONG, &[UNELECTED]).await?;
        ensure!(without_election.success, "{without_election:?}");

        let _operator = stage.operator_of_cluster()?.start().await?;
        let checked = stage.check(LONG, &[]).await?;
        ensure!(well(&checked), "{checked:?}");

        let rights = stage.plane.set_verbs("configmaps", &["get"]).await?;
        let narrowed = "fail  rights: the operator's account may not list configmaps in all namespaces, watch";
        until_told(stage, &[UNELECTED], narrowed).await?;
        stage.plane.set_verbs("configmaps", &rights).await?;
        stage.plane.grant_in_namespace(stage.namespace.name()).await?;
        let there = ("WATCH_NAMESPACES", stage.namespace.name());
        eventually("all being well in one namespace", async || {
            let checked = stage.check("0s", &[UNELECTED, there]).await?;
            ensure!(checked.success, "{checked:?}");
            Ok(())
        })
        .await?;
        until_told(stage, &[UNELECTED], "list privateregistries.privateregistry.io in all namespaces").await?;

        stage.plane.admit_everything(true).await?;
        let older =
            "fail  definition: the cluster's is older than the operator and drops these fields of spec: affinity,";
        until_told(stage, &[UNELECTED], older).await
    })
    .await
}

async fn until_told(stage: &Stage<'_>, variables: &[(&str, &str)], line: &str) -> Result<()> {
    eventually(line, async || {
        let checked = stage.check("0s", variables).await?;
        ensure!(!checked.success && checked.stdout.contains(line), "{checked:?}");
        Ok(())
    })
    .await
}

/// The operator's namespace enforces it, and has the account that the Pod names.
#[tokio::test]
async fn the_pod_of_helm_test_is_admitted_where_the_restricted_standard_is_enforced() -> Result<()> {
    on_control_plane("helm_test_pod", async |stage| {
        let mut render = helm(stage, &["template", RELEASE])?;
        render.args(["--show-only", "templates/tests/check.yaml"]);
        let rendered = manifest::parse_all(&run(render).await?)?;
        let pod = rendered.first().context("no Pod")?;
        let pods: Api<Pod> = Api::namespaced(stage.namespace.client.clone(), NAMESPACE);
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        pods.create(&dry_run, &serde_json::from_value(serde_json::to_value(pod)?)?).await?;
        Ok(())
    })
    .await
}
