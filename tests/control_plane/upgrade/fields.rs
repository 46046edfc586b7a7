//! Whether registries that are stored have every field of the definition that they were stored under.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use kube::api::DynamicObject;
use serde_json::Value;
use support::manifest;

/// Fields whose content is Kubernetes' own.
const FOREIGN: [&str; 2] = [".affinity", ".tolerations[]"];

/// That each field of `install.yaml`'s definition is in one of `registries`.
pub(super) fn ensure_every_field_is_used(registries: &[DynamicObject]) -> Result<()> {
    let installed = manifest::parse_all(&std::fs::read_to_string(super::before::file("install.yaml"))?)?;
    let definition = installed
        .iter()
        .find(|object| object.types.as_ref().is_some_and(|types| types.kind == "CustomResourceDefinition"));
    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let spec =
        definition.and_then(|definition| definition.data.pointer(schema)).context("a definition without a spec")?;
    let (mut declared, mut used) = (BTreeSet::new(), BTreeSet::new());
    declare(spec, "", &mut declared);
    for registry in registries {
        note(&registry.data["spec"], "", &mut used);
    }
    let missing: Vec<_> = declared.difference(&used).collect();
    ensure!(missing.is_empty() && declared.len() > 40, "no registry has {missing:?} of {} fields", declared.len());
    Ok(())
}

/// Notes the paths of a schema.
fn declare(schema: &Value, path: &str, paths: &mut BTreeSet<String>) {
    if FOREIGN.contains(&path) {
        return;
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        declare(property, &path, paths);
        paths.insert(path);
    }
    if schema["items"].is_object() {
        declare(&schema["items"], &format!("{path}[]"), paths);
    }
}

/// Notes the paths of a value.
fn note(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    for (name, value) in value.as_object().into_iter().flatten() {
        note(value, &format!("{path}.{name}"), paths);
    }
    for value in value.as_array().into_iter().flatten() {
        note(value, &format!("{path}[]"), paths);
    }
}
