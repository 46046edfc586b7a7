//! Step six: what a person wants to know. [`conditions`] is pure; here it becomes a status, and one patch if that is new.

pub mod conditions;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, Service},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use self::conditions::told_level;
use super::{
    build::{Applied, Resources},
    distribute::Outcome,
    issue::Material,
    memory::Memory,
    nodes,
    observe::Observed,
    registry::{Problem, Registry, Storage, Tls},
};
use crate::{
    api::v1alpha1::{
        CertificateStatus, FileSystemStatus, PrivateRegistry, PrivateRegistryStatus, PullSecretsStatus, SecretRef,
        StorageStatus,
    },
    names::{FIELD_MANAGER, RegistryName},
};

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status of PrivateRegistry {registry}")]
pub struct Error {
    registry: RegistryName,
    #[source]
    source: kube::Error,
}

/// What a pass has found and done.
#[derive(Debug)]
pub struct Pass<'a> {
    /// What was there before.
    pub observed: &'a Observed,
    /// What was asked for.
    pub registry: &'a Registry,
    /// What was made; `None` while the Service has no address.
    pub material: Option<&'a Material>,
    /// What is there now.
    pub applied: &'a Resources<Applied>,
    /// What has become of the pull Secret elsewhere.
    pub distributed: &'a Outcome,
    /// What has become of nodes.
    pub nodes: &'a nodes::Outcome,
    /// That the claim does not grow as it was asked to.
    pub growth_refused: Option<&'a Problem>,
}

impl Pass<'_> {
    /// The claim with its status.
    fn claim(&self) -> Option<&PersistentVolumeClaim> {
        match self.registry.storage {
            Storage::Claim { .. } => self.applied.children.as_ref()?.claim.as_ref(),
            Storage::ExistingClaim(_) => self.observed.claim.as_deref(),
            Storage::EmptyDir { .. } => None,
        }
    }

    /// How full the volume is, as it is told. What was told stays while no server says anything.
    fn file_system(&self, previous: Option<&PrivateRegistryStatus>) -> Option<FileSystemStatus> {
        let before = previous.and_then(|status| status.storage.as_ref()?.file_system.as_ref());
        let Some(volume) = self.observed.volume else { return before.cloned() };
        let level = told_level(previous);
        Some(volume.told(before, volume.level(level) != level))
    }
}

/// The status that follows from a pass. Times of conditions that did not change are those of `previous`.
#[must_use]
pub fn status(
    pass: &Pass<'_>,
    previous: Option<&PrivateRegistryStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> PrivateRegistryStatus {
    let registry = pass.registry;
    let told = pass.applied.children.as_ref();
    let secret_ref = |name: String| SecretRef { name };
    let authorities = pass.material.and_then(|material| material.certificate.as_ref()?.authorities.as_ref());
    // While paused, a new spec has not been answered yet.
    let generation = if registry.paused { previous.and_then(|status| status.observed_generation) } else { generation };
    let deployment = told.and_then(|children| children.deployment.status.as_ref());
    let conditions = conditions::conditions(pass, previous, generation, now);
    let serves = conditions.iter().any(|known| known.type_ == conditions::condition::READY && known.status == "True");
    PrivateRegistryStatus {
        observed_generation: generation,
        last_served_generation: match serves {
            true => generation,
            false => previous.and_then(|previous| previous.last_served_generation),
        },
        conditions,
        endpoint: registry.image_hosts().into_iter().next(),
        external_endpoint: registry.external_hosts().into_iter().next(),
        node_port: node_port(&pass.applied.service),
        internal_endpoint: internal_endpoint(registry),
        ca_secret_ref: authorities.map(|_| secret_ref(registry.name.tls_secret())),
        pull_secret_ref: told.and_then(|children| children.pull.as_ref()).map(|secret| secret_ref(secret.name_any())),
        push_secret_ref: told.and_then(|children| children.push.as_ref()).map(|secret| secret_ref(secret.name_any())),
        pull_secrets: pull_secrets(pass.distributed, previous),
        certificate: pass.material.and_then(certificate),
        storage: storage(pass, previous),
        replicas: Some(deployment.and_then(|status| status.replicas).unwrap_or_default()),
        selector: Some(registry.name.pod_selector()),
        ready_replicas: Some(deployment.and_then(|status| status.ready_replicas).unwrap_or_default()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
    }
}

fn pull_secrets(distributed: &Outcome, previous: Option<&PrivateRegistryStatus>) -> Option<PullSecretsStatus> {
    if distributed.waiting {
        return previous.and_then(|previous| previous.pull_secrets.clone());
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    distributed.asked.then(|| PullSecretsStatus {
        namespaces: count(distributed.namespaces),
        failing: count(distributed.failures.len()),
    })
}

fn internal_endpoint(registry: &Registry) -> Option<String> {
    let address = *registry.service.addresses.first()?;
    let port = u16::try_from(registry.service.port).ok()?;
    Some(std::net::SocketAddr::new(address, port).to_string())
}

fn node_port(service: &Service) -> Option<i32> {
    service.spec.as_ref()?.ports.as_ref()?.first()?.node_port
}

fn certificate(material: &Material) -> Option<CertificateStatus> {
    let served = material.certificate.as_ref()?;
    Some(CertificateStatus {
        not_before: Time(served.certificate.not_before),
        not_after: Time(served.certificate.not_after),
        serial_number: served.certificate.serial_number.clone(),
        renewal_time: served.renewal_time.map(Time),
    })
}

/// What there is of a claim and of what its server says; nothing while there is neither.
fn storage(pass: &Pass<'_>, previous: Option<&PrivateRegistryStatus>) -> Option<StorageStatus> {
    let claim = pass.claim();
    let capacity = claim.and_then(|claim| claim.status.as_ref()?.capacity.as_ref()?.get("storage"));
    let storage = StorageStatus {
        claim_name: claim.map(ResourceExt::name_any),
        capacity: capacity.map(|quantity| quantity.0.clone()),
        file_system: pass.file_system(previous),
    };
    (storage.claim_name.is_some() || storage.file_system.is_some()).then_some(storage)
}

/// Writes the status of `registry` unless it has it already, as far as the watch or this process knows.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(super) async fn write(
    client: &Client,
    registry: &PrivateRegistry,
    name: &RegistryName,
    status: &PrivateRegistryStatus,
    memory: &mut Memory,
) -> Result<(), Error> {
    if memory.status_of(registry).as_ref() == Some(status) {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": PrivateRegistry::api_version(&()),
        "kind": PrivateRegistry::kind(&()),
        "status": status,
    });
    Api::<PrivateRegistry>::namespaced(client.clone(), &name.namespace)
        .patch_status(&name.name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(patch))
        .await
        .map(|_| memory.reported(registry, status.clone()))
        .or_else(|error| match error {
            // Deleted meanwhile: nobody is left to be told.
            kube::Error::Api(answer) if answer.code == 404 => Ok(()),
            source => Err(Error { registry: name.clone(), source }),
        })
}

impl Tls {
    /// The word that the certificate's condition uses when all is well.
    const fn ready_reason(&self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::SelfSigned(_) | Self::CertManager(_) => "Issued",
            Self::Provided(_) => "Provided",
        }
    }
}

#[cfg(test)]
mod tests;
