//! What has been applied is what there is, however it was applied and whatever the operator does: tools that compare both, as Argo CD
//! and Flux do, find nothing to put back and nothing to prune.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use support::command::{run, run_with_input};
use support::control_plane::{Stage, on_control_plane};
use support::registry::{Registry, is_current, resource};
use support::wait::eventually;
use support::{manifest, root};
use tempfile::TempDir;

use super::administrator;

/// Who applies: the name of a field manager, by which a dry run is compared with what there is.
const WAYS: [&str; 3] = ["kubectl-client-side-apply", "kustomize-controller", "helm"];

/// The release that Helm makes.
const RELEASE: &str = "samples";

#[tokio::test]
async fn nothing_that_was_applied_drifts_and_nothing_of_the_operator_s_is_pruned() -> Result<()> {
    on_control_plane("gitops-drift", async |stage| {
        let samples = samples()?;
        put_secrets(stage, &samples).await?;
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let folder = TempDir::new()?;
        for way in WAYS {
            let written = registries(stage, &samples, way);
            apply(stage, &folder, way, &written).await?;
            let mut registries = Vec::new();
            for registry in &written {
                let registry = Registry::named(&stage.namespace, &registry.name_any());
                registry.until("an answer", is_current).await?;
                registries.push(registry);
            }
            ensure_same(stage, way, &written).await.with_context(|| format!("applied by {way}"))?;
            meddle(stage, &written).await?;
            ensure_same(stage, way, &written).await.with_context(|| format!("scaled and annotated, by {way}"))?;
            for registry in &registries {
                nothing_to_prune(registry).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Every object of every sample, with the sample's name.
fn samples() -> Result<Vec<(String, DynamicObject)>> {
    let mut samples = Vec::new();
    for file in fs::read_dir(root().join("deploy/samples"))? {
        let path = file?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).context("a file without a name")?.to_owned();
        let objects = manifest::parse_all(&fs::read_to_string(&path)?)?;
        samples.extend(objects.into_iter().map(|object| (stem.clone(), object)));
    }
    Ok(samples)
}

fn is(object: &DynamicObject, kind: &str) -> bool {
    object.types.as_ref().is_some_and(|types| types.kind == kind)
}

/// The Secrets that the samples' registries refer to are a person's, whoever applies the registries.
async fn put_secrets(stage: &Stage<'_>, samples: &[(String, DynamicObject)]) -> Result<()> {
    for (_, secret) in samples.iter().filter(|(_, object)| is(object, "Secret")) {
        let texts = secret.data["stringData"].as_object().context("a Secret without stringData")?;
        let texts = texts.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
        stage.namespace.put_secret(&secret.name_any(), "Opaque", texts).await?;
    }
    Ok(())
}

/// The samples' registries under names that say who applies them, with what Helm writes on whatever is its own.
fn registries(stage: &Stage<'_>, samples: &[(String, DynamicObject)], way: &str) -> Vec<DynamicObject> {
    let registries = samples.iter().filter(|(_, object)| is(object, "PrivateRegistry"));
    let initial = &way[..3];
    let renamed = registries.enumerate().map(|(at, (sample, object))| {
        let mut object = object.clone();
        object.metadata.name = Some(format!("{sample}-{at}-{initial}"));
        object.metadata.namespace = Some(stage.namespace.name().to_owned());
        if way == "helm" {
            let release =
                [("meta.helm.sh/release-name", RELEASE), ("meta.helm.sh/release-namespace", stage.namespace.name())];
            object.annotations_mut().extend(release.map(|(key, value)| (key.to_owned(), value.to_owned())));
            object.labels_mut().insert("app.kubernetes.io/managed-by".to_owned(), "Helm".to_owned());
        }
        object
    });
    renamed.collect()
}

/// The objects as one file in JSON, which is YAML as well.
fn file(written: &[DynamicObject]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": written}).to_string()
}

async fn apply(stage: &Stage<'_>, folder: &TempDir, way: &str, written: &[DynamicObject]) -> Result<()> {
    let kubectl = |arguments: &[&str]| administrator(stage, "kubectl", arguments.iter().copied());
    match way {
        "kubectl-client-side-apply" => {
            run_with_input(kubectl(&["apply", "--filename", "-"])?, &file(written)).await?;
        }
        "helm" => {
            fs::create_dir(folder.path().join("templates"))?;
            fs::write(folder.path().join("Chart.yaml"), "{apiVersion: v2, name: samples, version: 1.0.0}\n")?;
            for registry in written {
                let path = folder.path().join("templates").join(format!("{}.yaml", registry.name_any()));
                fs::write(path, serde_json::to_string(registry)?)?;
            }
            let chart = folder.path().to_str().context("a folder whose name is no text")?;
            run(administrator(stage, "helm", ["install", RELEASE, chart])?).await?;
        }
        manager => {
            let apply = ["apply", "--server-side", "--field-manager", manager, "--filename", "-"];
            run_with_input(kubectl(&apply)?, &file(written)).await?;
        }
    }
    Ok(())
}

/// Compares what was written with what there is, by a dry run, which has nothing to change. kubectl reads an object and asks for its
/// dry run afterwards, so that a status that is written in between looks like a difference: it counts what nobody has written to
/// meanwhile.
async fn ensure_same(stage: &Stage<'_>, way: &str, written: &[DynamicObject]) -> Result<()> {
    let compared = eventually("a comparison during which nobody writes", async || {
        let before = versions(stage).await?;
        let compared = compare(stage, way, written).await;
        ensure!(before == versions(stage).await?, "somebody wrote while kubectl compared: {compared:?}");
        Ok(compared)
    });
    compared.await?
}

async fn compare(stage: &Stage<'_>, way: &str, written: &[DynamicObject]) -> Result<()> {
    let file = file(written);
    let diff = ["diff", "--server-side", "--field-manager", way, "--filename", "-"];
    run_with_input(administrator(stage, "kubectl", diff)?, &file).await?;
    if way == "kubectl-client-side-apply" {
        run_with_input(administrator(stage, "kubectl", ["diff", "--filename", "-"])?, &file).await?;
    }
    Ok(())
}

/// The version of every registry.
async fn versions(stage: &Stage<'_>) -> Result<BTreeMap<String, Option<String>>> {
    let api: Api<DynamicObject> =
        Api::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &resource());
    let registries = api.list(&ListParams::default()).await?.items.into_iter();
    Ok(registries.map(|registry| (registry.name_any(), registry.resource_version())).collect())
}

/// What people and autoscalers do beside the repository, to a registry that does not say how many servers run.
async fn meddle(stage: &Stage<'_>, written: &[DynamicObject]) -> Result<()> {
    let free = |registry: &&DynamicObject| registry.data["spec"].get("replicas").is_none_or(Value::is_null);
    let registry = written.iter().find(free).context("every sample says how many servers run")?;
    let name = format!("privateregistry/{}", registry.name_any());
    run(administrator(stage, "kubectl", ["scale", "--replicas=0", &name])?).await?;
    let annotate = ["annotate", &name, "privateregistry.io/renew=now", "privateregistry.io/paused=true"];
    run(administrator(stage, "kubectl", annotate)?).await.map(drop)
}

/// Argo CD takes an object for one of an Application only if it has no owner; where it goes by the label of instances, it would so
/// take what outlives its registry, which therefore says that it is not to be pruned.
async fn nothing_to_prune(registry: &Registry) -> Result<()> {
    for child in registry.child_objects().await? {
        let option = |key: &str| child.annotations().get(key).map_or("", String::as_str);
        let kept = option("argocd.argoproj.io/sync-options") == "Prune=false,Delete=false"
            && option("argocd.argoproj.io/compare-options") == "IgnoreExtraneous";
        let owned = child.owner_references().iter().any(|owner| owner.name == registry.name());
        ensure!(owned || kept, "{:?} {} would be pruned", child.types, child.name_any());
    }
    Ok(())
}
