//! What is seen of a registry with which all is well, and how a part of it becomes something else.

use jiff::SignedDuration;
use k8s_openapi::{
    ByteString,
    api::core::v1::{PersistentVolumeClaim, Secret},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    controller::tests::fixtures::{now, resource},
    names::RegistryName,
    pki::{Authority, KeyAlgorithm, SubjectNames, Wanted, leaf},
    plugin::{
        cluster::name_of,
        doctor::observed::{Answer, NamedAccounts, Observed, Users},
        pod::tests::pod,
    },
};

pub(super) const HOST: &str = "larder.kitchen.svc.house.example";

pub(super) fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

pub(super) fn secret(data: &[(&str, Vec<u8>)]) -> Secret {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.clone()))).collect();
    Secret { data: Some(data), ..Secret::default() }
}

/// A certificate for `host` that ends after so many days, with its authority.
pub(super) fn certificate(name: &RegistryName, host: &str, days: i64) -> Secret {
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

pub(super) fn pull_secret() -> Secret {
    let config = json!({"auths": {HOST: {"auth": "cHVsbDp4"}}}).to_string();
    secret(&[(".dockerconfigjson", config.into_bytes()), ("username", b"pull".to_vec()), ("password", b"x".to_vec())])
}

pub(super) fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2031-05-06T07:00:00Z"})
}

pub(super) fn set_conditions(observed: &mut Observed, conditions: Value) {
    let status = json!({"observedGeneration": 3, "endpoint": HOST, "conditions": conditions});
    observed.registry.status = Some(object(status));
}

/// All is well.
pub(super) fn healthy() -> Observed {
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
pub(super) fn set_room(observed: &mut Observed, percent: i32, status: &str, reason: &str) {
    let ready = condition("Ready", "True", "Serving", "images are served");
    set_conditions(observed, json!([ready, condition("StorageReady", status, reason, "the volume")]));
    let file_system = json!({"capacity": "10Gi", "available": "1Gi", "usedPercent": percent});
    observed.registry.status.as_mut().unwrap().storage = Some(object(json!({"fileSystem": file_system})));
}

/// A bound claim of 10Gi that should have 20Gi, of which its driver says this.
pub(super) fn growing(condition: &Value) -> Option<PersistentVolumeClaim> {
    let status = json!({"phase": "Bound", "capacity": {"storage": "10Gi"}, "conditions": [condition]});
    let spec = json!({"resources": {"requests": {"storage": "20Gi"}}});
    Some(object(json!({"metadata": {"name": "larder"}, "spec": spec, "status": status})))
}

/// The service accounts with this name, in namespaces, with the Secrets that they name.
pub(super) fn accounts(name: &str, found: &[(&str, &str)]) -> Vec<NamedAccounts> {
    let account = |(namespace, secret): &(&str, &str)| {
        object(json!({"metadata": {"name": name, "namespace": namespace}, "imagePullSecrets": [{"name": secret}]}))
    };
    vec![NamedAccounts { name: name.to_owned(), found: Ok(found.iter().map(account).collect()) }]
}
