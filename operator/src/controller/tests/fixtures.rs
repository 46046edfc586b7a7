//! Registries for tests: minimal YAML through the real `validate`, and material without entropy.
//!
//! Names are unlike the product's and unlike each other, so that swapped values show.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::Client;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    api::v1alpha1::PrivateRegistry,
    controller::{
        Context, Scope, Settings,
        distribute::Reach,
        issue::{GeneratedUser, Material, Served},
        observe::Observed,
        optional_kinds::OptionalKinds,
        publisher::Publisher,
        registry::{Registry, Tls},
        stores::{Store, Stores},
        validate::{self, validate},
    },
    credentials::{Line, Password, Source},
    names::{PULL_USER, PUSH_USER, RegistryName},
    pki::{Authority, Pair, leaf},
};

/// When all tests take place.
pub(crate) fn now() -> Timestamp {
    "2031-05-06T07:08:09Z".parse().unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        server_image: "example.com/store:9".into(),
        cluster_domain: "house.example".into(),
        namespace: "steward".into(),
        grace: SignedDuration::from_mins(5),
        concurrency: 1,
        pull_secret_namespaces: BTreeSet::new(),
        node_trust: None,
    }
}

pub(crate) fn larder() -> RegistryName {
    RegistryName { namespace: "kitchen".into(), name: "larder".into() }
}

/// What passes share, before a watch has seen anything.
pub(crate) fn context(client: &Client) -> Context {
    let (optional, _) = OptionalKinds::new(client.clone(), Scope::Cluster, Arc::default());
    let stores = Stores {
        services: Store::new().0,
        deployments: Store::new().0,
        claims: Store::new().0,
        secrets: Store::new().0,
        config_maps: Store::new().0,
        service_accounts: Store::new().0,
        optional: Arc::new(optional),
    };
    Context {
        client: client.clone(),
        settings: settings(),
        stores,
        reach: Reach::of(client, &[], vec![], BTreeSet::new(), &Arc::default()).0,
        site: None,
        memories: Arc::default(),
        publisher: Arc::new(Publisher::new(client.clone(), "larder-keeper".into())),
        metrics: Arc::default(),
        permits: Arc::new(Semaphore::new(1)),
    }
}

/// A resource with this spec, in YAML.
pub(crate) fn resource(spec: &str) -> PrivateRegistry {
    let spec: serde_json::Value = serde_saphyr::from_str(spec).unwrap();
    serde_json::from_value(json!({
        "apiVersion": "privateregistry.io/v1alpha1",
        "kind": "PrivateRegistry",
        "metadata": {"name": "larder", "namespace": "kitchen", "uid": "uid-of-larder", "generation": 3},
        "spec": spec,
    }))
    .unwrap()
}

/// A cluster in which the Service has its address and nothing else exists.
pub(crate) fn observed() -> Observed {
    let service =
        json!({"metadata": {"name": "larder"}, "spec": {"clusterIP": "10.1.2.3", "clusterIPs": ["10.1.2.3"]}});
    Observed { service: Some(Arc::new(serde_json::from_value(service).unwrap())), ..Observed::default() }
}

/// A cluster in which the Service has addresses of both families, a port on the nodes, and these addresses of a load balancer.
pub(crate) fn observed_behind(load_balancer: &serde_json::Value) -> Observed {
    let service = json!({
        "metadata": {"name": "larder"},
        "spec": {"clusterIP": "10.1.2.3", "clusterIPs": ["10.1.2.3", "fd00::3"], "ports": [{"port": 443, "nodePort": 30443}]},
        "status": {"loadBalancer": {"ingress": load_balancer}},
    });
    Observed { service: Some(Arc::new(serde_json::from_value(service).unwrap())), ..Observed::default() }
}

/// A Secret as the API server has it.
pub(crate) fn secret(name: &str, version: &str, data: &[(&str, &[u8])]) -> Arc<Secret> {
    let mut secret = Secret::default();
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.uid = Some(format!("uid-of-{name}"));
    secret.metadata.resource_version = Some(version.to_owned());
    secret.data = Some(data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect());
    Arc::new(secret)
}

pub(crate) fn try_validated(spec: &str, observed: &Observed) -> Result<Registry, validate::Error> {
    validate(&resource(spec), observed, &settings(), now())
}

pub(crate) fn validated(spec: &str) -> Registry {
    try_validated(spec, &observed()).unwrap()
}

pub(crate) fn password(text: &str) -> Password {
    Password::parse(text.as_bytes()).unwrap()
}

/// What a Secret holds under `key`, as text.
pub(crate) fn value(secret: &Secret, key: &str) -> String {
    String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
}

/// Material whose secrets are words.
pub(crate) fn material(registry: &Registry) -> Material {
    let user = |name, stored: &str, published: &str| GeneratedUser {
        name,
        stored: stored.as_bytes().to_vec(),
        published: Some(password(published)),
    };
    let line = |user: &str, hash: &str| Line {
        user: user.to_owned(),
        hash: hash.to_owned(),
        source: Some(Source { uid: "u".into(), resource_version: "7".into(), key: user.to_owned() }),
        superseded_at: None,
    };
    Material {
        certificate: served(registry),
        generated: Some([user(PULL_USER, "new-pull", "told-pull"), user(PUSH_USER, "new-push", "told-push")]),
        lines: vec![line("pull", "hash-1"), line("push", "hash-2")],
        next_line_goes: None,
        http_secret: "signs-uploads".into(),
        occurrences: vec![],
    }
}

fn served(registry: &Registry) -> Option<Served> {
    let Tls::SelfSigned(tls) = &registry.tls else { return None };
    let authority = Authority::generate(&registry.name, now()).unwrap();
    let issued = leaf::issue(&authority, &tls.wanted, now()).unwrap();
    let pair = |name: &str| Pair {
        certificate: format!("{name} certificate").into_bytes(),
        key: format!("{name} key").into_bytes(),
    };
    Some(Served {
        pair: pair("leaf"),
        certificate: crate::pki::Certificate::from_pair(&issued).unwrap(),
        authorities: Some(b"authorities".to_vec()),
        authority: Some(pair("authority")),
        renewal: None,
        renewal_time: Some(now() + SignedDuration::from_hours(1440)),
        next: None,
    })
}
