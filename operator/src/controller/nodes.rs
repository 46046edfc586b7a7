//! Between steps five and six: nodes are told of the registry, and say what they have made of it.
//!
//! They are told by a `ConfigMap` in the operator's namespace, which is watched by the Pods that the chart's `DaemonSet` has on them:
//! see [`node_trust`](crate::node_trust). Whether they have carried it out, each is asked at its Pod's port, for all registries at
//! once. What is wrong on nodes is told in a condition; it never keeps the registry itself from being served.

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

pub(super) use self::site::Site;
pub use self::{
    outcome::{Nodes, Outcome},
    requests::Error,
};
use self::{reports::Snapshot, requests::Requests};
use super::{Context, apply, distribute::finalizer, issue::Material, registry::Registry};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{NODE_TRUST_FINALIZER, RegistryName},
    node_trust::{Entry, Scheme, config_map, entry::Told},
};

/// How long what all nodes have carried out is taken for granted: on a node anybody can change it. A registry is looked at as often.
const SETTLED_FOR: Duration = Duration::from_secs(3600);
/// How long ago nodes may have answered that have something to do.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Characters of somebody else's words that are repeated: they go into the status of every registry.
const WORDS: usize = 600;

/// What is remembered of one registry.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What was written last: its hash, its version, and since when.
    written: Option<Written>,
    /// What all nodes had carried out.
    settled: Option<Settled>,
    /// What became of nodes when their answers were looked at last, and when that was.
    judged: Option<(Outcome, Instant)>,
    /// Since when a node has not carried out what was written.
    failing_since: Option<Instant>,
    /// Since when passes have ended without nodes being told.
    undone_since: Option<Instant>,
}

/// That all nodes had carried out a version.
#[derive(Debug)]
struct Settled {
    version: String,
    /// Which Pods the `DaemonSet` had then.
    counts: Counts,
    until: Instant,
}

#[derive(Debug)]
struct Written {
    hash: [u8; 32],
    version: String,
    at: Instant,
    /// Whether nodes had been told something else before.
    is_new: bool,
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
        Ok(version) => ask(site, name, &daemon_set, version, memory),
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
    match &mut memory.written {
        // A watch that is late has led here.
        Some(written) if written.version == version => written.hash = hash,
        _ => {
            let is_new = seen.as_ref() != Some(&version);
            memory.written = Some(Written { hash, version: version.clone(), at: Instant::now(), is_new });
            (memory.settled, memory.judged, memory.failing_since) = (None, None, None);
        }
    }
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

/// Looks at what nodes say, if they have said anything since it was looked at last. Where that is not known of all nodes, or not any
/// more, they are asked, and nothing is new until they have answered.
fn ask(site: &Site, name: &RegistryName, daemon_set: &DaemonSet, version: String, memory: &mut Memory) -> Outcome {
    if !is_counted(daemon_set) {
        return Outcome::waiting();
    }
    let (counts, now) = (Counts::of(daemon_set), Instant::now());
    memory.settled.take_if(|settled| !settled.is_of(&version, counts));
    let latest = site.reports.latest();
    if let Some(snapshot) = latest.as_ref().filter(|snapshot| memory.can_judge(snapshot, counts, now)) {
        let outcome = judge(snapshot, name, version, memory, now);
        memory.judged = Some((outcome.clone(), now));
        return outcome;
    }
    if let Some(outcome) = memory.granted(now) {
        return outcome;
    }
    if latest.is_some_and(|snapshot| snapshot.counts != counts) {
        site.reports.nodes_have_changed();
    } else if memory.judged.as_ref().is_none_or(|(_, at)| now.duration_since(*at) >= reports::PAUSE) {
        site.reports.want(name);
    }
    memory.known(counts.desired)
}

/// What has become of nodes, by what they have said.
fn judge(snapshot: &Snapshot, name: &RegistryName, version: String, memory: &mut Memory, now: Instant) -> Outcome {
    let reports = match &snapshot.nodes {
        Ok(reports) => reports,
        Err(error) => return memory.granted(now).unwrap_or_else(|| Outcome::failed(error)),
    };
    let counts = snapshot.counts;
    let since = now.duration_since(memory.failing_since.unwrap_or(now));
    let nodes = outcome::judge(counts.desired, name, &version, reports, since);
    if !nodes.is_settled() {
        memory.settled = None;
        memory.failing_since.get_or_insert(now);
        return Outcome::Told(nodes);
    }
    memory.failing_since = None;
    let until = snapshot.asked_at.into_std() + SETTLED_FOR;
    memory.settled = Some(Settled { version, counts, until });
    memory.granted(now).unwrap_or(Outcome::Told(nodes))
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

impl Memory {
    /// Whether `snapshot` says of the Pods that there are what is not known yet. What is only to be confirmed may have been asked for
    /// another registry some time ago: so all of them together ask once an hour.
    fn can_judge(&self, snapshot: &Snapshot, counts: Counts, now: Instant) -> bool {
        let (asked_at, answered_at) = (snapshot.asked_at.into_std(), snapshot.answered_at.into_std());
        let written = self.written.as_ref().map(|written| written.at);
        let judged = self.judged.as_ref().map(|(_, at)| *at);
        let (said_at, good_for) =
            if self.settled.is_some() { (asked_at, SETTLED_FOR) } else { (answered_at, FRESH_FOR) };
        snapshot.counts == counts
            && written.max(judged).is_none_or(|known| known <= asked_at)
            && now.duration_since(said_at) < good_for
    }

    /// What is taken for granted for a while, whatever nodes can be asked.
    fn granted(&self, now: Instant) -> Option<Outcome> {
        let settled = self.settled.as_ref()?;
        let good_for = settled.until.checked_duration_since(now)?;
        Some(Outcome::Told(Nodes::all(settled.counts.desired, good_for)))
    }

    /// What is known until nodes have answered.
    fn known(&self, desired: usize) -> Outcome {
        match (&self.judged, &self.written) {
            (Some((outcome, _)), _) => outcome.clone(),
            (None, Some(written)) if written.is_new => Outcome::Told(Nodes::none(desired, written.at.elapsed())),
            (None, _) => Outcome::waiting(),
        }
    }
}

/// The beginning of somebody else's words.
fn cut(words: &str) -> String {
    words.chars().take(WORDS).collect()
}

impl Settled {
    fn is_of(&self, version: &str, counts: Counts) -> bool {
        self.version == version && self.counts == counts
    }
}

/// Whether the status is an answer to the spec. Before it is, it has no nodes.
fn is_counted(daemon_set: &DaemonSet) -> bool {
    let observed = daemon_set.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed >= daemon_set.metadata.generation
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
    use serde_json::{Value, json};

    use super::*;

    const COUNTS: Counts = Counts { desired: 3, ready: 3, updated: 3 };

    fn registry() -> RegistryName {
        RegistryName { namespace: "apps".into(), name: "team".into() }
    }

    fn snapshot(counts: Counts, asked_at: Instant) -> Snapshot {
        Snapshot { asked_at: asked_at.into(), answered_at: asked_at.into(), counts, nodes: Ok(Vec::new()) }
    }

    fn can_judge(memory: &Memory, asked_at: Instant, now: Instant) -> bool {
        memory.can_judge(&snapshot(COUNTS, asked_at), COUNTS, now)
    }

    #[test]
    fn what_all_nodes_have_carried_out_is_of_one_version_and_of_the_nodes_that_there_were() {
        let settled = Settled { version: "7".to_owned(), counts: COUNTS, until: Instant::now() };
        assert!(settled.is_of("7", COUNTS));
        assert!(!settled.is_of("8", COUNTS), "another version");
        assert!(!settled.is_of("7", Counts { ready: 2, ..COUNTS }), "a node that is not well");
    }

    #[test]
    fn what_nodes_said_before_something_was_written_or_looked_at_is_not_looked_at_again() {
        let (at, second) = (Instant::now(), Duration::from_secs(1));
        let written = || Some(Written { hash: [0; 32], version: "7".to_owned(), at, is_new: true });
        let judged = || Some((Outcome::waiting(), at + second));
        assert!(can_judge(&Memory::default(), at, at));
        let other = snapshot(Counts { ready: 2, ..COUNTS }, at);
        assert!(!Memory::default().can_judge(&other, COUNTS, at), "of other Pods");
        for (memory, from) in [
            (Memory { written: written(), ..Memory::default() }, at),
            (Memory { written: written(), judged: judged(), ..Memory::default() }, at + second),
        ] {
            assert!(can_judge(&memory, from, from), "{memory:?}");
            assert!(!can_judge(&memory, from.checked_sub(second).unwrap(), from), "{memory:?}");
        }
    }

    #[test]
    fn nodes_are_asked_again_after_an_hour_by_all_registries_together() {
        let (at, minute) = (Instant::now(), Duration::from_secs(60));
        let settled = |until| Some(Settled { version: "7".to_owned(), counts: COUNTS, until });
        let judged = || Some((Outcome::waiting(), at));
        // Another registry has asked half an hour ago.
        let confirmed = Memory { settled: settled(at + 60 * minute), judged: judged(), ..Memory::default() };
        assert!(can_judge(&confirmed, at + 30 * minute, at + 60 * minute));
        assert!(!can_judge(&confirmed, at, at + 61 * minute));
        let unsettled = Memory { judged: judged(), ..Memory::default() };
        assert!(!can_judge(&unsettled, at + 30 * minute, at + 60 * minute));
        assert!(can_judge(&unsettled, at + 60 * minute, at + 60 * minute));
    }

    #[test]
    fn what_nodes_took_long_to_say_is_looked_at() {
        let (at, long) = (Instant::now(), 2 * FRESH_FOR);
        let slow = Snapshot { answered_at: (at + long).into(), ..snapshot(COUNTS, at) };
        assert!(Memory::default().can_judge(&slow, COUNTS, at + long));
        assert!(!Memory::default().can_judge(&slow, COUNTS, at + long + FRESH_FOR));
    }

    #[test]
    fn until_nodes_have_answered_nothing_is_said_of_them_but_that_something_is_new_to_them() {
        let written = |is_new| {
            let written = Written { hash: [0; 32], version: "7".to_owned(), at: Instant::now(), is_new };
            Memory { written: Some(written), ..Memory::default() }
        };
        assert!(matches!(written(false).known(3), Outcome::Waiting(_)), "as after a restart");
        let Outcome::Told(nodes) = written(true).known(3) else { panic!("it says nothing") };
        assert_eq!((nodes.desired, nodes.trusting, nodes.is_settled()), (3, 0, false));
    }

    #[test]
    fn nodes_of_a_daemon_set_that_is_new_are_not_counted_yet() {
        let daemon_set = |status| -> DaemonSet {
            serde_json::from_value(json!({"metadata": {"generation": 2}, "spec": {"selector": {}, "template": {}},
                "status": status}))
            .unwrap()
        };
        let status = |observed| {
            json!({"observedGeneration": observed, "currentNumberScheduled": 0, "desiredNumberScheduled": 0,
                "numberMisscheduled": 0, "numberReady": 0})
        };
        assert!(is_counted(&daemon_set(status(2))));
        assert!(!is_counted(&daemon_set(status(1))) && !is_counted(&daemon_set(Value::Null)));
    }

    #[test]
    fn a_node_that_misses_one_answer_after_a_long_time_is_asked_again_soon() {
        let (now, name) = (Instant::now(), registry());
        let failing = || {
            let answer = Err("no answer within 5s".to_owned());
            vec![reports::NodeReport { node: "attic".into(), answer, canary: None }]
        };
        let at = now.checked_sub(24 * SETTLED_FOR).unwrap();
        let written = Written { hash: [0; 32], version: "7".to_owned(), at, is_new: true };
        let mut memory = Memory { written: Some(written), ..Memory::default() };
        let mut waits = |now| {
            let snapshot = Snapshot { nodes: Ok(failing()), ..snapshot(COUNTS, now) };
            judge(&snapshot, &name, "7".to_owned(), &mut memory, now).waiting_for()
        };
        assert_eq!(waits(now), Some(Duration::ZERO));
        assert_eq!(waits(now + SETTLED_FOR), Some(SETTLED_FOR));
    }

    #[test]
    fn a_list_that_fails_takes_nothing_back() {
        let (now, name) = (Instant::now(), registry());
        let failed = Err(Error::Pods(kube::Error::LinesCodecMaxLineLengthExceeded));
        let snapshot = Snapshot { nodes: failed, ..snapshot(COUNTS, now) };
        let settled = Settled { version: "7".to_owned(), counts: COUNTS, until: now + SETTLED_FOR };
        let mut memory = Memory { settled: Some(settled), ..Memory::default() };
        let told = judge(&snapshot, &name, "7".to_owned(), &mut memory, now);
        assert!(matches!(told, Outcome::Told(nodes) if nodes.is_settled() && nodes.good_for == Some(SETTLED_FOR)));
        let told = judge(&snapshot, &name, "7".to_owned(), &mut Memory::default(), now);
        assert!(matches!(told, Outcome::NotTold { .. }));
    }
}
