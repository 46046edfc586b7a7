//! Whose a directory or a file is: the operator's in one namespace, as stands in it. Two operators of one cluster do not take
//! each other's away.

use crate::names::is_object_name;

/// The start of every line that says so.
const KEPT_BY: &str = "# kept by private-registry-operator in namespace ";

/// The operator in one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// The operator in `namespace`; `None` if that can be none.
    #[must_use]
    pub fn new(namespace: &str) -> Option<Self> {
        (is_object_name(namespace) && !namespace.contains('.')).then(|| Self(namespace.to_owned()))
    }

    /// The namespace of the operator.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.0
    }

    /// The line that says whose something is, which is a comment for every reader.
    #[must_use]
    pub(super) fn line(&self) -> String {
        format!("{KEPT_BY}{}; what is changed here by hand is lost\n", self.0)
    }

    /// Whose something with this first line is.
    #[must_use]
    pub(super) fn of_content(content: &[u8]) -> Option<Self> {
        let line = content.split(|byte| *byte == b'\n').next()?;
        let rest = std::str::from_utf8(line).ok()?.strip_prefix(KEPT_BY)?;
        Self::new(rest.split(';').next()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_known_by_the_first_line() {
        let owner = Owner::new("registry-system").unwrap();
        assert_eq!(Owner::of_content(owner.line().as_bytes()), Some(owner));
        let longer = Owner::new("registry-system-2").unwrap();
        assert_eq!(Owner::of_content(format!("{}[[registry]]", longer.line()).as_bytes()), Some(longer));
        for other in ["", "# by hand", "\n# kept by private-registry-operator in namespace a; x", "server = 1"] {
            assert_eq!(Owner::of_content(other.as_bytes()), None, "{other}");
        }
        assert_eq!(Owner::new("../etc"), None);
    }
}
