use serde_json::{Value, json};

use super::*;
use crate::controller::tests::pod::answer_once;

fn pod(status: Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "larder-1"}, "status": status})).unwrap()
}

/// A Pod whose container is in this state and was in that one before.
fn with_container(state: &Value, last: &Value, restarts: i32) -> Pod {
    let container = json!({"name": "registry", "image": "", "imageID": "", "ready": false, "restartCount": restarts,
        "state": state, "lastState": last});
    pod(json!({"phase": "Running", "podIP": "192.0.2.1", "containerStatuses": [container]}))
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

fn told(pod: &Pod) -> Option<(&'static str, String)> {
    trouble::of(pod).map(|trouble| (trouble.reason, trouble.message))
}

#[test]
fn a_server_that_has_started_is_asked() {
    let started = |state: &Value, restarts| started_at(&with_container(state, &json!({}), restarts));
    let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
    assert!(started(&json!({"running": {}}), 0).is_some());
    assert_eq!(started(&waiting, 0), None, "it will mount what is there then");
    assert!(started(&waiting, 3).is_some(), "it restarts with the files that it has");
    let mut evicted = with_container(&json!({"terminated": {"exitCode": 0}}), &json!({}), 0);
    evicted.status.as_mut().unwrap().phase = Some("Failed".into());
    assert_eq!(started_at(&evicted), None, "an evicted Pod never comes back");
}

#[test]
fn the_last_words_of_a_server_that_has_ended_are_repeated() {
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "message": "Error: http.prefix is x\n"}});
    let says = "Pod larder-1: the server ended with exit code 1: Error: http.prefix is x";
    for crashed in [
        with_container(&ended, &json!({}), 0),
        with_container(&waiting("CrashLoopBackOff", "back-off 10s restarting"), &ended, 1),
        with_container(&json!({"running": {}}), &ended, 1),
    ] {
        assert_eq!(told(&crashed), Some((reason::ENDED, says.to_owned())));
    }
    let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let (_, says) = told(&with_container(&json!({"running": {}}), &killed, 1)).unwrap();
    assert_eq!(says, "Pod larder-1: it was killed for want of memory: raise resources.limits.memory");
}

#[test]
fn a_long_farewell_is_repeated_from_the_beginning_of_a_line() {
    let line = format!("{}ä\n", "x".repeat(100));
    let ended = json!({"terminated": {"exitCode": 1, "message": line.repeat(20)}});
    let (_, says) = told(&with_container(&ended, &json!({}), 0)).unwrap();
    assert!(says.len() < 700 && says.matches('ä').count() == 5 && says.ends_with('ä'), "{says}");
    let ended = json!({"terminated": {"exitCode": 1, "message": "ä".repeat(2000)}});
    assert!(told(&with_container(&ended, &json!({}), 0)).unwrap().1.ends_with("ää"));
}

#[test]
fn what_keeps_a_container_from_starting_is_told_apart() {
    let state = |reason: &str| told(&with_container(&waiting(reason, "not found"), &json!({}), 0));
    for image in ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"] {
        assert_eq!(state(image), Some((reason::IMAGE, format!("Pod larder-1: {image}: not found"))));
    }
    let (reason, says) = state("CreateContainerConfigError").unwrap();
    assert_eq!((reason, says.as_str()), (reason::CONTAINER, "Pod larder-1: CreateContainerConfigError: not found"));
    assert_eq!(state("ContainerCreating"), None, "that passes");
}

#[test]
fn a_pod_that_no_node_takes_or_keeps_says_so() {
    let unscheduled = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
    let says = "Pod larder-1: no node takes it: 0/3 nodes are available";
    assert_eq!(told(&pod(unscheduled)), Some((reason::UNSCHEDULABLE, says.to_owned())));
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"});
    let says = "Pod larder-1: Evicted: the node was low on memory";
    assert_eq!(told(&pod(evicted)), Some((reason::FAILED, says.to_owned())));
    assert_eq!(told(&pod(json!({"phase": "Pending"}))), None);
}

#[tokio::test]
async fn a_server_that_runs_and_is_not_ready_is_asked_why() {
    let refusal = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 23\r\n\r\n/maintain: file exists\n";
    let mut unready = with_container(&json!({"running": {}}), &json!({}), 0);
    unready.status.as_mut().unwrap().pod_ip = Some(answer_once("/readyz", refusal).await.to_string());
    let trouble = trouble(std::slice::from_ref(&unready)).await.unwrap();
    assert_eq!(trouble.reason, reason::NOT_READY);
    assert_eq!(trouble.message, "Pod larder-1: the server runs and is not ready: /maintain: file exists");
    assert_eq!(super::trouble(&[unready]).await, None, "nobody listens there any more");
}

#[test]
fn a_deployment_serves_when_its_present_spec_does() {
    let deployment = |status: Value| -> Deployment {
        serde_json::from_value(json!({"metadata": {"generation": 2}, "status": status})).unwrap()
    };
    let up = json!({"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1});
    assert!(serves(&deployment(up)));
    let before = json!({"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1});
    assert!(!serves(&deployment(before)));
    assert!(!serves(&deployment(json!({"observedGeneration": 2, "availableReplicas": 1}))));
}
