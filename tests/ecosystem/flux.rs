//! Flux reconciles registries from an OCI artifact that a registry of ours keeps: its own source and kustomize controllers with the
//! samples of `deploy/gitops/flux`, on a control plane without nodes.
//!
//! The helm-controller is a module that no proxy serves; what it would wait by is Helm's own `--wait`, of the tier `control_plane`.

mod artifact;
mod controllers;

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::{Options, Stage, on_own_control_plane};
use support::manifest::at;
use support::registry::{self, Registry, condition};
use support::wait::{until, until_gone};
use support::{manifest, root};

use self::artifact::Main;

#[tokio::test(flavor = "multi_thread")]
async fn flux_waits_for_registries_from_an_artifact_in_a_registry_of_ours() -> Result<()> {
    on_own_control_plane("flux", Options::default(), async |stage| {
        let _operator = stage.operator()?.start().await?;
        let main = Main::start(stage).await?;
        main.push(&registry_file("{}")).await?;
        let _flux = controllers::start(stage).await?;
        for object in sample(stage, &main)? {
            put(stage, object).await?;
        }

        // Pulled with the pull Secret over TLS, and applied; not ready, as the registry is not.
        let waiting =
            |object: &DynamicObject| condition(object, "Reconciling")["message"].to_string().contains("health checks");
        until(&api(stage, "Kustomization"), "apps-registries", "a wait for health", waiting).await?;
        let shop = Registry::named(&stage.namespace, "shop");
        shop.until_condition("Ready", "False", "").await?;
        ensure!(ready(stage).await?["status"] != "True", "Flux takes what is not ready for ready");

        let _controllers = stage.play_controllers();
        until_said(stage, "True", "Applied revision").await?;
        let before = shop.until_ready().await?;

        nothing_is_put_back(stage, &before).await?;

        // What a person has to correct is told as a failure at once, and not after a timeout.
        stage.namespace.put_secret("empty", "Opaque", [("password", "")]).await?;
        let wrong = "{auth: {users: [{name: amy, access: Pull, passwordSecretRef: {name: empty}}]}}";
        main.push(&registry_file(wrong)).await?;
        again(stage, "OCIRepository").await?;
        until_said(stage, "False", "HealthCheckFailed").await?;

        // What leaves the artifact is pruned.
        main.push("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: instead}\n").await?;
        again(stage, "OCIRepository").await?;
        let (client, resource) = (stage.namespace.client.clone(), registry::resource());
        let registries: Api<DynamicObject> = Api::namespaced_with(client, stage.namespace.name(), &resource);
        until_gone(&registries, "shop").await?;
        until_said(stage, "True", "Applied revision").await
    })
    .await
}

fn registry_file(spec: &str) -> String {
    format!("apiVersion: privateregistry.io/v1alpha1\nkind: PrivateRegistry\nmetadata: {{name: shop}}\nspec: {spec}\n")
}

/// The sample with the places of this test.
fn sample(stage: &Stage<'_>, main: &Main) -> Result<Vec<DynamicObject>> {
    let text = std::fs::read_to_string(root().join("deploy/gitops/flux/registries.yaml"))?;
    let places = [
        ("main.registries.svc.cluster.local", main.host()),
        ("main.registries.pull", "main-pull"),
        ("targetNamespace: apps", &format!("targetNamespace: {}", stage.namespace.name())),
        ("namespace: flux-system", &format!("namespace: {}", stage.namespace.name())),
    ];
    manifest::parse_all(&places.iter().fold(text, |text, (from, to)| text.replace(from, to)))
}

fn api(stage: &Stage<'_>, kind: &str) -> Api<DynamicObject> {
    let group = if kind == "Kustomization" { "kustomize.toolkit.fluxcd.io" } else { "source.toolkit.fluxcd.io" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &resource)
}

async fn put(stage: &Stage<'_>, object: DynamicObject) -> Result<()> {
    let kind = object.types.as_ref().context("an object without a kind")?.kind.clone();
    let (name, how) = (object.name_any(), PatchParams::apply("a-user").force());
    let put = api(stage, &kind).patch(&name, &how, &Patch::Apply(object)).await;
    put.map(drop).with_context(|| format!("{kind} {name}"))
}

/// What the Kustomization says of itself.
async fn ready(stage: &Stage<'_>) -> Result<Value> {
    Ok(condition(&api(stage, "Kustomization").get("apps-registries").await?, "Ready").clone())
}

/// Waits until the Kustomization says so.
async fn until_said(stage: &Stage<'_>, status: &str, words: &str) -> Result<()> {
    let said = |object: &DynamicObject| {
        let ready = condition(object, "Ready");
        ready["status"] == status && format!("{}: {}", ready["reason"], ready["message"]).contains(words)
    };
    until(&api(stage, "Kustomization"), "apps-registries", &format!("Ready={status}, {words}"), said).await.map(drop)
}

/// Has Flux look at once, as `flux reconcile` does. Returns what it is to answer.
async fn again(stage: &Stage<'_>, kind: &str) -> Result<String> {
    let token = support::random_word();
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
    api(stage, kind).patch("apps-registries", &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(token)
}

/// After another look the registry is as it was: Flux has found nothing to correct.
async fn nothing_is_put_back(stage: &Stage<'_>, before: &DynamicObject) -> Result<()> {
    let token = again(stage, "Kustomization").await?;
    let looked = |object: &DynamicObject| *at(object, "/status/lastHandledReconcileAt") == token;
    until(&api(stage, "Kustomization"), "apps-registries", "another look", looked).await?;
    until_said(stage, "True", "Applied revision").await?;
    let after = Registry::named(&stage.namespace, "shop").object().await?;
    let written = |object: &DynamicObject| {
        let by_flux =
            object.managed_fields().iter().find(|entry| entry.manager.as_deref() == Some("kustomize-controller"));
        (object.metadata.generation, by_flux.and_then(|entry| entry.time.clone()))
    };
    ensure!(written(before).1.is_some() && written(before) == written(&after), "Flux has put something back");
    Ok(())
}
