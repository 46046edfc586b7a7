//! Every sample is stored as it is written, and becomes a registry that is ready, but for those that tell what the cluster lacks.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use support::control_plane::{Options, Stage, on_own_control_plane};
use support::registry::{condition, resource};
use support::wait::eventually;
use support::{manifest, root};

/// Registries of samples that need something from outside, the condition that says so, and a word of it.
const IN_NEED: [(&str, &str, &str); 5] = [
    ("notarized", "CertificateReady", "cert-manager.io"),
    ("official", "CertificateReady", "official-certificate"),
    ("reachable", "ExposureReady", "load balancer"),
    ("routed", "ExposureReady", "httproutes.gateway.networking.k8s.io"),
    ("watched", "MonitoringReady", "servicemonitors.monitoring.coreos.com"),
];

#[tokio::test]
async fn every_sample_becomes_a_registry_or_says_what_the_cluster_lacks() -> Result<()> {
    on_own_control_plane("samples", Options::default(), async |stage| {
        let _operator = stage.operator_of_cluster()?.flags(["--leader-elect=false"]).start().await?;
        let _controllers = stage.play_controllers_everywhere();
        let mut registries = apply_all(stage).await?;
        for (name, type_, word) in IN_NEED {
            let file = registries.remove(name).with_context(|| format!("no sample has the registry {name}"))?;
            until(stage, name, type_, "False", word).await.context(file)?;
        }
        ensure!(registries.len() > 10, "few samples need nothing: {registries:?}");
        for (name, file) in registries {
            until(stage, &name, "Ready", "True", "").await.context(file)?;
        }
        Ok(())
    })
    .await
}

/// Applies every sample, with unknown fields refused. Returns the names of their registries and where they are from.
async fn apply_all(stage: &Stage<'_>) -> Result<BTreeMap<String, String>> {
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("deploy/samples"))?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    // The first sample brings the namespace of all of them.
    files.sort_by_key(|path| !path.ends_with("private-registry.yaml"));
    let mut registries = BTreeMap::new();
    for path in files {
        for object in manifest::parse_all(&std::fs::read_to_string(&path)?)? {
            let kind = apply(stage, &object).await.with_context(|| path.display().to_string())?;
            if kind == "PrivateRegistry" {
                registries.insert(object.name_any(), path.display().to_string());
            }
        }
    }
    Ok(registries)
}

async fn apply(stage: &Stage<'_>, object: &DynamicObject) -> Result<String> {
    let types = object.types.clone().context("an object without kind")?;
    let kinds = kube::core::GroupVersionKind::try_from(&types)?;
    let resource = if types.kind == "PrivateRegistry" { resource() } else { kube::api::ApiResource::from_gvk(&kinds) };
    let client = stage.namespace.client.clone();
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client, &namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let how = PatchParams::apply("a-user").validation_strict();
    api.patch(&object.name_any(), &how, &Patch::Apply(object)).await?;
    Ok(types.kind)
}

async fn until(stage: &Stage<'_>, name: &str, type_: &str, status: &str, word: &str) -> Result<()> {
    let all: Api<DynamicObject> = Api::all_with(stage.namespace.client.clone(), &resource());
    let one = ListParams::default().fields(&format!("metadata.name={name}"));
    eventually(&format!("{type_}={status} of {name}"), async || {
        let found = all.list(&one).await?;
        let object = found.iter().next().context("it is gone")?;
        let told = condition(object, type_);
        let message = told["message"].as_str().unwrap_or_default();
        ensure!(told["status"] == status && message.contains(word), "{}", object.data["status"]["conditions"]);
        Ok(())
    })
    .await
}
