//! What the Pods on nodes say, asked by one task for all registries that want to know it: a request a node, however many
//! registries there are.
//!
//! A pass never waits for a node. It says that its registry wants to know, works with what was known before, and is followed by
//! another one once all nodes have answered or had the time to.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    mem::take,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use hyper::StatusCode;
use k8s_openapi::api::{apps::v1::DaemonSet, core::v1::Pod};
use kube::{Api, api::ListParams};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    Counts,
    canary::{self, Trouble},
    cut,
    requests::Error,
};
use crate::{
    controller::pods::ask::{self, Question},
    names::RegistryName,
    node_trust::{
        Problem, Standing,
        report::{self, entity_tag},
    },
};

/// How long others are waited for who want to know it too. Nodes carry out meanwhile what was written just now.
const MOMENT: Duration = Duration::from_millis(200);
/// From one time that registries want to know to the next.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// From one change of nodes to the next that is followed: a rollout is one change after another, and each leads to two passes of every
/// registry, one that tells of it and one that sees what was told. A registry has no more of them in the long run.
const PAUSE_OF_CHANGES: Duration = Duration::from_secs(10);
/// Pods that are asked at the same time.
const AT_ONCE: usize = 32;
/// Bytes that a node may say: some thousands of registries.
const ANSWER_LIMIT: usize = 1 << 20;
/// How long a node may take. No pass waits for it, and a machine may be busy.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Entity tags that a node is shown. As many different things are seldom said at a time.
const TAGS: usize = 16;

/// What all nodes said when they were asked.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// When asking began.
    pub(super) asked_at: Instant,
    /// When all had answered, or had the time to.
    pub(super) answered_at: Instant,
    /// Which Pods the `DaemonSet` had then.
    pub(super) counts: Counts,
    /// In the order of their names.
    pub(super) nodes: Result<Vec<NodeReport>, Error>,
}

/// What one node says.
#[derive(Debug)]
pub(super) struct NodeReport {
    pub(super) node: String,
    /// Nodes that say the same share it; an error where nobody answers.
    pub(super) answer: Result<Arc<Standing>, String>,
    /// Why the canary does not run, where there is one.
    pub(super) canary: Option<Trouble>,
}

/// Who wants to know what nodes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// Whoever tells nodes anything: something has changed for all.
    All,
    /// These.
    Some(BTreeSet<RegistryName>),
}

/// What nodes said last, and who wants to know it anew.
#[derive(Debug, Default)]
pub(super) struct Reports {
    latest: Mutex<Option<Arc<Snapshot>>>,
    /// What is said, by its entity tag.
    said: Mutex<BTreeMap<String, Arc<Standing>>>,
    wanted: Mutex<Wanted>,
    notify: Notify,
}

impl Reports {
    /// What nodes said last.
    pub(super) fn latest(&self) -> Option<Arc<Snapshot>> {
        lock(&self.latest).clone()
    }

    /// Has nodes asked soon, for this registry.
    pub(super) fn want(&self, registry: &RegistryName) {
        lock(&self.wanted).want(registry);
        self.notify.notify_one();
    }

    /// Has nodes asked soon, for all.
    pub(super) fn nodes_have_changed(&self) {
        lock(&self.wanted).nodes.want();
        self.notify.notify_one();
    }

    /// Waits until it is time to ask. There is one place that does.
    pub(super) async fn until_due(&self) -> Asking {
        loop {
            let due = lock(&self.wanted).due();
            let time = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = time => return lock(&self.wanted).take(Instant::now()),
                () = self.notify.notified() => {}
            }
        }
    }

    /// Asks every Pod of the `DaemonSet`.
    pub(super) async fn renew(&self, pods: &Api<Pod>, daemon_set: &DaemonSet) {
        let (asked_at, counts) = (Instant::now(), Counts::of(daemon_set));
        let labels = daemon_set.spec.as_ref().and_then(|spec| spec.selector.match_labels.as_ref());
        let selector: Vec<_> = labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
        let nodes = match pods.list(&ListParams::default().labels(&selector.join(","))).await {
            Ok(pods) => Ok(self.ask_each(pods.items.iter().filter_map(place).collect()).await),
            Err(error) => Err(Error::Pods(error)),
        };
        *lock(&self.latest) = Some(Arc::new(Snapshot { asked_at, answered_at: Instant::now(), counts, nodes }));
        lock(&self.said).retain(|_, standing| Arc::strong_count(standing) > 1);
    }

    async fn ask_each(&self, places: Vec<Place>) -> Vec<NodeReport> {
        let reports = stream::iter(places).map(async |Place { node, address, canary }| {
            let answer = match address {
                Some(address) => self.ask(address).await,
                None => Err("it does not run yet".to_owned()),
            };
            NodeReport { node, answer, canary }
        });
        let mut reports: Vec<_> = reports.buffer_unordered(AT_ONCE).collect().await;
        reports.sort_by(|one, other| one.node.cmp(&other.node));
        reports
    }

    /// What the Pod at `address` says. What another one has said already it does not send again.
    async fn ask(&self, address: IpAddr) -> Result<Arc<Standing>, String> {
        let known = lock(&self.said).keys().take(TAGS).cloned().collect::<Vec<_>>().join(", ");
        let question = Question { path: report::PATH, known: &known, limit: ANSWER_LIMIT, within: ANSWER_WITHIN };
        let answer = ask::ask(address, question).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED => {
                let said = lock(&self.said).get(&answer.tag).cloned();
                said.ok_or_else(|| format!("it answers {}, and was not asked for that", answer.status))
            }
            StatusCode::OK => {
                // By what it has sent, not by what it calls that: one node must not speak for others.
                let tag = entity_tag(&answer.body);
                if let Some(said) = lock(&self.said).get(&tag) {
                    return Ok(Arc::clone(said));
                }
                let standing = read(&answer.body)?;
                Ok(Arc::clone(lock(&self.said).entry(tag).or_insert_with(|| Arc::new(standing))))
            }
            status => Err(format!("it answers {status}")),
        }
    }
}

/// What a node says: no more of its words than a person reads, for they are repeated for every registry.
fn read(body: &[u8]) -> Result<Standing, String> {
    // A parser likes to repeat what it does not understand.
    let mut standing: Standing = serde_json::from_slice(body).map_err(|error| cut(&error.to_string()))?;
    let registries = standing.registries.values_mut().filter_map(|report| report.problem.as_mut());
    for problem in standing.problem.iter_mut().chain(registries) {
        *problem = Problem { reason: cut(&problem.reason).into(), message: cut(&problem.message) };
    }
    Ok(standing)
}

/// Who wants to know, and when that was so last.
#[derive(Debug, Default)]
struct Wanted {
    by: BTreeSet<RegistryName>,
    registries: Reason,
    nodes: Reason,
}

/// A reason to ask.
#[derive(Debug, Default)]
struct Reason {
    /// Since when there is one.
    since: Option<Instant>,
    /// When it led to asking last.
    asked_at: Option<Instant>,
}

impl Wanted {
    fn want(&mut self, registry: &RegistryName) {
        if !self.by.contains(registry) {
            self.by.insert(registry.clone());
        }
        self.registries.want();
    }

    fn due(&self) -> Option<Instant> {
        [self.registries.due(PAUSE), self.nodes.due(PAUSE_OF_CHANGES)].into_iter().flatten().min()
    }

    /// Who is to be answered by asking now.
    fn take(&mut self, now: Instant) -> Asking {
        let by = take(&mut self.by);
        self.registries = Reason::met(now);
        if self.nodes.due(PAUSE_OF_CHANGES).is_some_and(|due| due <= now) {
            self.nodes = Reason::met(now);
            return Asking::All;
        }
        Asking::Some(by)
    }
}

impl Reason {
    const fn met(now: Instant) -> Self {
        Self { since: None, asked_at: Some(now) }
    }

    fn want(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn due(&self, pause: Duration) -> Option<Instant> {
        let due = self.since? + MOMENT;
        Some(self.asked_at.map_or(due, |asked_at| due.max(asked_at + pause)))
    }
}

/// Where a Pod is, and what the kubelet says of it.
struct Place {
    node: String,
    address: Option<IpAddr>,
    canary: Option<Trouble>,
}

/// Nothing of a Pod that is about to end.
fn place(pod: &Pod) -> Option<Place> {
    let node = pod.spec.as_ref()?.node_name.clone().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()?.parse().ok());
    Some(Place { node, address, canary: canary::trouble(pod) })
}

/// What panics while it changes anything here leaves nothing that the next time does not put right.
fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
