//! The API as a document for people, made of the definition that is installed: `operator/api.md`.
//!
//! What Kubernetes itself describes (affinity, tolerations, conditions) is named and not repeated.

mod types;

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// A definition as Markdown: each object a table of its fields, followed by its rules.
#[must_use]
pub fn markdown(crd: &CustomResourceDefinition) -> String {
    let crd = serde_json::to_value(crd).unwrap_or_default();
    let (names, version) = (&crd["spec"]["names"], &crd["spec"]["versions"][0]);
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut page = format!(
        "<!-- Written by `make generate` from the types in operator/src/api. -->\n\n# {} `{}/{}`\n\n{}\n\nShort name `{}`, plural `{}`; \
         namespaced.\n",
        text(&names["kind"]),
        text(&crd["spec"]["group"]),
        text(&version["name"]),
        prose(schema),
        text(&names["shortNames"][0]),
        text(&names["plural"]),
    );
    rules(schema, &mut page);
    columns(version, &mut page);
    for part in ["spec", "status"] {
        object(part, &schema["properties"][part], &mut page);
    }
    page
}

/// What `kubectl get` prints.
fn columns(version: &Value, page: &mut String) {
    page.push_str("\n`kubectl get` prints:\n\n| column | what it says |\n|---|---|\n");
    for column in version["additionalPrinterColumns"].as_array().into_iter().flatten() {
        let wide = if column["priority"].as_i64().unwrap_or_default() > 0 { " (with `-o wide`)" } else { "" };
        let says = column["description"].as_str().map_or_else(|| format!("`{}`", text(&column["jsonPath"])), cell);
        let _ = writeln!(page, "| {}{wide} | {says} |", text(&column["name"]));
    }
}

/// The table of an object's fields and its rules, and then the objects in it.
fn object(path: &str, schema: &Value, page: &mut String) {
    let _ = write!(page, "\n## {path}\n\n{}\n\n| field | type | what it means |\n|---|---|---|\n", prose(schema));
    let fields = schema["properties"].as_object();
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in fields.into_iter().flatten() {
        let must = if required.contains(&name.as_str()) { " **Required.**" } else { "" };
        let type_ = types::shown(&format!("{path}.{name}"), field);
        let _ = writeln!(page, "| `{name}` | {type_} | {}{must} |", cell(&prose(field)));
    }
    rules(schema, page);
    for (name, field) in fields.into_iter().flatten() {
        let path = format!("{path}.{name}");
        if types::of_kubernetes(&path).is_some() {
            continue;
        }
        let (path, inner) = if field["items"]["properties"].is_object() {
            (format!("{path}[]"), &field["items"])
        } else {
            (path, field)
        };
        if inner["properties"].is_object() {
            object(&path, inner, page);
        }
    }
}

/// The rules of an object, and those of its fields that have no table of their own, in the words of the API server.
fn rules(schema: &Value, page: &mut String) {
    let fields = schema["properties"].as_object().into_iter().flatten().map(|(_, field)| field);
    let without_table = fields.filter(|field| !field["properties"].is_object());
    let messages: Vec<_> = std::iter::once(schema)
        .chain(without_table)
        .flat_map(|schema| schema["x-kubernetes-validations"].as_array().into_iter().flatten())
        .map(|rule| text(&rule["message"]))
        .collect();
    if !messages.is_empty() {
        let _ = writeln!(page, "\nRules:\n\n- {}", messages.join("\n- "));
    }
}

fn prose(schema: &Value) -> String {
    text(&schema["description"]).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// In a table a line is a row.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v1alpha1::crd;

    #[test]
    fn every_field_of_ours_has_a_row_and_every_rule_its_sentence() {
        let page = markdown(&crd());
        for row in [
            "| `replicas` | integer, by default `1` |",
            "| `affinity` | Affinity of core/v1 |",
            "| `users` | list of [objects](#specauthusers), at most 256 |",
            "| `tls` | [object](#spectls) |",
            "## spec.auth.users[]",
            "| `algorithm` | `ECDSA` or `RSA`, by default `ECDSA` |",
            "| `nodeSelector` | map of texts |",
            "- replicas must be 1, or 0 for a registry that is stopped",
            "| Ready | Whether the registry serves what the spec asks for |",
        ] {
            assert!(page.contains(row), "no {row:?} in\n{page}");
        }
    }

    #[test]
    fn the_document_is_what_the_types_say() {
        let written = include_str!("../../api.md");
        assert!(written == markdown(&crd()), "run `make generate`: operator/api.md is not what the types say");
    }
}
