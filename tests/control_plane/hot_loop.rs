//! Nothing makes the operator run hot: neither somebody who keeps undoing what it does, be it a child, the status or the end of
//! what a registry has left, nor who changes it on its way, nor what is refused for ever.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::StreamExt as _;
use http::StatusCode;
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use support::control_plane::{Asked, Fault, Operator, Requests, on_control_plane};
use support::figure::figure;
use support::namespace::Namespace;
use support::registry::resource;
use support::wait::{eventually, let_pass, until_gone};

/// How long requests are counted.
const WHILE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn who_fights_over_a_child_is_answered_twelve_times_a_minute_and_others_do_not_notice() -> Result<()> {
    on_control_plane("fight", async |stage| {
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        stage.namespace.registry("team").ready().await?;
        let fighter = tokio::spawn(fight(stage.namespace.api()));
        until_put_off(&operator).await?;

        let before = operator.requests().await?;
        stage.namespace.registry("other").ready().await?;
        let others = operator.requests().await?.since(&before).total();
        let asked = requests_while(&operator).await?;
        fighter.abort();
        figure("hot_loop: requests in 30 s of a fight", asked.total());
        // Six passes; the first second of `other` may still be in it.
        ensure!(asked.total() <= 6 * 3 + others, "the operator runs hot: {asked:?}");
        Ok(())
    })
    .await
}

/// Waits until the operator answers a fight no longer at once.
async fn until_put_off(operator: &Operator) -> Result<()> {
    eventually("the operator to put passes off", async || {
        ensure!(operator.metric("passes_deferred_total").await? > 0.0, "it does not");
        Ok(())
    })
    .await
}

/// What it asks while the fight goes on.
async fn requests_while(operator: &Operator) -> Result<Requests> {
    let before = operator.requests().await?;
    let_pass(WHILE).await;
    Ok(operator.requests().await?.since(&before).at_rest())
}

/// Undoes what the operator writes as soon as it is written.
async fn fight(services: Api<Service>) {
    let config = watcher::Config::default().fields("metadata.name=team");
    let mut changes = watcher(services.clone(), config).default_backoff().applied_objects().boxed();
    while changes.next().await.is_some() {
        let patch = json!({"metadata": {"labels": {"app.kubernetes.io/component": "mine"}}});
        // Refused only when the namespace goes.
        let _ = services.patch("team", &PatchParams::default(), &Patch::Merge(patch)).await;
    }
}

#[tokio::test]
async fn who_fights_over_the_status_is_answered_twelve_times_a_minute() -> Result<()> {
    on_control_plane("status_fight", async |stage| {
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        stage.namespace.registry("team").ready().await?;
        let client = stage.namespace.client.clone();
        let registries = Api::<DynamicObject>::namespaced_with(client, stage.namespace.name(), &resource());
        let fighter = tokio::spawn(fight_over_status(registries));
        until_put_off(&operator).await?;
        let asked = requests_while(&operator).await?;
        fighter.abort();
        figure("hot_loop: requests in 30 s of a fight over a status", asked.total());
        ensure!(asked.total() <= 6 * 3, "the operator runs hot: {asked:?}");
        Ok(())
    })
    .await
}

/// Writes another status whenever the operator has written its own.
async fn fight_over_status(registries: Api<DynamicObject>) {
    let config = watcher::Config::default().fields("metadata.name=team");
    let mut changes = watcher(registries.clone(), config).default_backoff().applied_objects().boxed();
    while let Some(change) = changes.next().await {
        if change.is_ok_and(|registry| registry.data["status"]["readyReplicas"] != 7) {
            let patch = Patch::Merge(json!({"status": {"readyReplicas": 7}}));
            // Refused only when the namespace goes.
            let _ = registries.patch_status("team", &PatchParams::default(), &patch).await;
        }
    }
}

#[tokio::test]
async fn who_brings_back_what_a_registry_has_left_is_answered_twelve_times_a_minute() -> Result<()> {
    on_control_plane("copy_fight", async |stage| {
        let operator = stage.operator()?.start().await?;
        let fighter = tokio::spawn(bring_back(stage.namespace.api(), stage.namespace.name().to_owned()));
        until_put_off(&operator).await?;
        let asked = requests_while(&operator).await?;
        fighter.abort();
        figure("hot_loop: requests in 30 s of a fight over what was left", asked.total());
        ensure!(asked.count("delete", "secrets") > 0, "it does not answer: {asked:?}");
        ensure!(asked.total() <= 7 * 3, "the operator runs hot: {asked:?}");
        Ok(())
    })
    .await
}

/// Makes a copy of the pull Secret of a registry that does not exist, whenever there is none.
async fn bring_back(secrets: Api<Secret>, namespace: String) -> Result<()> {
    let name = format!("gone.{namespace}.pull");
    let labels = json!({
        "app.kubernetes.io/managed-by": "private-registry-operator",
        "privateregistry.io/registry-namespace": namespace,
        "privateregistry.io/registry-name": "gone",
    });
    let copy = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
    loop {
        secrets.create(&PostParams::default(), &copy).await?;
        until_gone(&secrets, &name).await?;
    }
}

#[tokio::test]
async fn who_changes_what_is_written_on_its_way_is_not_fought() -> Result<()> {
    on_control_plane("mutated", async |stage| {
        let namespace = &stage.namespace;
        mutate_services(namespace).await?;
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        namespace.registry("team").ready().await?;
        let service = namespace.api::<Service>().get("team").await?;
        ensure!(is_mutated(&service), "the policy has not worked: {service:?}");
        operator.until_at_rest(Duration::from_secs(10)).await?;
        let passes = operator.metric(r#"reconciles_total{outcome="ok"}"#).await?;
        figure("hot_loop: passes of a registry whose Service is changed on its way", passes);
        ensure!(passes < 30.0, "{passes} passes");
        Ok(())
    })
    .await
}

/// A policy of the API server that gives every Service of the namespace another label than the operator does.
async fn mutate_services(namespace: &Namespace) -> Result<()> {
    let name = namespace.name();
    let policy = json!({
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["services"]}
            ],
        },
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression":
            r#"Object{metadata: Object.metadata{labels: {"app.kubernetes.io/component": "mutated"}}}"#}}],
    });
    for (kind, spec) in
        [("MutatingAdmissionPolicy", policy), ("MutatingAdmissionPolicyBinding", json!({"policyName": name}))]
    {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind));
        let mut object = DynamicObject::new(name, &kind);
        object.data = json!({ "spec": spec });
        Api::<DynamicObject>::all_with(namespace.client.clone(), &kind).create(&PostParams::default(), &object).await?;
    }
    let services = namespace.api::<Service>();
    let probe = serde_json::from_value(json!({"metadata": {"name": "probe"}, "spec": {"ports": [{"port": 1}]}}))?;
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the policy to be in force", async || {
        let probed = services.create(&dry_run, &probe).await?;
        ensure!(is_mutated(&probed), "a Service is not changed");
        Ok(())
    })
    .await
}

fn is_mutated(service: &Service) -> bool {
    service.labels().get("app.kubernetes.io/component").is_some_and(|component| component == "mutated")
}

#[tokio::test]
async fn what_is_refused_for_ever_is_asked_for_less_and_less_often() -> Result<()> {
    on_control_plane("refused", async |stage| {
        let proxy = stage.proxy().await?;
        proxy.inject(|asked: &Asked| {
            asked.writes("persistentvolumeclaims").then(|| Fault::answer(StatusCode::FORBIDDEN))
        });
        let operator = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        let team = stage.namespace.registry("team").created().await?;
        team.until_condition("Reconciling", "True", "refused by the proxy of a test").await?;
        eventually("a few attempts", async || {
            ensure!(operator.sum("api_errors_total", r#"code="403""#).await? >= 4.0, "too few");
            Ok(())
        })
        .await?;
        ensure!(operator.metric("objects_in_backoff").await? == 1.0, "{}", operator.metrics().await?);

        let asked = requests_while(&operator).await?;
        figure("hot_loop: requests in 30 s of a refusal", asked.total());
        ensure!(asked.total() < 20, "the operator runs hot: {asked:?}");
        proxy.heal();
        Ok(())
    })
    .await
}
