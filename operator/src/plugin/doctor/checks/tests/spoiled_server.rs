//! Spoiled: the operator, the resource, what is stored, and what serves it.

use serde_json::json;

use super::{
    Case,
    healthy::{condition, growing, object, set_conditions, set_room},
};
use crate::plugin::pod::tests::pod;

pub(super) const CASES: &[Case] = &[
    (|seen| seen.leases = Ok(vec![]), "warn  operator", "there is no Lease", "kubectl get deployments -A"),
    (
        |seen| {
            let renewed = json!({"spec": {"holderIdentity": "butler", "renewTime": "2031-05-06T06:08:09.000000Z"}});
            seen.leases = Ok(vec![object(renewed)]);
        },
        "fail  operator",
        "has last renewed its Lease 60 minutes ago",
        "kubectl get pods",
    ),
    (|seen| seen.registry.status = None, "fail  resource", "nobody has said anything", "watchNamespaces"),
    (
        |seen| seen.registry.metadata.generation = Some(4),
        "fail  resource",
        "generation 4, and the operator has answered generation 3",
        "the operator's log",
    ),
    (
        |seen| seen.registry.metadata.annotations = Some([("privateregistry.io/paused".into(), "true".into())].into()),
        "warn  resource",
        "it is paused",
        "kubectl annotate preg -n kitchen larder privateregistry.io/paused-",
    ),
    (
        |seen| set_conditions(seen, json!([condition("Ready", "False", "NameTaken", "Service larder is another's")])),
        "fail  resource",
        "Ready is False (NameTaken): Service larder is another's",
        "table of reasons",
    ),
    (
        |seen| {
            set_conditions(seen, json!([condition("CredentialsReady", "False", "InvalidPassword", "cook's is empty")]));
        },
        "warn  resource",
        "cook's is empty",
        "InvalidPassword",
    ),
    (
        |seen| seen.claim = Ok(None),
        "fail  storage",
        "PersistentVolumeClaim kitchen/larder does not exist",
        "the operator",
    ),
    (
        |seen| seen.claim = Ok(Some(object(json!({"metadata": {"name": "larder"}, "spec": {}})))),
        "fail  storage",
        "names no storage class, and the cluster has no default one",
        "mark a class as the default",
    ),
    (
        |seen| {
            seen.claim =
                Ok(Some(object(json!({"metadata": {"name": "larder"}, "spec": {"storageClassName": "gold"}}))));
            seen.events =
                Ok(vec![object(json!({"metadata": {}, "involvedObject": {"name": "larder"}, "message": "no gold"}))]);
        },
        "fail  storage",
        "there is no storage class gold. Kubernetes says: no gold",
        "create the class",
    ),
    (
        |seen| set_room(seen, 90, "True", "VolumeNearlyFull"),
        "warn  storage",
        "the volume is nearly full: 90 % of 10Gi are taken, 1Gi are free",
        "collect the garbage",
    ),
    (
        |seen| set_room(seen, 100, "False", "VolumeFull"),
        "fail  storage",
        "the volume is full: 100 % of 10Gi are taken, 1Gi are free; pushes fail, pulls go on",
        "enlarge the volume",
    ),
    (
        |seen| {
            let condition = json!({"type": "FileSystemResizePending", "status": "True"});
            seen.claim = Ok(growing(&condition));
        },
        "warn  storage",
        "has grown from 10Gi to 20Gi, its file system grows as soon as the kubelet gets to it",
        "kubectl describe pvc",
    ),
    (
        |seen| {
            let condition =
                json!({"type": "ControllerResizeError", "status": "True", "message": "no room in the rack"});
            seen.claim = Ok(growing(&condition));
        },
        "warn  storage",
        "does not grow from 10Gi to 20Gi: no room in the rack",
        "can be taken back",
    ),
    (
        |seen| {
            seen.deployment = Ok(Some(object(json!({"metadata": {"name": "larder"}, "status": {"conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}}))));
        },
        "fail  server",
        "cannot make its Pod: exceeded quota",
        "which quota",
    ),
    (
        |seen| {
            seen.pods = Ok(vec![pod(
                "Pending",
                false,
                &json!({"state": {"waiting": {"reason": "ErrImagePull", "message": "401"}}}),
            )]);
        },
        "fail  server",
        "ErrImagePull: 401",
        "the server's own image example.com/store:9",
    ),
    (
        |seen| {
            seen.pods = Ok(vec![pod(
                "Running",
                false,
                &json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "/var/lib/registry cannot be written"}}}),
            )]);
        },
        "fail  server",
        "/var/lib/registry cannot be written",
        "--previous",
    ),
    (
        |seen| seen.registry.spec.replicas = Some(0),
        "warn  server",
        "the registry is stopped",
        "kubectl scale preg -n kitchen larder --replicas=1",
    ),
    (
        |seen| seen.slices = Ok(vec![]),
        "fail  service",
        "Service kitchen/larder leads to no Pod",
        "kubectl describe service",
    ),
];
