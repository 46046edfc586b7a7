//! crds/privateregistries.yaml and its copy in the chart say what the operator's types say.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use private_registry_operator::api::v1alpha1;

use serde_json::Value;

use crate::tools::{documents, read, render, the};

/// `kubectl apply` keeps the whole object in an annotation, and annotations together may have this many bytes.
const ANNOTATION_LIMIT: usize = 256 * 1024;

/// As the API reads it: `1` and `1.0` are the same bound there, but not the same YAML.
fn parsed(crd: &Value) -> CustomResourceDefinition {
    serde_json::from_value(crd.clone()).unwrap()
}

#[test]
fn the_crd_file_is_what_the_types_generate() {
    let documents = documents(&read("crds/privateregistries.yaml"));

    assert_eq!(documents.len(), 1);
    assert!(
        parsed(&documents[0]) == v1alpha1::crd(),
        "crds/privateregistries.yaml is out of date: run `make generate`"
    );
}

#[test]
fn the_chart_carries_the_same_crd() {
    assert!(
        read("charts/private-registry-operator/files/crd.yaml") == read("crds/privateregistries.yaml"),
        "the chart's copy of the CRD is out of date: run `make generate`"
    );
}

#[test]
fn the_chart_installs_the_crd_unchanged_but_for_labels_and_annotations() {
    let objects = render(&[]);
    let installed = parsed(the(&objects, "CustomResourceDefinition"));

    assert_eq!(installed.metadata.name, v1alpha1::crd().metadata.name);
    assert!(installed.spec == v1alpha1::crd().spec, "rendering changes the CRD's spec");
}

#[test]
fn the_crd_is_small_enough_for_client_side_apply() {
    let size = serde_json::to_vec(&v1alpha1::crd()).unwrap().len();

    assert!(size < ANNOTATION_LIMIT, "the CRD has {size} bytes, kubectl apply takes {ANNOTATION_LIMIT}");
}
