//! The environment of the server's container: what the operator gives it, and what the spec adds.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use crate::{api::v1alpha1, controller::registry::Registry, names::key};

/// The operator's own variables come first: those of the spec may refer to them, as `$(NAME)`.
pub(super) fn environment(registry: &Registry) -> Vec<EnvVar> {
    [http_secret(registry)].into_iter().chain(registry.pod.env.iter().cloned().map(EnvVar::from)).collect()
}

impl From<v1alpha1::EnvVar> for EnvVar {
    fn from(variable: v1alpha1::EnvVar) -> Self {
        let v1alpha1::EnvVar { name, value, value_from } = variable;
        Self { name, value, value_from }
    }
}

fn http_secret(registry: &Registry) -> EnvVar {
    EnvVar {
        name: "REGISTRY_HTTP_SECRET".to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: registry.name.http_secret(),
                key: key::HTTP_SECRET.to_owned(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        value: None,
    }
}
