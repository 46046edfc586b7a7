//! The schema of `config`: free-form, with the keys declared that are refused, because a rule can only see what is declared.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Keys below `http` that the operator writes itself.
pub(crate) const OWN_HTTP_KEYS: [&str; 6] = ["addr", "net", "tls", "secret", "debug", "draintimeout"];

/// Keys beside `http` that other fields of the spec decide about, and which these are.
pub(crate) const OWN_KEYS: [(&str, &str); 3] = [
    ("auth", "who may log in is said by spec.auth"),
    ("access", "who may do what is said by spec.auth"),
    ("storage", "where images are kept is said by spec.storage"),
];

pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let mut properties = serde_json::Map::new();
    properties.extend(OWN_KEYS.map(|(key, instead)| (key.to_owned(), anything(&format!("Refused: {instead}.")))));
    properties.insert("http".to_owned(), http());
    let rules: Vec<Value> = OWN_KEYS
        .map(|(key, instead)| rule(format!("!has(self.{key})"), format!("config.{key}: {instead}, and refused here")))
        .into();
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": properties,
        "x-kubernetes-validations": rules,
    })
}

/// The listener's section.
fn http() -> Value {
    let properties: serde_json::Map<_, _> = OWN_HTTP_KEYS
        .map(|key| (key.to_owned(), if ["tls", "debug"].contains(&key) { anything(OWN) } else { text(OWN) }))
        .into_iter()
        .collect();
    let own = OWN_HTTP_KEYS.map(|key| format!("has(self.{key})")).join(" || ");
    let message = format!(
        "config.http: {} are the operator's own, because the Pod's ports and probes, its certificate and its end follow from \
         them; certificates are said by spec.tls",
        OWN_HTTP_KEYS.join(", ")
    );
    json!({
        "type": "object",
        "description": "The server's listener: headers, host, prefix, relativeurls, http2, h2c.",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": properties,
        "x-kubernetes-validations": [rule(format!("!({own})"), message)],
    })
}

/// Why a key of the listener is declared.
const OWN: &str = "Refused: the operator's own.";

fn anything(description: &str) -> Value {
    json!({"type": "object", "description": description, "x-kubernetes-preserve-unknown-fields": true})
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn rule(rule: String, message: String) -> Value {
    json!({"rule": rule, "message": message})
}
