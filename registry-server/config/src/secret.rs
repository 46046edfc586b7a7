//! Texts that are not to be shown.

use std::fmt;

use serde::Deserialize;

use crate::keys::{Described, Node, Value};

/// In place of what is not shown.
pub const HIDDEN: &str = "(hidden)";

/// A password or key. Written to a file as it is, but never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl Described for Secret {
    const NODE: &'static Node = &Node::Secret;

    fn value(&self) -> Value<'_> {
        Value::Word(&self.0)
    }
}

/// `https://user:password@host/path` without user and password. Up to the last `@`: a password may have anything in it.
#[must_use]
pub fn without_user_info(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rfind('@')?, rest))) {
        Some((scheme, at, rest)) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret("hunter2".to_owned()))), "Some((hidden))");
    }

    proptest! {
        #[test]
        fn a_password_in_a_url_is_never_shown(user in "[a-z]{0,5}", password in "[A-Z/?#@:]{2}[A-Z]{8}", rest in "(/[a-z/?#]{0,8})?") {
            let masked = without_user_info(&format!("https://{user}:{password}@example.com:8080{rest}"));
            prop_assert!(!masked.contains(&password), "{}", masked);
            prop_assert!(masked.ends_with(&format!("@example.com:8080{rest}")), "{}", masked);
        }
    }
}
