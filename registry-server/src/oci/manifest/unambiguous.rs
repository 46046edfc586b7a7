//! Whether a JSON document means the same to every reader.
//!
//! Parsers differ where JSON leaves them room: Go's takes `Layers` for `layers`, some fail on what others ignore (deep
//! nesting, numbers beyond any type, text that is no Unicode). A document with such things could be one image to the
//! registry and another to the one who pulls it, the confusion of CVE-2021-41190. A key that is there twice is not looked
//! for here: where it matters, the document's own type refuses it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The keys of manifests and indexes that somebody acts on.
const OF_MANIFEST: &[&str] =
    &["schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations"];

/// The keys of descriptors that somebody acts on.
const OF_DESCRIPTOR: &[&str] =
    &["mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"];

/// Reads all of `content`.
///
/// # Errors
/// What could be read in two ways, or not by everybody, with its place.
pub(super) fn check(content: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    Place::Manifest.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// What a value is in a manifest. An array is what its elements are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Manifest,
    Descriptor,
    Other,
}

impl Place {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Manifest => OF_MANIFEST,
            Self::Descriptor => OF_DESCRIPTOR,
            Self::Other => &[],
        }
    }

    /// What is below `key`.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Manifest, "config" | "layers" | "manifests" | "subject") => Self::Descriptor,
            _ => Self::Other,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // Fails on what nests too deeply, which skipping a value would not.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(below) = entries.next_key_seed(KeyOf(self))? {
            entries.next_value_seed(below)?;
        }
        Ok(())
    }
}

/// A key; its value is the place below it.
struct KeyOf(Place);

impl<'de> DeserializeSeed<'de> for KeyOf {
    type Value = Place;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Place, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf {
    type Value = Place;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Place, E> {
        let meant = self.0.keys().iter().find(|known| is_the_same_to_some(known, key));
        match meant {
            Some(known) if *known != key => Err(E::custom(format!("the key {key:?} is {known:?} to some readers"))),
            _ => Ok(self.0.below(key)),
        }
    }
}

/// Whether the two differ in case alone, by the rule that Go follows, which also takes `ſ` for `s` and the sign of Kelvin for
/// `k`.
fn is_the_same_to_some(known: &str, key: &str) -> bool {
    fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase)
    }
    folded(known).eq(folded(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &str) -> String {
        check(document.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn keys_of_other_objects_are_free() {
        let document =
            r#"{"manifests":[{"digest":"x","platform":{"Digest":1}}],"annotations":{"Layers":"x"},"x":{"Config":[]}}"#;
        assert!(check(document.as_bytes()).is_ok());
    }

    #[test]
    fn a_second_spelling_is_refused_where_it_would_be_read() {
        assert!(
            refusal(r#"{"layers":[],"Layers":[]}"#).starts_with("the key \"Layers\" is \"layers\" to some readers")
        );
        assert!(refusal(r#"{"layer\u017f":[]}"#).contains("is \"layers\""));
        assert!(refusal(r#"{"layers":[{"digest":"x","DIGEST":"y"}]}"#).contains("is \"digest\""));
        assert!(refusal(r#"{"config":{"mediatype":"x"}}"#).contains("is \"mediaType\""));
    }

    #[test]
    fn what_some_readers_fail_on_is_refused() {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(refusal(&deep).contains("recursion limit"));
        assert!(refusal(r#"{"x":1e999}"#).contains("out of range"));
        let half_a_character = br#"{"x":"\ud800"}"#.as_slice();
        for document in [half_a_character, b"{\"x\":\"\xff\"}", b"{} {}"] {
            assert!(check(document).is_err(), "{}", document.escape_ascii());
        }
    }
}
