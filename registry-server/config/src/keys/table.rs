//! The keys as a table in Markdown.

use std::fmt::Write;

use super::{Described, Field, Node, Support};
use crate::Config;

/// Every key of a configuration with its variable, its default and what the server makes of it, as Markdown.
///
/// A key below one that is warned about or refused shares its fate.
pub fn table() -> String {
    let mut text = String::from("| key | variable | value | default | here |\n|---|---|---|---|---|\n");
    rows(Config::NODE, "", "REGISTRY", None, &mut text);
    text
}

fn rows(node: &Node, key: &str, variable: &str, inherited: Option<Support>, text: &mut String) {
    match node {
        Node::Section(fields) | Node::Driver(fields) => {
            for field in *fields {
                row(field, key, variable, inherited, text);
            }
        }
        Node::List(node) if has_keys(node) => {
            rows(node, &format!("{key}[]"), &format!("{variable}_0"), inherited, text);
        }
        _ => {}
    }
}

fn row(field: &Field, key: &str, variable: &str, inherited: Option<Support>, text: &mut String) {
    let key = if key.is_empty() { field.key.to_owned() } else { format!("{key}.{}", field.key) };
    let variable = format!("{variable}_{}", field.variable.to_uppercase());
    let support = inherited.unwrap_or(field.support);
    let default = field.default.filter(|default| *default != "{}").map(|text| format!("`{text}`")).unwrap_or_default();
    // Variables are split at every `_`.
    let name = if field.key.contains('_') { "-".to_owned() } else { format!("`{variable}`") };
    // Writing to a text does not fail.
    let _ = writeln!(
        text,
        "| `{key}` | {name} | {} | {default} | {} |",
        value(field.node),
        here(support, inherited.is_some())
    );
    let inherited = Some(support).filter(|support| *support != Support::Implemented);
    rows(field.node, &key, &variable, inherited, text);
}

fn has_keys(node: &Node) -> bool {
    matches!(node, Node::Section(_) | Node::Driver(_))
}

fn value(node: &Node) -> String {
    match node {
        Node::Section(_) => "section".to_owned(),
        Node::Driver(_) => "section, or the name of a driver".to_owned(),
        Node::Map(node) => format!("mapping of names to {}", value(node)),
        Node::List(node) if has_keys(node) => "list of sections".to_owned(),
        Node::List(node) => format!("list of {}", value(node)),
        Node::Text => "text".to_owned(),
        Node::Secret => "secret".to_owned(),
        Node::Boolean => "true, false".to_owned(),
        Node::Natural(_) | Node::Integer => "number".to_owned(),
        Node::Duration => "duration".to_owned(),
        Node::Choice(words) => words.join(", "),
        Node::Any => "text, lists and mappings".to_owned(),
    }
}

fn here(support: Support, inherited: bool) -> String {
    match support {
        Support::Implemented => "implemented".to_owned(),
        Support::Warned(_) if inherited => "warned about".to_owned(),
        Support::Warned(reason) => format!("warned about: {reason}"),
        Support::Refused(_) if inherited => "refused".to_owned(),
        Support::Refused(instead) => format!("refused: {instead}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_what_the_code_knows() {
        let documented = include_str!("../../keys.md");
        assert!(table() == documented, "run `make generate`: registry-server/config/keys.md is not what the code says");
    }

    #[test]
    fn variables_have_the_references_go_names() {
        let table = table();
        for (key, variable) in [
            ("http.addr", "REGISTRY_HTTP_ADDR"),
            ("notifications.events.includereferences", "REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES"),
            ("health.file[].file", "REGISTRY_HEALTH_FILECHECKERS_0_FILE"),
            ("health.http[].statuscode", "REGISTRY_HEALTH_HTTPCHECKERS_0_STATUSCODE"),
            ("health.tcp[].addr", "REGISTRY_HEALTH_TCPCHECKERS_0_ADDR"),
            ("log.hooks[].options.smtp.addr", "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR"),
            ("compatibility.schema1.signingkeyfile", "REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY"),
            ("storage.maintenance.readonly.enabled", "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED"),
        ] {
            assert!(table.contains(&format!("| `{key}` | `{variable}` |")), "{key}");
        }
    }
}
