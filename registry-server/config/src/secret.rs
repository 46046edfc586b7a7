//! Texts that are not to be shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::keys::{Described, Node};

/// A password or key. Written to a file as it is, but never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

impl Described for Secret {
    const NODE: &'static Node = &Node::Secret;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some((hidden))");
    }
}
