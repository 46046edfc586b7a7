//! Content digests (image-spec, "Digests"): `sha256:<64 hex>` and `sha512:<128 hex>`, nothing else.
//!
//! A digest keeps the algorithm it was asked for: sha512 content is never renamed to sha256.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// Bytes of the longest digest, sha512.
const LONGEST: usize = 64;

/// A hash function that content may be addressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `sha256`, the canonical one.
    Sha256,
    /// `sha512`.
    Sha512,
}

impl Algorithm {
    /// Every algorithm, canonical first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The registered name, as it stands before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => LONGEST,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(ParseError::Algorithm)
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no colon.
    #[error("a digest has the form <algorithm>:<hex>")]
    Form,
    /// Neither sha256 nor sha512.
    #[error("the digest algorithm is neither sha256 nor sha512")]
    Algorithm,
    /// Not the algorithm's number of lowercase hexadecimal digits.
    #[error("the digest is not 64 (sha256) or 128 (sha512) lowercase hexadecimal digits")]
    Hex,
}

/// The address of content: algorithm and hash. 66 bytes, copied freely.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// The hash, zero after the algorithm's length so that derived comparisons are right.
    bytes: [u8; LONGEST],
}

impl Digest {
    /// The digest of `content`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut digester = Digester::new(algorithm);
        digester.update(content);
        digester.finish()
    }

    /// The hash function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash in lowercase hexadecimal, as it stands after the colon.
    pub fn hex(&self) -> String {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut hex = String::with_capacity(2 * LONGEST);
        for byte in self.hash() {
            hex.push(DIGITS[usize::from(byte >> 4)]);
            hex.push(DIGITS[usize::from(byte & 0xf)]);
        }
        hex
    }

    fn hash(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (algorithm, hex) = text.split_once(':').ok_or(ParseError::Form)?;
        let algorithm: Algorithm = algorithm.parse()?;
        if hex.len() != 2 * algorithm.length() {
            return Err(ParseError::Hex);
        }
        let mut bytes = [0; LONGEST];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self { algorithm, bytes })
    }
}

/// One hexadecimal digit. Capitals are refused: two spellings of one digest would be two addresses.
fn nibble(digit: u8) -> Result<u8, ParseError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseError::Hex),
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A digest in the making. Cloning keeps the state, so that a prefix can be finished while more is appended.
#[derive(Clone)]
pub struct Digester {
    algorithm: Algorithm,
    context: digest::Context,
}

impl Digester {
    /// The state before the first byte.
    pub fn new(algorithm: Algorithm) -> Self {
        let function = match algorithm {
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha512 => &digest::SHA512,
        };
        Self { algorithm, context: digest::Context::new(function) }
    }

    /// The hash function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Adds content. About half a millisecond a MiB: not for the reactor when content is large.
    pub fn update(&mut self, content: &[u8]) {
        self.context.update(content);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        let hash = self.context.finish();
        let mut bytes = [0; LONGEST];
        bytes[..hash.as_ref().len()].copy_from_slice(hash.as_ref());
        Digest { algorithm: self.algorithm, bytes }
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Digester").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert_eq!(Digest::of(Algorithm::Sha256, b"").to_string(), EMPTY);
    }

    #[test]
    fn both_algorithms_survive_a_round_trip() {
        for algorithm in Algorithm::ALL {
            let digest = Digest::of(algorithm, b"harbour");
            assert_eq!(digest.to_string().parse(), Ok(digest));
            assert_eq!(digest.algorithm(), algorithm);
        }
    }

    #[test]
    fn malformed_digests_say_what_is_wrong() {
        assert_eq!("latest".parse::<Digest>(), Err(ParseError::Form));
        assert_eq!("md5:d41d8cd98f00b204e9800998ecf8427e".parse::<Digest>(), Err(ParseError::Algorithm));
        assert_eq!("sha256:baddigeststring".parse::<Digest>(), Err(ParseError::Hex));
        assert_eq!(EMPTY.to_uppercase().replace("SHA256", "sha256").parse::<Digest>(), Err(ParseError::Hex));
        assert_eq!(EMPTY.replace("sha256", "sha512").parse::<Digest>(), Err(ParseError::Hex));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,200}") {
            let _ = text.parse::<Digest>();
        }

        #[test]
        fn what_parses_is_printed_the_same(text in "(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})") {
            prop_assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        }

        #[test]
        fn pieces_hash_like_the_whole(content in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let cut = cut.min(content.len());
            let mut digester = Digester::new(Algorithm::Sha512);
            digester.update(&content[..cut]);
            digester.update(&content[cut..]);
            prop_assert_eq!(digester.finish(), Digest::of(Algorithm::Sha512, &content));
        }
    }
}
