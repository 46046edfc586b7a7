//! On each node: what the operator tells is carried out at once, and looked at again and again, because a node's directories are
//! everybody's. Files are written on a thread of their own.

use std::{collections::BTreeMap, path::PathBuf, pin::pin, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Node as NodeObject};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, watcher},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    Entry, Node, Owner, Places, Problem, Runtime, config_map, containerd, crio,
    departure::{Departure, Post, departure},
    mounts::{self, Mounts},
    node::Outcome,
    registries::Registries,
    report::{Board, Report, Standing},
};
use crate::controller::chain;

/// How often the files are looked at when nothing has changed. A thousand registries take some milliseconds.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How often the Node is asked which runtime it has: an administrator may have updated it.
const ASK_RUNTIME_AGAIN: Duration = Duration::from_secs(3600);
/// How soon after the API server has not said it.
const ASK_RUNTIME_SOON: Duration = Duration::from_secs(10);
/// Objects of one answer of a list.
const PAGE_SIZE: u32 = 100;

/// What a node has to know.
#[derive(Debug)]
pub(super) struct Settings {
    /// Its name.
    pub(super) node_name: String,
    /// The operator's namespace.
    pub(super) namespace: String,
    /// The `DaemonSet` that this Pod is of.
    pub(super) daemon_set: String,
    /// DNS domain of the cluster.
    pub(super) cluster_domain: String,
    /// Whose what is written is.
    pub(super) owner: Owner,
    /// Where runtimes look.
    pub(super) places: Places,
    /// Where containerd's configuration is.
    pub(super) containerd_config: PathBuf,
    /// What the runtime is told of the canary, where there is one.
    pub(super) canary: Option<Entry>,
    /// What of the node is mounted.
    pub(super) mounts: Mounts,
}

/// What runs on a node.
pub(super) struct Agent {
    client: Client,
    settings: Arc<Settings>,
    board: Board,
    registries: Registries,
    runtime: Option<Result<Runtime, Problem>>,
    ask_runtime_at: Instant,
}

impl Agent {
    pub(super) fn new(client: Client, settings: Settings, board: Board) -> Self {
        let registries = Registries::new(settings.cluster_domain.clone());
        let settings = Arc::new(settings);
        Self { client, settings, board, registries, runtime: None, ask_runtime_at: Instant::now() }
    }

    /// Keeps the node's files as the operator tells, until they are not the node's any more: returns why.
    pub(super) async fn keep(&mut self) -> mounts::Error {
        let objects = Api::<ConfigMap>::namespaced(self.client.clone(), &self.settings.namespace);
        let config = watcher::Config::default().labels(&config_map::selector()).page_size(PAGE_SIZE);
        let mut events = pin!(watcher(objects, config).default_backoff());
        let mut look_again = interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut due = tokio::select! {
                Some(event) = events.next() => self.take(event),
                _ = look_again.tick() => true,
            };
            // What is there already is carried out together: a list of a thousand is one piece of work.
            while let Some(Some(event)) = events.next().now_or_never() {
                due |= self.take(event);
            }
            if due {
                // What is written would come to where nothing looks for it.
                if let Err(replaced) = self.settings.mounts.check() {
                    return replaced;
                }
                self.carry_out().await;
            }
        }
    }

    /// Removes what was written, if the Pod ends because node trust was switched off, or is not for this node any more.
    pub(super) async fn depart(&self) {
        let Settings { node_name, namespace, daemon_set, places, .. } = &*self.settings;
        let directory = matches!(self.runtime, Some(Ok(Runtime::Containerd(_)))).then_some(places.containerd.as_path());
        let post = Post { namespace, daemon_set, node: node_name, directory };
        if departure(&self.client, post).await == Departure::Restart {
            tracing::info!("what is written stays: another Pod follows");
            return;
        }
        let node = self.node(Runtime::Containerd(None));
        match spawn_blocking(move || node.leave()).await {
            Ok(Outcome { changed, node, hosts }) => {
                tracing::info!(removed = ?changed, "no other Pod follows: what was written goes");
                for problem in node.iter().chain(hosts.values()) {
                    tracing::warn!(problem.message, "failed to remove what was written");
                }
            }
            Err(error) => tracing::warn!(%error, "failed to remove what was written"),
        }
    }

    fn take(&mut self, event: Result<watcher::Event<ConfigMap>, watcher::Error>) -> bool {
        match event {
            Ok(event) => self.registries.take(event),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "failed to watch the ConfigMaps that tell of registries; trying again"
                );
                false
            }
        }
    }

    async fn carry_out(&mut self) {
        self.ask_runtime().await;
        let Some(known) = self.registries.all() else { return };
        let runtime = match &self.runtime {
            Some(Ok(runtime)) => *runtime,
            Some(Err(problem)) => {
                return self.report(Standing { problem: Some(problem.clone()), ..Standing::default() });
            }
            None => return,
        };
        let entries = known.values().filter_map(|registry| registry.entry.clone());
        let entries: Vec<Entry> = entries.chain(self.settings.canary.clone()).collect();
        let (node, settings) = (self.node(runtime), Arc::clone(&self.settings));
        let done = spawn_blocking(move || (node.bring_to(&entries), trap(runtime, &settings))).await;
        let (outcome, trap) = match done {
            Ok(done) => done,
            Err(error) => {
                let problem = Problem::new("Interrupted", error.to_string());
                return self.report(Standing { problem: Some(problem), ..Standing::default() });
            }
        };
        if !outcome.changed.is_empty() {
            tracing::info!(changed = ?outcome.changed, "wrote what the runtime reads");
        }
        self.report(self.standing(&outcome, trap));
    }

    fn standing(&self, outcome: &Outcome, trap: Option<Problem>) -> Standing {
        let mut registries = BTreeMap::new();
        for (name, registry) in self.registries.all().into_iter().flatten() {
            let of_host = registry.entry.as_ref().and_then(|entry| outcome.hosts.get(entry.host()));
            let problem = registry.problem.as_ref().or(of_host).cloned();
            registries.insert(name.to_string(), Report { version: registry.version.clone(), problem });
        }
        let canary = self.settings.canary.as_ref().and_then(|canary| outcome.hosts.get(canary.host()));
        Standing { problem: outcome.node.clone().or(trap).or(canary.cloned()), registries }
    }

    /// Puts up what is so now, and logs what is wrong when that is new.
    fn report(&self, standing: Standing) {
        let now = standing.clone();
        let before = self.board.put(standing);
        if let Some(problem) = now.problem.as_ref().filter(|_| before.problem != now.problem) {
            tracing::warn!(reason = %problem.reason, problem.message, "this node is not as it should be");
        }
        for (registry, Report { problem, .. }) in &now.registries {
            let known = before.registries.get(registry).and_then(|known| known.problem.as_ref());
            if let Some(problem) = problem.as_ref().filter(|problem| known != Some(*problem)) {
                tracing::warn!(%registry, reason = %problem.reason, problem.message, "this node cannot be told of a registry");
            }
        }
    }

    async fn ask_runtime(&mut self) {
        if Instant::now() < self.ask_runtime_at {
            return;
        }
        let name = &self.settings.node_name;
        match Api::<NodeObject>::all(self.client.clone()).get(name).await {
            Ok(object) => {
                self.runtime = Some(runtime(&object));
                self.ask_runtime_at = Instant::now() + ASK_RUNTIME_AGAIN;
            }
            Err(error) => {
                tracing::warn!(
                    node = name,
                    error = chain(&error),
                    "failed to ask which runtime the node has; trying again"
                );
                let message = format!("failed to read Node {name}: {}", chain(&error));
                // A runtime that is known stays the one.
                self.runtime.get_or_insert(Err(Problem::new("NodeUnknown", message)));
                self.ask_runtime_at = Instant::now() + ASK_RUNTIME_SOON;
            }
        }
    }

    fn node(&self, runtime: Runtime) -> Node {
        Node { owner: self.settings.owner.clone(), runtime, places: self.settings.places.clone() }
    }
}

fn runtime(object: &NodeObject) -> Result<Runtime, Problem> {
    let info = object.status.as_ref().and_then(|status| status.node_info.as_ref());
    let text = info.map(|info| info.container_runtime_version.as_str()).unwrap_or_default();
    let message = || format!("the node's container runtime is {text:?}: containerd, CRI-O and Docker can be told");
    Runtime::of_node_info(text).ok_or_else(|| Problem::new("RuntimeNotSupported", message()))
}

/// What keeps the runtime from reading what is written.
fn trap(runtime: Runtime, settings: &Settings) -> Option<Problem> {
    let root = &settings.places.root;
    let trap = match runtime {
        Runtime::Containerd(version) => containerd::read(root, &settings.containerd_config, version).map(|found| {
            containerd::trap(version, found.as_ref(), &settings.places.containerd)
                .map(|trap| Problem::new(trap.reason(), trap.to_string()))
        }),
        Runtime::Crio => crio::trap(root).map(|trap| trap.map(|trap| Problem::new(trap.reason(), trap.to_string()))),
        Runtime::Docker => Ok(None),
    };
    trap.unwrap_or_else(|error| Some(Problem::new("ConfigurationUnreadable", chain(&error))))
}
