//! In what the two come to different configurations, and why that is wanted.

use serde_json::{Value, json};

use super::cases::Case;
use super::effective::{Difference, HIDDEN, field};

/// A file, as in [`Case`], and variables.
type Example = (Value, &'static [(&'static str, &'static str)]);

/// A difference that is wanted.
pub(super) struct Wanted {
    /// Why.
    pub(super) reason: &'static str,
    /// Whether a difference is that.
    pub(super) is: fn(&Case, &Difference) -> bool,
    /// What shows it.
    pub(super) example: fn() -> Example,
}

/// What nothing else needs.
fn file(more: Value) -> Value {
    let mut document = json!({
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": "/data"}},
        "http": {"addr": "127.0.0.1:5000"},
    });
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
    document
}

/// Keys of version 2.8, whose configurations are taken as well, and of this server.
const UNKNOWN: [&str; 6] = ["access", "compatibility", "redis.addr", "redis.pool", "redis.tls.enabled", "reporting"];

/// Below these the reference has texts, numbers and booleans as YAML has them.
const UNTYPED: [&str; 4] = ["auth.", "log.fields.", "middleware.", "storage."];

/// All of them.
pub(super) const WANTED: &[Wanted] = &[
    Wanted {
        reason: "what is in force by default is shown; the reference takes it where it is used",
        is: |_, difference| {
            let default = field(&difference.place).and_then(|field| field.default);
            difference.theirs.is_none() && default.is_some() && difference.ours.as_deref() == default
        },
        example: || (file(json!({})), &[]),
    },
    Wanted {
        reason: "passwords, keys and secrets are not shown",
        is: |_, difference| difference.theirs.is_some() && difference.ours.as_deref() == Some(HIDDEN),
        example: || (file(json!({})), &[("REGISTRY_HTTP_SECRET", "of all")]),
    },
    Wanted {
        reason: "keys of version 2.8 and of this server alone are taken; version 3.1 passes them over in silence",
        is: |_, difference| {
            let is_below = |key: &str| {
                difference.place.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            difference.theirs.is_none() && UNKNOWN.iter().any(|key| is_below(key))
        },
        example: || (file(json!({"access": {"path": "/rules"}})), &[]),
    },
    Wanted {
        reason: "an entry of a list of texts is what its variable says; in the reference it stays what it was, or empty",
        is: |case, difference| {
            let is_said = |(name, value): (&String, &String)| {
                name.ends_with("_0")
                    && difference.ours.as_deref().is_some_and(|ours| ours == value.trim_matches('\'') || ours == HIDDEN)
            };
            difference.place.ends_with(".0") && case.variables.iter().any(is_said)
        },
        example: || (file(json!({})), &[("REGISTRY_REDIS_ADDRS_0", "one.example:6379")]),
    },
    Wanted {
        reason: "options below a section of storage in the file are reached by variables",
        is: |case, difference| {
            let variable = format!("REGISTRY_{}", difference.place.replace('.', "_").to_uppercase());
            difference.place.starts_with("storage.maintenance.") && case.variables.contains_key(&variable)
        },
        example: || {
            let storage =
                json!({"filesystem": {}, "maintenance": {"uploadpurging": {"enabled": "false", "age": "1h"}}});
            (file(json!({"storage": storage})), &[("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE", "2h")])
        },
    },
    Wanted {
        reason: "an entry of a mapping replaces the one of the same name in other case, instead of standing beside it",
        is: |case, difference| {
            difference.place.to_lowercase().contains(".x-entry")
                && case.to_string().contains("X-Entry")
                && case.variables.keys().any(|name| name.contains("_X-ENTRY"))
        },
        example: || {
            let http = json!({"addr": "127.0.0.1:5000", "headers": {"X-Entry": ["one"]}});
            (file(json!({"http": http})), &[("REGISTRY_HTTP_HEADERS_X-ENTRY", "[two]")])
        },
    },
    Wanted {
        reason: "a text is what is written, where the reference takes a number or boolean for one",
        is: |_, difference| {
            let written = difference.ours.as_deref().unwrap_or_default();
            let meant = match written {
                "007" => Some("7"),
                "1.50" => Some("1.5"),
                _ => None,
            };
            meant.is_some()
                && difference.theirs.as_deref() == meant
                && UNTYPED.iter().any(|section| difference.place.starts_with(section))
        },
        example: || (file(json!({"log": {"fields": {"number": "007"}}})), &[]),
    },
];
