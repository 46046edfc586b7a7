//! A generated pull or push Secret, read as its user reads it.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

/// What such a Secret holds.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Host, and port where it is not the scheme's own, under which images are named.
    pub registry: String,
    /// Name to log in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// PEM of the authority that signed the registry's certificate; empty if the Secret has none.
    pub ca: String,
    /// The file `~/.docker/config.json` as the Secret has it.
    pub docker_config: String,
}

impl Credentials {
    /// Reads a Secret. An error names the key that is missing.
    pub fn of(secret: &Secret) -> Result<Self> {
        let optional = |key: &str| secret.data.as_ref()?.get(key).map(|value| value.0.clone());
        let required = |key: &str| {
            let value = optional(key).with_context(|| format!("Secret {} has no key {key}", secret.name_any()))?;
            String::from_utf8(value).with_context(|| format!("key {key} of Secret {} is no text", secret.name_any()))
        };
        Ok(Self {
            registry: required("registry")?,
            username: required("username")?,
            password: required("password")?,
            ca: optional("ca.crt").map(String::from_utf8).transpose()?.unwrap_or_default(),
            docker_config: required(".dockerconfigjson")?,
        })
    }

    /// Name and password.
    pub fn login(&self) -> (&str, &str) {
        (&self.username, &self.password)
    }

    /// A reference below this registry: `team.apps.svc.cluster.local/app:1` for `app:1`.
    pub fn reference(&self, image: &str) -> String {
        format!("{}/{image}", self.registry)
    }
}
