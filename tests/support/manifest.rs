//! YAML as users write it, turned into objects.

use anyhow::{Context as _, Result};
use kube::api::DynamicObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads one YAML document.
pub fn parse<T: DeserializeOwned>(yaml: &str) -> Result<T> {
    serde_saphyr::from_str(yaml).with_context(|| format!("failed to read YAML:\n{yaml}"))
}

/// Reads every object of a file of several documents; empty documents are skipped.
pub fn parse_all(yaml: &str) -> Result<Vec<DynamicObject>> {
    let documents = yaml.split("\n---").filter(|text| text.lines().any(|line| !is_blank(line)));
    documents.map(parse).collect()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "---" || line.starts_with('#')
}

/// What stands at `pointer` (RFC 6901) of an object's spec, status or data; null if nothing does.
pub fn at<'a>(object: &'a DynamicObject, pointer: &str) -> &'a Value {
    object.data.pointer(pointer).unwrap_or(&Value::Null)
}
