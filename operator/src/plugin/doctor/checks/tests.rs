//! One part of a healthy registry is spoiled at a time: the finding names it, and says what to do.

use jiff::SignedDuration;
use k8s_openapi::{
    ByteString,
    api::core::v1::{PersistentVolumeClaim, Secret},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::v1alpha1::KeyAlgorithm,
    controller::tests::fixtures::{now, resource},
    names::RegistryName,
    pki::{Authority, SubjectNames, Wanted, leaf},
    plugin::{
        cluster::{Unseen, name_of},
        doctor::{
            finding::Level,
            observed::{Answer, Copy, NamedAccounts, Users},
            pulls::Failing,
        },
        pod::tests::pod,
    },
};

const HOST: &str = "larder.kitchen.svc.house.example";

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn secret(data: &[(&str, Vec<u8>)]) -> Secret {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.clone()))).collect();
    Secret { data: Some(data), ..Secret::default() }
}

/// A certificate for `host` that ends after so many days, with its authority.
fn certificate(name: &RegistryName, host: &str, days: i64) -> Secret {
    let authority = Authority::generate(name, now()).unwrap();
    let wanted = Wanted {
        common_name: host.to_owned(),
        names: SubjectNames { dns: [host.to_owned()].into(), ..SubjectNames::default() },
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: SignedDuration::from_hours(24 * 90),
        renew_before: SignedDuration::from_hours(24 * 30),
        at_once: false,
    };
    let issued = now() - SignedDuration::from_hours(24 * (90 - days));
    let pair = leaf::issue(&authority, &wanted, issued).unwrap();
    secret(&[("tls.crt", pair.certificate), ("ca.crt", authority.pair.certificate)])
}

fn pull_secret() -> Secret {
    let config = json!({"auths": {HOST: {"auth": "cHVsbDp4"}}}).to_string();
    secret(&[(".dockerconfigjson", config.into_bytes()), ("username", b"pull".to_vec()), ("password", b"x".to_vec())])
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2031-05-06T07:00:00Z"})
}

fn set_conditions(observed: &mut Observed, conditions: Value) {
    let status = json!({"observedGeneration": 3, "endpoint": HOST, "conditions": conditions});
    observed.registry.status = Some(object(status));
}

/// All is well.
fn healthy() -> Observed {
    let registry = resource("{}");
    let name = name_of(&registry);
    let mut observed = Observed {
        leases: Ok(vec![object(json!({"metadata": {"name": "private-registry-operator", "namespace": "steward"},
            "spec": {"holderIdentity": "butler", "renewTime": "2031-05-06T07:08:06.000000Z"}}))]),
        claim: Ok(Some(object(
            json!({"metadata": {"name": "larder"}, "status": {"phase": "Bound", "capacity": {"storage": "10Gi"}}}),
        ))),
        classes: Ok(Vec::new()),
        events: Ok(Vec::new()),
        deployment: Ok(Some(object(json!({"metadata": {"name": "larder"}})))),
        pods: Ok(vec![pod("Running", true, &json!({}))]),
        slices: Ok(vec![object(
            json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.1.1"], "conditions": {"ready": true}}]}),
        )]),
        certificate: Ok(Some(certificate(&name, HOST, 60))),
        pull: Ok(Some(pull_secret())),
        answer: Some(Ok(Answer::Status { code: 200, logged_in: true })),
        copies: None,
        accounts: Vec::new(),
        users: Ok(Users { count: 2, ..Users::default() }),
        name,
        registry,
    };
    set_conditions(&mut observed, json!([condition("Ready", "True", "Serving", "images are served")]));
    observed
}

/// How full the volume is, and what `StorageReady` says of it.
fn set_room(observed: &mut Observed, percent: i32, status: &str, reason: &str) {
    let ready = condition("Ready", "True", "Serving", "images are served");
    set_conditions(observed, json!([ready, condition("StorageReady", status, reason, "the volume")]));
    let file_system = json!({"capacity": "10Gi", "available": "1Gi", "usedPercent": percent});
    observed.registry.status.as_mut().unwrap().storage = Some(object(json!({"fileSystem": file_system})));
}

/// A bound claim of 10Gi that should have 20Gi, of which its driver says this.
fn growing(condition: &Value) -> Option<PersistentVolumeClaim> {
    let status = json!({"phase": "Bound", "capacity": {"storage": "10Gi"}, "conditions": [condition]});
    let spec = json!({"resources": {"requests": {"storage": "20Gi"}}});
    Some(object(json!({"metadata": {"name": "larder"}, "spec": spec, "status": status})))
}

/// The service accounts with this name, in namespaces, with the Secrets that they name.
fn accounts(name: &str, found: &[(&str, &str)]) -> Vec<NamedAccounts> {
    let account = |(namespace, secret): &(&str, &str)| {
        object(json!({"metadata": {"name": name, "namespace": namespace}, "imagePullSecrets": [{"name": secret}]}))
    };
    vec![NamedAccounts { name: name.to_owned(), found: Ok(found.iter().map(account).collect()) }]
}

fn unseen() -> Unseen {
    Unseen::Forbidden { verb: "list", what: "everything".to_owned() }
}

fn told(observed: &Observed) -> Vec<String> {
    all(observed, now()).iter().map(ToString::to_string).collect()
}

#[test]
fn of_a_healthy_registry_each_part_is_well() {
    let findings = all(&healthy(), now());
    assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{:#?}", told(&healthy()));
    assert_eq!(findings.len(), 9, "{:#?}", told(&healthy()));
}

/// What is spoiled, and what is told of it: the level and the part, words of the message, words of the remedy.
type Case = (fn(&mut Observed), &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
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
    (
        |seen| seen.certificate = Ok(None),
        "fail  certificate",
        "Secret kitchen/larder-tls does not exist",
        "the operator",
    ),
    (
        |seen| seen.registry.status = None,
        "warn  certificate",
        "the status names no endpoint so far",
        "see what is said about operator and resource",
    ),
    (
        |seen| seen.registry.status = None,
        "warn  secrets",
        "the status names no endpoint so far",
        "operator and resource",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, "pantry.example", 60))),
        "fail  certificate",
        "do not take the certificate for larder.kitchen.svc.house.example",
        "CertificateReady",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, HOST, -1))),
        "fail  certificate",
        "until 2031-05-05 (24 hours ago), and not now",
        "CertificateReady",
    ),
    (
        |seen| seen.certificate = Ok(Some(certificate(&seen.name, HOST, 3))),
        "warn  certificate",
        "it ends soon",
        "CertificateReady",
    ),
    (
        |seen| {
            let [mut served, other] = [HOST, HOST].map(|host| certificate(&seen.name, host, 60));
            served
                .data
                .as_mut()
                .unwrap()
                .extend(other.data.unwrap().remove("ca.crt").map(|ca| ("ca.crt".to_owned(), ca)));
            seen.certificate = Ok(Some(served));
        },
        "fail  certificate",
        "clients that trust ca.crt do not take the certificate",
        "CertificateReady",
    ),
    (
        |seen| seen.answer = Some(Ok(Answer::Status { code: 401, logged_in: true })),
        "fail  answer",
        "does not take the password in Secret larder-pull",
        "in a minute",
    ),
    (
        |seen| seen.answer = Some(Ok(Answer::Broken("connection reset".into()))),
        "fail  answer",
        "connection reset",
        "kubectl logs",
    ),
    (|seen| seen.pull = Ok(None), "fail  secrets", "Secret kitchen/larder-pull does not exist", "the operator"),
    (
        |seen| seen.pull = Ok(Some(secret(&[]))),
        "fail  secrets",
        "says nothing about larder.kitchen.svc.house.example",
        "the operator",
    ),
    (
        |seen| seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(None) }])),
        "fail  secrets",
        "Secret hall/larder.kitchen.pull does not exist",
        "CredentialsReady",
    ),
    (
        |seen| {
            let old = secret(&[("username", b"pull".to_vec()), ("password", b"old".to_vec())]);
            seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(Some(old)) }]));
        },
        "fail  secrets",
        "is not the same as the pull Secret",
        "CredentialsReady",
    ),
    (
        |seen| seen.accounts = accounts("cook", &[("kitchen", "theirs")]),
        "fail  secrets",
        "ServiceAccount kitchen/cook does not name Secret larder-pull under imagePullSecrets",
        "CredentialsReady",
    ),
    (
        |seen| {
            seen.copies = Some(Ok(vec![Copy { namespace: "hall".into(), secret: Ok(Some(pull_secret())) }]));
            seen.accounts = accounts("cook", &[("kitchen", "larder-pull"), ("hall", "larder-pull")]);
        },
        "fail  secrets",
        "ServiceAccount hall/cook does not name Secret larder.kitchen.pull",
        "Pods have to be made anew",
    ),
    (
        |seen| seen.accounts = accounts("cook", &[("attic", "theirs")]),
        "warn  secrets",
        "there is no ServiceAccount cook where the pull Secret is",
        "correct spec.pullSecrets.serviceAccounts",
    ),
    (
        |seen| {
            let failing = Failing {
                pod: "hall/app".into(),
                node: "node shelf".into(),
                image: "larder/app:1".into(),
                said: "x509: certificate signed by unknown authority".into(),
                pull_secrets: vec![],
            };
            seen.users = Ok(Users { count: 1, failing: vec![failing], only: None, more: false });
        },
        "fail  pods",
        "Pod hall/app on node shelf cannot get larder/app:1: the node does not trust the registry's authority",
        "kubectl preg ca",
    ),
    (
        |seen| seen.users = Ok(Users { only: Some("kitchen".into()), ..Users::default() }),
        "warn  pods",
        "only Pods of namespace kitchen were looked at",
        "ask somebody who may",
    ),
];

#[test]
fn what_is_spoiled_is_found_and_told_with_a_remedy() {
    for (spoil, head, message, remedy) in CASES {
        let mut observed = healthy();
        spoil(&mut observed);
        let told = told(&observed);
        let found = told.iter().any(|told| told.starts_with(head) && told.contains(message) && told.contains(remedy));
        assert!(found, "{head} .. {message} .. {remedy}: {told:#?}");
    }
}

#[test]
fn what_may_not_be_looked_at_is_said_and_the_rest_goes_on() {
    let mut observed = healthy();
    observed.leases = Err(unseen());
    observed.claim = Err(unseen());
    observed.deployment = Err(unseen());
    observed.pods = Err(unseen());
    observed.slices = Err(unseen());
    observed.certificate = Err(unseen());
    observed.pull = Err(unseen());
    observed.answer = Some(Err(unseen()));
    observed.copies = Some(Err(unseen()));
    observed.accounts = vec![NamedAccounts { name: "cook".into(), found: Err(unseen()) }];
    observed.users = Err(unseen());
    let findings = all(&observed, now());
    let unseen = findings.iter().filter(|finding| finding.message.starts_with("not looked at: you may not list"));
    assert_eq!(unseen.count(), 11);
    assert!(findings.iter().all(|finding| finding.level != Level::Fail), "{:#?}", told(&observed));
}

#[test]
fn plain_http_and_nobody_to_ask_are_what_the_spec_may_say() {
    let mut observed = healthy();
    observed.registry.spec = resource("{tls: {disabled: true}, auth: {disabled: true}, storage: {emptyDir: {}}}").spec;
    observed.certificate = Ok(None);
    observed.pull = Ok(None);
    observed.claim = Ok(None);
    observed.answer = Some(Ok(Answer::Status { code: 200, logged_in: false }));
    assert!(all(&observed, now()).iter().all(|finding| finding.level == Level::Ok), "{:#?}", told(&observed));
}

#[test]
fn a_cluster_without_the_definition_is_told_how_to_get_it() {
    let remedy = |served| definition(&served)[0].remedy.clone().unwrap_or_default();
    assert!(remedy(Ok(false)).contains("private-registry-operator crd | kubectl apply -f -"));
    assert_eq!(definition(&Ok(true))[0].level, Level::Ok);
    assert_eq!(definition(&Err(unseen()))[0].level, Level::Warn);
}

#[test]
fn copies_that_are_the_same_are_well() {
    let mut observed = healthy();
    let copy = |namespace: &str| Copy { namespace: namespace.to_owned(), secret: Ok(Some(pull_secret())) };
    observed.copies = Some(Ok(vec![copy("hall"), copy("attic")]));
    let told = told(&observed);
    assert!(
        told.iter().any(|told| told.contains("larder.kitchen.pull is in all 2 namespaces that are to have it")),
        "{told:#?}"
    );
}

#[test]
fn room_and_growth_and_accounts_that_are_well_are_said_once() {
    let mut observed = healthy();
    set_room(&mut observed, 37, "True", "Bound");
    observed.claim = Ok(growing(&json!({"type": "Resizing", "status": "True"})));
    let copy = Copy { namespace: "hall".to_owned(), secret: Ok(Some(pull_secret())) };
    observed.copies = Some(Ok(vec![copy]));
    let found = [("kitchen", "larder-pull"), ("hall", "larder.kitchen.pull"), ("attic", "theirs")];
    observed.accounts = accounts("cook", &found);
    let told = told(&observed);
    assert!(all(&observed, now()).iter().all(|finding| finding.level == Level::Ok), "{told:#?}");
    for promised in [
        "ok    storage      PersistentVolumeClaim larder is growing from 10Gi to 20Gi",
        "ok    storage      the volume has room: 37 % of 10Gi are taken",
        "ok    secrets      Pods of ServiceAccount cook pull with it, in 2 namespaces",
    ] {
        assert!(told.iter().any(|told| told.starts_with(promised)), "{promised}: {told:#?}");
    }

    set_room(&mut observed, 100, "False", "VolumeFull");
    let lines = all(&observed, now()).iter().filter(|finding| finding.level != Level::Ok).count();
    assert_eq!(lines, 1, "StorageReady says the same");
}
