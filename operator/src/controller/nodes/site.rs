//! What the operator sees of its own namespace: the `DaemonSet` that has its Pods on nodes, what those are told, and what they say. All
//! that is looked at from the first registry on that asks for it, or from the start where nodes have been told of one before.

use std::{future::Future, sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{ConfigMap, Pod},
};
use kube::{
    Api, Client,
    api::{ListParams, PartialObjectMeta},
    runtime::watcher,
};
use tokio::time::timeout;

use super::reports::{Asking, Reports};
use crate::{
    controller::{
        chain,
        memory::Memories,
        on_demand::{Demand, Demanded, on_demand},
        stores::{self, Known, Store, Whole, each},
        wakeups::Wakeups,
    },
    metrics::Metrics,
    names::RegistryName,
    node_trust::config_map,
};

/// How long a pass waits for the first lists.
const LISTED_WITHIN: Duration = Duration::from_secs(2);

/// The operator's own namespace, as far as it concerns nodes.
pub(in crate::controller) struct Site {
    namespace: String,
    daemon_set: String,
    daemon_sets: Store<Whole<DaemonSet>>,
    config_maps: Store<Known>,
    told: Api<ConfigMap>,
    pods: Api<Pod>,
    /// What nodes say.
    pub(super) reports: Reports,
    demand: Demand,
}

impl Site {
    /// The site of this `DaemonSet`, and the work of watching it.
    pub(in crate::controller) fn of(
        client: &Client,
        namespace: &str,
        daemon_set: &str,
        metrics: &Arc<Metrics>,
    ) -> (Arc<Self>, Watches) {
        let one = watcher::Config::default().fields(&format!("metadata.name={daemon_set}"));
        let api = Api::<DaemonSet>::namespaced(client.clone(), namespace);
        let (daemon_sets, daemon_set_events) = stores::open(api, one, metrics);
        let ours = watcher::Config::default().labels(&config_map::selector()).page_size(stores::PAGE_SIZE);
        let api = Api::<PartialObjectMeta<ConfigMap>>::namespaced(client.clone(), namespace);
        let (config_maps, config_map_events) = stores::open(api, ours, metrics);
        let (demand, demanded) = on_demand();
        let site = Arc::new(Self {
            namespace: namespace.to_owned(),
            daemon_set: daemon_set.to_owned(),
            daemon_sets,
            config_maps,
            told: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client.clone(), namespace),
            reports: Reports::default(),
            demand,
        });
        let watches = Watches {
            site: Arc::clone(&site),
            demanded,
            daemon_set_events: daemon_set_events.boxed(),
            config_map_events: config_map_events.boxed(),
        };
        (site, watches)
    }

    /// The operator's namespace.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Has the watches begin where nodes have been told of registries before: one of them may have gone while there was no operator,
    /// and nobody else asks. Where that cannot be known, there may be some.
    pub(in crate::controller) async fn look_back(&self) {
        match self.told.list_metadata(&ListParams::default().labels(&config_map::selector()).limit(1)).await {
            Ok(told) if told.items.is_empty() => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = chain(&error), "failed to look which registries nodes are told of"),
        }
        self.demand.ask();
    }

    /// Starts the watches, once, and waits a moment for what they show.
    pub(super) async fn is_listed(&self) -> bool {
        self.demand.ask();
        let all = async {
            let (daemon_sets, config_maps) =
                tokio::join!(self.daemon_sets.wait_until_ready(), self.config_maps.wait_until_ready());
            daemon_sets.is_ok() && config_maps.is_ok()
        };
        timeout(LISTED_WITHIN, all).await.unwrap_or(false)
    }

    /// The `DaemonSet`, unless it is gone.
    pub(super) fn daemon_set(&self) -> Option<DaemonSet> {
        let seen = self.daemon_sets.get(&self.namespace, &self.daemon_set)?.object();
        seen.filter(|seen| seen.metadata.deletion_timestamp.is_none())
    }

    /// Asks nodes when somebody wants to know, and wakes who does.
    async fn ask_nodes(&self, memories: &Memories, wakeups: &Wakeups) {
        loop {
            let asking = self.reports.until_due().await;
            if let Some(daemon_set) = self.daemon_set() {
                self.reports.renew(&self.pods, &daemon_set).await;
            }
            match asking {
                Asking::All => wakeups.wake(memories.telling_nodes()),
                Asking::Some(registries) => wakeups.wake(registries),
            }
        }
    }

    /// The version of what nodes are told of a registry, as the watch has shown it.
    pub(super) fn version_of(&self, registry: &RegistryName) -> Option<String> {
        let seen = self.config_maps.get(&self.namespace, &registry.node_trust_config_map())?;
        seen.resource_version().filter(|_| seen.tells_of(registry)).map(str::to_owned)
    }
}

/// The watches, as work that somebody has to do.
pub(in crate::controller) struct Watches {
    site: Arc<Site>,
    demanded: Demanded,
    daemon_set_events: BoxStream<'static, Arc<Whole<DaemonSet>>>,
    config_map_events: BoxStream<'static, Arc<Known>>,
}

impl Watches {
    /// Watches once somebody has asked, asks nodes, and wakes the registries that are concerned.
    pub(in crate::controller) async fn run(
        self,
        memories: Arc<Memories>,
        wakeups: Arc<Wakeups>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let Self { site, demanded, daemon_set_events, config_map_events } = self;
        let watch = async {
            let daemon_sets = each(daemon_set_events, |_| site.reports.nodes_have_changed());
            // Of a registry that is gone, too: somebody has to sweep after it.
            let config_maps = each(config_map_events, |object| wakeups.wake(object.names_registry()));
            tokio::join!(daemon_sets, config_maps, site.ask_nodes(&memories, &wakeups));
        };
        demanded.run(watch, shutdown).await;
    }
}
