//! Every kustomize overlay is what the chart makes of the values it stands for, and a real API server takes it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use support::command::{command, run};
use support::control_plane::{Identity, Options, on_own_control_plane};
use support::operator::{NAMESPACE, RELEASE};
use support::{manifest, root};

/// An overlay, and the values of the chart that it stands for.
const OVERLAYS: [(&str, &[&str]); 4] = [
    ("high-availability", &["replicas=2", SPREAD]),
    ("monitoring", &[MONITORING]),
    ("namespaced", &["watchNamespaces={apps}"]),
    (
        "own-images",
        &[
            "image.repository=registry.example.com/mirror/operator",
            "serverImage.repository=registry.example.com/mirror/server",
        ],
    ),
];

const SPREAD: &str = r"topologySpreadConstraints[0].maxSkew=1,topologySpreadConstraints[0].topologyKey=kubernetes.io/hostname,topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway,topologySpreadConstraints[0].labelSelector.matchLabels.app\.kubernetes\.io/name=private-registry-operator";
const MONITORING: &str =
    "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true";

/// Definitions of what the overlays have beside kinds of Kubernetes.
const DEFINITIONS: [&str; 2] = ["monitoring.coreos.com_servicemonitors", "monitoring.coreos.com_prometheusrules"];

/// What `kubectl kustomize` makes of a folder, by identity.
async fn built(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut kubectl = command("kubectl", ["kustomize"]);
    kubectl.arg(folder);
    meanings(&run(kubectl).await?)
}

/// What the chart makes of values, as `deploy/generate` renders it.
async fn rendered(values: &[&str]) -> Result<BTreeMap<String, Value>> {
    let mut helm =
        command("helm", ["template", RELEASE, "--namespace", NAMESPACE, "--skip-tests", "--set", "crds.keep=false"]);
    helm.arg(root().join("charts").join(RELEASE));
    helm.args(values.iter().flat_map(|value| ["--set", value]));
    meanings(&run(helm).await?)
}

/// Objects without what tells a release of Helm from other objects, and without the order of variables.
fn meanings(yaml: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for object in manifest::parse_all(yaml)? {
        let mut object = serde_json::to_value(object)?;
        for place in ["/metadata/labels", "/spec/template/metadata/labels"] {
            if let Some(labels) = object.pointer_mut(place).and_then(Value::as_object_mut) {
                labels.retain(|key, _| !["helm.sh/chart", "app.kubernetes.io/managed-by"].contains(&key.as_str()));
            }
        }
        if let Some(variables) =
            object.pointer_mut("/spec/template/spec/containers/0/env").and_then(Value::as_array_mut)
        {
            variables.sort_by_key(|variable| variable["name"].to_string());
        }
        let metadata = &object["metadata"];
        let identity = format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"]);
        ensure!(found.insert(identity.clone(), object).is_none(), "{identity} is there twice");
    }
    // Helm makes the namespace by itself.
    found.retain(|_, object| object["kind"] != "Namespace");
    Ok(found)
}

fn ensure_same(overlay: &str, built: &BTreeMap<String, Value>, rendered: &BTreeMap<String, Value>) -> Result<()> {
    ensure!(built.keys().eq(rendered.keys()), "{overlay} has {:?}, the chart {:?}", built.keys(), rendered.keys());
    for (identity, object) in built {
        ensure!(
            *object == rendered[identity],
            "{overlay}: {identity} is\n{object}\nin the chart\n{}",
            rendered[identity]
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_overlay_is_what_the_chart_makes_of_its_values() -> Result<()> {
    let overlays = root().join("deploy/kustomize/overlays");
    let names = std::fs::read_dir(&overlays)?.map(|entry| entry?.file_name().into_string().ok().context("a name"));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.sort();
    ensure!(names == OVERLAYS.map(|(name, _)| name), "an overlay without values here: {names:?}");
    for (name, values) in OVERLAYS {
        ensure_same(name, &built(&overlays.join(name)).await?, &rendered(values).await?)?;
    }
    Ok(())
}

#[tokio::test]
async fn components_go_together_in_an_overlay_of_ones_own() -> Result<()> {
    // kustomize takes no absolute paths.
    let folder = tempfile::tempdir_in(root().join(".cluster"))?;
    let names = ["namespaced", "high-availability", "monitoring"];
    let deploy = "../../deploy/kustomize";
    let components = names.map(|name| format!("{deploy}/components/{name}"));
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [format!("{deploy}/base")],
        "components": components,
    });
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization.to_string())?;
    let values =
        OVERLAYS.iter().filter(|(name, _)| names.contains(name)).flat_map(|(_, values)| values.iter().copied());
    let rendered = rendered(&values.collect::<Vec<_>>()).await?;
    ensure_same("all components", &built(folder.path()).await?, &rendered)
}

#[tokio::test]
async fn an_api_server_takes_every_overlay() -> Result<()> {
    on_own_control_plane("kustomize", Options::default(), async |stage| {
        for definition in DEFINITIONS {
            stage.plane.define(definition).await?;
        }
        let apps: Namespace = serde_json::from_value(json!({"metadata": {"name": "apps"}}))?;
        Api::all(stage.namespace.client.clone()).create(&PostParams::default(), &apps).await?;
        let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, "kustomize")?;
        for (name, _) in OVERLAYS {
            let mut kubectl = command(
                "kubectl",
                ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"],
            );
            kubectl.arg("--kustomize").arg(root().join("deploy/kustomize/overlays").join(name));
            kubectl.env("KUBECONFIG", &kubeconfig);
            let told = run(kubectl).await.with_context(|| name.to_owned())?;
            ensure!(told.lines().count() > 10, "{name}: {told}");
        }
        Ok(())
    })
    .await
}
