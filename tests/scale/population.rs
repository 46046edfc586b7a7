//! Many registries in a few namespaces.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use support::registry::{condition, is_current, resource};
use tokio::time::timeout;

const NAMESPACES: usize = 20;
/// Requests at the same time.
const AT_ONCE: usize = 16;
/// Without any progress.
const STUCK: Duration = Duration::from_secs(120);

/// All of them.
pub(crate) struct Population {
    pub(crate) client: Client,
    number: usize,
}

impl Population {
    /// Creates `number` resources with an empty spec.
    pub(crate) async fn create(client: Client, number: usize) -> Result<Self> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        for namespace in 0..NAMESPACES {
            let object = serde_json::from_value(json!({"metadata": {"name": format!("scale-{namespace}")}}))?;
            namespaces.create(&PostParams::default(), &object).await?;
        }
        let population = Self { client, number };
        let created = stream::iter((0..number).map(Ok)).try_for_each_concurrent(AT_ONCE, |index| population.add(index));
        created.await?;
        Ok(population)
    }

    async fn add(&self, index: usize) -> Result<()> {
        let (api, name) = self.member(index);
        let mut object = DynamicObject::new(&name, &resource());
        object.data = json!({"spec": {}});
        api.create(&PostParams::default(), &object).await.map(drop).with_context(|| format!("failed to create {name}"))
    }

    /// One of them, and where it is.
    pub(crate) fn member(&self, index: usize) -> (Api<DynamicObject>, String) {
        let namespace = format!("scale-{}", index % NAMESPACES);
        (Api::namespaced_with(self.client.clone(), &namespace, &resource()), format!("team-{index}"))
    }

    /// How many there are.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Waits until all are ready, as long as one becomes ready from time to time.
    pub(crate) async fn until_ready(&self) -> Result<()> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource());
        let mut changes = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
        let mut ready = BTreeSet::new();
        while ready.len() < self.number {
            let next = timeout(STUCK, changes.next()).await;
            let next = next.with_context(|| format!("only {} are ready, and nothing changes", ready.len()))?;
            let Some(change) = next else { bail!("the watch has ended") };
            let Ok(object) = change else { continue }; // it is opened again
            if is_current(&object) && condition(&object, "Ready")["status"] == "True" {
                ready.insert((object.namespace(), object.name_any()));
            }
        }
        ensure!(ready.len() == self.number, "there are {}", ready.len());
        Ok(())
    }
}
