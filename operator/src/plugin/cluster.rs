//! The cluster as kubectl would reach it, and looks at it that are bounded in time and number.
//!
//! A right that is missing is an answer like any other: [`Unseen`] says what could not be looked at.

use std::{fmt::Debug, path::PathBuf, time::Duration};

use kube::{
    Api, Client, Resource, ResourceExt,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{api::v1alpha1::PrivateRegistry, controller::chain, names::RegistryName};

/// How long the API server may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Objects of one answer.
const PAGE: u32 = 500;
/// Objects that are looked at, of one kind: enough for every Pod of a large cluster, and not without end.
const MOST: usize = 20_000;

/// Flags that kubectl has too.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The kubeconfig file, in place of those of KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig, in place of the current one
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,

    /// Namespace of the registry, in place of the context's
    #[arg(short, long, global = true, value_name = "NAME")]
    namespace: Option<String>,
}

/// Why the cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster is known.
    #[error("failed to find a cluster: set KUBECONFIG or --kubeconfig, or run in a Pod with a ServiceAccount")]
    NoCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The kubeconfig cannot be used.
    #[error("failed to use the kubeconfig: `kubectl config get-contexts` shows what is in it")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// No client can be made of the kubeconfig.
    #[error("failed to make a client of the API server")]
    Client(#[source] Box<kube::Error>),
    /// There is no such registry.
    #[error("there is no PrivateRegistry {0}: `kubectl get preg -A` lists those that there are")]
    NotFound(RegistryName),
    /// Something that is needed cannot be looked at.
    #[error(transparent)]
    Unseen(#[from] Unseen),
}

/// What could not be looked at, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// A right is missing.
    #[error("you may not {verb} {what}: ask for a role that allows it")]
    Forbidden {
        /// What was tried.
        verb: &'static str,
        /// At what.
        what: String,
    },
    /// Something else went wrong.
    #[error("failed to {verb} {what}: {cause}")]
    Failed {
        /// What was tried.
        verb: &'static str,
        /// At what.
        what: String,
        /// The API server's words, or the client's.
        cause: String,
    },
}

/// Several objects.
#[derive(Debug)]
pub(super) struct Listed<K> {
    /// Those that were looked at.
    pub(super) items: Vec<K>,
    /// Whether there are more.
    pub(super) more: bool,
}

/// A kind whose objects are in namespaces.
pub(super) trait Namespaced:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug
{
}
impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug> Namespaced
    for K
{
}

/// A cluster, and the namespace that is meant when none is named.
pub(super) struct Cluster {
    /// Asks as the person who runs the program.
    pub(super) client: Client,
    /// The namespace that is meant.
    pub(super) namespace: String,
}

impl Cluster {
    /// The cluster of `flags`, found as kubectl finds it.
    pub(super) async fn of(flags: &Flags) -> Result<Self, Error> {
        let config = config(flags).await?;
        let namespace = flags.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))?;
        Ok(Self { client, namespace })
    }

    /// The registry `name` of the namespace.
    pub(super) async fn registry(&self, name: &str) -> Result<PrivateRegistry, Error> {
        let found = self.get::<PrivateRegistry>(&self.namespace, name).await?;
        found.ok_or_else(|| Error::NotFound(RegistryName { namespace: self.namespace.clone(), name: name.to_owned() }))
    }

    /// One object; `None` if there is none.
    pub(super) async fn get<K: Namespaced>(&self, namespace: &str, name: &str) -> Result<Option<K>, Unseen> {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        answered("read", &format!("{} {namespace}/{name}", K::kind(&())), api.get_opt(name)).await
    }

    /// Objects of a namespace, or of all of them.
    pub(super) async fn list<K: Namespaced>(
        &self,
        namespace: Option<&str>,
        wanted: ListParams,
    ) -> Result<Listed<K>, Unseen> {
        let (api, place) = match namespace {
            Some(namespace) => (Api::<K>::namespaced(self.client.clone(), namespace), format!("namespace {namespace}")),
            None => (Api::all(self.client.clone()), "all namespaces".to_owned()),
        };
        list(&api, &format!("{} in {place}", K::plural(&())), wanted).await
    }
}

/// Objects of `api`, page by page.
pub(super) async fn list<K>(api: &Api<K>, what: &str, mut wanted: ListParams) -> Result<Listed<K>, Unseen>
where
    K: Clone + DeserializeOwned + Debug,
{
    wanted = wanted.limit(PAGE);
    let mut items = Vec::new();
    loop {
        let page = answered("list", what, api.list(&wanted)).await?;
        items.extend(page.items);
        let next = page.metadata.continue_.filter(|token| !token.is_empty());
        match next {
            Some(token) if items.len() < MOST => wanted = wanted.continue_token(&token),
            next => return Ok(Listed { items, more: next.is_some() }),
        }
    }
}

/// The answer, within its time.
pub(super) async fn answered<T>(
    verb: &'static str,
    what: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Unseen> {
    let failed = |cause: String| Unseen::Failed { verb, what: what.to_owned(), cause };
    match timeout(ANSWER_WITHIN, request).await {
        Err(_) => Err(failed(format!("the API server has not answered within {} s", ANSWER_WITHIN.as_secs()))),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
            Err(Unseen::Forbidden { verb, what: what.to_owned() })
        }
        Ok(Err(error)) => Err(failed(chain(&error))),
        Ok(Ok(answer)) => Ok(answer),
    }
}

async fn config(flags: &Flags) -> Result<kube::Config, Error> {
    let kubeconfig = |error| Error::Kubeconfig(Box::new(error));
    if flags.kubeconfig.is_none() && flags.context.is_none() {
        return kube::Config::infer().await.map_err(|error| Error::NoCluster(error.into()));
    }
    let file = match &flags.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let options = KubeConfigOptions { context: flags.context.clone(), ..KubeConfigOptions::default() };
    kube::Config::from_custom_kubeconfig(file.map_err(kubeconfig)?, &options).await.map_err(kubeconfig)
}

/// Whose children and Secrets are meant.
pub(super) fn name_of(registry: &PrivateRegistry) -> RegistryName {
    RegistryName { namespace: registry.namespace().unwrap_or_default(), name: registry.name_any() }
}
