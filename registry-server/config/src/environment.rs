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
mod tests;
