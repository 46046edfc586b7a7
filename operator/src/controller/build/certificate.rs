//! The Secrets of certificates: the authority with its key, which no Pod mounts, and the leaf that the server serves.

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::data;
use crate::{
    controller::{issue::Material, registry::Registry},
    names::{annotation, key},
};

/// The type whose keys every tool knows.
const TLS: &str = "kubernetes.io/tls";

pub(super) fn authority(registry: &Registry, material: &Material) -> Option<Secret> {
    let authority = material.certificate.as_ref()?.authority.as_ref()?;
    Some(Secret {
        metadata: registry.child_metadata(registry.name.ca_secret(), "certificate"),
        type_: Some(TLS.to_owned()),
        data: Some(data([
            (key::CERTIFICATE, authority.certificate.clone()),
            (key::PRIVATE_KEY, authority.key.clone()),
        ])),
        ..Secret::default()
    })
}

pub(super) fn certificate(registry: &Registry, material: &Material) -> Option<Secret> {
    let served = material.certificate.as_ref()?;
    let mut data =
        data([(key::CERTIFICATE, served.pair.certificate.clone()), (key::PRIVATE_KEY, served.pair.key.clone())]);
    data.extend(served.authorities.clone().map(|bundle| (key::AUTHORITY.to_owned(), ByteString(bundle))));
    let renewal = served.renewal.clone().map(|value| [(annotation::RENEW.to_owned(), value)].into());
    let metadata = registry.child_metadata(registry.name.tls_secret(), "certificate");
    Some(Secret {
        metadata: ObjectMeta { annotations: renewal, ..metadata },
        type_: Some(TLS.to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}
