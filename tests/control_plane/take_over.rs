//! What `kubectl apply` has installed is taken over by Helm when Helm is told to, and no registry is lost on the way.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt as _};
use support::command::{command, run, run_refused, run_with_input};
use support::control_plane::{Identity, Options, Stage, on_own_control_plane};
use support::operator::{NAMESPACE, RELEASE};
use support::registry::Registry;
use support::{manifest, root};
use tokio::process::Command;

#[tokio::test]
async fn helm_takes_over_what_kubectl_has_applied_when_it_is_told_to() -> Result<()> {
    on_own_control_plane("take-over", Options::default(), async |stage| {
        install_by_kubectl(stage).await?;
        let team = stage.namespace.registry("team").created().await?;
        let before = uids(stage, &team).await?;

        let refusal = run_refused(helm(stage, &[])?).await?;
        ensure!(refusal.contains("invalid ownership metadata"), "{refusal}");
        // What is as kubectl has left it is nobody's loss; a value that differs is fought over.
        let changed = ["--take-ownership", "--set", "log.level=debug"];
        let refusal = run_refused(helm(stage, &changed)?).await?;
        ensure!(refusal.contains("conflict") && refusal.contains("kubectl-client-side-apply"), "{refusal}");
        run(helm(stage, &["--take-ownership", "--force-conflicts", "--set", "log.level=debug"])?).await?;
        ensure!(variable(stage, "LOG_LEVEL").await?.as_deref() == Some("debug"), "the Deployment is as it was");
        ensure!(uids(stage, &team).await? == before, "something was made anew");

        // From now on they are Helm's release; what both have written stays of both, and Helm's word is enforced.
        run(helm(stage, &["--force-conflicts", "--set", "log.level=debug,concurrency=3"])?).await?;
        ensure!(variable(stage, "CONCURRENCY").await?.as_deref() == Some("3"), "the Deployment is as it was");
        ensure!(uids(stage, &team).await? == before, "something was made anew");
        Ok(())
    })
    .await
}

/// deploy/install.yaml.
fn one_file() -> Result<String> {
    Ok(std::fs::read_to_string(root().join("deploy/install.yaml"))?)
}

/// Takes away what a control plane comes with, apart from its namespaces: without a controller manager none ends.
pub(crate) async fn remove_operator(stage: &Stage<'_>) -> Result<()> {
    let mut there = manifest::parse_all(&one_file()?)?;
    there.retain(|object| object.types.as_ref().is_some_and(|types| types.kind != "Namespace"));
    let there = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": there}).to_string();
    let delete = kubectl(stage, &["delete", "--ignore-not-found", "--filename", "-"])?;
    run_with_input(delete, &there).await.map(drop)
}

/// `kubectl apply` of the one file, on a cluster that has nothing of it but its namespace.
async fn install_by_kubectl(stage: &Stage<'_>) -> Result<()> {
    remove_operator(stage).await?;
    run_with_input(kubectl(stage, &["apply", "--filename", "-"])?, &one_file()?).await?;
    let established = ["wait", "--for=condition=Established", "crd/privateregistries.privateregistry.io"];
    run(kubectl(stage, &established)?).await.map(drop)
}

fn kubectl(stage: &Stage<'_>, arguments: &[&str]) -> Result<Command> {
    let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, "kubectl")?;
    let mut kubectl = command("kubectl", arguments);
    kubectl.env("KUBECONFIG", &kubeconfig).arg("--cache-dir").arg(kubeconfig.with_extension("cache"));
    Ok(kubectl)
}

/// `helm upgrade --install` of the chart, which waits for nothing: there are no nodes.
fn helm(stage: &Stage<'_>, options: &[&str]) -> Result<Command> {
    let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, "helm")?;
    let mut helm = command("helm", ["upgrade", "--install", RELEASE]);
    helm.arg(root().join("charts").join(RELEASE)).args(["--namespace", NAMESPACE]).args(options);
    helm.env("KUBECONFIG", kubeconfig);
    Ok(helm)
}

/// What must not be made anew: the definition, the operator's Deployment and a registry.
async fn uids(stage: &Stage<'_>, team: &Registry) -> Result<[Option<String>; 3]> {
    let client = stage.namespace.client.clone();
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    let definition = definitions.get("privateregistries.privateregistry.io").await?;
    Ok([definition.uid(), deployment(stage).await?.uid(), team.object().await?.uid()])
}

async fn deployment(stage: &Stage<'_>) -> Result<Deployment> {
    Ok(Api::<Deployment>::namespaced(stage.namespace.client.clone(), NAMESPACE).get(RELEASE).await?)
}

/// What the operator's Deployment says of a variable.
async fn variable(stage: &Stage<'_>, name: &str) -> Result<Option<String>> {
    let pod = deployment(stage).await?.spec.and_then(|spec| spec.template.spec).context("no Pod")?;
    let mut variables = pod.containers.into_iter().flat_map(|container| container.env.unwrap_or_default());
    Ok(variables.find(|variable| variable.name == name).and_then(|variable| variable.value))
}
