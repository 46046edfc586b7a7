//! What a field may hold, in a few words.

use serde_json::Value;

/// Fields whose shape Kubernetes describes, and what it calls that.
const OF_KUBERNETES: [(&str, &str); 13] = [
    ("spec.affinity", "Affinity of core/v1"),
    ("spec.env[].valueFrom", "EnvVarSource of core/v1"),
    ("spec.imagePullSecrets", "list of LocalObjectReference of core/v1"),
    ("spec.networkPolicy.allowedPeers", "list of NetworkPolicyPeer of networking.k8s.io/v1"),
    ("spec.networkPolicy.metricsPeers", "list of NetworkPolicyPeer of networking.k8s.io/v1"),
    ("spec.podSecurityContext", "PodSecurityContext of core/v1"),
    ("spec.pullSecrets.namespaceSelector", "LabelSelector of meta/v1"),
    ("spec.resources.claims", "list of ResourceClaim of core/v1"),
    ("spec.resources.limits", "quantities by name"),
    ("spec.resources.requests", "quantities by name"),
    ("spec.tolerations", "list of Toleration of core/v1"),
    ("spec.topologySpreadConstraints", "list of TopologySpreadConstraint of core/v1"),
    ("status.conditions", "list of Condition of meta/v1"),
];

/// Kubernetes' name for what `path` holds.
pub(super) fn of_kubernetes(path: &str) -> Option<&'static str> {
    OF_KUBERNETES.iter().find(|(known, _)| *known == path).map(|(_, name)| *name)
}

/// Type, bounds and default of the field at `path`.
pub(super) fn shown(path: &str, field: &Value) -> String {
    let mut words = vec![of_kubernetes(path).map_or_else(|| kind(path, field), str::to_owned)];
    words.extend(bounds(field));
    let default = &field["default"];
    if !default.is_null() && !default.is_object() {
        words.push(format!("by default `{}`", default.as_str().map_or_else(|| default.to_string(), str::to_owned)));
    }
    words.join(", ")
}

fn kind(path: &str, field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(" or ");
    }
    match (field["type"].as_str().unwrap_or_default(), field["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", _) => "text".to_owned(),
        ("array", _) if field["items"]["properties"].is_object() => format!("list of [objects](#{})", anchor(path)),
        ("array", _) if field["items"]["enum"].is_array() => format!("list of {}", kind(path, &field["items"])),
        ("array", _) => "list of texts".to_owned(),
        ("object", _) if field["additionalProperties"].is_object() => "map of texts".to_owned(),
        ("object", _) if field["properties"].is_object() => format!("[object](#{})", anchor(path)),
        (other, _) => other.to_owned(),
    }
}

/// Where the table of the object at `path` is: what a heading's text is made into.
fn anchor(path: &str) -> String {
    path.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn bounds(field: &Value) -> Vec<String> {
    let number = |key: &str| field[key].as_f64();
    let range = match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    };
    let characters = number("maxLength").map(|most| format!("at most {most} characters"));
    let entries = number("maxItems").or_else(|| number("maxProperties")).map(|most| format!("at most {most}"));
    range.into_iter().chain(characters).chain(entries).collect()
}
