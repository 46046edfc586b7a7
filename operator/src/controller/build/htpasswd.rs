//! The Secret with htpasswd and access.yml, which the server reads again when they change.

use k8s_openapi::api::core::v1::Secret;

use super::{access::access_yml, data};
use crate::{
    controller::{issue::Material, registry::Registry},
    credentials::htpasswd,
    names::{annotation, key},
};

pub(super) fn htpasswd(registry: &Registry, material: &Material) -> Option<Secret> {
    let access = access_yml(&registry.auth)?;
    let mut metadata = registry.child_metadata(registry.name.htpasswd_secret(), "credentials");
    let record = htpasswd::record(&material.lines);
    metadata.annotations = record.map(|record| [(annotation::HTPASSWD_RECORD.to_owned(), record)].into());
    Some(Secret {
        metadata,
        type_: Some("Opaque".to_owned()),
        data: Some(data([
            (key::HTPASSWD, htpasswd::file(&material.lines).into_bytes()),
            (key::ACCESS, access.into_bytes()),
        ])),
        ..Secret::default()
    })
}
