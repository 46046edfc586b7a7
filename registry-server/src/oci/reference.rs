//! Tags and references (distribution-spec, "Pulling manifests": the grammar of `<reference>`).

use std::{fmt, str::FromStr};

use super::digest::{self, Digest};

/// Longest tag, by the grammar `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
const LONGEST: usize = 128;

/// A valid tag. Has no `/` and no leading dot, so it is safe as a path component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag under which clients without the referrers API list the referrers of `subject`
    /// (distribution-spec, "Referrers Tag Schema": each part cut to 32 and 64 characters).
    pub fn referrers_fallback(subject: &Digest) -> Self {
        let hex = subject.hex();
        Self(format!("{}-{}", subject.algorithm(), &hex[..hex.len().min(64)]))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A text that is not a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tag has at most {LONGEST} characters, letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`"
)]
pub struct InvalidTag;

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let valid = match text.as_bytes() {
            [first, rest @ ..] => {
                text.len() <= LONGEST
                    && word(*first)
                    && rest.iter().all(|&byte| word(byte) || byte == b'.' || byte == b'-')
            }
            [] => false,
        };
        valid.then(|| Self(text.to_owned())).ok_or(InvalidTag)
    }
}

/// How a manifest is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By name, which may move.
    Tag(Tag),
    /// By content.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// Why a text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It has a colon, so a digest was meant.
    #[error(transparent)]
    Digest(digest::ParseError),
    /// It has none, so a tag was meant.
    #[error(transparent)]
    Tag(InvalidTag),
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.contains(':') {
            text.parse().map(Self::Digest).map_err(ParseError::Digest)
        } else {
            text.parse().map(Self::Tag).map_err(ParseError::Tag)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn a_colon_means_a_digest() {
        assert!(matches!("v1".parse(), Ok(Reference::Tag(_))));
        assert!(matches!("sha256:baddigeststring".parse::<Reference>(), Err(ParseError::Digest(_))));
        assert!(matches!(".hidden".parse::<Reference>(), Err(ParseError::Tag(_))));
    }

    #[test]
    fn the_fallback_tag_is_cut_to_a_valid_tag() {
        let subject = Digest::of(Algorithm::Sha512, b"anchor");
        let tag = Tag::referrers_fallback(&subject);
        assert_eq!(tag.as_str().len(), "sha512-".len() + 64);
        assert_eq!(tag.as_str().parse(), Ok(tag));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            let _ = text.parse::<Reference>();
        }

        #[test]
        fn the_grammar_is_accepted_and_kept(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
            prop_assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
        }
    }
}
