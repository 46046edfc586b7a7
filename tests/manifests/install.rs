//! deploy/install.yaml, the kustomize base and components and the chart's CRD are what `deploy/generate` makes now.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::tools::{documents, identity, read, run, the};

const GENERATED: [&str; 6] = [
    "charts/private-registry-operator/files/crd.yaml",
    "deploy/kustomize/base/crd.yaml",
    "deploy/kustomize/base/operator.yaml",
    "deploy/kustomize/components/high-availability/pod_disruption_budget.yaml",
    "deploy/kustomize/components/monitoring/monitoring.yaml",
    "deploy/install.yaml",
];

fn generate(folder: &Path) {
    run("deploy/generate", &[folder.to_str().expect("UTF-8")]).expect("deploy/generate succeeds");
}

#[test]
fn what_is_generated_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();

    generate(folder.path());

    for path in GENERATED {
        let fresh = fs::read_to_string(folder.path().join(path)).unwrap();
        assert!(fresh == read(path), "{path} is out of date: run `make generate`");
    }
}

#[test]
fn nothing_else_is_generated() {
    let folder = tempfile::tempdir().unwrap();

    generate(folder.path());

    let found = run("find", &[folder.path().to_str().unwrap(), "-type", "f", "-printf", "%P\n"]).unwrap();
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let mut expected = GENERATED;
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn one_file_installs_everything_in_its_own_namespace() {
    let objects = documents(&read("deploy/install.yaml"));

    assert_eq!(identity(&objects[0]), "Namespace /private-registry-system", "the namespace comes first");
    let labels = &the(&objects, "Namespace")["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    the(&objects, "CustomResourceDefinition");
    the(&objects, "Deployment");
    for object in objects.iter().filter(|object| object["metadata"]["namespace"].is_string()) {
        assert_eq!(object["metadata"]["namespace"], "private-registry-system", "{}", identity(object));
    }
}

#[test]
fn what_kubectl_installs_does_not_call_itself_a_helm_release() {
    let text = read("deploy/install.yaml");

    assert!(!text.contains("helm.sh/"), "labels and policies of Helm have no meaning here");
    for object in documents(&text) {
        assert!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"].is_null(), "{}", identity(&object));
    }
}

#[test]
fn the_kustomize_base_is_the_one_file_in_parts() {
    let kustomization = documents(&read("deploy/kustomize/base/kustomization.yaml")).remove(0);
    let parts = kustomization["resources"].as_array().unwrap().iter().map(|part| part.as_str().unwrap());
    let mut base: Vec<Value> =
        parts.flat_map(|part| documents(&read(&format!("deploy/kustomize/base/{part}")))).collect();
    let mut file = documents(&read("deploy/install.yaml"));

    base.sort_by_key(identity);
    file.sort_by_key(identity);
    assert_eq!(base.iter().map(identity).collect::<Vec<_>>(), file.iter().map(identity).collect::<Vec<_>>());
    for (base, file) in base.iter().zip(&file) {
        assert!(base == file, "{} differs", identity(base));
    }
}

/// Kustomize takes an image that nothing uses, and a patch of a container that does not exist, without a word.
#[test]
fn the_overlay_changes_what_is_there() {
    let base = documents(&read("deploy/install.yaml"));
    let deployment = the(&base, "Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let overlay = documents(&read("deploy/kustomize/overlays/own-images/kustomization.yaml")).remove(0);
    let patch = documents(overlay["patches"][0]["patch"].as_str().unwrap()).remove(0);
    let patched = &patch["spec"]["template"]["spec"]["containers"][0];

    assert_eq!(overlay["resources"], json!(["../../base"]));
    assert!(
        container["image"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{}:", overlay["images"][0]["name"].as_str().unwrap()))
    );
    assert_eq!(identity(&patch), identity(deployment));
    assert_eq!(patched["name"], container["name"]);
    let known = container["env"].as_array().unwrap().iter().map(|variable| &variable["name"]);
    assert!(known.into_iter().any(|name| *name == patched["env"][0]["name"]));
    assert!(patched["env"][0]["value"].as_str().unwrap().ends_with(&format!(":{}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn compose_runs_the_server_of_this_version() {
    for (file, image) in [("compose.yaml", "/x-program/image"), ("plain.yaml", "/services/registry/image")] {
        let compose = documents(&read(&format!("deploy/compose/{file}"))).remove(0);
        let image = compose.pointer(image).unwrap();
        assert_eq!(image, &format!("privateregistry/server:{}", env!("CARGO_PKG_VERSION")), "{file}");
    }
}
