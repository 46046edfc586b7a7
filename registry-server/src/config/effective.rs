//! A configuration for people to read: everything that is in force, without the passwords.

use registry_config::{HIDDEN, keys::Node, without_user_info};
use serde_json::Value;

/// Parts of the names of headers and options whose values are not shown.
const TELLING: [&str; 7] = ["auth", "cookie", "credential", "key", "password", "secret", "token"];

/// Replaces what must not be shown below `node`: secrets, passwords in URLs, and values under names that tell of them.
pub(super) fn mask(value: &mut Value, node: &Node) {
    match (node, value) {
        (Node::Section(fields) | Node::Driver(fields), Value::Object(map)) => {
            for field in *fields {
                if let Some(value) = map.get_mut(field.key) {
                    mask(value, field.node);
                }
            }
        }
        (Node::Map(node), Value::Object(map)) => {
            for (name, value) in map {
                match is_telling(name) {
                    true => hide(value),
                    false => mask(value, node),
                }
            }
        }
        (Node::List(node), Value::Array(values)) => values.iter_mut().for_each(|value| mask(value, node)),
        (Node::Any, value @ Value::Object(_)) => mask(value, &Node::Map(&Node::Any)),
        (Node::Any, value @ Value::Array(_)) => mask(value, &Node::List(&Node::Any)),
        (Node::Secret, value) => hide(value),
        (_, Value::String(text)) => *text = without_user_info(text),
        _ => {}
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(hide),
        Value::Object(map) => map.values_mut().for_each(hide),
        value => *value = Value::String(HIDDEN.to_owned()),
    }
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use registry_config::{Config, keys::Described};
    use serde_json::json;

    use super::*;

    fn masked(mut value: Value) -> Value {
        mask(&mut value, Config::NODE);
        value
    }

    #[test]
    fn passwords_keys_and_secrets_are_hidden() {
        let value = json!({
            "http": {"secret": "hunter2", "headers": {"Authorization": ["hunter2"], "X-Frame-Options": ["deny"]}},
            "redis": {"password": "hunter2", "sentinelpassword": "hunter2", "addr": "cache:6379"},
            "notifications": {"endpoints": [{
                "url": "https://robot:hunter2@example.com/events",
                "headers": {"X-Any": ["hunter2", "hunter2"]},
            }]},
            "middleware": {"storage": [{"name": "cloudfront", "options": {"privatekey": "hunter2", "duration": "1h"}}]},
            "storage": {"s3": {"accesskey": "hunter2", "secretkey": "hunter2", "bucket": "images"}},
            "reporting": {"newrelic": {"licensekey": "hunter2"}},
            "log": {"hooks": [{"options": {"smtp": {"password": "hunter2"}}}], "fields": {"apikey": "hunter2"}},
        });
        let text = masked(value).to_string();
        assert!(!text.contains("hunter2"), "{text}");
        for shown in ["deny", "cache:6379", "https://(hidden)@example.com/events", "images", "1h", "cloudfront"] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
    }

    #[test]
    fn paths_are_not_passwords() {
        let value =
            json!({"http": {"tls": {"key": "/certs/tls.key"}}, "auth": {"htpasswd": {"path": "/auth/htpasswd"}}});
        assert_eq!(masked(value.clone()), value);
    }
}
