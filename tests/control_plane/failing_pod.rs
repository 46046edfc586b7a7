//! A change with which the server does not start is told: why, and which spec has served.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::control_plane::{Stage, on_control_plane};
use support::wait::{eventually, until};

/// What the server says before it ends.
const LAST_WORDS: &str = "REGISTRY_LOG_LEVEL is loud, it has to be error or warn or info or debug";

#[tokio::test]
async fn a_change_with_which_the_server_does_not_start_is_told_with_its_last_words() -> Result<()> {
    on_control_plane("failing_pod", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").ready().await?;
        drop(controllers);

        let secret = json!({"secretKeyRef": {"name": "levels", "key": "level"}});
        team.apply(json!({"env": [{"name": "REGISTRY_LOG_LEVEL", "valueFrom": secret}]})).await?;
        roll_out(stage).await?;
        let pod = Kubelet::of(stage).await?;
        pod.says(json!({"waiting": {"reason": "ContainerCreating"}})).await?;
        team.until_condition("Ready", "False", "has no Pod that is ready").await?;
        pod.says(json!({"terminated": {"exitCode": 1, "reason": "Error", "message": LAST_WORDS}})).await?;

        let told = team.until_condition("Ready", "False", LAST_WORDS).await?;
        ensure!(told["reason"] == "ServerEnded", "{told}");
        let message = told["message"].as_str().unwrap_or_default();
        ensure!(message.contains("Generation 1 of this resource has served, this is generation 2"), "{told}");
        ensure!(team.object().await?.data["status"]["lastServedGeneration"] == 1);
        until_event(stage, "ServerEnded").await?;

        team.apply(json!({})).await?;
        let _controllers = stage.play_controllers();
        team.until_ready().await.map(drop)
    })
    .await
}

/// Plays the controller of Deployments that has taken the old Pod away and made a new one.
async fn roll_out(stage: &Stage<'_>) -> Result<()> {
    let deployments: Api<Deployment> = stage.namespace.api();
    let changed = |deployment: &Deployment| deployment.metadata.generation > Some(1);
    let generation = until(&deployments, "team", "its new template", changed).await?.metadata.generation;
    let status = json!({"status": {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1,
        "availableReplicas": 0, "readyReplicas": 0, "unavailableReplicas": 1}});
    deployments.patch_status("team", &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// Plays the kubelet of the new Pod.
struct Kubelet(Api<Pod>);

impl Kubelet {
    async fn of(stage: &Stage<'_>) -> Result<Self> {
        let template = stage
            .namespace
            .api::<Deployment>()
            .get("team")
            .await?
            .spec
            .context("a Deployment without a spec")?
            .template;
        let labels = template.metadata.and_then(|metadata| metadata.labels);
        // Whatever it would run: nobody does. Without a controller manager there is no account to run it as.
        let pod = json!({"metadata": {"name": "team-1", "labels": labels}, "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "serviceAccountName": "team",
            "containers": [{"name": "registry", "image": "registry", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
        }});
        let pods: Api<Pod> = stage.namespace.api();
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        Ok(Self(pods))
    }

    async fn says(&self, state: Value) -> Result<()> {
        let container = json!({"name": "registry", "image": "registry", "imageID": "", "ready": false, "restartCount": 0,
            "state": state});
        let status = json!({"status": {"phase": "Pending", "containerStatuses": [container]}});
        self.0.patch_status("team-1", &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }
}

async fn until_event(stage: &Stage<'_>, reason: &str) -> Result<()> {
    let events: Api<Event> = stage.namespace.api();
    eventually(&format!("an Event {reason}"), async || {
        let all = events.list(&ListParams::default()).await?;
        let told = all
            .iter()
            .any(|event| event.reason.as_deref() == Some(reason) && event.type_.as_deref() == Some("Warning"));
        ensure!(told, "there is none");
        Ok(())
    })
    .await
}
