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

/// The rest of a Pod that runs `app:1` of the registry at `host`, as strict as any namespace demands: fields of a Pod's spec, for a
/// template in which they begin in the seventh column.
pub fn strict_pod(host: &str) -> String {
    format!(
        "terminationGracePeriodSeconds: 0
      securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: app
          image: {host}/app:1
          imagePullPolicy: Always
          command: [sleep, infinity]
          securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}"
    )
}
