//! The keys of a configuration as data: what each is called, in a file and in variables, what its value looks like, what it
//! is unless given, and whether this server acts on it.
//!
//! Nobody writes this down twice: [`section!`](crate::macros) makes it from the declaration of the types. The server reads
//! files and variables by it and words its warnings with it; [`table()`] prints it.

mod table;

use std::{collections::BTreeMap, path::PathBuf};

pub use self::table::table;
pub use crate::value::{Entries, Value};

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub enum Node {
    /// A mapping with these keys.
    Section(&'static [Field]),
    /// A section with one driver of several; may be given as the driver's name alone.
    Driver(&'static [Field]),
    /// A mapping with keys that the user chooses.
    Map(&'static Node),
    /// A list.
    List(&'static Node),
    /// A text; numbers and booleans are taken as they are written.
    Text,
    /// A text that is not to be shown.
    Secret,
    /// `true` or `false`.
    Boolean,
    /// A whole number from zero to this one.
    Natural(u64),
    /// A whole number.
    Integer,
    /// A length of time.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text, or lists and mappings of them.
    Any,
}

/// What the server makes of a key, and of all keys below it that do not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does what the key says.
    Implemented,
    /// It starts with a warning that names the key and this reason.
    Warned(&'static str),
    /// It does not start, because data would be stored elsewhere or a protection would be missing; with what to do instead.
    Refused(&'static str),
}

/// A key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in a file.
    pub key: &'static str,
    /// Its part of the names of variables: the name of the reference's Go field. Its case does not matter.
    pub variable: &'static str,
    /// What its value looks like.
    pub node: &'static Node,
    /// What it is unless given, as YAML.
    pub default: Option<&'static str>,
    /// What the server makes of it.
    pub support: Support,
}

/// A type of values in a configuration.
pub trait Described {
    /// What they look like in YAML.
    const NODE: &'static Node;

    /// What is written for this one.
    fn value(&self) -> Value<'_>;
}

impl Described for bool {
    const NODE: &'static Node = &Node::Boolean;

    fn value(&self) -> Value<'_> {
        Value::Boolean(*self)
    }
}

impl Described for u16 {
    const NODE: &'static Node = &Node::Natural(u16::MAX as u64);

    fn value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl Described for u32 {
    const NODE: &'static Node = &Node::Natural(u32::MAX as u64);

    fn value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl Described for usize {
    const NODE: &'static Node = &Node::Natural(i64::MAX as u64);

    fn value(&self) -> Value<'_> {
        Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl Described for i64 {
    const NODE: &'static Node = &Node::Integer;

    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl Described for String {
    const NODE: &'static Node = &Node::Text;

    fn value(&self) -> Value<'_> {
        Value::Word(self)
    }
}

impl Described for serde_json::Value {
    const NODE: &'static Node = &Node::Any;

    fn value(&self) -> Value<'_> {
        Value::Any(self)
    }
}

impl Described for PathBuf {
    const NODE: &'static Node = &Node::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self.display().to_string())
    }
}

impl<T: Described> Described for Vec<T> {
    const NODE: &'static Node = &Node::List(T::NODE);

    fn value(&self) -> Value<'_> {
        Value::List(self.iter().map(T::value).collect())
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    const NODE: &'static Node = &Node::Map(T::NODE);

    fn value(&self) -> Value<'_> {
        Value::Mapping(self.iter().map(|(key, value)| (key.as_str(), value.value())).collect())
    }
}
