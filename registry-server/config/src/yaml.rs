//! YAML as the reference takes it: of several documents the first one, of a key that is there twice both values, and texts
//! as they are written, whatever they look like.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::options::DuplicateKeyPolicy;

use self::written::Written;
use crate::{
    document::{Report, join, merge},
    keys::Node,
};

mod written;

/// Parses `text`, which is to look like `node`. An empty one is an empty mapping. `path` is where it belongs, for warnings.
///
/// # Errors
/// What is wrong with the text, with its place but without its lines: there may be passwords in them.
pub fn parse(text: &str, node: &Node, path: &str, report: &mut Report) -> Result<Value, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Object(Map::new()));
    }
    let repeated = RefCell::new(Vec::new());
    let mut first = None;
    let result = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        first = Some(Tree { path: path.to_owned(), repeated: &repeated }.deserialize(deserializer)?);
        Ok(())
    });
    let mut value = match (result, first) {
        (Ok(()), value) => value.unwrap_or_default(),
        (Err(serde_saphyr::Error::MultipleDocuments { .. }), Some(value)) => {
            report.warn("the configuration has several documents (---), the first one alone is read".to_owned());
            value
        }
        (Err(error), _) => return Err(error.to_string()),
    };
    restore_texts(&mut value, node, text);
    for key in repeated.into_inner() {
        report.warn(format!("{key} is there more than once, the last value of each key counts"));
    }
    Ok(value)
}

/// A number with a leading zero is octal, as in YAML 1.1.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// Reads `text` once more, for what is to be a text in it. What went wrong has been said at the first time.
fn restore_texts(value: &mut Value, node: &Node, text: &str) {
    let _ = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
        Written { value: &mut *value, node }.deserialize(deserializer)
    });
}

/// A value and the place it belongs to. Keys that are there twice are added to `repeated`.
struct Tree<'a> {
    path: String,
    repeated: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence
            .next_element_seed(Tree { path: format!("{}[{}]", self.path, values.len()), repeated: self.repeated })?
        {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = join(&self.path, &key);
            let value = entries.next_value_seed(Tree { path: path.clone(), repeated: self.repeated })?;
            match map.get_mut(&key) {
                None => {
                    map.insert(key, value);
                }
                Some(earlier) => {
                    self.repeated.borrow_mut().push(path);
                    merge(earlier, value);
                }
            }
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, keys::Described};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> (Value, Vec<String>) {
        let mut report = Report::default();
        (parse(text, Config::NODE, "", &mut report).unwrap(), report.warnings)
    }

    #[test]
    fn a_key_that_is_there_twice_loses_nothing_that_only_one_of_them_says() {
        let (value, warnings) =
            parsed("http: {addr: ':1', tls: {key: /k}}\nlog: {}\nhttp:\n  addr: ':2'\n  tls: {key: /l}\n");
        assert_eq!(value, json!({"http": {"addr": ":2", "tls": {"key": "/l"}}, "log": {}}));
        assert_eq!(warnings, ["http is there more than once, the last value of each key counts"]);

        let (value, warnings) = parsed("redis:\n  tls: {certificate: /c}\n  tls: {enabled: true}\n");
        assert_eq!(value, json!({"redis": {"tls": {"certificate": "/c", "enabled": true}}}));
        assert_eq!(warnings, ["redis.tls is there more than once, the last value of each key counts"]);
    }

    #[test]
    fn the_first_of_several_documents_is_read() {
        let (value, warnings) = parsed("---\nversion: 0.1\n---\nversion: 0.2\n");
        assert_eq!(value, json!({"version": 0.1}));
        assert_eq!(warnings.len(), 1);
        assert_eq!(parsed("---\nversion: 0.1\n...\n"), (json!({"version": 0.1}), Vec::new()));
    }

    #[test]
    fn anchors_merges_and_line_ends_of_other_systems_are_read() {
        let (value, warnings) = parsed("a: &a {x: 1}\r\nb:\r\n  <<: *a\r\n  y: ~\r\n  5: [yes, -1, 1.5]\r\n");
        assert_eq!(value, json!({"a": {"x": 1}, "b": {"x": 1, "y": null, "5": [true, -1, 1.5]}}));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn texts_are_as_they_are_written_and_all_else_is_what_yaml_says() {
        let (value, _) = parsed(
            "http: {secret: 007, host: 1.50, relativeurls: yes, tls: {clientcas: [0x10, on, 'a b']}}\n\
             log:\n  fields: {a: No, b: 1e3}\n  level: 5\nauth: {htpasswd: {realm: ~}}\nunknown: 010\nhttp: {secret: 008}\n",
        );
        assert_eq!(
            value,
            json!({
                "http": {
                    "secret": "008", "host": "1.50", "relativeurls": true, "tls": {"clientcas": ["0x10", "on", "a b"]},
                },
                "log": {"fields": {"a": "No", "b": "1e3"}, "level": 5},
                "auth": {"htpasswd": {"realm": null}},
                "unknown": 8,
            })
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([a-c]: |- |\\{|\\}|\\[|&a |\\*a|<<: |\n|  |---|\\PC){0,30}") {
            let _ = parse(&text, Config::NODE, "", &mut Report::default());
        }
    }
}
