//! The reconciler. [`reconcile`] is six calls; what they do is in the module of the same name.
//!
//! Around them: the [`Context`], the watches that say when to look again, errors and how long to wait after one, and Events.

pub mod announce;
pub mod apply;
pub mod build;
pub mod distribute;
pub mod issue;
mod memory;
pub mod observe;
pub mod optional_kinds;
mod pace;
pub mod pods;
mod publisher;
pub mod registry;
pub mod status;
mod stores;
pub mod validate;
pub mod versions;
pub mod volume;
mod wakeups;

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use futures::{StreamExt, future::join_all};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client, Resource,
    runtime::{
        controller::{Action, Config, Error as ControllerError},
        events::Reporter,
    },
};
use tokio::sync::Semaphore;

use self::{
    distribute::Reach,
    memory::{Concern, Memories},
    publisher::Publisher,
    status::Pass,
    stores::{StoredRegistry, Stores},
    wakeups::{Pending, Wakeups},
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistryStatus},
    metrics::{Metrics, Outcome},
    names::{FINALIZER, RegistryName},
};

/// The longest time until a registry is looked at again. Nothing is asked when nothing has changed; it is for clocks that jump.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// How soon the Pods are asked again whether they have loaded new files, while they have not, and why none serves, while none does.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Later that is a part of the time that they have taken already: the kubelet brings files within two minutes, an image that does
/// not tell what it has loaded never will, and a Pod that has failed for hours goes on doing so for a while.
const ASK_AGAIN_PART: u32 = 8;
/// How often a claim that is not watched is read until it is bound.
const READ_CLAIM_AGAIN: SignedDuration = SignedDuration::from_secs(10);
/// The wait after a first failure; it doubles up to [`LONGEST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait after failures in a row.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

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
    memories: Arc<Memories>,
    publisher: Arc<Publisher>,
    metrics: Arc<Metrics>,
    /// Shared by the controllers of all scopes.
    permits: Arc<Semaphore>,
}

/// Why a pass did not come to its end: which step, and that step's own error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Step one.
    #[error(transparent)]
    Observe(observe::Error),
    /// Step two.
    #[error("the spec is not valid")]
    Validate(#[source] validate::Error),
    /// Step three.
    #[error(transparent)]
    Issue(issue::Error),
    /// Step five.
    #[error(transparent)]
    Apply(apply::Error),
    /// Step six.
    #[error(transparent)]
    Status(status::Error),
    /// What a deleted registry has left elsewhere.
    #[error(transparent)]
    CleanUp(distribute::Error),
    /// The object does not have the shape of our kind.
    #[error("the object cannot be read")]
    Unreadable(#[source] Box<kube::core::error_boundary::InvalidObject>),
}

impl Error {
    /// For a condition.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Observe(_) => "ObserveFailed",
            Self::Validate(_) | Self::Unreadable(_) => "InvalidSpec",
            Self::Issue(_) => "IssueFailed",
            Self::Apply(apply::Error::Taken { .. }) => "NameTaken",
            Self::Apply(_) => "ApplyFailed",
            Self::Status(_) => "StatusFailed",
            Self::CleanUp(_) => "CleanUpFailed",
        }
    }

    /// Whether a person has to correct something before trying again can help.
    const fn needs_correction(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::Unreadable(_) | Self::Apply(apply::Error::Taken { .. }))
    }

    /// Whether only a change of the object itself can help.
    const fn waits_for_change(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::Unreadable(_))
    }
}

/// The text of an error with those of its causes, each once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref() {
        // What the API server says to a person; the error's own text has the whole structure behind it.
        return status.message.clone();
    }
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

/// Brings the cluster to what `registry` asks for. Returns when to look again.
async fn reconcile_registry(
    registry: &PrivateRegistry,
    name: &RegistryName,
    context: &Context,
) -> Result<SignedDuration, Error> {
    let memory = context.memories.of(name);
    let mut memory = memory.lock().await;
    let now = now();
    let settings = &context.settings;

    // (client) what the spec refers to, and what is there already
    let observed = observe::observe(context, registry, name, &mut memory).await.map_err(Error::Observe)?;
    // (pure) the only place that can say no
    let validated = validate::validate(registry, &observed, settings, now).map(Arc::new).map_err(Error::Validate)?;
    // (entropy) keys, certificates, passwords, hashes: only what is missing or due; all of it once the Service has an address
    let material = match validated.service.addresses.as_slice() {
        [] => None,
        _ => Some(issue::issue(Arc::clone(&validated), settings.grace, now).await.map_err(Error::Issue)?),
    };
    // (pure) every child as it should be
    let desired = build::build(&validated, material.as_ref());
    // (client) server-side apply in order, then prune
    let applied = Box::pin(apply::apply(context, &validated, desired, &mut memory)).await.map_err(Error::Apply)?;
    // (client) the pull Secret in other namespaces; what is refused there stops nothing
    let children = applied.children.as_ref();
    let distributed =
        Box::pin(distribute::distribute(context, registry, &validated, children, &mut memory.distributed, now)).await;
    // (client, one patch) what a person wants to know
    let growth_refused = memory.growth_refused.as_ref().map(|refusal| refusal.problem.clone());
    let pass = Pass {
        observed: &observed,
        registry: &validated,
        material: material.as_ref(),
        applied: &applied,
        distributed: &distributed,
        growth_refused: growth_refused.as_ref(),
    };
    let previous = memory.status_of(registry);
    let status = status::status(&pass, previous.as_ref(), registry.metadata.generation, now);
    status::write(&context.client, registry, name, &status, &mut memory).await.map_err(Error::Status)?;

    let mut occurrences = material.as_ref().map(|material| material.occurrences.clone()).unwrap_or_default();
    occurrences.extend(announce::distributed(&distributed));
    announce::announce(&context.publisher, registry, previous.as_ref(), &status, &occurrences).await;
    context.metrics.certificate_expires(name, status.certificate.as_ref().map(|certificate| certificate.not_after.0));
    Ok(look_again(&pass, now))
}

/// The time in whole seconds, which is what certificates and conditions know.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Until when nothing has to be done unless something changes.
fn look_again(pass: &Pass<'_>, now: Timestamp) -> SignedDuration {
    let material = pass.material;
    let certificate = material.and_then(|material| material.certificate.as_ref()?.next);
    let line = material.and_then(|material| material.next_line_goes);
    let next = earliest([certificate, line], now);
    let loading = pass.observed.loaded.lagging.as_ref().map(|_| ask_again(pass.observed.loaded.lagging_for));
    let awaited = pass.observed.awaited.as_ref().map(|awaited| ask_again(awaited.since));
    let unwatched = matches!(pass.registry.storage, registry::Storage::ExistingClaim(_))
        && pass
            .observed
            .claim
            .as_ref()
            .is_none_or(|claim| claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound"));
    let claim = unwatched.then_some(READ_CLAIM_AGAIN);
    let kind = pass.observed.optional.ask_again.and_then(|wait| SignedDuration::try_from(wait).ok());
    let elsewhere = pass.distributed.again;
    let growth = pass.growth_refused.and_then(|_| SignedDuration::try_from(apply::claim::TRY_AGAIN).ok());
    [next, loading, awaited, claim, kind, elsewhere, growth]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(LOOK_AGAIN)
        .min(LOOK_AGAIN)
}

/// Until the Pods are asked again that have not done for so long what is waited for.
fn ask_again(waiting_for: Duration) -> SignedDuration {
    let wait = (waiting_for / ASK_AGAIN_PART).max(ASK_AGAIN);
    SignedDuration::try_from(wait).unwrap_or(LOOK_AGAIN)
}

/// Until the first of `times` that is still to come: what has passed, such as the end of a user's certificate, is no reason to
/// look again.
fn earliest<const N: usize>(times: [Option<Timestamp>; N], now: Timestamp) -> Option<SignedDuration> {
    times.into_iter().flatten().filter(|time| *time > now).min().map(|time| time.duration_since(now))
}

/// One pass over an object as the watch has it, and what becomes of its result.
async fn reconcile(stored: Arc<StoredRegistry>, context: Arc<Context>) -> Result<Action, Error> {
    // The semaphore is never closed.
    let _permit = context.permits.acquire().await.ok();
    let name = validate::registry_name(stored.as_ref()).map_err(Error::Validate)?;
    // Before anything else: whatever somebody does, there is no pass of any kind without this.
    if let Err(wait) = context.memories.may_pass(&name) {
        context.metrics.pass_deferred();
        tracing::warn!(registry = %name, ?wait, "put off: its objects change again and again; does somebody else write them?");
        return Ok(Action::requeue(wait));
    }
    let registry = match stored.read() {
        Ok(registry) => registry,
        Err(error) => {
            announce::unreadable(&context.publisher, stored.as_ref(), &error).await;
            return Err(Error::Unreadable(error));
        }
    };
    let registry = &registry;
    if registry.meta().deletion_timestamp.is_some() {
        return let_go(registry, &name, &context).await;
    }
    context.memories.is_concerned_by(&name, concern(registry));
    context.memories.refers_to(&name, observe::referenced_secrets(&registry.spec));
    let timer = context.metrics.reconcile_started();
    let result = Box::pin(reconcile_registry(registry, &name, &context)).await;
    context.metrics.reconcile_ended(timer, outcome(&result));
    match result {
        Ok(look_again) => {
            context.memories.succeeded(&name);
            context.metrics.in_backoff(context.memories.in_backoff());
            Ok(Action::requeue(look_again.unsigned_abs()))
        }
        Err(Error::Apply(error)) if error.is_namespace_terminating() => {
            // Its children go in any order, and the registry with them: there is nothing to bring back and nobody to tell.
            tracing::debug!(registry = %name, "the namespace is being deleted");
            Ok(Action::await_change())
        }
        Err(error) => {
            tell(registry, &name, &error, &context).await;
            Err(error)
        }
    }
}

/// The garbage collector removes the children, and nothing of ours is to bring them back; what it does not see is removed here.
async fn let_go(registry: &PrivateRegistry, name: &RegistryName, context: &Context) -> Result<Action, Error> {
    let memory = context.memories.of(name);
    let mut memory = memory.lock().await;
    let again = distribute::clean_up(context, registry, name, &mut memory.distributed, now()).await;
    Ok(again.map_err(Error::CleanUp)?.map_or_else(Action::await_change, |again| Action::requeue(again.unsigned_abs())))
}

/// What concerns a registry outside its namespace. Copies that are no longer asked for may still be there.
fn concern(registry: &PrivateRegistry) -> Concern {
    let asked = &registry.spec.pull_secrets;
    let finalizer = registry.meta().finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER);
    Concern { namespaces: asked.namespace_selector.is_some() || finalizer, accounts: asked.service_accounts.clone() }
}

const fn outcome(result: &Result<SignedDuration, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Ok,
        Err(error) if error.waits_for_change() => Outcome::Invalid,
        Err(_) => Outcome::Error,
    }
}

/// Puts an error into the status. That is all that can be done about it here: an error in doing so is logged.
async fn tell(registry: &PrivateRegistry, name: &RegistryName, error: &Error, context: &Context) {
    let memory = context.memories.of(name);
    let mut memory = memory.lock().await;
    let previous = memory.status_of(registry);
    let status: PrivateRegistryStatus = status::conditions::failed(
        previous.as_ref(),
        error.reason(),
        &chain(error),
        error.needs_correction(),
        registry.metadata.generation,
        now(),
    );
    if let Err(error) = status::write(&context.client, registry, name, &status, &mut memory).await {
        tracing::warn!(registry = %name, error = chain(&error), "failed to report an error");
    }
    announce::announce(&context.publisher, registry, previous.as_ref(), &status, &[]).await;
}

/// How long to wait after an error: longer with each failure in a row, and for a change where only that can help.
fn error_policy(stored: Arc<StoredRegistry>, error: &Error, context: Arc<Context>) -> Action {
    let Ok(name) = validate::registry_name(stored.as_ref()) else { return Action::await_change() };
    let failures = context.memories.failed(&name);
    context.metrics.in_backoff(context.memories.in_backoff());
    if error.waits_for_change() {
        tracing::warn!(registry = %name, error = chain(error), "waiting for a correction");
        return Action::await_change();
    }
    let wait = backoff(failures);
    tracing::warn!(registry = %name, error = chain(error), failures, ?wait, "failed; trying again");
    Action::requeue(wait)
}

fn backoff(failures: u32) -> Duration {
    FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_BACKOFF)
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
    let volumes = volume::poll(Arc::clone(&memories), Arc::clone(&wakeups), shutdown.clone());
    let controllers = scopes.iter().zip(watched).map(|(scope, (controller, stores))| {
        let memories = Arc::clone(&memories);
        let context = Arc::new(Context {
            client: client.clone(),
            settings: settings.clone(),
            stores,
            reach: Arc::clone(&reach),
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
    tokio::join!(join_all(controllers), elsewhere, volumes);
}

#[cfg(test)]
pub(crate) mod tests;
