//! The rules of the CRD, evaluated here as the API server evaluates them, and the sentences that people read.

mod certificates;
mod combinations;
mod descriptions;
mod examples;
mod exposure;
mod names;
mod operators_own;
mod storage;

use std::sync::LazyLock;

use kube::core::cel::Validator;
use serde_json::{Value, json};

use super::crd;

/// The schema that is installed.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

fn resource(name: &str, spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    json!({
        "apiVersion": "privateregistry.io/v1alpha1",
        "kind": "PrivateRegistry",
        "metadata": {"name": name, "namespace": "kitchen"},
        "spec": spec,
    })
}

/// What the API server says to a resource, or to its change.
fn answer(new: &Value, old: Option<&Value>) -> String {
    Validator::new().validate(&SCHEMA, new, old).map_or_else(|errors| errors.to_string(), |()| String::new())
}

/// What the API server says to a new resource.
fn refused(spec: &str) -> String {
    answer(&resource("larder", spec), None)
}

/// What the API server says to a change.
fn change_refused(from: &str, to: &str) -> String {
    answer(&resource("larder", to), Some(&resource("larder", from)))
}

#[track_caller]
fn says(answer: &str, wanted: &str) {
    assert!(answer.contains(wanted), "{answer:?} does not say {wanted:?}");
}

#[test]
fn it_is_small_enough_for_client_side_apply() {
    // kubectl keeps the whole object in an annotation, and those may have 262144 bytes.
    assert!(serde_json::to_string(&crd()).unwrap().len() < 200_000);
}
