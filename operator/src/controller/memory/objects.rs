//! The objects of one registry as they were read or applied last. That is most of what is remembered: while no pass works with it,
//! it is deflated, all of it together, because the same authority, names and times are in many of them.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde::{Deserialize, Serialize};

use crate::controller::{
    apply::Record,
    stores::{Packed, forget_unused},
};

/// Objects as they were read or applied last.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// What a pass works with.
    open: Option<Open>,
    packed: Option<Packed<Open>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Open {
    /// What was applied last.
    applied: Vec<Record>,
    /// By name.
    secrets: BTreeMap<String, Secret>,
}

impl Objects {
    /// What the last apply of an object was about.
    pub(super) fn record(&mut self, kind: &str, name: &str) -> Option<&Record> {
        self.open().applied.iter().find(|record| record.is_about(kind, name))
    }

    /// Notes what an apply was about.
    pub(super) fn note_record(&mut self, record: Record) {
        let applied = &mut self.change().applied;
        applied.retain(|known| !known.is_about(&record.kind, &record.name));
        applied.push(record);
    }

    /// A Secret as it was read or applied last.
    pub(super) fn secret(&mut self, name: &str) -> Option<&Secret> {
        self.open().secrets.get(name)
    }

    /// Notes a Secret as it was read or applied.
    pub(super) fn note_secret(&mut self, name: &str, mut secret: Secret) {
        forget_unused(&mut secret);
        self.change().secrets.insert(name.to_owned(), secret);
    }

    /// Forgets a Secret that does not exist.
    pub(super) fn forget_secret(&mut self, name: &str) {
        if self.secret(name).is_some() {
            self.change().secrets.remove(name);
        }
    }

    /// A pass is over.
    pub(super) fn pack(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        if self.packed.is_none() {
            open.secrets.values_mut().for_each(to_text);
            self.packed = Some(Packed::of(&open));
        }
    }

    fn open(&mut self) -> &mut Open {
        self.open.get_or_insert_with(|| self.packed.as_ref().map(unpacked).unwrap_or_default())
    }

    /// What is packed is then no longer what is known.
    fn change(&mut self) -> &mut Open {
        self.open();
        self.packed = None;
        self.open()
    }
}

/// What cannot be read, which was packed as what it is read, is read of the API server.
fn unpacked(packed: &Packed<Open>) -> Open {
    let mut open = packed.object().unwrap_or_default();
    open.secrets.values_mut().for_each(to_bytes);
    open
}

/// Almost all that Secrets hold is text, PEM above all, of which base64 would hide that it is the same as in another.
fn to_text(secret: &mut Secret) {
    let Some(data) = secret.data.take() else { return };
    let mut text = BTreeMap::new();
    let mut bytes = BTreeMap::new();
    for (key, ByteString(value)) in data {
        match String::from_utf8(value) {
            Ok(value) => _ = text.insert(key, value),
            Err(error) => _ = bytes.insert(key, ByteString(error.into_bytes())),
        }
    }
    (secret.data, secret.string_data) = (Some(bytes), Some(text));
}

/// The inverse of [`to_text`].
fn to_bytes(secret: &mut Secret) {
    let text = secret.string_data.take().unwrap_or_default();
    if let Some(data) = &mut secret.data {
        data.extend(text.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(values: &[(&str, &[u8])]) -> Secret {
        let data = values.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    #[test]
    fn what_was_packed_is_what_it_was() {
        let mixed = secret(&[("text", b"larder\n"), ("bytes", &[0, 159, 255]), ("empty", b"")]);
        let none = Secret::default();
        let mut objects = Objects::default();
        objects.note_secret("mixed", mixed.clone());
        objects.note_secret("none", none.clone());
        for _ in 0..2 {
            objects.pack();
            assert!(objects.open.is_none());
            assert_eq!(objects.secret("mixed"), Some(&mixed));
            assert_eq!(objects.secret("none"), Some(&none));
        }
        objects.pack();
        objects.forget_secret("mixed");
        objects.pack();
        assert_eq!(objects.secret("mixed"), None);
        assert_eq!(objects.secret("none"), Some(&none));
    }

    #[test]
    fn the_same_certificate_in_many_secrets_takes_its_place_once() {
        let text: String = (0..600).map(|number| char::from(b'A' + (number * number % 23) as u8)).collect();
        let packed = |number: usize| {
            let mut objects = Objects::default();
            for name in 0..number {
                objects.note_secret(&name.to_string(), secret(&[("ca.crt", text.as_bytes())]));
            }
            objects.pack();
            objects.packed.map(|packed| packed.size()).unwrap_or_default()
        };
        assert!(packed(8) < packed(1) + 200, "{} and {}", packed(8), packed(1));
    }
}
