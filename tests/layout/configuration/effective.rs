//! An effective configuration in a form in which two can be compared: each place and the text there.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use registry_config::keys::{Described as _, Field, Node};
use registry_config::{Config, Duration};
use serde_json::Value;

/// In place of what this server does not show.
pub(super) const HIDDEN: &str = "(hidden)";

/// Each place where there is something, such as `http.tls.clientcas.0`, and what is there. Nothing, zero and false are the
/// same to the reference, which leaves them out.
#[derive(Debug)]
pub(super) struct Effective(BTreeMap<String, String>);

/// A place that is not the same in both.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) place: String,
    pub(super) theirs: Option<String>,
    pub(super) ours: Option<String>,
}

impl Effective {
    pub(super) fn parse(yaml: &str) -> Result<Self> {
        let mut places = BTreeMap::new();
        flatten(&serde_saphyr::from_str(yaml)?, "", &mut places);
        Ok(Self(places))
    }

    pub(super) fn differences(&self, ours: &Self) -> Vec<Difference> {
        let places: BTreeSet<_> = self.0.keys().chain(ours.0.keys()).collect();
        let compared = places.into_iter().map(|place| Difference {
            place: place.clone(),
            theirs: self.0.get(place).cloned(),
            ours: ours.0.get(place).cloned(),
        });
        compared.filter(|compared| compared.theirs != compared.ours).collect()
    }
}

fn flatten(value: &Value, place: &str, places: &mut BTreeMap<String, String>) {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(value, &below(key), places)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(index, value)| flatten(value, &below(&index.to_string()), places));
        }
        value => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let text = duration_at(place, &text).unwrap_or(text);
            if !["", "0", "0s", "false", "null"].contains(&&*text) {
                places.insert(place.to_owned(), text);
            }
        }
    }
}

/// A length of time in one of the forms it can be written in.
fn duration_at(place: &str, text: &str) -> Option<String> {
    matches!(field(place)?.node, Node::Duration).then(|| text.parse::<Duration>().ok().map(|time| time.to_string()))?
}

/// The key at a place; `None` for an entry of a mapping or a list.
pub(super) fn field(place: &str) -> Option<&'static Field> {
    let mut node = Config::NODE;
    let mut found = None;
    for part in place.split('.') {
        found = None;
        node = match node {
            Node::Section(fields) | Node::Driver(fields) => {
                found = Some(fields.iter().find(|field| field.key == part)?);
                found?.node
            }
            Node::List(child) | Node::Map(child) => child,
            _ => return None,
        };
    }
    found
}
