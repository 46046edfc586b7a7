//! A Pod in words: whether it serves, and if not, what keeps it from that.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use kube::ResourceExt;

/// What keeps a Pod from serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is on its way out.
    Ending,
    /// No node takes it.
    Unschedulable(String),
    /// A container cannot be started: `ImagePullBackOff`, `CreateContainerConfigError` and the like.
    Waiting(Waiting),
    /// A container starts, ends and starts again.
    Crashing(String),
    /// It runs, and does not answer as it should.
    NotReady,
    /// It is on its way in.
    Starting(String),
    /// It has ended.
    Ended(String),
}

/// A container that cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The kubelet's word, in CamelCase.
    pub(super) reason: String,
    /// The kubelet's sentence.
    pub(super) message: String,
    /// The image of the container.
    pub(super) image: String,
}

/// What keeps `pod` from serving; `None` when nothing does.
pub(super) fn trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    if pod.metadata.deletion_timestamp.is_some() {
        return Some(Trouble::Ending);
    }
    if matches!(phase, "Failed" | "Succeeded") {
        let message = status.and_then(|status| status.message.clone().or_else(|| status.reason.clone()));
        return Some(Trouble::Ended(message.unwrap_or_else(|| phase.to_owned())));
    }
    if is_true(pod, "Ready") {
        return None;
    }
    let container = containers(pod).find_map(of_container);
    let unscheduled = condition(pod, "PodScheduled").filter(|condition| condition.status == "False");
    let unscheduled =
        unscheduled.map(|condition| Trouble::Unschedulable(condition.message.clone().unwrap_or_default()));
    let running = phase == "Running";
    let rest = if running { Trouble::NotReady } else { Trouble::Starting(starting(pod)) };
    Some(container.or(unscheduled).unwrap_or(rest))
}

/// What keeps a container that is not ready from running.
fn of_container(container: &ContainerStatus) -> Option<Trouble> {
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let now = container.state.as_ref()?;
    if let Some(ended) = now.terminated.as_ref().filter(|ended| ended.exit_code != 0) {
        return Some(Trouble::Crashing(last_words(ended.exit_code, ended.message.as_deref(), ended.reason.as_deref())));
    }
    let waiting = now.waiting.as_ref()?;
    let reason = waiting.reason.clone().unwrap_or_default();
    match (reason.as_str(), ended) {
        ("ContainerCreating" | "PodInitializing" | "", _) => None,
        ("CrashLoopBackOff", Some(ended)) => {
            Some(Trouble::Crashing(last_words(ended.exit_code, ended.message.as_deref(), ended.reason.as_deref())))
        }
        _ => Some(Trouble::Waiting(Waiting {
            reason,
            message: waiting.message.clone().unwrap_or_default(),
            image: container.image.clone(),
        })),
    }
}

/// How a container has ended, in its own words where it has left some.
fn last_words(code: i32, message: Option<&str>, reason: Option<&str>) -> String {
    let said = message.map(str::trim).filter(|said| !said.is_empty());
    let reason = reason.filter(|reason| *reason != "Error").map_or_else(String::new, |reason| format!(" ({reason})"));
    match said {
        Some(said) => format!("exit code {code}{reason}: {said}"),
        None => format!("exit code {code}{reason}"),
    }
}

/// What there is to say of a Pod that has not started yet.
fn starting(pod: &Pod) -> String {
    let waiting = containers(pod).find_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.clone());
    waiting.unwrap_or_else(|| "Pending".to_owned())
}

/// The states of its containers, of those first that start first.
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    })
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn is_true(pod: &Pod, type_: &str) -> bool {
    condition(pod, type_).is_some_and(|condition| condition.status == "True")
}

/// The node it is on, for people.
pub(super) fn node(pod: &Pod) -> String {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    node.map_or_else(|| "no node".to_owned(), |node| format!("node {node}"))
}

/// Its state in one sentence.
pub(super) fn state(pod: &Pod) -> String {
    let restarts: i32 = containers(pod).map(|container| container.restart_count).sum();
    let restarted = if restarts > 0 { format!(", {restarts} restarts") } else { String::new() };
    let state = match trouble(pod) {
        None => "ready".to_owned(),
        Some(Trouble::Ending) => "on its way out".to_owned(),
        Some(Trouble::Unschedulable(why)) => format!("no node takes it: {why}"),
        Some(Trouble::Waiting(waiting)) => format!("{}: {}", waiting.reason, waiting.message),
        Some(Trouble::Crashing(words)) => format!("it ends again and again, with {words}"),
        Some(Trouble::NotReady) => "running, not ready".to_owned(),
        Some(Trouble::Starting(reason)) => format!("starting: {reason}"),
        Some(Trouble::Ended(why)) => format!("has ended: {why}"),
    };
    format!("{} on {}: {state}{restarted}", pod.name_any(), node(pod))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A Pod whose server's container has this state.
    pub(in crate::plugin) fn pod(phase: &str, ready: bool, container: &Value) -> Pod {
        let mut status = json!({"name": "registry", "image": "example.com/store:9", "imageID": "", "ready": ready,
            "restartCount": 0});
        status.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
        let ready = if ready { "True" } else { "False" };
        serde_json::from_value(json!({
            "metadata": {"name": "larder-1", "namespace": "kitchen"},
            "spec": {"nodeName": "shelf", "containers": []},
            "status": {
                "phase": phase,
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [status],
            },
        }))
        .unwrap()
    }

    #[test]
    fn each_state_has_its_words() {
        let crash = json!({"restartCount": 7,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "/auth/htpasswd cannot be read\n"}}});
        let killed = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
        let image = json!({"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}});
        let creating = json!({"state": {"waiting": {"reason": "ContainerCreating"}}});
        for (pod, told) in [
            (pod("Running", true, &json!({"restartCount": 1})), "ready, 1 restarts"),
            (pod("Running", false, &json!({"state": {"running": {}}})), "running, not ready"),
            (
                pod("Running", false, &crash),
                "it ends again and again, with exit code 2: /auth/htpasswd cannot be read, 7 restarts",
            ),
            (pod("Running", false, &killed), "it ends again and again, with exit code 137 (OOMKilled)"),
            (pod("Pending", false, &image), "ErrImagePull: not found"),
            (pod("Pending", false, &creating), "starting: ContainerCreating"),
        ] {
            assert_eq!(state(&pod), format!("larder-1 on node shelf: {told}"));
        }
    }

    #[test]
    fn a_pod_that_no_node_takes_says_why() {
        let mut pod = pod("Pending", false, &json!({}));
        pod.spec.as_mut().unwrap().node_name = None;
        let scheduled =
            json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
        pod.status.as_mut().unwrap().conditions.as_mut().unwrap().push(serde_json::from_value(scheduled).unwrap());
        assert_eq!(state(&pod), "larder-1 on no node: no node takes it: 0/3 nodes");
    }
}
