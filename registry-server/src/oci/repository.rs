//! Repository names (distribution-spec, "Pulling manifests": the grammar of `<name>`).

use std::{fmt, str::FromStr, sync::Arc};

/// Longest name accepted. The reference's limit, which also keeps every path component far below a file system's.
pub const LONGEST: usize = 255;

/// A valid repository name such as `library/busybox`. Cheap to clone.
///
/// The grammar has no `..`, no empty component and no leading `_`, so a name is safe to use in a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(Arc<str>);

impl Repository {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A text that is not a repository name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a repository name has at most {LONGEST} characters and consists of components of lowercase letters and digits, \
     separated by `.`, `_`, `__` or dashes, joined by `/`"
)]
pub struct InvalidRepository;

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let valid = text.len() <= LONGEST && text.split('/').all(is_component);
        valid.then(|| Self(text.into())).ok_or(InvalidRepository)
    }
}

/// Whether `text` is one component: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
pub fn is_component(text: &str) -> bool {
    let mut rest = text.as_bytes();
    loop {
        let word = rest.iter().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = match rest {
            [b'.', ..] => 1,
            [b'_', b'_', ..] => 2,
            [b'_', ..] => 1,
            _ => rest.iter().take_while(|&&byte| byte == b'-').count(),
        };
        if separator == 0 {
            return false;
        }
        rest = &rest[separator..];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn valid_names() {
        for name in ["a", "library/busybox", "a.b/c_d/e__f/g---h", "0/1", &"x".repeat(255)] {
            assert!(name.parse::<Repository>().is_ok(), "{name}");
        }
    }

    #[test]
    fn invalid_names() {
        let long = "x".repeat(256);
        for name in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "_a", "a_", "-a", "a-", ".", "..", "a/../b", "a b", "é",
            &long,
        ] {
            assert!(name.parse::<Repository>().is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,300}") {
            let _ = text.parse::<Repository>();
        }

        #[test]
        fn the_grammar_is_accepted_and_kept(
            text in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}){0,4}"
        ) {
            prop_assert_eq!(text.parse::<Repository>().unwrap().to_string(), text);
        }

        #[test]
        fn nothing_that_climbs_is_accepted(text in "[a-z./_-]{0,20}") {
            if let Ok(name) = text.parse::<Repository>() {
                prop_assert!(name.as_str().split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '_'])));
            }
        }
    }
}
