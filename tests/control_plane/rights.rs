//! What the operator's rights are for, where no other test uses them. `tests/rights` judges what all tests have used.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, PropagationPolicy};
use kube::{Api, Resource, ResourceExt as _};
use serde_json::json;
use support::control_plane::{Options, Stage, beside_a_registry, on_control_plane, on_own_control_plane};
use support::registry::{self, Registry};
use support::wait::{Watched, eventually, until, until_gone};

use crate::place::{Place, TAKES};

#[tokio::test]
async fn in_a_namespace_of_its_own_the_operator_needs_no_right_elsewhere() -> Result<()> {
    on_own_control_plane("namespaced", Options::default(), async |stage| {
        stage.plane.grant_in_namespace(stage.namespace.name()).await?;
        let elsewhere = Place::new(stage, "elsewhere", json!({TAKES: "true"})).await?;
        let strangers: Api<DynamicObject> =
            Api::namespaced_with(stage.namespace.client.clone(), &elsewhere.name, &registry::resource());
        let stranger = json!({"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry",
            "metadata": {"name": "stranger"}, "spec": {}});
        strangers.create(&PostParams::default(), &serde_json::from_value(stranger)?).await?;
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();

        let asked = "{pullSecrets: {namespaceSelector: {}, serviceAccounts: [default]}}";
        let team = stage.namespace.registry("team").spec(asked)?.ready().await?;
        team.until_condition("CredentialsReady", "True", "0, of the 1 in which the operator works").await?;
        operator.until_at_rest(Duration::from_secs(5)).await?;
        ensure!(operator.sum("api_errors_total", r#"code="403""#).await? == 0.0, "{}", operator.metrics().await?);
        ensure!(elsewhere.secret_names().await?.is_empty(), "something was made in {}", elsewhere.name);
        ensure!(
            strangers.get("stranger").await?.data["status"]["conditions"].is_null(),
            "a registry elsewhere was looked at"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn switching_tls_off_removes_its_secrets() -> Result<()> {
    beside_a_registry("tls_off", "{}", async |stage, team| {
        team.apply(json!({"tls": {"disabled": true}})).await?;
        until_gone(&stage.namespace.api::<Secret>(), "team-ca").await?;
        until_gone(&stage.namespace.api::<Secret>(), "team-tls").await
    })
    .await
}

#[tokio::test]
async fn ways_in_and_who_may_use_them_come_and_go_with_the_spec() -> Result<()> {
    let asked = "{ingress: {host: registry.example.com}, networkPolicy: {}, podDisruptionBudget: {maxUnavailable: 0}}";
    beside_a_registry("optional", asked, async |stage, team| {
        let namespace = &stage.namespace;
        until(&namespace.api::<Ingress>(), "team", "being made", |_| true).await?;
        until(&namespace.api::<NetworkPolicy>(), "team", "being made", |_| true).await?;
        until(&namespace.api::<PodDisruptionBudget>(), "team", "being made", |_| true).await?;
        team.apply(json!({})).await?;
        until_gone(&namespace.api::<Ingress>(), "team").await?;
        until_gone(&namespace.api::<NetworkPolicy>(), "team").await?;
        until_gone(&namespace.api::<PodDisruptionBudget>(), "team").await
    })
    .await
}

#[tokio::test]
async fn children_of_a_resource_that_left_them_get_the_next_one_as_their_owner() -> Result<()> {
    on_own_control_plane("orphans", Options { controller_manager: true, ..Options::default() }, async |stage| {
        let mut operator = stage.operator()?.start().await?;
        let team = stage.namespace.registry("team").created().await?;
        let configs: Api<ConfigMap> = stage.namespace.api();
        until(&configs, "team-config", "being made", |_| true).await?;
        operator.kill();

        let orphan = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
        team.delete_with(&orphan).await?;
        stage.namespace.registry("team").created().await?;
        let uid = team.object().await?.uid().context("a resource without a uid")?;
        let _operator = stage.operator()?.start().await?;
        let owned = |config: &ConfigMap| config.owner_references().iter().any(|owner| owner.uid == uid);
        until(&configs, "team-config", "its new owner", owned).await.map(drop)
    })
    .await
}

/// What clusters that guard owner references, as these API servers do, want the right to delete for.
#[tokio::test]
async fn who_may_not_delete_a_claim_or_a_deployment_cannot_make_a_registry_its_owner() -> Result<()> {
    on_own_control_plane("owners", Options::default(), async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let spec = "storage: {deletionPolicy: Delete}";
        let team = stage.namespace.registry("team").spec(spec)?.ready().await?;
        loses_and_gets_its_owner::<Deployment>(stage, &team, "deployments").await?;
        loses_and_gets_its_owner::<PersistentVolumeClaim>(stage, &team, "persistentvolumeclaims").await
    })
    .await
}

async fn loses_and_gets_its_owner<K>(stage: &Stage<'_>, team: &Registry, resource: &str) -> Result<()>
where
    K: Watched + Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let children: Api<K> = stage.namespace.api();
    let all = stage.plane.set_verbs(resource, &["get", "list", "watch", "create", "patch"]).await?;
    let disown = Patch::Merge(json!({"metadata": {"ownerReferences": null}}));
    children.patch("team", &PatchParams::default(), &disown).await?;
    team.until_condition("Reconciling", "True", "cannot set an ownerRef on a resource you can't delete").await?;
    stage.plane.set_verbs(resource, &all).await?;
    until(&children, "team", "its owner", |child| !child.owner_references().is_empty()).await.map(drop)
}

#[tokio::test]
async fn an_account_that_is_named_takes_the_place_of_the_operator_s_own() -> Result<()> {
    beside_a_registry("account", "{}", async |stage, team| {
        team.apply(json!({"serviceAccount": {"name": "courier"}})).await?;
        until_gone(&stage.namespace.api::<ServiceAccount>(), "team").await?;
        let account = stage.namespace.api::<Deployment>().get("team").await?.spec.and_then(|spec| spec.template.spec);
        let account = account.and_then(|pod| pod.service_account_name);
        ensure!(account.as_deref() == Some("courier"), "the Pod runs as {account:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_event_that_is_repeated_is_counted_up() -> Result<()> {
    on_control_plane("events", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").users(["ci"]).ready().await?;
        let secrets: Api<Secret> = stage.namespace.api();
        for _ in 0..2 {
            secrets.delete("ci-password", &DeleteParams::default()).await?;
            team.until_condition("CredentialsReady", "False", "ci-password").await?;
            team.set_password("ci", "first").await?;
            team.until_condition("CredentialsReady", "True", "").await?;
        }
        let events: Api<Event> = stage.namespace.api();
        eventually("an Event that is counted up", async || {
            let all = events.list(&ListParams::default()).await?;
            let counted = all.iter().any(|event| {
                event.reason.as_deref() == Some("SecretNotFound")
                    && event.series.as_ref().is_some_and(|series| series.count >= 2)
            });
            ensure!(counted, "there is none");
            Ok(())
        })
        .await
    })
    .await
}
