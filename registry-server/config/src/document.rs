//! A configuration as a tree of values: brought into the shapes that the keys have, with a word about everything in it that
//! will not be acted upon. Knows no key by name but one.

use serde_json::{Map, Value};

use crate::keys::{Field, Node, Support};

/// The one key whose misspelling would store images elsewhere without anybody noticing.
const ROOT_DIRECTORY: &str = "rootdirectory";

/// What is to be said about a configuration.
#[derive(Debug, Default)]
pub struct Report {
    /// What the user should know. The server starts nevertheless.
    pub warnings: Vec<String>,
    /// Why the server cannot start.
    pub errors: Vec<String>,
}

impl Report {
    /// Adds something that the user should know.
    pub fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Adds a reason why the server cannot start.
    pub fn refuse(&mut self, text: String) {
        self.errors.push(text);
    }
}

/// Brings `value` into the shape of `node`.
///
/// What has no meaning is taken out with a warning; what cannot be given that shape is an error, named by `path`. `None`: there
/// is nothing left, as if the key had not been written.
pub fn shape(value: Value, node: &Node, path: &str, report: &mut Report) -> Option<Value> {
    match (node, value) {
        (Node::Section(_) | Node::Driver(_) | Node::Map(_), Value::Null) => Some(Value::Object(Map::new())),
        (_, Value::Null) => None,
        (Node::Driver(_), Value::String(name)) if name.is_empty() => Some(Value::Object(Map::new())),
        (Node::Driver(fields), Value::String(name)) => {
            Some(driver(Map::from_iter([(name, Value::Null)]), fields, path, report))
        }
        (Node::Driver(fields), Value::Object(map)) => Some(driver(map, fields, path, report)),
        (Node::Section(fields), Value::Object(map)) => Some(section(map, fields, path, report)),
        (Node::Map(node), Value::Object(map)) => Some(mapping(map, node, path, report)),
        (Node::Any, Value::Object(map)) => Some(mapping(map, node, path, report)),
        (Node::Any, Value::Array(values)) => Some(list(values, node, path, report)),
        (Node::List(node), Value::Array(values)) => Some(list(values, node, path, report)),
        (Node::List(node), value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
            report.warn(format!("{path} is a list: write {path}: [{}]", quoted(&shown(&value, node))));
            Some(list(vec![value], node, path, report))
        }
        (node, value) => scalar(&value, node, path, report),
    }
}

/// A section with a driver. One that is not there is not ignored, or another one would be taken in its place.
fn driver(map: Map<String, Value>, fields: &[Field], path: &str, report: &mut Report) -> Value {
    let mut available = Map::new();
    for (key, value) in map {
        let path = join(path, &key);
        match fields.iter().find(|field| field.key == key).map(|field| field.support) {
            None => report.refuse(format!("{path} is unknown, it has to be one of {}", implemented(fields))),
            Some(Support::Refused(instead)) => report.refuse(format!("{path} is not supported: {instead}")),
            Some(Support::Implemented | Support::Warned(_)) => {
                available.insert(key, value);
            }
        }
    }
    section(available, fields, path, report)
}

fn implemented(fields: &[Field]) -> String {
    let fields = fields.iter().filter(|field| field.support == Support::Implemented);
    fields.map(|field| field.key).collect::<Vec<_>>().join(", ")
}

fn section(map: Map<String, Value>, fields: &[Field], path: &str, report: &mut Report) -> Value {
    let mut shaped = Map::new();
    for (key, value) in map {
        let path = join(path, &key);
        let Some(field) = fields.iter().find(|field| field.key == key) else {
            unknown(&key, fields, &path, report);
            continue;
        };
        if let Some(value) = supported(value, field, &path, report) {
            shaped.insert(key, value);
        }
    }
    Value::Object(shaped)
}

fn supported(value: Value, field: &Field, path: &str, report: &mut Report) -> Option<Value> {
    match field.support {
        Support::Implemented => shape(value, field.node, path, report),
        Support::Warned(_) | Support::Refused(_) if asks_for_nothing(&value) => None,
        Support::Warned(reason) => {
            report.warn(format!("{path} is not supported and ignored: {reason}"));
            // Whatever is wrong with it changes nothing.
            let mut unread = Report::default();
            shape(value, field.node, path, &mut unread).filter(|_| unread.errors.is_empty())
        }
        Support::Refused(instead) => {
            report.refuse(format!("{path} is not supported: {instead}"));
            None
        }
    }
}

fn unknown(key: &str, fields: &[Field], path: &str, report: &mut Report) {
    match fields.iter().find(|field| field.key.eq_ignore_ascii_case(key)) {
        Some(field) if field.key == ROOT_DIRECTORY => report.refuse(format!(
            "{path} is unknown (did you mean {}?): nothing would be stored where it points to",
            field.key
        )),
        Some(field) => report.warn(format!("{path} is unknown and ignored (did you mean {}?)", field.key)),
        None => report.warn(format!("{path} is unknown and ignored")),
    }
}

fn mapping(map: Map<String, Value>, node: &Node, path: &str, report: &mut Report) -> Value {
    let mut shaped = Map::new();
    for (key, value) in map {
        if let Some(value) = shape(value, node, &join(path, &key), report) {
            shaped.insert(key, value);
        }
    }
    Value::Object(shaped)
}

fn list(values: Vec<Value>, node: &Node, path: &str, report: &mut Report) -> Value {
    let values = values.into_iter().enumerate();
    values.filter_map(|(index, value)| shape(value, node, &format!("{path}[{index}]"), report)).collect()
}

fn scalar(value: &Value, node: &Node, path: &str, report: &mut Report) -> Option<Value> {
    let text = plain(value);
    let (shaped, wanted) = match node {
        Node::Text | Node::Secret | Node::Any if value.is_string() || value.is_number() || value.is_boolean() => {
            return (!text.is_empty()).then_some(Value::String(text));
        }
        _ if text.is_empty() && value.is_string() => return None,
        Node::Boolean => (boolean(&text), "true or false".to_owned()),
        Node::Natural(u64::MAX) => (natural(&text, u64::MAX), "a whole number".to_owned()),
        Node::Natural(most) => (natural(&text, *most), format!("a whole number up to {most}")),
        Node::Integer => (text.parse::<i64>().ok().map(Value::from), "a whole number".to_owned()),
        Node::Duration => (duration(value, &text), "a length of time like 10s, 5m or 168h".to_owned()),
        Node::Choice(words) => (word(&text, words), words.join(" or ")),
        Node::List(_) => (None, "a list".to_owned()),
        Node::Section(_) | Node::Driver(_) | Node::Map(_) => (None, "a mapping".to_owned()),
        Node::Text | Node::Secret | Node::Any => (None, "a text".to_owned()),
    };
    if shaped.is_none() {
        report.refuse(format!("{path} is {}, it has to be {wanted}", shown(value, node)));
    }
    shaped
}

/// Booleans of YAML 1.1 too: the reference reads them.
fn boolean(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(Value::Bool(true)),
        "false" | "no" | "off" | "n" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn natural(text: &str, most: u64) -> Option<Value> {
    text.parse::<u64>().ok().filter(|number| *number <= most).map(Value::from)
}

fn duration(value: &Value, text: &str) -> Option<Value> {
    if value.is_u64() {
        return Some(value.clone());
    }
    text.parse::<crate::Duration>().ok().map(|_| Value::String(text.to_owned()))
}

fn word(text: &str, words: &[&str]) -> Option<Value> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| Value::String((*word).to_owned()))
}

/// The value as the user wrote it, more or less.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The same for messages: what may hold a password is left out.
fn shown(value: &Value, node: &Node) -> String {
    match (node, value) {
        (Node::Secret, _) => "...".to_owned(),
        (_, Value::Array(_)) => "a list".to_owned(),
        (_, Value::Object(_)) => "a mapping".to_owned(),
        (_, value) => plain(value),
    }
}

/// A text as it has to be written in YAML, in a list too.
fn quoted(text: &str) -> String {
    let needs_none = |character: char| character.is_alphanumeric() || "-_./".contains(character);
    if text.starts_with(char::is_alphanumeric) && text.chars().all(needs_none) {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

/// Whether leaving the value out changes nothing: null, empty, false, or made of such values only.
fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.iter().all(asks_for_nothing),
        Value::Object(map) => map.values().all(asks_for_nothing),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// What is in `later` replaces what is in `earlier`; what is not there stays.
pub fn merge(earlier: &mut Value, later: Value) {
    match (earlier, later) {
        (Value::Object(earlier), Value::Object(later)) => {
            for (key, value) in later {
                merge(earlier.entry(key).or_insert(Value::Null), value);
            }
        }
        (earlier, later) => *earlier = later,
    }
}

/// The path of `key` below `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
