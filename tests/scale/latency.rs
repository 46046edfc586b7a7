//! How long it takes from a change of a spec until its child is written, as somebody sees it who watches both.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use support::figure::figure;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::population::Population;

/// Changes that are measured one by one, or as many as there are registries.
const ONE_BY_ONE: usize = 300;
/// Changes at the same moment, or as many as there are registries.
const BURST: usize = 100;
/// For one change.
const LIMIT: Duration = Duration::from_secs(120);
/// Of the Pod's template, where a change is seen.
const ANNOTATION: &str = "scale";

/// The distribution of what was measured.
pub(crate) struct Latency(Vec<Duration>);

impl Latency {
    fn new(mut taken: Vec<Duration>) -> Self {
        taken.sort();
        Self(taken)
    }

    /// So many in a hundred took no longer, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }

    pub(crate) fn report(&self, what: &str) {
        let [median, ninety, most, all] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        figure(
            &format!("scale: milliseconds from a spec to its child, {what}"),
            format_args!(
                "p50 {median:.0}, p90 {ninety:.0}, p99 {most:.0}, at most {all:.0} ({} changes)",
                self.0.len()
            ),
        );
    }
}

/// Changes one registry after the other, each when the Deployment of the one before has its change.
pub(crate) async fn one_by_one(population: &Population) -> Result<Latency> {
    let mut written = watch_deployments(population, "one by one");
    let mut taken = Vec::new();
    for index in 0..population.number().min(ONE_BY_ONE) {
        let begun = Instant::now();
        let name = change(population, index, "one by one").await?;
        while next(&mut written).await?.0 != name {}
        taken.push(begun.elapsed());
    }
    Ok(Latency::new(taken))
}

/// Changes many registries at once.
pub(crate) async fn burst(population: &Population) -> Result<Latency> {
    let number = population.number().min(BURST);
    let mut written = watch_deployments(population, "burst");
    let changes = stream::iter(0..number).map(async |index| {
        let begun = Instant::now();
        Ok::<_, anyhow::Error>((change(population, index, "burst").await?, begun))
    });
    let mut begun: HashMap<_, _> = changes.buffer_unordered(number).try_collect().await?;
    let mut taken = Vec::new();
    while !begun.is_empty() {
        let (name, at) = next(&mut written).await?;
        taken.extend(begun.remove(&name).map(|from| at.duration_since(from)));
    }
    Ok(Latency::new(taken))
}

async fn change(population: &Population, index: usize, to: &str) -> Result<String> {
    let (api, name) = population.member(index);
    let patch = Patch::Merge(json!({"spec": {"podAnnotations": {ANNOTATION: to}}}));
    api.patch(&name, &PatchParams::default(), &patch).await.with_context(|| format!("failed to change {name}"))?;
    Ok(name)
}

type Written = mpsc::UnboundedReceiver<(String, Instant)>;

async fn next(written: &mut Written) -> Result<(String, Instant)> {
    let next = timeout(LIMIT, written.recv()).await.context("a change has not reached its Deployment")?;
    next.context("the watch of Deployments has ended")
}

/// The Deployments that were changed to `to`, with the time at which that was seen.
fn watch_deployments(population: &Population, to: &'static str) -> Written {
    let (sender, receiver) = mpsc::unbounded_channel();
    let api: Api<Deployment> = Api::all(population.client.clone());
    tokio::spawn(async move {
        let mut changes = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
        while let Some(change) = changes.next().await {
            let Ok(deployment) = change else { continue }; // the watch is opened again
            let template = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
            let annotations = template.and_then(|template| template.annotations.as_ref());
            let value = annotations.and_then(|annotations| annotations.get(ANNOTATION));
            if value.is_some_and(|value| value == to) && sender.send((deployment.name_any(), Instant::now())).is_err() {
                return; // all were seen
            }
        }
    });
    receiver
}
