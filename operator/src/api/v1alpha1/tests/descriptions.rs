//! What `kubectl explain` has to say.

use serde_json::Value;

use super::SCHEMA;

/// Fields below these are described by Kubernetes, or refused.
const OF_OTHERS: [&str; 9] = [
    "spec.affinity",
    "spec.config",
    "spec.env[].valueFrom",
    "spec.imagePullSecrets[]",
    "spec.networkPolicy.allowedPeers[]",
    "spec.networkPolicy.metricsPeers[]",
    "spec.podSecurityContext",
    "spec.tolerations[]",
    "spec.topologySpreadConstraints[]",
];

#[test]
fn every_field_is_described_and_none_may_be_null() {
    assert!(!SCHEMA.to_string().contains("nullable"));
    let mut fields = Vec::new();
    let undescribed = |_: &str, property: &Value, _| !property["description"].is_string();
    for part in ["spec", "status"] {
        collect(part, &SCHEMA["properties"][part], &undescribed, &mut fields);
    }
    assert!(fields.is_empty(), "fields without a description: {fields:?}");
}

#[test]
fn every_field_that_may_be_left_out_says_what_there_is_without_it() {
    let mut fields = Vec::new();
    let silent = |path: &str, property: &Value, required: bool| {
        let words = property["description"].as_str().unwrap_or_default().to_lowercase();
        let says = !property["default"].is_null() || words.contains("default") || words.contains("without it ");
        let of_others =
            OF_OTHERS.iter().any(|known| path.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')));
        !required && !says && !of_others
    };
    collect("spec", &SCHEMA["properties"]["spec"], &silent, &mut fields);
    assert!(fields.is_empty(), "fields without a default in words or in the schema: {fields:?}");
}

/// The paths of all fields below `path` that are `wanted`, which is told path, schema and whether the field is required.
fn collect(path: &str, schema: &Value, wanted: &impl Fn(&str, &Value, bool) -> bool, found: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let required = schema["required"].as_array().is_some_and(|names| names.contains(&Value::from(name.as_str())));
        if wanted(&path, property, required) {
            found.push(path.clone());
        }
        collect(&path, property, wanted, found);
        collect(&format!("{path}[]"), &property["items"], wanted, found);
    }
}
