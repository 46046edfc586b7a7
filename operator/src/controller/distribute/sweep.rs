//! What a registry has left elsewhere that is gone: somebody has taken its finalizer away, or the operator was not there or had lost
//! its rights when it went.
//!
//! A copy says whose it is. Its watch tells of each one at the start, and the controller that there is no such registry; before
//! anything is removed the API server is asked, because the controller's own watch may be behind.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use kube::{Api, api::ListParams};

use super::{Distributed, LISTED_WITHIN, Outcome, Work, plan::Asked};
use crate::{
    api::v1alpha1::PrivateRegistry,
    controller::{Context, chain, nodes, pace::Pace, pass::now, wakeups::Pending},
    names::RegistryName,
};

/// Sweeps after each registry that `gone` tells of, for ever. Whoever brings back what was removed is answered at a pace.
pub(in crate::controller) async fn sweep(context: Arc<Context>, gone: Arc<Pending>) {
    let mut paces = HashMap::<RegistryName, Pace>::new();
    let (mut waiting, mut put_off) = (HashSet::new(), FuturesUnordered::new());
    loop {
        let name = tokio::select! {
            name = gone.next() => name,
            Some(name) = put_off.next() => {
                waiting.remove(&name);
                name
            }
        };
        if waiting.contains(&name) {
            continue;
        }
        paces.retain(|_, pace| !pace.is_full(Instant::now()));
        let allowed = paces.entry(name.clone()).or_default().take(Instant::now());
        if let Err(wait) = allowed {
            context.metrics.pass_deferred();
            tracing::warn!(registry = %name, ?wait, "put off: what a registry has left comes back; does somebody else write it?");
            waiting.insert(name.clone());
            put_off.push(tokio::time::sleep(wait).map(move |()| name));
            continue;
        }
        if let Err(error) = Box::pin(sweep_after(&context, &name)).await {
            tracing::warn!(registry = %name, error = chain(&error), "failed to look whether the registry is gone");
        }
    }
}

async fn sweep_after(context: &Context, name: &RegistryName) -> Result<(), kube::Error> {
    if nodes::are_told_of(context, name) && !exists(context, name).await? {
        match nodes::tell_no_more(context, name).await {
            Ok(()) => tracing::info!(registry = %name, "nodes are told no more of a registry that is gone"),
            Err(error) => {
                tracing::warn!(registry = %name, error = chain(&error), "failed to tell nodes that a registry is gone");
            }
        }
    }
    let reach = &context.reach;
    let asked = Asked { registry: name, selector: None, accounts: &[], allowed: &reach.allowed };
    let mut memory = Distributed::default();
    let seen = reach.seen(&asked, &mut memory);
    let is_clean = asked.copies(&seen).remove.is_empty() && asked.accounts(&seen, &[].into()).is_empty();
    if is_clean || exists(context, name).await? {
        return Ok(());
    }
    reach.ask();
    let waiting = !reach.is_listed_within(LISTED_WITHIN).await;
    let seen = reach.seen(&asked, &mut memory);
    let mut work =
        Work { context, memory: &mut memory, now: now(), outcome: Outcome { waiting, ..Outcome::default() } };
    work.carry_out(&asked, &seen, asked.copies(&seen), None).await;
    let outcome = work.finish();
    if let Some(failing) = outcome.failing() {
        tracing::warn!(registry = %name, failing, "failed to remove what a registry has left elsewhere");
    } else {
        tracing::info!(registry = %name, "removed what a registry that is gone had left elsewhere");
    }
    Ok(())
}

async fn exists(context: &Context, name: &RegistryName) -> Result<bool, kube::Error> {
    let registries = Api::<PrivateRegistry>::namespaced(context.client.clone(), &name.namespace);
    let named = ListParams::default().fields(&format!("metadata.name={}", name.name));
    Ok(!registries.list_metadata(&named).await?.items.is_empty())
}
