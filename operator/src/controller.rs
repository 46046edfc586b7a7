//! The reconciler: the watches that say when to look at a registry, and the passes that bring it to what it asks for.
//!
//! A pass is six calls, in `pass`; each has a module of its own. Here are what they work with, the [`Context`], and [`run`].

pub mod announce;
pub mod apply;
mod backoff;
pub mod build;
pub mod distribute;
mod error;
pub mod issue;
mod memory;
pub mod nodes;
pub mod observe;
mod on_demand;
pub mod optional_kinds;
mod pace;
mod pass;
pub mod pods;
mod publisher;
pub mod registry;
pub mod status;
mod stores;
#[cfg(test)]
pub(crate) mod tests;
pub mod validate;
pub mod versions;
pub mod volume;
mod waits;
mod wakeups;

use std::{collections::BTreeSet, future::Future, sync::Arc};

use futures::{StreamExt, future::join_all};
use jiff::SignedDuration;
use kube::{
    Api, Client, Resource,
    runtime::{
        controller::{Config, Error as ControllerError},
        events::Reporter,
    },
};
use tokio::sync::Semaphore;

pub use self::error::Error;
use self::{
    distribute::Reach,
    memory::Memories,
    nodes::Site,
    pass::reconcile,
    publisher::Publisher,
    stores::Stores,
    waits::error_policy,
    wakeups::{Pending, Wakeups},
};
pub(crate) use self::{error::chain, versions::hexadecimal};
use crate::{metrics::Metrics, names::RegistryName};

/// What is the same for all registries.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Image of a registry that names none.
    pub server_image: String,
    /// DNS domain of the cluster.
    pub cluster_domain: String,
    /// Namespace of the operator's own Pods.
    pub namespace: String,
    /// How long an old password is accepted after the new one was told, and an old authority published beside a new one.
    pub grace: SignedDuration,
    /// Registries that are worked on at the same time.
    pub concurrency: u16,
    /// Namespaces that take copies of pull Secrets without being labelled so.
    pub pull_secret_namespaces: BTreeSet<String>,
    /// The `DaemonSet` that has its Pods on nodes; `None` where the administrator has not switched that on.
    pub node_trust: Option<String>,
}

/// Where registries are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces.
    Cluster,
    /// In one.
    Namespace(String),
}

impl Scope {
    /// Whether `namespace` is a part of it.
    fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(name) => name == namespace,
        }
    }

    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        match self {
            Self::Cluster => Api::all(client.clone()),
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
        }
    }
}

/// What a pass works with.
pub struct Context {
    client: Client,
    settings: Settings,
    stores: Stores,
    /// Shared by the controllers of all scopes.
    reach: Arc<Reach>,
    /// Shared by the controllers of all scopes.
    site: Option<Arc<Site>>,
    memories: Arc<Memories>,
    publisher: Arc<Publisher>,
    metrics: Arc<Metrics>,
    /// Shared by the controllers of all scopes.
    permits: Arc<Semaphore>,
}

/// Keeps the registries of all `scopes` until `shutdown`; passes that are under way come to their end.
pub async fn run(
    client: Client,
    scopes: Vec<Scope>,
    settings: Settings,
    reporter: Reporter,
    metrics: Arc<Metrics>,
    shutdown: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) {
    let permits = Arc::new(Semaphore::new(usize::from(settings.concurrency.max(1))));
    let memories = Arc::new(Memories::default());
    let wakeups = Arc::new(Wakeups::new(&scopes));
    let publisher = Arc::new(Publisher::new(client.clone(), reporter));
    let watched: Vec<_> =
        scopes.iter().map(|scope| stores::watch(&client, scope, &memories, &wakeups, &metrics)).collect();
    let secrets = watched.iter().map(|(_, stores)| stores.secrets.clone()).collect();
    let (reach, elsewhere) = Reach::of(&client, &scopes, secrets, settings.pull_secret_namespaces.clone(), &metrics);
    let elsewhere = elsewhere.run(Arc::clone(&memories), Arc::clone(&wakeups), shutdown.clone());
    let (site, nodes) = settings
        .node_trust
        .as_ref()
        .map(|daemon_set| Site::of(&client, &settings.namespace, daemon_set, &metrics))
        .unzip();
    let nodes = async {
        if let (Some(site), Some(watches)) = (&site, nodes) {
            let watches = Box::pin(watches.run(Arc::clone(&memories), Arc::clone(&wakeups), shutdown.clone()));
            tokio::join!(site.look_back(), watches);
        }
    };
    let volumes = volume::poll(Arc::clone(&memories), Arc::clone(&wakeups), shutdown.clone());
    let controllers = scopes.iter().zip(watched).map(|(scope, (controller, stores))| {
        let memories = Arc::clone(&memories);
        let context = Arc::new(Context {
            client: client.clone(),
            settings: settings.clone(),
            stores,
            reach: Arc::clone(&reach),
            site: site.clone(),
            memories: Arc::clone(&memories),
            publisher: Arc::clone(&publisher),
            metrics: Arc::clone(&metrics),
            permits: Arc::clone(&permits),
        });
        let gone = Arc::new(Pending::default());
        let sweeping = distribute::sweep(Arc::clone(&context), Arc::clone(&gone));
        let metrics = Arc::clone(&metrics);
        let reconciling = controller
            .reconcile_on(wakeups.stream(scope))
            .with_config(Config::default().concurrency(settings.concurrency.max(1)))
            .graceful_shutdown_on(shutdown.clone())
            .run(reconcile, error_policy, context)
            .for_each(move |result| {
                if let Err(ControllerError::ObjectNotFound(object)) = result {
                    let namespace = object.namespace.clone().unwrap_or_default();
                    let name = RegistryName { namespace, name: object.name.clone() };
                    memories.forget(&name);
                    metrics.certificate_expires(&name, None);
                    gone.add(name);
                }
                std::future::ready(())
            });
        async move {
            tokio::select! {
                () = reconciling => {}
                () = sweeping => {}
            }
        }
    });
    tokio::join!(join_all(controllers), elsewhere, nodes, volumes);
}
