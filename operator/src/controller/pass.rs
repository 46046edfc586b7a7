//! One pass over a registry: the six steps in order, and what becomes of their result.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube::{Resource, runtime::controller::Action};

use super::{
    Context, Error, announce, apply, build, chain, distribute, issue,
    memory::{Concern, Memory},
    nodes, observe,
    status::{self, Pass},
    stores::StoredRegistry,
    validate,
    waits::look_again,
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistryStatus},
    metrics::Outcome,
    names::{FINALIZER, RegistryName},
};

/// One pass over an object as the watch has it, and what becomes of its result.
pub(super) async fn reconcile(stored: Arc<StoredRegistry>, context: Arc<Context>) -> Result<Action, Error> {
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
    let memory = context.memories.of(&name);
    let mut memory = memory.lock().await;
    let result = Box::pin(reconcile_registry(registry, &name, &context, &mut memory)).await;
    memory.pack();
    drop(memory);
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
        Err(error @ Error::Apply(apply::Error::Outdated { .. })) => {
            // Nobody has to be told: the pass after this one knows what was written.
            tracing::debug!(registry = %name, error = chain(&error), "overtaken");
            Err(error)
        }
        Err(error) => {
            tell(registry, &name, &error, &context).await;
            Err(error)
        }
    }
}

/// Brings the cluster to what `registry` asks for. Returns when to look again.
async fn reconcile_registry(
    registry: &PrivateRegistry,
    name: &RegistryName,
    context: &Context,
    memory: &mut Memory,
) -> Result<SignedDuration, Error> {
    let now = now();
    let settings = &context.settings;

    // (client) what the spec refers to, and what is there already
    let observed = observe::observe(context, registry, name, memory).await.map_err(Error::Observe)?;
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
    let applied = Box::pin(apply::apply(context, &validated, desired, memory)).await.map_err(Error::Apply)?;
    // (client) the pull Secret in other namespaces; what is refused there stops nothing
    let children = applied.children.as_ref();
    let distributed =
        Box::pin(distribute::distribute(context, registry, &validated, children, &mut memory.distributed, now)).await;
    // (client, Pods on nodes) where nodes find the registry, and what they say
    let nodes = Box::pin(nodes::tell(context, registry, &validated, material.as_ref(), &mut memory.nodes)).await;
    // (client, one patch) what a person wants to know
    let growth_refused = memory.growth_refused.as_ref().map(|refusal| refusal.problem.clone());
    let pass = Pass {
        observed: &observed,
        registry: &validated,
        material: material.as_ref(),
        applied: &applied,
        distributed: &distributed,
        nodes: &nodes,
        growth_refused: growth_refused.as_ref(),
    };
    let previous = memory.status_of(registry);
    let status = status::status(&pass, previous.as_ref(), registry.metadata.generation, now);
    status::write(&context.client, registry, name, &status, memory).await.map_err(Error::Status)?;

    let mut occurrences = material.as_ref().map(|material| material.occurrences.clone()).unwrap_or_default();
    occurrences.extend(announce::distributed(&distributed));
    announce::announce(&context.publisher, registry, previous.as_ref(), &status, &occurrences).await;
    context.metrics.certificate_expires(name, status.certificate.as_ref().map(|certificate| certificate.not_after.0));
    Ok(look_again(&pass, now))
}

/// The time in whole seconds, which is what certificates and conditions know.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The garbage collector removes the children, and nothing of ours is to bring them back; what it does not see is removed here.
async fn let_go(registry: &PrivateRegistry, name: &RegistryName, context: &Context) -> Result<Action, Error> {
    let memory = context.memories.of(name);
    let mut memory = memory.lock().await;
    nodes::forget(context, registry, name, &mut memory.nodes).await.map_err(Error::Forget)?;
    let again = distribute::clean_up(context, registry, name, &mut memory.distributed, now()).await;
    Ok(again.map_err(Error::CleanUp)?.map_or_else(Action::await_change, |again| Action::requeue(again.unsigned_abs())))
}

/// What concerns a registry outside its namespace. Copies that are no longer asked for may still be there.
fn concern(registry: &PrivateRegistry) -> Concern {
    let asked = &registry.spec.pull_secrets;
    let finalizer = distribute::finalizer::is_on(registry, FINALIZER);
    Concern {
        namespaces: asked.namespace_selector.is_some() || finalizer,
        accounts: asked.service_accounts.clone(),
        nodes: registry.spec.node_trust.is_some(),
    }
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
