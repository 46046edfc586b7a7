//! The Pods of a registry. They are not watched: they are listed where a pass has a question that only they answer, once in that
//! pass, and never while all is well.

pub(super) mod ask;
pub(super) mod reason;
mod trouble;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ContainerStatus, Pod, PodStatus},
};
use kube::{Api, ResourceExt, api::ListParams};
use tokio::sync::OnceCell;

pub use self::trouble::Trouble;
use super::{Context, memory::Memory, observe::Error};
use crate::names::RegistryName;

/// The Pods of one registry, as one pass sees them.
pub(super) struct Pods<'a> {
    context: &'a Context,
    name: &'a RegistryName,
    listed: OnceCell<Vec<Pod>>,
}

impl<'a> Pods<'a> {
    pub(super) fn of(name: &'a RegistryName, context: &'a Context) -> Self {
        Self { context, name, listed: OnceCell::new() }
    }

    /// All of them, those that end included.
    pub(super) async fn list(&self) -> Result<&[Pod], Error> {
        let list = async || {
            let api = Api::<Pod>::namespaced(self.context.client.clone(), &self.name.namespace);
            let pods = api.list(&ListParams::default().labels(&self.name.pod_selector())).await;
            pods.map(|pods| pods.items).map_err(|source| Error::Pods { registry: self.name.clone(), source })
        };
        self.listed.get_or_try_init(list).await.map(Vec::as_slice)
    }

    /// Name and address of each whose server has started. One that has not will mount the files as they are then.
    pub(super) async fn started(&self) -> Result<Vec<(String, IpAddr)>, Error> {
        let pods = self.list().await?;
        Ok(pods.iter().filter_map(|pod| Some((pod.name_any(), started_at(pod)?))).collect())
    }
}

/// A Deployment that should have a Pod that serves and has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// For how long, since its spec changed last.
    pub since: Duration,
    /// Why, where a Pod tells.
    pub trouble: Option<Trouble>,
}

/// What is known about a Pod that `deployment`, of a registry that is to run, should have; `None`: it serves.
pub(super) async fn awaited(
    deployment: Option<&Deployment>,
    pods: &Pods<'_>,
    memory: &mut Memory,
) -> Result<Option<Awaited>, Error> {
    let Some(deployment) = deployment.filter(|deployment| !serves(deployment)) else {
        memory.awaited = None;
        return Ok(None);
    };
    let generation = deployment.metadata.generation;
    let known = memory.awaited.filter(|(known, _)| *known == generation);
    let (_, since) = *memory.awaited.insert(known.unwrap_or_else(|| (generation, Instant::now())));
    // What the controller of Deployments has not seen yet, no Pod can tell about.
    let trouble = if answers_spec(deployment) { trouble(pods.list().await?).await } else { None };
    Ok(Some(Awaited { since: since.elapsed(), trouble }))
}

async fn trouble(pods: &[Pod]) -> Option<Trouble> {
    let current = || pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    if let Some(trouble) = current().find_map(trouble::of) {
        return Some(trouble);
    }
    // It runs and is not ready: nobody but the server can say why.
    let (pod, address) = current().find_map(|pod| Some((pod, runs_unready(pod)?)))?;
    let answer = ask::get(address, "/readyz").await.ok()?;
    trouble::of_answer(pod, &answer)
}

/// Whether the status is an answer to the spec.
pub(super) fn answers_spec(deployment: &Deployment) -> bool {
    deployment.status.as_ref().and_then(|status| status.observed_generation) >= deployment.metadata.generation
}

/// Whether a Pod serves that is as the spec wants it.
pub(super) fn serves(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    let updated = status.and_then(|status| status.updated_replicas).unwrap_or_default() >= 1;
    let available = status.and_then(|status| status.available_replicas).unwrap_or_default() >= 1;
    answers_spec(deployment) && updated && available
}

/// The address of a Pod whose server has started, be it that it restarts right now: its volumes have the files of then.
fn started_at(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let over =
        matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some();
    let started = containers(status).any(|container| {
        let state = container.state.as_ref();
        container.restart_count > 0 || state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    });
    status.pod_ip.as_ref().filter(|_| started && !over)?.parse().ok()
}

/// The address of a Pod whose server runs and is not ready.
fn runs_unready(pod: &Pod) -> Option<IpAddr> {
    let status = pod.status.as_ref()?;
    let runs = |container: &ContainerStatus| container.state.as_ref().is_some_and(|state| state.running.is_some());
    let unready = containers(status).any(|container| !container.ready && runs(container));
    status.pod_ip.as_ref().filter(|_| unready)?.parse().ok()
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.container_statuses.iter().flatten()
}

#[cfg(test)]
mod tests;
