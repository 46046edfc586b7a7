//! That server, the watches that have seen all of it, and passes of `apply` against both.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
};
use kube::{
    api::{DynamicObject, PartialObjectMeta},
    runtime::{reflector::store, watcher::Event},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    super::{Error, apply},
    server::{Server, client},
};
use crate::controller::{
    Context, Scope,
    build::build,
    memory::Memory,
    optional_kinds::{OptionalKind, OptionalKinds},
    registry::Registry,
    stores::{Known, Store, Stores, Whole, Writer},
    tests::fixtures::{self, larder, material, validated},
};

/// A cluster: the API server and the watches that have seen all of it.
pub(super) struct Cluster {
    server: Arc<Mutex<Server>>,
    writers: Writers,
    context: Context,
    pub(super) memory: Memory,
}

struct Writers {
    services: Writer<Whole<Service>>,
    deployments: Writer<Whole<Deployment>>,
    claims: Writer<Whole<PersistentVolumeClaim>>,
    secrets: Writer<Known>,
    config_maps: Writer<Known>,
    service_accounts: Writer<Known>,
    ingresses: store::Writer<DynamicObject>,
}

impl Cluster {
    pub(super) fn new() -> Self {
        let server = Arc::new(Mutex::new(Server::default()));
        let client = client(&server);
        let (services, services_writer) = Store::new();
        let (deployments, deployments_writer) = Store::new();
        let (claims, claims_writer) = Store::new();
        let (secrets, secrets_writer) = Store::new();
        let (config_maps, config_maps_writer) = Store::new();
        let (service_accounts, service_accounts_writer) = Store::new();
        let ingresses_writer = store::Writer::new(OptionalKind::Ingress.resource());
        let (optional, _) = OptionalKinds::new(client.clone(), Scope::Cluster, Arc::default());
        optional.hold(OptionalKind::Ingress, ingresses_writer.as_reader());
        let optional = Arc::new(optional);
        Self {
            server,
            writers: Writers {
                services: services_writer,
                deployments: deployments_writer,
                claims: claims_writer,
                secrets: secrets_writer,
                config_maps: config_maps_writer,
                service_accounts: service_accounts_writer,
                ingresses: ingresses_writer,
            },
            context: Context {
                stores: Stores { services, deployments, claims, secrets, config_maps, service_accounts, optional },
                ..fixtures::context(&client)
            },
            memory: Memory::default(),
        }
    }

    /// Reads the Secrets and applies what `spec` asks for; returns the requests that it took. Then the watches see it.
    pub(super) async fn apply(&mut self, spec: &str) -> Result<Vec<String>, Error> {
        self.read_secrets();
        self.apply_registry(validated(spec)).await
    }

    /// The same with the Secrets as they were read for the pass before.
    pub(super) async fn apply_late(&mut self, spec: &str) -> Result<Vec<String>, Error> {
        self.apply_registry(validated(spec)).await
    }

    /// The same for one that a person has paused.
    pub(super) async fn apply_paused(&mut self, spec: &str) -> Result<Vec<String>, Error> {
        self.read_secrets();
        self.apply_registry(Registry { paused: true, ..validated(spec) }).await
    }

    /// What observing does before anything is applied.
    fn read_secrets(&mut self) {
        for name in larder().secrets() {
            let secret = self.server().objects.get(&format!("secrets/{name}")).cloned();
            match secret {
                Some(secret) => self.memory.note_secret(&name, serde_json::from_value(secret).unwrap()),
                None => self.memory.forget_secret(&name),
            }
        }
    }

    async fn apply_registry(&mut self, registry: Registry) -> Result<Vec<String>, Error> {
        let desired = build(&registry, Some(&material(&registry)));
        let result = Box::pin(apply(&self.context, &registry, desired, &mut self.memory)).await;
        self.watch();
        let requests = mem::take(&mut self.server().requests);
        result.map(|_| requests)
    }

    pub(super) fn watch(&mut self) {
        let objects = self.server().objects.clone();
        let Writers { services, deployments, claims, secrets, config_maps, service_accounts, ingresses } =
            &mut self.writers;
        see::<Service>("services", &objects, |event| drop(services.apply(event)));
        see::<Deployment>("deployments", &objects, |event| drop(deployments.apply(event)));
        see::<PersistentVolumeClaim>("persistentvolumeclaims", &objects, |event| drop(claims.apply(event)));
        see::<PartialObjectMeta<Secret>>("secrets", &objects, |event| drop(secrets.apply(event)));
        see::<PartialObjectMeta<ConfigMap>>("configmaps", &objects, |event| drop(config_maps.apply(event)));
        let accounts = service_accounts;
        see::<PartialObjectMeta<ServiceAccount>>("serviceaccounts", &objects, |event| drop(accounts.apply(event)));
        see("ingresses", &objects, |event| ingresses.apply_watcher_event(&event));
    }

    pub(super) fn claim_size(&self) -> Value {
        self.server().objects["persistentvolumeclaims/larder"]["spec"]["resources"]["requests"]["storage"].clone()
    }

    pub(super) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything of a kind, as after a new list.
fn see<K: DeserializeOwned>(plural: &str, objects: &BTreeMap<String, Value>, mut apply: impl FnMut(Event<K>)) {
    apply(Event::Init);
    for (_, object) in objects.iter().filter(|(place, _)| place.split('/').next() == Some(plural)) {
        apply(Event::InitApply(serde_json::from_value(object.clone()).unwrap()));
    }
    apply(Event::InitDone);
}
