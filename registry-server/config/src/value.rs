//! A configuration on its way to a file.
//!
//! Sections are written by way of one small tree instead of code for each of their some three hundred keys: the operator,
//! which writes a dozen of them, has the others on board too.

use crate::keys::Described;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// What is written for a value.
#[derive(Debug)]
pub enum Value<'a> {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A word or text that is there already.
    Word(&'a str),
    /// A list.
    List(Vec<Value<'a>>),
    /// Whatever was read.
    Any(&'a serde_json::Value),
    /// Names and what is written for them.
    Mapping(Vec<(&'a str, Value<'a>)>),
}

/// The keys of a section that are given.
#[derive(Debug, Default)]
pub struct Entries<'a>(Vec<(&'a str, Value<'a>)>);

impl<'a> Entries<'a> {
    /// Adds a key unless it is not given.
    #[must_use]
    pub fn with<T: Described>(mut self, key: &'a str, value: &'a Option<T>) -> Self {
        self.0.extend(value.as_ref().map(|value| (key, value.value())));
        self
    }
}

impl<'a> From<Entries<'a>> for Value<'a> {
    fn from(entries: Entries<'a>) -> Self {
        Self::Mapping(entries.0)
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Word(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Any(value) => value.serialize(serializer),
            Self::Mapping(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
