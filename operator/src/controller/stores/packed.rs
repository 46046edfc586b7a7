//! Objects as JSON: as a struct with all its maps and options an object takes several times as much.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

/// An object as JSON.
#[derive(Clone, Debug)]
pub(in crate::controller) struct Packed<K> {
    json: Box<[u8]>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Serialize> Packed<K> {
    /// An object that has come as JSON, and so can be written as JSON.
    pub(in crate::controller) fn of(object: &K) -> Self {
        Self { json: serde_json::to_vec(object).unwrap_or_default().into(), kind: PhantomData }
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
        serde_json::from_slice(&self.json)
    }
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
