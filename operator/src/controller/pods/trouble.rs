//! Why a Pod does not serve, from its status. Pure.
//!
//! What passes by itself within moments, such as a container that is being made, is no trouble.

use hyper::StatusCode;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Pod, PodStatus};
use kube::ResourceExt;

use super::{ask::Answer, containers, reason};

/// The most of a server's last words that is repeated, in bytes: its last lines.
const LAST_WORDS: usize = 600;

/// Why a Pod does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For programs, in CamelCase.
    pub reason: &'static str,
    /// For people: which Pod, and what it, its node or its server says.
    pub message: String,
}

impl Trouble {
    fn new(pod: &Pod, reason: &'static str, what: &str) -> Self {
        Self { reason, message: format!("Pod {}: {what}", pod.name_any()) }
    }
}

/// What the status of a Pod tells.
pub(super) fn of(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    failed(status)
        .or_else(|| unscheduled(status))
        .or_else(|| containers(status).filter(|container| !container.ready).find_map(of_container))
        .map(|(reason, what)| Trouble::new(pod, reason, &what))
}

/// What a server says that runs and is not ready.
pub(super) fn of_answer(pod: &Pod, answer: &Answer) -> Option<Trouble> {
    let told = String::from_utf8_lossy(&answer.body);
    let told = last_words(&told);
    // Whoever answers something else is no server of ours, or has become ready meanwhile.
    (answer.status == StatusCode::SERVICE_UNAVAILABLE && !told.is_empty())
        .then(|| Trouble::new(pod, reason::NOT_READY, &format!("the server runs and is not ready: {told}")))
}

fn failed(status: &PodStatus) -> Option<(&'static str, String)> {
    let why = [status.reason.as_deref(), status.message.as_deref()];
    let why: Vec<_> = why.into_iter().flatten().collect();
    (status.phase.as_deref() == Some("Failed") && !why.is_empty()).then(|| (reason::FAILED, why.join(": ")))
}

fn unscheduled(status: &PodStatus) -> Option<(&'static str, String)> {
    let conditions = status.conditions.iter().flatten();
    let mut waiting = conditions.filter(|condition| {
        (condition.type_ == "PodScheduled" && condition.status == "False")
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    let message = waiting.next()?.message.clone().unwrap_or_default();
    Some((reason::UNSCHEDULABLE, format!("no node takes it: {message}")))
}

fn of_container(container: &ContainerStatus) -> Option<(&'static str, String)> {
    let state = container.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref());
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    match waiting.and_then(|waiting| Some((waiting, waiting.reason.as_deref()?))) {
        Some((_, "ContainerCreating" | "PodInitializing")) => None,
        Some((_, "CrashLoopBackOff")) | None => {
            state.and_then(|state| state.terminated.as_ref()).or(last).map(|ended| (reason::ENDED, how(ended)))
        }
        Some((waiting, why)) => {
            let image = why.contains("Image") || why == "RegistryUnavailable";
            Some((if image { reason::IMAGE } else { reason::CONTAINER }, words(why, waiting)))
        }
    }
}

fn words(why: &str, waiting: &ContainerStateWaiting) -> String {
    waiting.message.as_ref().map_or_else(|| why.to_owned(), |message| format!("{why}: {}", last_words(message)))
}

/// How a server has ended. Its last words are in the status because the Pod asks the kubelet for them.
fn how(ended: &ContainerStateTerminated) -> String {
    let why = match ended.reason.as_deref() {
        Some("OOMKilled") => "it was killed for want of memory: raise resources.limits.memory".to_owned(),
        _ => format!("the server ended with exit code {}", ended.exit_code),
    };
    match last_words(ended.message.as_deref().unwrap_or_default()) {
        "" => why,
        told => format!("{why}: {told}"),
    }
}

/// The last lines that have no more than [`LAST_WORDS`], or the end of the last one.
fn last_words(text: &str) -> &str {
    let text = text.trim();
    let from = (text.len().saturating_sub(LAST_WORDS)..=text.len()).find(|from| text.is_char_boundary(*from));
    let end = from.map_or("", |from| &text[from..]);
    if end.len() == text.len() {
        return end;
    }
    end.split_once('\n').map_or(end, |(_, whole)| whole)
}
