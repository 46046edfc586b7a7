//! How long it takes from a change of a spec until its child is written.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use crate::population::Population;

/// Changes that are measured, or as many as there are registries.
const CHANGES: usize = 500;
/// Time between two changes.
const EVERY: Duration = Duration::from_millis(50);
/// For one change.
const LIMIT: Duration = Duration::from_secs(120);

/// The distribution of what was measured.
pub(crate) struct Latency {
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// Changes one registry after the other at a steady rate, and sees when each Deployment has the change.
pub(crate) async fn measure(population: &Population) -> Result<Latency> {
    let number = population.number().min(CHANGES);
    let mut written = watch_deployments(population);
    let mut begun = HashMap::new();
    let mut pace = interval(EVERY);
    for index in 0..number {
        pace.tick().await;
        let (api, name) = population.member(index);
        begun.insert(name.clone(), Instant::now());
        let patch = Patch::Merge(json!({"spec": {"imagePullPolicy": "Always"}}));
        api.patch(&name, &PatchParams::default(), &patch).await.with_context(|| format!("failed to change {name}"))?;
    }
    let mut taken = Vec::new();
    while !begun.is_empty() {
        let next = timeout(LIMIT, written.recv()).await.context("a change has not reached its Deployment")?;
        let (name, at) = next.context("the watch of Deployments has ended")?;
        taken.extend(begun.remove(&name).map(|from| at.duration_since(from)));
    }
    taken.sort();
    let rank = |percent: usize| taken.get((taken.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Ok(Latency { median: rank(50).unwrap_or_default(), p99: rank(99).unwrap_or_default() })
}

/// The Deployments that have the change, with the time at which that was seen.
fn watch_deployments(population: &Population) -> mpsc::UnboundedReceiver<(String, Instant)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let api: Api<Deployment> = Api::all(population.client.clone());
    tokio::spawn(async move {
        let mut changes = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
        while let Some(change) = changes.next().await {
            let Ok(deployment) = change else { continue }; // the watch is opened again
            let containers = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
            let policy = containers.and_then(|pod| pod.containers.first()?.image_pull_policy.as_deref());
            if policy == Some("Always") && sender.send((deployment.name_any(), Instant::now())).is_err() {
                return; // all were seen
            }
        }
    });
    receiver
}
