//! Every child as it is sent, for the specs that shape it.

mod configuration;
mod every_child;
mod optional;
mod pod;
mod secrets;
mod service;
mod storage;

use k8s_openapi::{api::core::v1::Service, serde::Serialize};
use serde_json::{Value, json};

use super::{Children, build};
use crate::controller::tests::fixtures::{material, validated};

fn built(spec: &str) -> (Service, Children) {
    let registry = validated(spec);
    let resources = build(&registry, Some(&material(&registry)));
    (resources.service, resources.children.unwrap())
}

fn json_of(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

fn labels(component: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "private-registry",
        "app.kubernetes.io/instance": "larder",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "private-registry-operator",
        "app.kubernetes.io/version": "0.1.0",
        "app.kubernetes.io/part-of": "private-registry",
    })
}

fn metadata(name: &str, component: &str) -> Value {
    json!({
        "name": name,
        "namespace": "kitchen",
        "labels": labels(component),
        "ownerReferences": [{
            "apiVersion": "privateregistry.io/v1alpha1",
            "kind": "PrivateRegistry",
            "name": "larder",
            "uid": "uid-of-larder",
            "controller": true,
        }],
    })
}

#[test]
fn without_an_address_there_is_the_service_alone() {
    assert!(build(&validated("{}"), None).children.is_none());
}
