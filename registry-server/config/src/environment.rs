//! `REGISTRY_*` variables that override keys of the configuration, by the reference's rule:
//!
//! - What follows `REGISTRY_` is split at each `_`; a part names a Go field of the reference, which is not always the key
//!   (`REGISTRY_NOTIFICATIONS_EVENTCONFIG_...` is `notifications.events`), an entry of a mapping, or an index of a list. Case
//!   does not matter; a new entry of a mapping is lower case; an entry with `_` in its name cannot be reached.
//! - The value is YAML.
//! - Variables are applied in lexical order, so that `REGISTRY_STORAGE=inmemory`, which replaces the whole section, comes
//!   before `REGISTRY_STORAGE_DELETE_ENABLED=true`, which adds to it.
//! - A list takes the index after its last one and grows; a higher one is an error.
//! - What is no key is warned about and ignored, Kubernetes' links to Services among it.
//!
//! Where the reference silently fails to do what that says (an entry of a list of texts stays empty, options below a section
//! of `storage` in the file cannot be reached, an entry of a mapping is there twice, in two cases), this does it.

use serde_json::{Map, Value};

use crate::{
    Config,
    document::{self, Report},
    keys::{Described, Field, Node, Support},
    yaml,
};

const PREFIX: &str = "REGISTRY_";

/// Says where the configuration is; no override.
pub const CONFIGURATION_PATH: &str = "REGISTRY_CONFIGURATION_PATH";

/// The format is the file's; people keep the version of their image in a variable of this name.
const VERSION: &str = "REGISTRY_VERSION";

/// Most entries a list is given by variables; a higher index is refused anyway unless all before it are there.
const MOST_ENTRIES: usize = 1024;

/// Applies the variables among `environment` to `document`.
pub fn apply(document: &mut Value, environment: impl IntoIterator<Item = (String, String)>, report: &mut Report) {
    let mut variables: Vec<(String, String)> =
        environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && name != CONFIGURATION_PATH).collect();
    variables.sort();
    let mut links = Vec::new();
    for (name, value) in variables {
        if name == VERSION {
            report.warn(format!("environment variable {name} cannot change the version of the format and is ignored"));
            continue;
        }
        if is_service_link(&name, &value) {
            links.push(name);
            continue;
        }
        let parts: Vec<&str> = name[PREFIX.len()..].split('_').collect();
        let mut variable = Variable { name: &name, value: &value, report };
        match variable.set(document, Config::NODE, &parts, true) {
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

/// A variable that is being applied.
struct Variable<'a> {
    name: &'a str,
    value: &'a str,
    report: &'a mut Report,
}

impl Variable<'_> {
    /// Sets what `parts` name below `target` to the variable's value. Missing mappings on the way are made. `acted_upon`:
    /// whether the server acts on what is there.
    fn set(&mut self, target: &mut Value, node: &Node, parts: &[&str], acted_upon: bool) -> Result<(), Failure> {
        let Some((part, rest)) = parts.split_first() else {
            if let Some(value) = self.leaf(node, acted_upon) {
                *target = value;
            }
            return Ok(());
        };
        // On a copy, so that an unrecognized variable leaves no empty mapping behind.
        let mut copy = target.clone();
        if let Some(place) = Place::below(&mut copy, node, part)? {
            self.set(place.value, place.node, rest, acted_upon && place.acted_upon)?;
        }
        *target = copy;
        Ok(())
    }

    /// The value as its key wants it. `None` when there is none; the report says why. An empty value empties the key.
    fn leaf(&mut self, node: &Node, acted_upon: bool) -> Option<Value> {
        if matches!(node, Node::Text | Node::Secret) || (matches!(node, Node::Any) && self.value.is_empty()) {
            // As text, not by way of a number: `007` stays `007`. What is no YAML was meant as it is written.
            let text = serde_saphyr::from_str::<String>(self.value).unwrap_or_else(|_| self.value.to_owned());
            return Some(Value::String(text));
        }
        let value = match yaml::parse(self.value, node, self.name, self.report) {
            Ok(value) => value,
            // `*` is no YAML, but meant to be an entry.
            Err(_) if !acted_upon || matches!(node, Node::List(Node::Text) | Node::Any) => {
                Value::String(self.value.to_owned())
            }
            Err(reason) => {
                self.report.refuse(format!("environment variable {} is not YAML: {reason}", self.name));
                return None;
            }
        };
        match node {
            Node::Map(Node::List(_)) => Some(self.header(value)),
            Node::Section(_) | Node::Driver(_) | Node::Map(_) | Node::List(_) => Some(value),
            _ if !acted_upon => Some(value),
            // At once, so that a mistake is said to be in the variable.
            _ => Some(document::shape(value, node, self.name, self.report).unwrap_or_default()),
        }
    }

    /// `Name=value` where a mapping of headers belongs, as a mapping.
    fn header(&mut self, value: Value) -> Value {
        let Some((name, text)) = value.as_str().and_then(|text| text.split_once('=')) else { return value };
        self.report.warn(format!(
            "environment variable {variable} is a mapping: write {variable}='{{{name}: [\"{text}\"]}}'",
            variable = self.name
        ));
        serde_json::json!({name: [text]})
    }
}

/// Where a part of a variable's name leads to.
struct Place<'a> {
    value: &'a mut Value,
    node: &'a Node,
    acted_upon: bool,
}

impl<'a> Place<'a> {
    /// The place that `part` names below `target`, which is made if it is missing. `None` for a driver that is none: the
    /// reference takes the part for a driver's name, and without an error another driver would be taken in its place.
    fn below(target: &'a mut Value, node: &'a Node, part: &str) -> Result<Option<Self>, Failure> {
        match node {
            Node::Section(fields) | Node::Driver(fields) => match find(fields, part) {
                Some(field) => Ok(Some(Self::field(target, node, field))),
                None if matches!(node, Node::Driver(_)) => {
                    object(target, node).entry(part.to_lowercase()).or_insert(Value::Null);
                    Ok(None)
                }
                None => Err(Failure::Unrecognized),
            },
            Node::Map(child) => Ok(Some(Self::entry(target, child, part))),
            Node::List(child) => Self::index(target, child, part).map(Some),
            Node::Any if target.is_array() => Self::index(target, node, part).map(Some),
            Node::Any => Ok(Some(Self::entry(target, node, part))),
            Node::Text
            | Node::Secret
            | Node::Boolean
            | Node::Natural(_)
            | Node::Integer
            | Node::Duration
            | Node::Choice(_) => Err(Failure::Unrecognized),
        }
    }

    fn field(target: &'a mut Value, node: &Node, field: &'a Field) -> Self {
        let value = object(target, node).entry(field.key).or_insert(Value::Null);
        Self { value, node: field.node, acted_upon: field.support == Support::Implemented }
    }

    fn entry(target: &'a mut Value, node: &'a Node, part: &str) -> Self {
        let map = mapping(target);
        let existing = map.keys().find(|key| key.eq_ignore_ascii_case(part)).cloned();
        let value = map.entry(existing.unwrap_or_else(|| part.to_lowercase())).or_insert(Value::Null);
        Self { value, node, acted_upon: true }
    }

    fn index(target: &'a mut Value, node: &'a Node, part: &str) -> Result<Self, Failure> {
        let index: usize = part.parse().map_err(|_| Failure::Unrecognized)?;
        let list = list(target);
        if index >= MOST_ENTRIES {
            return Err(Failure::UndefinedIndex(index));
        }
        if index == list.len() {
            list.push(Value::Null);
        }
        let value = list.get_mut(index).ok_or(Failure::UndefinedIndex(index))?;
        Ok(Self { value, node, acted_upon: true })
    }
}

fn find<'a>(fields: &'a [Field], part: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.variable.eq_ignore_ascii_case(part))
}

/// The mapping of a section. A driver's name alone becomes a mapping with that driver.
fn object<'a>(target: &'a mut Value, node: &Node) -> &'a mut Map<String, Value> {
    if let (Node::Driver(_), Value::String(name)) = (node, &mut *target) {
        let name = std::mem::take(name);
        *target = Value::Object(Map::from_iter([(name, Value::Object(Map::new()))]));
    }
    mapping(target)
}

/// The mapping in `target`, which becomes one if it is not.
fn mapping(target: &mut Value) -> &mut Map<String, Value> {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    match target {
        Value::Object(map) => map,
        _ => unreachable!("made a mapping above"),
    }
}

/// The list in `target`, which becomes one if it is not.
fn list(target: &mut Value) -> &mut Vec<Value> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    match target {
        Value::Array(values) => values,
        _ => unreachable!("made a list above"),
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
        let variables = [
            ("REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY", "/key"),
            ("REGISTRY_HEALTH_FILECHECKERS_0_FILE", "/down"),
            ("REGISTRY_HEALTH_HTTPCHECKERS_0_STATUSCODE", "204"),
            ("REGISTRY_HEALTH_TCPCHECKERS_0_ADDR", "cache:6379"),
            ("REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR", "mail:25"),
            ("REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES", "true"),
        ];
        assert_eq!(
            result(json!({}), &variables),
            json!({
                "compatibility": {"schema1": {"signingkeyfile": "/key"}},
                "health": {
                    "file": [{"file": "/down"}],
                    "http": [{"statuscode": 204}],
                    "tcp": [{"addr": "cache:6379"}],
                },
                "log": {"hooks": [{"options": {"smtp": {"addr": "mail:25"}}}]},
                "notifications": {"events": {"includereferences": true}},
            })
        );
    }

    #[test]
    fn the_keys_of_a_file_are_not_those_of_variables() {
        for name in ["REGISTRY_HEALTH_FILE_0_FILE", "REGISTRY_NOTIFICATIONS_EVENTS_INCLUDEREFERENCES"] {
            let (document, report) = applied(json!({}), &[(name, "true")]);
            assert_eq!(document, json!({}));
            assert_eq!(report.warnings, [format!("environment variable {name} is no configuration key and ignored")]);
        }
    }

    #[test]
    fn the_case_of_parts_does_not_matter() {
        assert_eq!(
            result(json!({}), &[("REGISTRY_http_RelativeURLs", "true")]),
            json!({"http": {"relativeurls": true}})
        );
    }

    #[test]
    fn redis_has_the_keys_of_both_versions() {
        let variables = [
            ("REGISTRY_REDIS_ADDR", "cache:6379"),
            ("REGISTRY_REDIS_ADDRS", "[a:6379, b:6379]"),
            ("REGISTRY_REDIS_POOLSIZE", "7"),
            ("REGISTRY_REDIS_POOL_MAXIDLE", "16"),
            ("REGISTRY_REDIS_TLS_ROOTCAS_0", "/ca.pem"),
        ];
        assert_eq!(
            result(json!({}), &variables),
            json!({"redis": {
                "addr": "cache:6379",
                "addrs": ["a:6379", "b:6379"],
                "poolsize": 7,
                "pool": {"maxidle": 16},
                "tls": {"rootcas": ["/ca.pem"]},
            }})
        );
    }

    #[test]
    fn options_below_a_section_of_the_file_are_reached() {
        let document = json!({"storage": {"maintenance": {"uploadpurging": {"enabled": true, "age": "1h"}}}});
        assert_eq!(
            result(document, &[("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false")]),
            json!({"storage": {"maintenance": {"uploadpurging": {"enabled": false, "age": "1h"}}}})
        );
    }

    #[test]
    fn an_empty_value_empties_the_key() {
        let document = json!({"http": {"host": "https://a", "headers": {"X-A": ["b"]}}, "auth": {"htpasswd": {}}});
        let variables = [("REGISTRY_AUTH", ""), ("REGISTRY_HTTP_HEADERS", ""), ("REGISTRY_HTTP_HOST", "")];
        assert_eq!(result(document, &variables), json!({"http": {"host": "", "headers": {}}, "auth": {}}));
    }

    #[test]
    fn an_unknown_driver_is_not_lost() {
        assert_eq!(
            result(json!({"storage": {"filesystem": {}}}), &[("REGISTRY_STORAGE_CEPH_POOL", "images")]),
            json!({"storage": {"filesystem": {}, "ceph": null}})
        );
    }

    #[test]
    fn the_version_of_an_image_is_not_that_of_the_format() {
        let (document, report) = applied(json!({"version": "0.1"}), &[("REGISTRY_VERSION", "2.8.3")]);
        assert_eq!(document, json!({"version": "0.1"}));
        assert_eq!(
            report.warnings,
            ["environment variable REGISTRY_VERSION cannot change the version of the format and is ignored"]
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

    /// What is below `node`: the name of a variable without its prefix, the place in a document, and what is there.
    fn places(node: &'static Node, name: &str, place: &str) -> Vec<(String, String, &'static Node)> {
        match node {
            Node::Section(fields) | Node::Driver(fields) => fields
                .iter()
                .filter(|field| !field.key.contains('_'))
                .flat_map(|field| {
                    let name = format!("{name}_{}", field.variable.to_uppercase());
                    places(field.node, &name, &format!("{place}/{}", field.key))
                })
                .collect(),
            Node::List(child) => places(child, &format!("{name}_0"), &format!("{place}/0")),
            Node::Map(child) => places(child, &format!("{name}_ENTRY"), &format!("{place}/entry")),
            node => vec![(name.to_owned(), place.to_owned(), node)],
        }
    }

    #[test]
    fn every_key_is_reached_by_its_variable() {
        let places = places(Config::NODE, "REGISTRY", "");
        assert!(places.len() > 200, "{}", places.len());
        for (name, place, node) in places.into_iter().filter(|(name, ..)| name != VERSION) {
            let value = match node {
                Node::Boolean => "true",
                Node::Natural(_) | Node::Integer => "12",
                Node::Duration => "3s",
                Node::Choice(words) => words[0],
                _ => "text",
            };
            let document = result(json!({}), &[(&name, value)]);
            let set = document.pointer(&place).unwrap_or_else(|| panic!("{name}: nothing at {place} in {document}"));
            assert_eq!(set.as_str().map_or_else(|| set.to_string(), ToOwned::to_owned), value, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_variable_makes_it_panic(
            name in "REGISTRY_(STORAGE|HTTP|AUTH|LOG|HEALTH)?(_[A-Z0-9]{0,12}){0,5}",
            value in "\\PC{0,40}",
        ) {
            applied(json!({"http": {"headers": {}}, "storage": "filesystem"}), &[(&name, &value)]);
        }

        #[test]
        fn what_is_no_key_changes_nothing(name in "REGISTRY_(HTTP_|LOG_|HEALTH_)?[B-Z][QXZ]{3,8}(_[A-Z]{1,8}){0,3}") {
            let document = json!({"http": {"addr": ":5000"}, "storage": {"filesystem": {}}});
            let (after, report) = applied(document.clone(), &[(&name, "value")]);
            prop_assert_eq!(after, document);
            prop_assert_eq!(report.errors, Vec::<String>::new());
            prop_assert_eq!(report.warnings.len(), 1);
        }

        #[test]
        fn the_order_of_the_environment_does_not_matter(order in Just(vec![
            ("REGISTRY_STORAGE", "filesystem"),
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
            ("REGISTRY_STORAGE_DELETE", "{enabled: true}"),
            ("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/a"),
            ("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b"),
            ("REGISTRY_HTTP_HEADERS_X-A", "[b]"),
        ]).prop_shuffle()) {
            let document = json!({"storage": {"inmemory": {}, "maintenance": {"readonly": {"enabled": true}}}});
            prop_assert_eq!(result(document, &order), json!({
                "storage": {"filesystem": {"rootdirectory": "/data"}, "delete": {"enabled": true}},
                "http": {"tls": {"clientcas": ["/a", "/b"]}, "headers": {"x-a": ["b"]}},
            }));
        }

        #[test]
        fn a_list_takes_the_index_after_its_last_one_and_no_higher(length in 0_usize..5, index in 0_usize..9) {
            let list: Vec<String> = (0..length).map(|number| format!("/{number}")).collect();
            let document = json!({"http": {"tls": {"clientcas": list}}});
            let name = format!("REGISTRY_HTTP_TLS_CLIENTCAS_{index}");
            let (after, report) = applied(document.clone(), &[(&name, "/new")]);
            if index > length {
                prop_assert_eq!(report.errors.len(), 1);
                prop_assert_eq!(after, document);
            } else {
                let list = after["http"]["tls"]["clientcas"].as_array().unwrap();
                prop_assert_eq!(list.len(), length.max(index + 1));
                prop_assert_eq!(&list[index], "/new");
            }
        }
    }
}
