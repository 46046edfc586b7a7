//! Secrets that are read again by the operator alone, and the one that signs uploads.

use k8s_openapi::api::core::v1::Secret;

use super::data;
use crate::{
    controller::{issue::Material, registry::Registry},
    names::key,
};

/// The generated users' passwords, a key a user. A person who changes or deletes a key changes that password.
pub(super) fn credentials(registry: &Registry, material: &Material) -> Option<Secret> {
    let [pull, push] = material.generated.as_ref()?;
    let entries = [pull, push].map(|user| (user.name, user.stored.clone()));
    Some(opaque(registry, registry.name.credentials_secret(), entries))
}

/// The key that signs the state of uploads.
pub(super) fn http_secret(registry: &Registry, material: &Material) -> Secret {
    opaque(registry, registry.name.http_secret(), [(key::HTTP_SECRET, material.http_secret.clone().into_bytes())])
}

fn opaque<const N: usize>(registry: &Registry, name: String, entries: [(&str, Vec<u8>); N]) -> Secret {
    Secret {
        metadata: registry.child_metadata(name, "credentials"),
        type_: Some("Opaque".to_owned()),
        data: Some(data(entries)),
        ..Secret::default()
    }
}
