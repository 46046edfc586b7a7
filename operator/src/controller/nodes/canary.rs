//! What the kubelet says of the canary on a node (see [`node_trust`](crate::node_trust)), in the status of its Pod.

use std::fmt;

use k8s_openapi::api::core::v1::{ContainerState, Pod};

use super::cut;
use crate::node_trust::canary;

/// Why a container waits whose image the kubelet could not have pulled.
const NOT_PULLED: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// Why a canary does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is about to.
    Starting,
    /// The container runtime has not found the image, and says this.
    NotPulled(String),
    /// Something else, in the kubelet's words.
    NotRunning(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => formatter.write_str("its canary does not run yet"),
            Self::NotPulled(words) => {
                write!(formatter, "CanaryNotPulled: the container runtime does not pull from where it was led: {words}")
            }
            Self::NotRunning(words) => write!(formatter, "its canary was pulled and does not run: {words}"),
        }
    }
}

/// Nothing of a Pod whose canary runs, or that has none.
pub(super) fn trouble(pod: &Pod) -> Option<Trouble> {
    let is_canary = |name: &str| name == canary::CONTAINER;
    pod.spec.as_ref()?.containers.iter().find(|container| is_canary(&container.name))?;
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref()).into_iter().flatten();
    let canary = statuses.into_iter().find(|status| is_canary(&status.name));
    canary.and_then(|status| status.state.as_ref()).map_or(Some(Trouble::Starting), of_state)
}

fn of_state(state: &ContainerState) -> Option<Trouble> {
    if state.running.is_some() {
        return None;
    }
    let ended = state.terminated.as_ref().map(|ended| (&ended.reason, &ended.message));
    let waiting = state.waiting.as_ref().map(|waiting| (&waiting.reason, &waiting.message));
    // Whose turn it is not yet, or whose image is on its way, waits without a message.
    let Some((Some(reason), Some(message))) = ended.or(waiting) else { return Some(Trouble::Starting) };
    Some(if NOT_PULLED.contains(&reason.as_str()) {
        Trouble::NotPulled(cut(message))
    } else {
        Trouble::NotRunning(cut(&format!("{reason}: {message}")))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::controller::nodes::WORDS;

    const WORDS_OF_RUNTIME: &str = "failed to resolve reference: lookup canary.system.invalid: no such host";

    fn of(containers: &Value, state: &Value) -> Option<Trouble> {
        let pod = json!({"spec": {"containers": containers, "nodeName": "hearth"},
            "status": {"containerStatuses": [{"name": "canary", "image": "x", "imageID": "", "ready": false,
                "restartCount": 0, "state": state}]}});
        trouble(&serde_json::from_value(pod).unwrap())
    }

    fn waiting(reason: &str, message: &str) -> Value {
        json!({"waiting": {"reason": reason, "message": message}})
    }

    #[test]
    fn a_canary_that_is_not_pulled_is_told_in_the_runtime_s_own_words() {
        let canary = json!([{"name": "canary"}]);
        for reason in NOT_PULLED {
            let trouble = of(&canary, &waiting(reason, WORDS_OF_RUNTIME)).unwrap().to_string();
            assert!(trouble.starts_with("CanaryNotPulled: ") && trouble.ends_with(WORDS_OF_RUNTIME), "{trouble}");
        }
        for state in [json!({"waiting": {"reason": "PodInitializing"}}), json!({})] {
            assert_eq!(of(&canary, &state), Some(Trouble::Starting));
        }
        let failing = of(&canary, &waiting("CrashLoopBackOff", "exec format error")).unwrap().to_string();
        assert!(failing.ends_with("CrashLoopBackOff: exec format error"), "{failing}");
        assert_eq!(of(&canary, &json!({"running": {}})), None);
        assert_eq!(of(&json!([{"name": "node-trust"}]), &json!({})), None, "where there is none");
    }

    #[test]
    fn of_a_runtime_that_says_much_the_beginning_is_told() {
        let said = of(&json!([{"name": "canary"}]), &waiting("ErrImagePull", &"ä".repeat(10_000)));
        assert_eq!(said, Some(Trouble::NotPulled("ä".repeat(WORDS))));
        let said = of(&json!([{"name": "canary"}]), &waiting(&"ä".repeat(10_000), "exec format error"));
        assert_eq!(said, Some(Trouble::NotRunning("ä".repeat(WORDS))));
    }
}
