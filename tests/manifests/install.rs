//! deploy/install.yaml, the kustomize base and the chart's CRD are what `deploy/generate` makes now.

use std::{fs, path::Path};

use crate::tools::{documents, identity, of_kind, read, root, run, the};

const GENERATED: [&str; 4] = [
    "charts/private-registry-operator/files/crd.yaml",
    "deploy/kustomize/base/crd.yaml",
    "deploy/kustomize/base/operator.yaml",
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
        assert!(fresh == read(path), "{path} is out of date: run deploy/generate");
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
fn the_kustomize_base_builds_the_objects_of_the_one_file() {
    let base = run("kubectl", &["kustomize", "deploy/kustomize/base"]).expect("kubectl kustomize succeeds");
    let (mut built, mut file) = (documents(&base), documents(&read("deploy/install.yaml")));

    built.sort_by_key(identity);
    file.sort_by_key(identity);
    assert_eq!(built.iter().map(identity).collect::<Vec<_>>(), file.iter().map(identity).collect::<Vec<_>>());
    for (built, file) in built.iter().zip(&file) {
        assert!(built == file, "{} differs: {built} and {file}", identity(built));
    }
}

#[test]
fn overlays_build() {
    for entry in fs::read_dir(root().join("deploy/kustomize/overlays")).unwrap() {
        let folder = entry.unwrap().path();
        let built = run("kubectl", &["kustomize", folder.to_str().unwrap()]);
        let built = documents(&built.unwrap_or_else(|error| panic!("{}: {error}", folder.display())));
        assert_eq!(of_kind(&built, "Deployment").len(), 1, "{}", folder.display());
    }
}

#[test]
fn compose_runs_the_server_of_this_version() {
    let compose = documents(&read("deploy/compose/compose.yaml")).remove(0);

    assert_eq!(
        compose["services"]["registry"]["image"],
        format!("privateregistry/server:{}", env!("CARGO_PKG_VERSION"))
    );
}
