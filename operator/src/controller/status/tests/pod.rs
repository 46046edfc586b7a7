//! Pods that do not serve, or not yet what is written, and why.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::controller::{
    pods::{Awaited, Trouble},
    versions::Loaded,
};

#[test]
fn a_stopped_registry_says_so_and_is_neither_ready_nor_stalled() {
    let still = Cluster {
        deployment: json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1}),
        ..Cluster::serving()
    };
    let stopping = still.status("{replicas: 0}", None, now());
    assert_eq!(condition_of(&stopping, condition::READY), is("False", "Stopped"));
    assert_eq!(condition_of(&stopping, condition::RECONCILING), is("True", "Stopping"));

    let gone = Cluster { deployment: json!({"observedGeneration": 1}), ..Cluster::serving() };
    let stopped = gone.status("{replicas: 0}", None, now());
    assert_eq!(condition_of(&stopped, condition::READY), is("False", "Stopped"));
    assert_eq!(condition_of(&stopped, condition::RECONCILING), is("False", "Settled"));
    assert_eq!(condition_of(&stopped, condition::STALLED), is("False", "NothingToCorrect"));
    assert_eq!((stopped.replicas, stopped.ready_replicas), (Some(0), Some(0)));
}

#[test]
fn a_deployment_that_cannot_make_its_pod_says_why() {
    let quota = Cluster {
        deployment: json!({"observedGeneration": 1, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"}]}),
        ..Cluster::serving()
    };
    let status = quota.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("False", "DeploymentFailing"));
    let ready = &status.conditions[0];
    assert_eq!(ready.message, "Deployment larder: exceeded quota: pods");

    let stale = Cluster {
        deployment: json!({"observedGeneration": 0, "updatedReplicas": 1, "availableReplicas": 1}),
        ..Cluster::serving()
    };
    assert_eq!(condition_of(&stale.status("{}", None, now()), condition::READY), is("False", "RollingOut"));
}

/// A registry whose Pod has failed, with the Deployment saying so too.
fn failing(previous: Option<&PrivateRegistryStatus>) -> PrivateRegistryStatus {
    let mut cluster = Cluster {
        deployment: json!({"observedGeneration": 1, "updatedReplicas": 1, "conditions": [
            {"type": "Progressing", "status": "False", "message": "timed out progressing"}]}),
        ..Cluster::serving()
    };
    let trouble = Trouble { reason: "ServerEnded", message: "Pod p: the server ended with exit code 1".into() };
    cluster.observed.awaited = Some(Awaited { since: Duration::ZERO, trouble: Some(trouble) });
    cluster.status("{}", previous, now())
}

#[test]
fn a_pod_that_fails_says_why_and_which_spec_has_served() {
    let first = failing(None);
    assert_eq!(condition_of(&first, condition::READY), is("False", "ServerEnded"));
    assert_eq!(first.conditions[0].message, "Pod p: the server ended with exit code 1");
    assert_eq!(first.last_served_generation, None);

    let served = Cluster::serving().status("{}", None, now());
    assert_eq!(served.last_served_generation, Some(3));
    assert_eq!(failing(Some(&served)).conditions[0].message, first.conditions[0].message, "it is not the spec's fault");

    let before = PrivateRegistryStatus { last_served_generation: Some(2), ..served };
    let after = failing(Some(&before));
    assert_eq!(
        after.conditions[0].message,
        "Pod p: the server ended with exit code 1. Generation 2 of this resource has served, this is generation 3: correct its \
         spec, or take back what has changed since"
    );
    assert_eq!(after.last_served_generation, Some(2), "until another one serves");
}

#[test]
fn a_claim_that_is_not_bound_is_why_the_pod_does_not_start() {
    let pending = Cluster { deployment: json!({}), claim: json!({"phase": "Pending"}), ..Cluster::serving() };
    let status = pending.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("False", "ClaimPending"));
    assert_eq!(condition_of(&status, condition::STORAGE_READY), is("False", "ClaimPending"));

    let in_the_pod = Cluster::serving().status("{storage: {emptyDir: {}}}", None, now());
    assert_eq!(condition_of(&in_the_pod, condition::STORAGE_READY), is("True", "EmptyDir"));
    assert_eq!(in_the_pod.storage, None);
}

#[test]
fn files_that_pods_have_not_loaded_are_work_in_progress() {
    let mut lagging = Cluster::serving();
    lagging.observed.loaded = Loaded { lagging: Some("Pod p has not".into()), ..Loaded::default() };
    let status = lagging.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "LoadingFiles"));

    let mut just_written = Cluster::serving();
    just_written.observed.htpasswd = Some(Arc::default());
    let status = just_written.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "LoadingFiles"));
}

#[test]
fn a_paused_registry_says_so_and_what_still_serves() {
    let before = PrivateRegistryStatus { observed_generation: Some(2), ..PrivateRegistryStatus::default() };
    let paused = Cluster { paused: true, ..Cluster::serving() }.status("{}", Some(&before), now());
    assert_eq!(condition_of(&paused, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&paused, condition::RECONCILING), is("False", "Paused"));
    assert_eq!(paused.observed_generation, Some(2), "a newer spec has not been answered");

    let stopped = Cluster { paused: true, deployment: json!({}), ..Cluster::serving() };
    let stopped = stopped.status("{}", Some(&paused), now());
    assert_eq!(condition_of(&stopped, condition::READY), is("False", "RollingOut"));
    assert_eq!(condition_of(&stopped, condition::RECONCILING), is("False", "Paused"));
}
