//! `REGISTRY_*` variables that override keys of the configuration, by the reference's rule: the name's parts are Go field
//! names, the value is YAML, variables are applied in lexical order, so that `REGISTRY_STORAGE=inmemory` replaces the whole
//! section before `REGISTRY_STORAGE_DELETE_ENABLED=true` adds to it.

use serde_json::{Map, Value};

use super::{
    document::{self, Report},
    schema::{Node, ROOT},
};

const PREFIX: &str = "REGISTRY_";

/// Says where the configuration is; no override.
pub(crate) const CONFIGURATION_PATH: &str = "REGISTRY_CONFIGURATION_PATH";

/// Most entries a list is given by variables; a higher index is refused anyway unless all before it are there.
const MOST_ENTRIES: usize = 1024;

/// Applies the variables among `environment` to `document`.
pub(super) fn apply(
    document: &mut Value,
    environment: impl IntoIterator<Item = (String, String)>,
    report: &mut Report,
) {
    let mut variables: Vec<(String, String)> =
        environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && name != CONFIGURATION_PATH).collect();
    variables.sort();
    let mut links = Vec::new();
    for (name, value) in variables {
        if is_service_link(&name, &value) {
            links.push(name);
            continue;
        }
        let parts: Vec<&str> = name[PREFIX.len()..].split('_').collect();
        match set(document, &ROOT, &parts, &name, &value, report) {
            Ok(()) => {}
            Err(Failure::Unrecognized) => {
                report.warn(format!("environment variable {name} is no configuration key and ignored"));
            }
            Err(Failure::UndefinedIndex(index)) => report.refuse(format!(
                "environment variable {name} sets entry {index} of a list that has no entry {}",
                index.saturating_sub(1)
            )),
        }
    }
    if let [first, others @ ..] = links.as_slice() {
        report.warn(format!(
            "environment variable {first} and {} others are Kubernetes' links to Services and ignored: set \
             enableServiceLinks: false in the Pod",
            others.len()
        ));
    }
}

/// Kubernetes gives each container the addresses of its namespace's Services; those of one called `registry`, or
/// `registry-...`, look like overrides.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (is_url && (name.ends_with("_PORT") || port_part(name).is_some_and(|rest| !rest.contains('_'))))
        || port_part(name).is_some_and(|rest| ["_PROTO", "_PORT", "_ADDR"].iter().any(|end| rest.ends_with(end)))
}

/// What follows `_PORT_<number>_`.
fn port_part(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once("_PORT_")?;
    let (number, protocol) = rest.split_once('_')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(protocol)
}

/// Why a variable was not applied.
#[derive(Debug)]
enum Failure {
    Unrecognized,
    UndefinedIndex(usize),
}

/// Sets what `parts` name below `target` to `payload`. Missing mappings on the way are made.
fn set(
    target: &mut Value,
    node: &Node,
    parts: &[&str],
    variable: &str,
    payload: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let Some((part, rest)) = parts.split_first() else {
        if let Some(value) = leaf(node, variable, payload, report) {
            *target = value;
        }
        return Ok(());
    };
    match node {
        Node::Section(fields) | Node::Driver(fields) => {
            let field = fields.iter().find(|field| field.variable.eq_ignore_ascii_case(part));
            let field = field.ok_or(Failure::Unrecognized)?;
            // Looked up first, so that an unrecognized variable leaves no empty mapping behind.
            let mut value = object(target, node).get(field.key).cloned().unwrap_or_default();
            set(&mut value, &field.node, rest, variable, payload, report)?;
            object(target, node).insert(field.key.to_owned(), value);
            Ok(())
        }
        Node::Map(child) => in_map(target, child, part, rest, variable, payload, report),
        Node::Any => in_map(target, &Node::Any, part, rest, variable, payload, report),
        Node::List(child) => {
            let index: usize = part.parse().map_err(|_| Failure::Unrecognized)?;
            let list = array(target);
            if index > list.len() || index >= MOST_ENTRIES {
                return Err(Failure::UndefinedIndex(index));
            }
            if index == list.len() {
                list.push(Value::Null);
            }
            set(&mut list[index], child, rest, variable, payload, report)
        }
        Node::Text | Node::Boolean | Node::Integer | Node::Duration | Node::Choice(_) => Err(Failure::Unrecognized),
    }
}

fn in_map(
    target: &mut Value,
    child: &Node,
    part: &str,
    rest: &[&str],
    variable: &str,
    payload: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    let map = object(target, &Node::Any);
    let existing = map.keys().find(|key| key.eq_ignore_ascii_case(part)).cloned();
    let key = existing.unwrap_or_else(|| part.to_lowercase());
    set(map.entry(key).or_insert(Value::Null), child, rest, variable, payload, report)
}

/// The mapping in `target`, which becomes one if it is not. A driver's name alone becomes a mapping with that driver.
fn object<'a>(target: &'a mut Value, node: &Node) -> &'a mut Map<String, Value> {
    if let (Node::Driver(_), Value::String(name)) = (node, &mut *target) {
        let name = std::mem::take(name);
        *target = Value::Object(Map::from_iter([(name, Value::Object(Map::new()))]));
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    match target {
        Value::Object(map) => map,
        _ => unreachable!("made a mapping above"),
    }
}

fn array(target: &mut Value) -> &mut Vec<Value> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    match target {
        Value::Array(values) => values,
        _ => unreachable!("made a list above"),
    }
}

/// The value of a variable in the shape its key wants. `None` when there is none; the report says why.
fn leaf(node: &Node, variable: &str, payload: &str, report: &mut Report) -> Option<Value> {
    if matches!(node, Node::Text) {
        // As text, not by way of a number: `007` stays `007`. What is no YAML was meant as it is written.
        let text = serde_saphyr::from_str::<String>(payload).unwrap_or_else(|_| payload.to_owned());
        return Some(Value::String(text));
    }
    let value = match document::parse(payload) {
        Ok(value) => value,
        Err(reason) => {
            report.refuse(format!("environment variable {variable} is not YAML: {reason}"));
            return None;
        }
    };
    let value = match (node, header(node, &value)) {
        (_, Some((name, text))) => {
            report.warn(format!(
                "environment variable {variable} is a mapping: write {variable}='{{{name}: [\"{text}\"]}}'"
            ));
            serde_json::json!({name: [text]})
        }
        (_, None) => value,
    };
    // An empty payload empties the key.
    Some(document::shape(value, node, variable, report).unwrap_or_default())
}

/// `Name=value` where a mapping of headers belongs.
fn header<'a>(node: &Node, value: &'a Value) -> Option<(&'a str, &'a str)> {
    match (node, value) {
        (Node::Map(Node::List(_)), Value::String(text)) => text.split_once('='),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn applied(document: Value, variables: &[(&str, &str)]) -> (Value, Report) {
        let (mut document, mut report) = (document, Report::default());
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        apply(&mut document, variables, &mut report);
        (document, report)
    }

    fn result(document: Value, variables: &[(&str, &str)]) -> Value {
        let (document, report) = applied(document, variables);
        assert!(report.errors.is_empty() && report.warnings.is_empty(), "{report:?}");
        document
    }

    #[test]
    fn a_key_is_set_and_its_sections_are_made() {
        assert_eq!(
            result(json!({}), &[("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt")]),
            json!({"http": {"tls": {"certificate": "/certs/domain.crt"}}})
        );
    }

    #[test]
    fn values_are_yaml() {
        let variables = [
            ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}"),
            ("REGISTRY_HTTP_SECRET", "00123"),
            ("REGISTRY_CATALOG_MAXENTRIES", "7"),
        ];
        assert_eq!(
            result(json!({}), &variables),
            json!({
                "catalog": {"maxentries": 7},
                "http": {"secret": "00123"},
                "storage": {"maintenance": {"readonly": {"enabled": true}}},
            })
        );
    }

    #[test]
    fn a_driver_given_by_name_replaces_the_section_before_others_add_to_it() {
        let document = json!({"storage": {"filesystem": {"rootdirectory": "/a"}, "delete": {"enabled": false}}});
        let variables = [("REGISTRY_STORAGE_DELETE_ENABLED", "true"), ("REGISTRY_STORAGE", "inmemory")];
        assert_eq!(result(document, &variables), json!({"storage": {"inmemory": {}, "delete": {"enabled": true}}}));
    }

    #[test]
    fn the_tutorials_htpasswd_variables_work() {
        let variables = [
            ("REGISTRY_AUTH", "htpasswd"),
            ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
            ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
        ];
        assert_eq!(
            result(json!({}), &variables),
            json!({"auth": {"htpasswd": {"realm": "Registry Realm", "path": "/auth/htpasswd"}}})
        );
    }

    #[test]
    fn map_keys_are_matched_without_case_and_new_ones_are_lower_case() {
        let document = json!({"http": {"headers": {"X-Frame-Options": ["deny"]}}});
        let variables = [
            ("REGISTRY_HTTP_HEADERS_ACCESS-CONTROL-ALLOW-ORIGIN", "['*']"),
            ("REGISTRY_HTTP_HEADERS_X-FRAME-OPTIONS", "[sameorigin]"),
        ];
        assert_eq!(
            result(document, &variables),
            json!({"http": {"headers": {"X-Frame-Options": ["sameorigin"], "access-control-allow-origin": ["*"]}}})
        );
    }

    #[test]
    fn lists_are_set_by_index_without_gaps() {
        let variables = [("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/a"), ("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b")];
        assert_eq!(result(json!({}), &variables), json!({"http": {"tls": {"clientcas": ["/a", "/b"]}}}));

        let (_, report) = applied(json!({}), &[("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b")]);
        assert_eq!(
            report.errors,
            ["environment variable REGISTRY_HTTP_TLS_CLIENTCAS_1 sets entry 1 of a list that has no entry 0"]
        );
    }

    #[test]
    fn go_names_differ_from_keys_in_places() {
        assert_eq!(
            result(json!({}), &[("REGISTRY_HEALTH_FILECHECKERS_0_FILE", "/down")]),
            json!({"health": {"file": {"0": {"file": "/down"}}}})
        );
    }

    #[test]
    fn an_unknown_variable_is_a_warning_and_changes_nothing() {
        let (document, report) = applied(json!({}), &[("REGISTRY_HTTP_PORT", "80"), ("REGISTRY_FOO", "1")]);
        assert_eq!(document, json!({}));
        assert_eq!(
            report.warnings,
            [
                "environment variable REGISTRY_FOO is no configuration key and ignored",
                "environment variable REGISTRY_HTTP_PORT is no configuration key and ignored",
            ]
        );
    }

    #[test]
    fn links_to_services_are_one_warning() {
        let (document, report) = applied(
            json!({}),
            &[
                ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
                ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
                ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
                ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
                ("REGISTRY_STORAGE_SERVICE_PORT", "80"),
                ("REGISTRY_SERVICE_PORT_HTTP", "80"),
            ],
        );
        assert_eq!(document, json!({}));
        assert_eq!(report.warnings.len(), 1);
        assert!(report.warnings[0].contains("and 5 others"), "{report:?}");
    }

    #[test]
    fn a_header_as_name_and_value_is_taken_with_a_warning_that_shows_the_proper_form() {
        let (document, report) = applied(json!({}), &[("REGISTRY_HTTP_HEADERS", "X-Content-Type-Options=no-sniff")]);
        assert_eq!(document, json!({"http": {"headers": {"X-Content-Type-Options": ["no-sniff"]}}}));
        assert_eq!(
            report.warnings,
            ["environment variable REGISTRY_HTTP_HEADERS is a mapping: write \
              REGISTRY_HTTP_HEADERS='{X-Content-Type-Options: [\"no-sniff\"]}'"]
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_an_error_that_names_the_variable() {
        let (_, report) = applied(json!({}), &[("REGISTRY_STORAGE_DELETE_ENABLED", "maybe")]);
        assert_eq!(report.errors, ["REGISTRY_STORAGE_DELETE_ENABLED is maybe, it has to be true or false"]);
    }

    proptest! {
        #[test]
        fn no_variable_makes_it_panic(
            name in "REGISTRY_(STORAGE|HTTP|AUTH|LOG|HEALTH)?(_[A-Z0-9]{0,12}){0,5}",
            value in "\\PC{0,40}",
        ) {
            applied(json!({"http": {"headers": {}}, "storage": "filesystem"}), &[(&name, &value)]);
        }
    }
}
