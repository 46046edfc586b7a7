//! Samples, and the registries that documents show, are complete, spelled right and accepted by the rules of the CRD, which
//! are evaluated here as an API server would.

use std::fs;

use kube::core::cel::Validator;
use private_registry_operator::api::v1alpha1::{PrivateRegistry, crd};
use serde_json::{Value, json};
use support::guide;

use crate::tools::{documents, identity, of_kind, read, root, the};

/// Every sample: its file name and its objects.
fn samples() -> Vec<(String, Vec<Value>)> {
    let entries = fs::read_dir(root().join("deploy/samples")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), documents(&read(&format!("deploy/samples/{name}"))))).collect()
}

/// Every registry that a reader may copy, from samples and documents, and where it stands.
fn registries() -> Vec<(String, Value)> {
    let shown = guide::blocks().unwrap().into_iter().filter(|block| block.language == "yaml");
    let shown = shown.map(|block| (block.place(), documents(&block.text)));
    let objects = samples()
        .into_iter()
        .chain(shown)
        .flat_map(|(name, objects)| objects.into_iter().map(move |object| (name.clone(), object)));
    objects.filter(|(_, object)| object["kind"] == "PrivateRegistry").collect()
}

/// The paths of all scalars in `value`, or of its empty lists and maps.
fn paths(value: &Value, path: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (format!("{path}/{}", escaped(key)), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (format!("{path}/{at}"), value)).collect(),
        _ => Vec::new(),
    };
    if children.is_empty() {
        return vec![path.to_owned()];
    }
    children.into_iter().flat_map(|(path, value)| paths(value, &path)).collect()
}

/// A key as a JSON pointer has it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[test]
fn every_sample_shows_a_registry() {
    for (name, objects) in samples() {
        assert!(!of_kind(&objects, "PrivateRegistry").is_empty(), "{name} shows no registry");
    }
}

#[test]
fn every_field_of_the_spec_is_in_some_sample() {
    let schema = serde_json::to_value(&crd().spec.versions[0].schema).unwrap();
    let fields = schema.pointer("/openAPIV3Schema/properties/spec/properties").unwrap().as_object().unwrap().clone();
    let objects: Vec<Value> = samples().into_iter().flat_map(|(_, objects)| objects).collect();
    let shown =
        |path: &str| of_kind(&objects, "PrivateRegistry").iter().any(|sample| sample["spec"].pointer(path).is_some());

    for (field, node) in fields {
        assert!(shown(&format!("/{field}")), "no sample has spec.{field}");
        // What is chosen between has a sample of each.
        let choices = node["properties"].as_object().into_iter().flatten().map(|(choice, _)| choice);
        for choice in choices.filter(|_| ["auth", "storage", "tls"].contains(&field.as_str())) {
            assert!(shown(&format!("/{field}/{choice}")), "no sample has spec.{field}.{choice}");
        }
    }
}

#[test]
fn the_first_sample_is_the_smallest_resource() {
    let objects = documents(&read("deploy/samples/private-registry.yaml"));
    let registry = the(&objects, "PrivateRegistry");

    assert_eq!(identity(registry), "PrivateRegistry apps/team");
    assert_eq!(registry["spec"], json!({}));
}

#[test]
fn every_field_of_a_sample_is_one_the_operator_reads() {
    for (name, sample) in registries() {
        let registry: PrivateRegistry =
            serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read = serde_json::to_value(&registry).unwrap();
        for path in paths(&sample, "") {
            let (written, understood) = (sample.pointer(&path).unwrap(), read.pointer(&path));
            let same = understood == Some(written) || (*written == json!({}) && understood.is_some());
            assert!(same, "{name}: {path} is {written}, the operator reads {understood:?}");
        }
    }
}

#[test]
fn samples_satisfy_the_rules_of_the_crd() {
    let schema = serde_json::to_value(&crd().spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();

    for (name, sample) in registries() {
        let registry: PrivateRegistry = serde_json::from_value(sample).unwrap();
        let object = serde_json::to_value(registry).unwrap();
        Validator::new().validate(&schema, &object, None).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn the_rules_are_really_evaluated() {
    let schema = serde_json::to_value(&crd().spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone();
    let reserved = json!({"metadata": {"name": "team"}, "spec": {"auth": {"users": [
        {"name": "pull", "passwordSecretRef": {"name": "ci", "key": "password"}, "access": "Pull"},
    ]}}});

    let refusal = Validator::new().validate(&schema, &reserved, None).unwrap_err();

    assert!(format!("{refusal:?}").contains("the names pull and push belong to the generated users"), "{refusal:?}");
}

#[test]
fn samples_run_in_the_namespace_of_the_first_one() {
    let first = documents(&read("deploy/samples/private-registry.yaml"));
    let labels = &the(&first, "Namespace")["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");

    for (name, objects) in samples() {
        for object in objects.iter().filter(|object| object["kind"] != "Namespace") {
            assert_eq!(object["metadata"]["namespace"], "apps", "{name}: {}", identity(object));
        }
    }
}

#[test]
fn samples_bring_the_secrets_they_refer_to() {
    for (name, objects) in samples() {
        let secrets: Vec<&str> =
            of_kind(&objects, "Secret").iter().filter_map(|secret| secret["metadata"]["name"].as_str()).collect();
        for registry in of_kind(&objects, "PrivateRegistry") {
            let users = registry["spec"]["auth"]["users"].as_array().into_iter().flatten();
            for user in users {
                let secret = user["passwordSecretRef"]["name"].as_str().unwrap();
                assert!(secrets.contains(&secret), "{name}: user {} refers to {secret}", user["name"]);
            }
            let file = registry["spec"]["auth"]["htpasswdSecretRef"]["name"].as_str();
            assert!(file.is_none_or(|file| secrets.contains(&file)), "{name}: the users' file is in {file:?}");
        }
    }
}
