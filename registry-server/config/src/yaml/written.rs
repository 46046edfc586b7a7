//! Texts as they are written: to YAML `007`, `1.50` and `yes` are numbers and a boolean, which are written otherwise.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::keys::{Field, Node};

/// A value that was read, beside the YAML it was read from, and what it has to look like. Gives texts below it back their
/// form.
pub(super) struct Written<'a> {
    pub(super) value: &'a mut Value,
    pub(super) node: &'a Node,
}

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match (self.node, &mut *self.value) {
            (Node::Text | Node::Secret | Node::Any, value @ (Value::Number(_) | Value::Bool(_) | Value::String(_))) => {
                *value = Value::String(String::deserialize(deserializer)?);
                Ok(())
            }
            // One entry of a list may be given without the list.
            (Node::List(node), value @ (Value::Number(_) | Value::Bool(_))) => {
                Written { value, node }.deserialize(deserializer)
            }
            (Node::Section(_) | Node::Driver(_) | Node::Map(_) | Node::Any, Value::Object(_)) => {
                deserializer.deserialize_map(self)
            }
            (Node::List(_) | Node::Any, Value::Array(_)) => deserializer.deserialize_seq(self),
            _ => IgnoredAny::deserialize(deserializer).map(drop),
        }
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("what was there before")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let child = if let Node::List(child) = self.node { child } else { self.node };
        if let Value::Array(values) = self.value {
            for value in values {
                sequence.next_element_seed(Written { value, node: child })?;
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            match (below(self.node, &key), self.value.get_mut(&key)) {
                (Some(node), Some(value)) => entries.next_value_seed(Written { value, node })?,
                _ => entries.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

fn below<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let of = |fields: &'a [Field]| fields.iter().find(|field| field.key == key).map(|field| field.node);
    match node {
        Node::Section(fields) | Node::Driver(fields) => of(fields),
        Node::Map(child) => Some(child),
        Node::Any => Some(node),
        _ => None,
    }
}
