//! Step two, pure: spec and what was observed become a [`Registry`]. The only place that says no.
//!
//! What the CRD's rules refuse cannot get here by an API server that has our CRD, and is an [`Error`] all the same: an older
//! CRD may still be installed. What only other objects can tell (a Secret that does not exist) is a
//! [`Problem`](super::registry::Problem): the registry goes on with the last good state and a condition names it.

mod auth;
mod exposure;
mod monitoring;
mod optional;
mod pod;
mod pull_secrets;
mod server_config;
mod storage;
mod tls;
mod users;

use jiff::{SignedDuration, Timestamp};
use kube::{Resource, ResourceExt};

pub(crate) use self::pull_secrets::selector as namespace_selector;
pub(super) use self::tls::WAITING_FOR_CERTIFICATE;
use super::{
    Settings,
    observe::Observed,
    registry::{Image, Registry, Service},
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistrySpec},
    names::{RegistryName, annotation, key},
    pki::SubjectNames,
};

/// Why a spec cannot be worked with. The text names the field.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object that the API server would not have stored.
    #[error("metadata.{0} is missing")]
    Incomplete(&'static str),
    /// A length of time that is none.
    #[error("spec.tls.{kind}.{field}: {value:?} is not a whole number of days, hours or minutes, such as 90d")]
    Duration {
        /// Name of the field that has it.
        kind: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// The certificate would be due when it is issued.
    #[error("spec.tls.{0}: renewBefore must be shorter than duration, and duration between 1h and 1825d")]
    Lifetime(&'static str),
    /// An address that is none.
    #[error("spec.tls.{kind}.ipAddresses: {address:?} is not an address")]
    Address {
        /// Name of the field that has it.
        kind: &'static str,
        /// What it says.
        address: String,
    },
    /// More servers than the storage can have, or fewer than none.
    #[error("spec.replicas is {0}: it must be 1, or 0 for a registry that is stopped")]
    Replicas(i32),
    /// The server would not start with what the spec adds to its config.yml, and nothing runs yet.
    #[error("spec.config: {0}")]
    Config(String),
    /// Two kinds where one is asked for.
    #[error("spec.{0}")]
    Union(&'static str),
}

/// Checks `registry` against what it refers to.
///
/// # Errors
/// When the spec cannot be worked with whatever else there is in the cluster.
pub fn validate(
    registry: &PrivateRegistry,
    observed: &Observed,
    settings: &Settings,
    now: Timestamp,
) -> Result<Registry, Error> {
    let spec = &registry.spec;
    let name = registry_name(registry)?;
    let addresses = observed.service_addresses();
    let mut problems = Vec::new();
    let exposure = exposure::exposure(spec, observed, settings, &mut problems);
    let names = SubjectNames::of_service(
        name.hosts(&settings.cluster_domain).into_iter().chain(exposure.names()),
        addresses.iter().copied().chain(exposure.addresses()),
    );
    let tls = tls::tls(registry, &name, names, observed, now, &mut problems)?;
    Ok(Registry {
        owner: registry.controller_owner_ref(&()).ok_or(Error::Incomplete("uid"))?,
        cluster_domain: settings.cluster_domain.clone(),
        image: image(spec, settings),
        replicas: replicas(spec)?,
        storage: storage::storage(&spec.storage, observed, &mut problems)?,
        auth: auth::auth(&spec.auth, &name, observed, &mut problems)?,
        credentials: users::credentials(observed, &name, &mut problems),
        http_secret: observed.http.as_deref().and_then(|secret| text(secret, key::HTTP_SECRET)),
        pull_secrets: pull_secrets::pull_secrets(&spec.pull_secrets),
        service: Service {
            type_: spec.service.type_,
            port: spec.service.port.unwrap_or_else(|| tls.default_port()),
            node_port: spec.service.node_port,
            load_balancer_class: spec.service.load_balancer_class.clone(),
            ip_family_policy: spec.service.ip_family_policy,
            annotations: spec.service.annotations.clone(),
            addresses,
        },
        exposure,
        monitoring: monitoring::monitoring(spec, observed, &mut problems),
        node_trust: spec.node_trust.is_some(),
        config: server_config::server_config(spec, observed, &mut problems)?,
        pod: pod::pod(spec)?,
        tls,
        trust: tls::trust(observed),
        paused: is_paused(registry),
        name,
        problems,
    })
}

/// Namespace and name.
///
/// # Errors
/// When one of them is missing, which no stored object is.
pub fn registry_name(registry: &impl Resource<DynamicType = ()>) -> Result<RegistryName, Error> {
    let namespace = registry.namespace().ok_or(Error::Incomplete("namespace"))?;
    let name = registry.meta().name.clone().ok_or(Error::Incomplete("name"))?;
    Ok(RegistryName { namespace, name })
}

fn replicas(spec: &PrivateRegistrySpec) -> Result<i32, Error> {
    match spec.replicas.unwrap_or(1) {
        replicas @ (0 | 1) => Ok(replicas),
        replicas => Err(Error::Replicas(replicas)),
    }
}

/// Whether a person has paused it.
pub(super) fn is_paused(registry: &PrivateRegistry) -> bool {
    registry.annotations().get(annotation::PAUSED).is_some_and(|value| value == "true")
}

fn image(spec: &PrivateRegistrySpec, settings: &Settings) -> Image {
    Image {
        reference: spec.image.clone().unwrap_or_else(|| settings.server_image.clone()),
        pull_policy: spec.image_pull_policy,
        pull_secrets: spec.image_pull_secrets.clone(),
    }
}

/// A value of a Secret.
fn bytes<'a>(secret: &'a k8s_openapi::api::core::v1::Secret, key: &str) -> Option<&'a [u8]> {
    secret.data.as_ref()?.get(key).map(|value| value.0.as_slice())
}

/// A value of a Secret, as text.
fn text(secret: &k8s_openapi::api::core::v1::Secret, key: &str) -> Option<String> {
    bytes(secret, key).and_then(|value| String::from_utf8(value.to_vec()).ok()).filter(|value| !value.is_empty())
}

/// `90d`, `12h`, `30m`.
fn duration(kind: &'static str, field: &'static str, value: &str) -> Result<SignedDuration, Error> {
    let error = || Error::Duration { kind, field, value: value.to_owned() };
    let minutes = match value.chars().last() {
        Some('d') => 24 * 60,
        Some('h') => 60,
        Some('m') => 1,
        _ => return Err(error()),
    };
    // The last character is one of three ASCII letters.
    let number: u32 = value[..value.len() - 1].parse().map_err(|_| error())?;
    Ok(SignedDuration::from_mins(i64::from(number) * minutes))
}

#[cfg(test)]
mod tests;
