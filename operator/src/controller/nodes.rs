//! Between steps five and six: nodes are told of the registry, and say what they have made of it.
//!
//! They are told by a `ConfigMap` in the operator's namespace, which is watched by the Pods that the chart's `DaemonSet` has on them:
//! see [`node_trust`](crate::node_trust). Whether they have carried it out, each is asked at its Pod's port. What is wrong on nodes
//! is told in a condition; it never keeps the registry itself from being served.

mod canary;
mod outcome;
mod reports;
mod requests;
mod site;

use std::{
    num::NonZeroU16,
    time::{Duration, Instant},
};

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::Resource;

use self::requests::Requests;
pub(super) use self::site::Site;
pub use self::{
    outcome::{Nodes, Outcome},
    requests::Error,
};
use super::{Context, apply, distribute::finalizer, issue::Material, registry::Registry};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{NODE_TRUST_FINALIZER, RegistryName},
    node_trust::{Entry, Scheme, config_map, entry::Told},
};

/// How long what all nodes have carried out is taken for granted: on a node anybody can change it. A registry is looked at as often.
const SETTLED_FOR: Duration = Duration::from_secs(3600);

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What was written last: its hash, its version, and since when.
    written: Option<Written>,
    /// What all nodes had carried out.
    settled: Option<Settled>,
    /// Since when passes have ended without nodes being told.
    undone_since: Option<Instant>,
}

/// That all nodes had carried out a version.
#[derive(Debug)]
struct Settled {
    version: String,
    /// Which Pods the `DaemonSet` had then.
    counts: Counts,
    at: Instant,
}

#[derive(Debug)]
struct Written {
    hash: [u8; 32],
    version: String,
    at: Instant,
}

/// How many Pods a `DaemonSet` has. Another number is another node, or one that is not well any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    desired: usize,
    ready: usize,
    updated: usize,
}

/// Brings what nodes are told to what `registry` asks for, and asks them.
pub(super) async fn tell(
    context: &Context,
    resource: &PrivateRegistry,
    registry: &Registry,
    material: Option<&Material>,
    memory: &mut Memory,
) -> Outcome {
    let outcome = tell_now(context, resource, registry, material, memory).await;
    outcome.dated(&mut memory.undone_since)
}

async fn tell_now(
    context: &Context,
    resource: &PrivateRegistry,
    registry: &Registry,
    material: Option<&Material>,
    memory: &mut Memory,
) -> Outcome {
    let name = &registry.name;
    if !registry.node_trust {
        return match forget(context, resource, name, memory).await {
            Ok(()) => Outcome::NotAsked,
            Err(error) => Outcome::failed(&error),
        };
    }
    let Some(site) = &context.site else { return Outcome::SwitchedOff };
    let Some(material) = material else { return Outcome::waiting() };
    if !site.is_listed().await {
        return Outcome::waiting();
    }
    let Some(daemon_set) = site.daemon_set() else { return Outcome::NoDaemonSet };
    match carry_out(context, site, resource, registry, material, &daemon_set, memory).await {
        Ok(version) => ask(context, site, name, &daemon_set, version, memory).await,
        Err(outcome) => outcome,
    }
}

/// Writes what nodes are told, if that is new. Returns its version.
async fn carry_out(
    context: &Context,
    site: &Site,
    resource: &PrivateRegistry,
    registry: &Registry,
    material: &Material,
    daemon_set: &DaemonSet,
    memory: &mut Memory,
) -> Result<String, Outcome> {
    let name = &registry.name;
    let told = told(registry, material)?;
    let entry = Entry::new(&told, &registry.cluster_domain);
    let address = entry.map_err(|error| Outcome::cannot_be_told(&error))?.address().ip();
    if material.certificate.as_ref().is_some_and(|served| !served.certificate.names.ip.contains(&address)) {
        return Err(Outcome::WrongCertificate(address));
    }
    let owner = daemon_set.owner_ref(&()).ok_or(Outcome::NoDaemonSet)?;
    let object = config_map::build(&told, site.namespace(), owner);
    let hash = apply::hash(&object).map_err(|error| Outcome::failed(&error))?;
    if !finalizer::is_on(resource, NODE_TRUST_FINALIZER) {
        let set = finalizer::set(&context.client, resource, name, NODE_TRUST_FINALIZER, true).await;
        set.map_err(|error| match error {
            // This pass has changed it already: the next one sees it as it is now.
            kube::Error::Api(status) if status.code == 409 => Outcome::waiting(),
            error => Outcome::failed(&error),
        })?;
    }
    let seen = site.version_of(name);
    if let Some(written) =
        memory.written.as_ref().filter(|written| written.hash == hash && Some(&written.version) == seen.as_ref())
    {
        return Ok(written.version.clone());
    }
    let requests = Requests { client: &context.client, namespace: site.namespace(), registry: name };
    let version = requests.put(&object, seen.is_some()).await.map_err(|error| Outcome::failed(&error))?;
    memory.written = Some(Written { hash, version: version.clone(), at: Instant::now() });
    memory.settled = None;
    Ok(version)
}

/// What nodes are told.
fn told<'a>(registry: &'a Registry, material: &'a Material) -> Result<Told<'a>, Outcome> {
    let certificate = material.certificate.as_ref();
    let port = u16::try_from(registry.service.port).ok().and_then(NonZeroU16::new);
    Ok(Told {
        registry: &registry.name,
        scheme: if registry.tls.is_enabled() { Scheme::Https } else { Scheme::Http },
        port: port.ok_or_else(Outcome::waiting)?,
        addresses: &registry.service.addresses,
        authorities: certificate.and_then(|served| served.authorities.as_deref()),
    })
}

/// Asks the nodes, unless all had carried out this version not long ago and none has come or gone since.
async fn ask(
    context: &Context,
    site: &Site,
    name: &RegistryName,
    daemon_set: &DaemonSet,
    version: String,
    memory: &mut Memory,
) -> Outcome {
    let counts = Counts::of(daemon_set);
    if memory.settled.as_ref().is_some_and(|settled| settled.holds(&version, counts, Instant::now())) {
        return Outcome::Told(Nodes { desired: counts.desired, trusting: counts.desired, failing: None, since: None });
    }
    let reports = match reports::ask(&context.client, site.namespace(), daemon_set, name).await {
        Ok(reports) => reports,
        Err(error) => return Outcome::failed(&error),
    };
    let nodes =
        outcome::judge(counts.desired, &version, reports, memory.written.as_ref().map(|written| written.at.elapsed()));
    memory.settled = nodes.is_settled().then(|| Settled { version, counts, at: Instant::now() });
    Outcome::Told(nodes)
}

/// Removes what nodes were told, then the finalizer. Nothing where there is neither: the finalizer goes with whoever replaces the
/// whole object.
pub(super) async fn forget(
    context: &Context,
    resource: &PrivateRegistry,
    name: &RegistryName,
    memory: &mut Memory,
) -> Result<(), Error> {
    *memory = Memory { undone_since: memory.undone_since, ..Memory::default() };
    let has_finalizer = finalizer::is_on(resource, NODE_TRUST_FINALIZER);
    if has_finalizer || are_told_of(context, name) {
        tell_no_more(context, name).await?;
    }
    if !has_finalizer {
        return Ok(());
    }
    let removed = finalizer::set(&context.client, resource, name, NODE_TRUST_FINALIZER, false).await;
    removed.map_err(|source| Error::Finalizer { registry: name.clone(), source })
}

/// Whether nodes are told of a registry, as far as the watch has shown it.
pub(super) fn are_told_of(context: &Context, name: &RegistryName) -> bool {
    context.site.as_ref().is_some_and(|site| site.version_of(name).is_some())
}

/// Removes what nodes are told of a registry. Where node trust is switched off, it went with the `DaemonSet`.
pub(super) async fn tell_no_more(context: &Context, name: &RegistryName) -> Result<(), Error> {
    match &context.site {
        Some(site) => Requests { client: &context.client, namespace: site.namespace(), registry: name }.delete().await,
        None => Ok(()),
    }
}

impl Settled {
    fn holds(&self, version: &str, counts: Counts, now: Instant) -> bool {
        self.version == version && self.counts == counts && now.duration_since(self.at) < SETTLED_FOR
    }
}

impl Counts {
    fn of(daemon_set: &DaemonSet) -> Self {
        let status = daemon_set.status.as_ref();
        let count = |count: Option<i32>| count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        Self {
            desired: count(status.map(|status| status.desired_number_scheduled)),
            ready: count(status.map(|status| status.number_ready)),
            updated: count(status.and_then(|status| status.updated_number_scheduled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_have_carried_it_out_are_asked_again_after_an_hour() {
        let (counts, at) = (Counts { desired: 3, ready: 3, updated: 3 }, Instant::now());
        let settled = Settled { version: "7".to_owned(), counts, at };
        let after = |duration| settled.holds("7", counts, at + duration);
        assert!(after(Duration::ZERO) && after(SETTLED_FOR - Duration::from_secs(1)));
        assert!(!after(SETTLED_FOR));
        assert!(!settled.holds("8", counts, at), "another version");
        assert!(!settled.holds("7", Counts { ready: 2, ..counts }, at), "a node that is not well");
    }
}
