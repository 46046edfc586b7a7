//! What is sent, against an API server of a few lines that knows server-side apply of one manager.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount},
};
use kube::{
    api::{DynamicObject, PartialObjectMeta},
    client::Body,
    runtime::{reflector::store, watcher::Event},
};
use serde_json::{Value, json};

use super::{super::build::build, *};
use crate::controller::{
    Scope,
    distribute::Reach,
    fixtures::{larder, material, settings, validated},
    optional_kinds::{OptionalKind, OptionalKinds},
    publisher::Publisher,
    stores::{Store, Stores, Writer},
};

/// Objects by path, and the requests that changed or asked for them.
#[derive(Default)]
struct Server {
    objects: BTreeMap<String, Value>,
    requests: Vec<String>,
    version: u32,
    /// What it does not let anybody write, and what it says then.
    refuses: Option<(&'static str, &'static str)>,
    /// Whether it lets no claim change its size.
    fixed_size: bool,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
        // `<plural>/<name>`, which is all that tells these objects apart.
        let place = path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
        self.requests.push(format!("{method} {place}"));
        match *method {
            Method::PATCH if self.fixed_size && self.is_resize(&place, body) => {
                let message = "its class does not allow it";
                (StatusCode::FORBIDDEN, json!({"kind": "Status", "status": "Failure", "message": message, "code": 403}))
            }
            Method::PATCH if self.refuses.is_some_and(|(refused, _)| refused == place) => {
                let message = self.refuses.map(|(_, message)| message);
                (StatusCode::FORBIDDEN, json!({"kind": "Status", "status": "Failure", "message": message, "code": 403}))
            }
            Method::PATCH => (StatusCode::OK, self.apply(&place, serde_json::from_slice(body).unwrap())),
            Method::DELETE => {
                self.objects.remove(&place);
                (StatusCode::OK, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
            _ => self.objects.get(&place).map_or_else(
                || {
                    (
                        StatusCode::NOT_FOUND,
                        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
                    )
                },
                |object| (StatusCode::OK, object.clone()),
            ),
        }
    }

    fn is_resize(&self, place: &str, body: &[u8]) -> bool {
        let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].clone();
        let known = self.objects.get(place).filter(|_| place.starts_with("persistentvolumeclaims/"));
        known.is_some_and(|known| size(known) != size(&serde_json::from_slice(body).unwrap()))
    }

    /// The version changes with the content alone.
    fn apply(&mut self, place: &str, mut object: Value) -> Value {
        let known = self.objects.get(place).cloned();
        let version = known.as_ref().map_or(Value::Null, |known| known["metadata"]["resourceVersion"].clone());
        object["metadata"]["resourceVersion"] = version;
        object["metadata"]["uid"] = json!(format!("uid-of-{place}"));
        if known.as_ref() != Some(&object) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.objects.insert(place.to_owned(), object.clone());
        }
        object
    }
}

/// A cluster: the API server and the watches that have seen all of it.
struct Cluster {
    server: Arc<Mutex<Server>>,
    writers: Writers,
    context: Context,
    memory: Memory,
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
    fn new() -> Self {
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
                client: client.clone(),
                settings: settings(),
                stores: Stores { services, deployments, claims, secrets, config_maps, service_accounts, optional },
                reach: Reach::of(&client, &[], vec![], std::collections::BTreeSet::new(), &Arc::default()).0,
                memories: Arc::default(),
                publisher: Arc::new(Publisher::new(client, "larder-keeper".into())),
                metrics: Arc::default(),
                permits: Arc::new(tokio::sync::Semaphore::new(1)),
            },
            memory: Memory::default(),
        }
    }

    /// Applies what `spec` asks for; returns the requests that it took. Then the watches see it.
    async fn apply(&mut self, spec: &str) -> Result<Vec<String>, Error> {
        self.apply_registry(validated(spec)).await
    }

    /// The same for one that a person has paused.
    async fn apply_paused(&mut self, spec: &str) -> Result<Vec<String>, Error> {
        self.apply_registry(Registry { paused: true, ..validated(spec) }).await
    }

    async fn apply_registry(&mut self, registry: Registry) -> Result<Vec<String>, Error> {
        let desired = build(&registry, Some(&material(&registry)));
        let result = Box::pin(apply(&self.context, &registry, desired, &mut self.memory)).await;
        self.watch();
        let requests = std::mem::take(&mut self.server().requests);
        result.map(|_| requests)
    }

    fn watch(&mut self) {
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

    fn claim_size(&self) -> Value {
        self.server().objects["persistentvolumeclaims/larder"]["spec"]["resources"]["requests"]["storage"].clone()
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Server> {
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

fn client(server: &Arc<Mutex<Server>>) -> Client {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, answer) = server.answer(&parts.method, parts.uri.path(), &body);
            let answer = Response::builder().status(status).body(Body::from(answer.to_string().into_bytes()));
            answer.map_err(tower::BoxError::from)
        }
    });
    Client::new(service, larder().namespace)
}

const CHILDREN: [&str; 12] = [
    "services/larder",
    "serviceaccounts/larder",
    "secrets/larder-ca",
    "secrets/larder-tls",
    "secrets/larder-credentials",
    "secrets/larder-htpasswd",
    "secrets/larder-http",
    "secrets/larder-pull",
    "secrets/larder-push",
    "configmaps/larder-config",
    "persistentvolumeclaims/larder",
    "deployments/larder",
];

#[tokio::test]
async fn everything_is_applied_in_order_once() {
    let mut cluster = Cluster::new();
    let first = cluster.apply("{}").await.unwrap();
    let asked_and_applied = CHILDREN.iter().flat_map(|child| [format!("GET {child}"), format!("PATCH {child}")]);
    assert_eq!(first, asked_and_applied.collect::<Vec<_>>(), "whose name it is, then the object");

    assert!(cluster.apply("{}").await.unwrap().is_empty(), "at rest nothing is sent");
}

#[tokio::test]
async fn an_operator_that_restarts_applies_once_and_changes_nothing() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let before = cluster.server().objects.clone();
    cluster.memory = Memory::default();
    let patches: Vec<_> = CHILDREN.iter().map(|child| format!("PATCH {child}")).collect();
    assert_eq!(cluster.apply("{}").await.unwrap(), patches);
    assert_eq!(cluster.server().objects, before);
    assert!(cluster.apply("{}").await.unwrap().is_empty());
}

#[tokio::test]
async fn only_what_drifted_or_changed_is_applied() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();

    cluster.server().objects.get_mut("configmaps/larder-config").unwrap()["metadata"]["resourceVersion"] = json!("900");
    cluster.server().objects.remove("secrets/larder-pull");
    cluster.watch();
    assert_eq!(cluster.apply("{}").await.unwrap(), ["PATCH secrets/larder-pull", "PATCH configmaps/larder-config"]);

    assert_eq!(cluster.apply("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH deployments/larder"]);
}

#[tokio::test]
async fn what_is_no_longer_wanted_goes_and_what_is_not_ours_stays() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "jam", "namespace": "kitchen"}});
    cluster.server().objects.insert("secrets/jam".into(), foreign);
    cluster.watch();

    let requests = cluster.apply("{tls: {disabled: true}, storage: {emptyDir: {}}}").await.unwrap();

    let mut deleted: Vec<_> = requests.iter().filter(|request| request.starts_with("DELETE")).collect();
    deleted.sort();
    assert_eq!(
        deleted,
        ["DELETE secrets/larder-ca", "DELETE secrets/larder-tls"],
        "and the claim with its images stays"
    );
    assert_eq!(
        requests.iter().position(|request| request.starts_with("DELETE")),
        Some(requests.len() - 2),
        "last of all"
    );
}

#[tokio::test]
async fn of_a_paused_registry_only_secrets_are_applied_and_nothing_goes() {
    let mut cluster = Cluster::new();
    assert!(cluster.apply_paused("{}").await.unwrap().iter().all(|request| request.contains(" secrets/")));

    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    // A person stops the Pod; the certificate's Secret is lost; and the spec changes.
    cluster.server().objects.get_mut("deployments/larder").unwrap()["spec"]["replicas"] = json!(0);
    cluster.server().objects.get_mut("deployments/larder").unwrap()["metadata"]["resourceVersion"] = json!("900");
    cluster.server().objects.remove("secrets/larder-tls");
    cluster.watch();
    assert_eq!(cluster.apply_paused("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH secrets/larder-tls"]);
    // Plain HTTP waits for the Pod, and a port for the Service: clients go on with what they know.
    let secrets = |cluster: &Cluster| {
        ["pull", "push", "tls"].map(|name| cluster.server().objects[&format!("secrets/larder-{name}")].clone())
    };
    let before = secrets(&cluster);
    assert!(cluster.apply_paused("{tls: {disabled: true}, service: {port: 81}}").await.unwrap().is_empty());
    assert_eq!(secrets(&cluster), before);
    let stopped = cluster.server().objects["deployments/larder"]["spec"]["replicas"].clone();
    assert_eq!(stopped, json!(0), "what the person did stays");

    // It goes on with all of it.
    assert_eq!(cluster.apply("{podLabels: {shelf: top}}").await.unwrap(), ["PATCH deployments/larder"]);
    let deployment = cluster.server().objects["deployments/larder"].clone();
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["shelf"], "top");
}

#[tokio::test]
async fn an_ingress_comes_and_goes_with_the_spec() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    let with_ingress = "{ingress: {host: pantry.example}}";

    let requests = cluster.apply(with_ingress).await.unwrap();
    assert!(requests.ends_with(&["GET ingresses/larder".into(), "PATCH ingresses/larder".into()]), "{requests:?}");
    assert!(cluster.apply(with_ingress).await.unwrap().is_empty(), "at rest nothing is sent");

    let requests = cluster.apply("{}").await.unwrap();
    assert_eq!(requests.last().unwrap(), "DELETE ingresses/larder");
    assert!(cluster.apply("{}").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_ingress_that_is_refused_does_not_hold_up_the_pod() {
    let mut cluster = Cluster::new();
    cluster.server().refuses = Some(("ingresses/larder", "another Ingress has this host"));
    let error = cluster.apply("{ingress: {host: pantry.example}}").await.unwrap_err();
    let told = crate::controller::chain(&error);
    assert_eq!(told, "failed to apply Ingress kitchen/larder: another Ingress has this host");
    assert!(cluster.server().objects.contains_key("deployments/larder"));
}

#[tokio::test]
async fn an_object_of_somebody_else_s_is_not_taken_over() {
    let mut cluster = Cluster::new();
    let foreign =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "larder", "namespace": "kitchen"}});
    cluster.server().objects.insert("deployments/larder".into(), foreign.clone());
    let error = cluster.apply("{}").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to create Deployment kitchen/larder: an object of that name exists and does not belong to this \
         PrivateRegistry; delete it, or give the PrivateRegistry another name"
    );
    assert_eq!(cluster.server().objects["deployments/larder"], foreign);
}

#[tokio::test]
async fn a_secret_of_somebody_else_s_is_not_taken_over_although_the_watch_shows_it() {
    let mut cluster = Cluster::new();
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "larder-pull", "namespace": "kitchen",
        "resourceVersion": "7"}, "data": {"key": "dmFsdWU="}});
    cluster.server().objects.insert("secrets/larder-pull".into(), foreign.clone());
    cluster.watch();
    let error = cluster.apply("{}").await.unwrap_err();
    assert!(
        error.to_string().starts_with("failed to create Secret kitchen/larder-pull: an object of that name exists")
    );
    assert_eq!(cluster.server().objects["secrets/larder-pull"], foreign);
}

const LARGER: &str = "{podLabels: {shelf: top}, storage: {persistentVolumeClaim: {size: 20Gi}}}";

#[tokio::test]
async fn a_claim_that_may_not_grow_stays_as_it_is_and_holds_nothing_up() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    cluster.server().fixed_size = true;

    cluster.apply(LARGER).await.unwrap();
    let deployment = cluster.server().objects["deployments/larder"].clone();
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["shelf"], "top");
    assert_eq!(cluster.claim_size(), "10Gi");
    let refusal = cluster.memory.growth_refused.take().unwrap();
    assert_eq!(refusal.problem.reason, "VolumeExpansionRefused");
    let says = "PersistentVolumeClaim larder stays at 10Gi and does not become 20Gi: its class does not allow it. If";
    assert!(refusal.problem.message.starts_with(says), "{}", refusal.problem.message);
    cluster.memory.growth_refused = Some(refusal);

    // Nothing is asked again and again, and what is not the size goes on.
    assert!(cluster.apply(LARGER).await.unwrap().is_empty());
    let owned = LARGER.replace("{size: 20Gi}}", "{size: 20Gi}, deletionPolicy: Delete}");
    assert_eq!(cluster.apply(&owned).await.unwrap(), ["PATCH persistentvolumeclaims/larder"]);
    let claim = cluster.server().objects["persistentvolumeclaims/larder"].clone();
    assert_eq!(claim["metadata"]["ownerReferences"][0]["name"], "larder");
}

#[tokio::test]
async fn a_growth_that_is_allowed_or_no_longer_wanted_is_no_problem() {
    let mut cluster = Cluster::new();
    cluster.apply("{}").await.unwrap();
    cluster.server().fixed_size = true;
    cluster.apply(LARGER).await.unwrap();
    cluster.apply("{}").await.unwrap();
    assert!(cluster.memory.growth_refused.is_none());

    cluster.server().fixed_size = false;
    assert!(cluster.apply(LARGER).await.unwrap().contains(&"PATCH persistentvolumeclaims/larder".to_owned()));
    assert_eq!(cluster.claim_size(), "20Gi");
    assert!(cluster.memory.growth_refused.is_none());

    // As one that a registry of this name has left, or that a person has enlarged.
    assert!(cluster.apply("{}").await.unwrap().iter().all(|request| !request.contains("persistentvolumeclaims")));
    assert_eq!(cluster.claim_size(), "20Gi");
}

#[tokio::test]
async fn a_claim_that_was_left_behind_is_taken_over() {
    let mut cluster = Cluster::new();
    let labels =
        json!({"app.kubernetes.io/managed-by": "private-registry-operator", "app.kubernetes.io/instance": "larder"});
    let left = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "larder", "namespace": "kitchen", "labels": labels}});
    cluster.server().objects.insert("persistentvolumeclaims/larder".into(), left);
    assert!(cluster.apply("{}").await.is_ok());
}

#[test]
fn a_namespace_that_is_being_deleted_is_told_from_a_missing_right() {
    let forbidden = |cause: &str| {
        let status = json!({"status": "Failure", "reason": "Forbidden", "code": 403, "message": "no",
            "details": {"causes": [{"reason": cause}]}});
        let source = kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()));
        let (kind, namespace, name) = ("Service".to_owned(), "kitchen".to_owned(), "larder".to_owned());
        Error::Request { verb: "apply", kind, namespace, name, source }
    };
    assert!(forbidden("NamespaceTerminating").is_namespace_terminating());
    assert!(!forbidden("SomethingElse").is_namespace_terminating());
}
