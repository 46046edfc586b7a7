//! What is said of a registry, by what the cluster answers to its spec.

mod certificate;
mod credentials;
mod exposure;
mod failures;
mod generations;
mod pod;
mod storage;

use std::{marker::PhantomData, sync::Arc};

use serde_json::{Value, json};

use super::{conditions::condition, *};
use crate::controller::{
    build::{Children, build},
    tests::fixtures::{material, now, observed, try_validated},
};

/// What the cluster answers to a spec.
struct Cluster {
    observed: Observed,
    deployment: Value,
    claim: Value,
    paused: bool,
    distributed: Outcome,
    nodes: nodes::Outcome,
    growth_refused: Option<Problem>,
}

impl Cluster {
    /// All is well.
    fn serving() -> Self {
        Self {
            observed: observed(),
            deployment: json!({"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
                "replicas": 1}),
            claim: json!({"phase": "Bound", "capacity": {"storage": "10Gi"}}),
            paused: false,
            distributed: Outcome::default(),
            nodes: nodes::Outcome::NotAsked,
            growth_refused: None,
        }
    }

    fn status(self, spec: &str, previous: Option<&PrivateRegistryStatus>, at: Timestamp) -> PrivateRegistryStatus {
        let registry = Registry { paused: self.paused, ..try_validated(spec, &self.observed).unwrap() };
        let material = material(&registry);
        let desired = build(&registry, Some(&material));
        let mut children = desired.children.unwrap();
        let mut observed = self.observed;
        if observed.htpasswd.is_none() {
            observed.htpasswd = children.htpasswd.clone().map(Arc::new);
            observed.tls = children.certificate.clone().map(Arc::new);
        }
        answer(&mut children, &self.deployment, &self.claim);
        let service = observed.service.as_deref().cloned().unwrap_or(desired.service);
        let applied = Resources { service, children: Some(children), phase: PhantomData };
        let distributed = &self.distributed;
        let pass = Pass {
            observed: &observed,
            registry: &registry,
            material: Some(&material),
            applied: &applied,
            distributed,
            nodes: &self.nodes,
            growth_refused: self.growth_refused.as_ref(),
        };
        status(&pass, previous, Some(3), at)
    }
}

fn answer(children: &mut Children, deployment: &Value, claim: &Value) {
    children.deployment.metadata.generation = Some(1);
    children.deployment.status = Some(serde_json::from_value(deployment.clone()).unwrap());
    if let Some(own) = &mut children.claim {
        own.status = Some(serde_json::from_value(claim.clone()).unwrap());
    }
}

/// Status and reason of a condition.
fn condition_of(status: &PrivateRegistryStatus, type_: &str) -> (String, String) {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_registry_that_serves_says_all_that_clients_need() {
    let status = Cluster::serving().status("{}", None, now());
    let serial = status.certificate.as_ref().unwrap().serial_number.clone();
    let condition = |type_: &str, status: &str, reason: &str, message: &str| {
        json!({"type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": 3,
               "lastTransitionTime": "2031-05-06T07:08:09Z"})
    };
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        json!({
            "observedGeneration": 3,
            "lastServedGeneration": 3,
            "conditions": [
                condition("Ready", "True", "Serving",
                    "images are served as larder.kitchen.svc.house.example/<repository>:<tag>"),
                condition("Stalled", "False", "NothingToCorrect", "nothing has to be corrected by a person"),
                condition("Reconciling", "False", "Settled", "nothing is in progress"),
                condition("CertificateReady", "True", "Issued",
                    "valid until 2031-08-04T07:08:09Z, renewed at 2031-07-05T07:08:09Z"),
                condition("StorageReady", "True", "Bound", "PersistentVolumeClaim larder is bound"),
                condition("CredentialsReady", "True", "Accepted", "every user has a password that can be used"),
                condition("ExposureReady", "True", "ClusterIP", "the Service leads to the registry inside the cluster"),
            ],
            "endpoint": "larder.kitchen.svc.house.example",
            "internalEndpoint": "10.1.2.3:443",
            "caSecretRef": {"name": "larder-tls"},
            "pullSecretRef": {"name": "larder-pull"},
            "pushSecretRef": {"name": "larder-push"},
            "certificate": {
                "notBefore": "2031-05-06T07:03:09Z",
                "notAfter": "2031-08-04T07:08:09Z",
                "renewalTime": "2031-07-05T07:08:09Z",
                "serialNumber": serial,
            },
            "storage": {"claimName": "larder", "capacity": "10Gi"},
            "replicas": 1,
            "readyReplicas": 1,
            "selector": "app.kubernetes.io/instance=larder,app.kubernetes.io/name=private-registry",
            "version": "0.1.0",
        })
    );
}

#[test]
fn nodes_are_told_of_in_a_condition_of_their_own_that_leaves_the_registry_ready() {
    let of = |nodes| Cluster { nodes, ..Cluster::serving() }.status("{nodeTrust: {}}", None, now());
    let told = |trusting, failing| {
        of(nodes::Outcome::Told(nodes::Nodes { desired: 3, trusting, failing, since: None, good_for: None }))
    };
    let not_asked = of(nodes::Outcome::NotAsked);
    assert!(not_asked.conditions.iter().all(|known| known.type_ != condition::NODES_TRUSTED));
    assert_eq!(condition_of(&told(3, None), condition::NODES_TRUSTED), is("True", "Trusted"));
    assert_eq!(condition_of(&told(1, None), condition::NODES_TRUSTED), is("False", "WaitingForNodes"));
    let failing = told(2, Some(("hearth".to_owned(), "DirectoryTaken: delete it".to_owned())));
    assert_eq!(condition_of(&failing, condition::NODES_TRUSTED), is("False", "NodeFailing"));
    assert_eq!(condition_of(&failing, condition::READY), is("True", "Serving"));
    let said = failing.conditions.iter().find(|known| known.type_ == condition::NODES_TRUSTED).unwrap();
    assert_eq!(said.message, "2 of 3 nodes; node hearth: DirectoryTaken: delete it");
    assert_eq!(condition_of(&of(nodes::Outcome::SwitchedOff), condition::NODES_TRUSTED), is("False", "SwitchedOff"));
    let address = "10.1.2.3".parse().unwrap();
    let wrong = of(nodes::Outcome::WrongCertificate(address));
    assert_eq!(condition_of(&wrong, condition::NODES_TRUSTED), is("False", "CertificateWithoutAddress"));

    // An operator that has just started leaves what was known, for a while.
    let waiting = |previous, seconds| {
        let nodes = nodes::Outcome::Waiting(std::time::Duration::from_secs(seconds));
        Cluster { nodes, ..Cluster::serving() }.status("{nodeTrust: {}}", previous, now())
    };
    let trusted = told(3, None);
    assert_eq!(condition_of(&waiting(Some(&trusted), 2), condition::NODES_TRUSTED), is("True", "Trusted"));
    for unknown in [waiting(Some(&trusted), 60), waiting(Some(&not_asked), 2), waiting(None, 2)] {
        assert_eq!(condition_of(&unknown, condition::NODES_TRUSTED), is("False", "WaitingForNodes"));
    }
}

#[test]
fn the_first_write_has_every_condition() {
    let registry = try_validated("{}", &Observed::default()).unwrap();
    let desired = build(&registry, None);
    let applied = Resources { service: desired.service, children: None, phase: PhantomData };
    let observed = Observed::default();
    let distributed = Outcome::default();
    let pass = Pass {
        observed: &observed,
        registry: &registry,
        material: None,
        applied: &applied,
        distributed: &distributed,
        nodes: &nodes::Outcome::NotAsked,
        growth_refused: None,
    };
    let status = status(&pass, None, Some(1), now());
    let types: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    let wanted =
        ["Ready", "Stalled", "Reconciling", "CertificateReady", "StorageReady", "CredentialsReady", "ExposureReady"];
    assert_eq!(types, wanted);
    assert_eq!(condition_of(&status, condition::READY), is("False", "WaitingForService"));
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "WaitingForService"));
    assert_eq!(condition_of(&status, condition::STALLED), is("False", "NothingToCorrect"));
    assert_eq!(status.pull_secret_ref, None);
}

#[test]
fn the_time_of_a_condition_is_when_its_status_turned() {
    let first = Cluster::serving().status("{}", None, now());
    let later = now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(Cluster::serving().status("{}", Some(&first), later).conditions, first.conditions);

    let down = Cluster { deployment: json!({"observedGeneration": 1}), ..Cluster::serving() };
    let down = down.status("{}", Some(&first), later);
    let ready = down.conditions.iter().find(|known| known.type_ == condition::READY).unwrap();
    assert_eq!((ready.status.as_str(), ready.last_transition_time.0), ("False", later));
    let storage = down.conditions.iter().find(|known| known.type_ == condition::STORAGE_READY).unwrap();
    assert_eq!(storage.last_transition_time.0, now());
}
