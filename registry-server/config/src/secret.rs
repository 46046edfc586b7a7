//! Texts that are not to be shown.

use std::fmt;

use serde::Deserialize;

use crate::keys::{Described, Node, Value};

/// A password or key. Written to a file as it is, but never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

impl Described for Secret {
    const NODE: &'static Node = &Node::Secret;

    fn value(&self) -> Value<'_> {
        Value::Word(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some((hidden))");
    }
}
