//! Objects as deflated JSON: as a struct with all its maps and options an object takes ten times as much.

use std::{io::Read, marker::PhantomData};

use flate2::{
    Compression,
    bufread::{DeflateDecoder, DeflateEncoder},
};
use serde::{Serialize, de::DeserializeOwned};

/// An object as deflated JSON.
#[derive(Clone, Debug)]
pub(in crate::controller) struct Packed<K> {
    deflated: Box<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Serialize> Packed<K> {
    /// An object that has come as JSON, and so can be written as JSON.
    pub(in crate::controller) fn of(object: &K) -> Self {
        let json = serde_json::to_vec(object).unwrap_or_default();
        let deflated = all_of(DeflateEncoder::new(json.as_slice(), Compression::fast()));
        Self { deflated: deflated.into(), kind: PhantomData }
    }
}

impl<K> Packed<K> {
    /// The object as it was.
    ///
    /// # Errors
    /// When what was packed has another shape than `K`.
    pub(in crate::controller) fn object(&self) -> Result<K, serde_json::Error>
    where
        K: DeserializeOwned,
    {
        self.read()
    }

    /// The object as another type that has the same shape.
    ///
    /// # Errors
    /// When it has not.
    pub(in crate::controller) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&all_of(DeflateDecoder::new(&*self.deflated)))
    }
}

#[cfg(test)]
impl<K> Packed<K> {
    /// In bytes.
    pub(in crate::controller) fn size(&self) -> usize {
        self.deflated.len()
    }
}

/// Reading from memory what was written there does not fail; were it cut off, it would be no JSON.
fn all_of(mut reader: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = reader.read_to_end(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{ByteString, api::core::v1::Secret};

    use super::*;

    #[test]
    fn the_data_of_a_secret_is_kept_byte_by_byte() {
        let bytes = ByteString((0..=255).collect());
        let secret = Secret { data: Some([("key".to_owned(), bytes)].into()), ..Secret::default() };
        assert_eq!(Packed::of(&secret).object().unwrap(), secret);
    }

    #[test]
    fn what_has_another_shape_is_an_error() {
        assert!(Packed::of(&"a word").read::<Secret>().is_err());
    }
}
