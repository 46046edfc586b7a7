//! Who has seen every version of a Secret, and can say whether something was issued twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::task::JoinHandle;

use crate::namespace::Namespace;

/// By `<Secret>/<key>`, the values that were seen.
type Seen = Arc<Mutex<BTreeMap<String, BTreeSet<Vec<u8>>>>>;

/// Watches the Secrets of a namespace until dropped.
#[derive(Debug)]
pub struct Witness {
    seen: Seen,
    task: JoinHandle<()>,
}

impl Witness {
    pub(super) fn of(namespace: &Namespace) -> Self {
        let seen = Seen::default();
        let (api, notes) = (namespace.api::<Secret>(), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut changes = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
            while let Some(change) = changes.next().await {
                let Ok(secret) = change else { continue }; // the watch is opened again
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, value) in secret.data.iter().flatten() {
                    notes.entry(format!("{}/{key}", secret.name_any())).or_default().insert(value.0.clone());
                }
            }
        });
        Self { seen, task }
    }

    /// That `registry` was given one authority, one key of its certificate and one password for each user, and no second.
    pub fn ensure_issued_once(&self, registry: &str) -> Result<()> {
        for issued in ["ca/tls.key", "ca/tls.crt", "tls/tls.key", "credentials/pull", "credentials/push", "http/secret"]
        {
            let name = format!("{registry}-{issued}");
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&name).map_or(0, BTreeSet::len);
            ensure!(seen == 1, "{name} had {seen} values");
        }
        Ok(())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}
