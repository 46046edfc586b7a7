//! A `PrivateRegistry` as its user sees it: ask for one, wait until it is ready, use it, change it, look at what it made.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http::Method;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::credentials::Credentials;
use crate::https::{self, Answer, Login};
use crate::manifest::at;
use crate::namespace::Namespace;
use crate::tunnel;
use crate::wait::{eventually, until, until_any, until_gone};

/// Port of the server in its Pod.
const SERVER_PORT: u16 = 5000;

/// Port of the server's health, metrics and versions.
const DEBUG_PORT: u16 = 5001;

/// Kinds of which a registry may have children, and where they are served.
const CHILD_KINDS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
];

/// The kind under test, as a client that knows nothing of the operator's code sees it.
pub fn resource() -> ApiResource {
    let kind = GroupVersionKind::gvk("privateregistry.io", "v1alpha1", "PrivateRegistry");
    ApiResource::from_gvk_with_plural(&kind, "privateregistries")
}

/// What a test asks for before it applies a `PrivateRegistry`.
pub struct RegistryRequest {
    namespace: Namespace,
    name: String,
    spec: Value,
    users: Vec<String>,
}

impl RegistryRequest {
    pub(crate) fn new(namespace: Namespace, name: &str) -> Self {
        Self { namespace, name: name.to_owned(), spec: json!({}), users: Vec::new() }
    }

    /// The whole spec, as YAML.
    pub fn spec(mut self, yaml: &str) -> Result<Self> {
        self.spec = crate::manifest::parse(yaml)?;
        Ok(self)
    }

    /// Users who may push, each with the password "first" in a Secret `<user>-password`.
    #[must_use]
    pub fn users<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.users.extend(names.into_iter().map(str::to_owned));
        let user =
            |name: &String| json!({"name": name, "access": "Push", "passwordSecretRef": {"name": secret_of(name)}});
        self.spec["auth"]["users"] = self.users.iter().map(user).collect();
        self
    }

    /// Applies it, and waits for nothing.
    pub async fn created(self) -> Result<Registry> {
        for user in &self.users {
            self.namespace.put_secret(&secret_of(user), "Opaque", [("password", "first")]).await?;
        }
        let registry = Registry::named(&self.namespace, &self.name);
        registry.apply(self.spec).await?;
        Ok(registry)
    }

    /// Applies it and waits until it is ready.
    pub async fn ready(self) -> Result<Registry> {
        let registry = self.created().await?;
        registry.until_ready().await?;
        Ok(registry)
    }
}

/// The Secret that holds a user's password.
fn secret_of(user: &str) -> String {
    format!("{user}-password")
}

/// A `PrivateRegistry` that was applied.
#[derive(Clone)]
pub struct Registry {
    namespace: Namespace,
    name: String,
    api: Api<DynamicObject>,
}

impl Registry {
    /// The registry of this name in `namespace`, whether it exists or not.
    pub fn named(namespace: &Namespace, name: &str) -> Self {
        let api = Api::namespaced_with(namespace.client.clone(), namespace.name(), &resource());
        Self { namespace: namespace.clone(), name: name.to_owned(), api }
    }

    /// Name of the resource and of its Service, claim and Deployment.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name under which everybody in the cluster reaches it: `<name>.<namespace>.svc.cluster.local`.
    pub fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace.name())
    }

    // What it is.

    /// The resource as it is now.
    pub async fn object(&self) -> Result<DynamicObject> {
        self.api.get(&self.name).await.with_context(|| format!("failed to read PrivateRegistry {}", self.name))
    }

    /// Waits until the resource `holds`; `what` completes "waited for ...".
    pub async fn until(&self, what: &str, holds: impl Fn(&DynamicObject) -> bool) -> Result<DynamicObject> {
        until(&self.api, &self.name, what, holds).await
    }

    /// Waits until the status answers the present spec and says Ready.
    pub async fn until_ready(&self) -> Result<DynamicObject> {
        self.until("Ready", |object| is_current(object) && condition(object, "Ready")["status"] == "True").await
    }

    /// Waits until a condition has this status and its message contains `mentioned`; returns the condition.
    pub async fn until_condition(&self, type_: &str, status: &str, mentioned: &str) -> Result<Value> {
        let holds = |object: &DynamicObject| {
            let condition = condition(object, type_);
            condition["status"] == status && condition["message"].as_str().is_some_and(|text| text.contains(mentioned))
        };
        let object = self.until(&format!("{type_}={status} with a message about {mentioned:?}"), holds).await?;
        Ok(condition(&object, type_).clone())
    }

    /// Its children as sorted `Kind/name`, found by the label that every child has.
    pub async fn children(&self) -> Result<BTreeSet<String>> {
        let objects = self.child_objects().await?;
        let name = |object: &DynamicObject| {
            let kind = object.types.as_ref().map_or("?", |types| types.kind.as_str());
            format!("{kind}/{}", object.name_any())
        };
        Ok(objects.iter().map(name).collect())
    }

    /// Its children.
    pub async fn child_objects(&self) -> Result<Vec<DynamicObject>> {
        let of_kind = |(version, kind): &(&str, &str)| {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            Api::<DynamicObject>::namespaced_with(self.namespace.client.clone(), self.namespace.name(), &resource)
        };
        let labels = ListParams::default().labels(&self.selector());
        let lists = CHILD_KINDS.iter().map(of_kind).map(|api| {
            let labels = &labels;
            async move { api.list(labels).await }
        });
        let lists = try_join_all(lists).await.context("failed to list the registry's children")?;
        let with_kind = |list: kube::core::ObjectList<DynamicObject>| {
            let kind = list.types.kind.trim_end_matches("List").to_owned();
            list.items.into_iter().map(move |mut object| {
                object.types.get_or_insert_default().kind.clone_from(&kind);
                object
            })
        };
        Ok(lists.into_iter().flat_map(with_kind).collect())
    }

    /// The label selector of everything that belongs to it.
    pub fn selector(&self) -> String {
        format!("app.kubernetes.io/managed-by=private-registry-operator,app.kubernetes.io/instance={}", self.name)
    }

    /// Its Pod, once one is ready and not on its way out. A kubelet may say not ready for a moment just after ready.
    pub async fn pod(&self) -> Result<Pod> {
        let label = format!("app.kubernetes.io/instance={}", self.name);
        let serving = |pod: &Pod| pod.metadata.deletion_timestamp.is_none() && is_pod_ready(pod);
        until_any(&self.namespace.api::<Pod>(), &label, "a ready Pod", serving).await
    }

    /// The generated credentials of `access`, "pull" or "push".
    pub async fn credentials(&self, access: &str) -> Result<Credentials> {
        let name = format!("{}-{access}", self.name);
        let secret = self.namespace.api::<Secret>().get(&name).await;
        Credentials::of(&secret.with_context(|| format!("failed to read Secret {name}"))?)
    }

    /// Waits until its children are `expected`, exactly.
    pub async fn until_children(&self, expected: &BTreeSet<String>) -> Result<()> {
        eventually("the expected children", async || ensure_same(expected, &self.children().await?)).await
    }

    /// Waits until nothing is left of a deleted resource but perhaps its claim.
    pub async fn until_children_gone(&self) -> Result<()> {
        eventually("the children to go with their resource", async || {
            let left: Vec<_> = self.children().await?.into_iter().filter(|child| !is_claim(child)).collect();
            ensure!(left.is_empty(), "still there: {left:?}");
            Ok(())
        })
        .await
    }

    // What one does to it.

    /// Applies the whole spec, as `kubectl apply` would.
    pub async fn apply(&self, spec: Value) -> Result<()> {
        let object = json!({
            "apiVersion": "privateregistry.io/v1alpha1",
            "kind": "PrivateRegistry",
            "metadata": {"name": self.name},
            "spec": spec,
        });
        let how = PatchParams::apply("a-user").force();
        let applied = self.api.patch(&self.name, &how, &Patch::Apply(object)).await;
        applied.map(drop).with_context(|| format!("failed to apply PrivateRegistry {}", self.name))
    }

    /// Puts an object of this spec in its place, with no finalizers, as `kubectl replace` would.
    pub async fn replace(&self, spec: Value) -> Result<()> {
        eventually("nobody to write meanwhile", async || {
            let mut object = self.object().await?;
            object.metadata.finalizers = None;
            object.data["spec"] = spec.clone();
            self.api.replace(&self.name, &PostParams::default(), &object).await?;
            Ok(())
        })
        .await
    }

    /// Writes into the status, as whoever may would.
    pub async fn patch_status(&self, status: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"status": status}));
        let patched = self.api.patch_status(&self.name, &PatchParams::default(), &patch).await;
        patched.map(drop).with_context(|| format!("failed to write the status of PrivateRegistry {}", self.name))
    }

    /// Sets an annotation, as `kubectl annotate --overwrite` would; null removes it.
    pub async fn annotate(&self, key: &str, value: impl Into<Value>) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {key: value.into()}}}));
        let annotated = self.api.patch(&self.name, &PatchParams::default(), &patch).await;
        annotated.map(drop).with_context(|| format!("failed to annotate PrivateRegistry {}", self.name))
    }

    /// Deletes the resource and waits until it is gone. Its children go after it.
    pub async fn delete(&self) -> Result<()> {
        self.delete_with(&DeleteParams::default()).await
    }

    /// As `delete`, with what `how` says about its children.
    pub async fn delete_with(&self, how: &DeleteParams) -> Result<()> {
        self.api.delete(&self.name, how).await?;
        until_gone(&self.api, &self.name).await
    }

    /// Writes another password for one of `users`.
    pub async fn set_password(&self, user: &str, password: &str) -> Result<()> {
        self.namespace.put_secret(&secret_of(user), "Opaque", [("password", password)]).await
    }

    // What it answers.

    /// A connection to the server in the ready Pod.
    pub async fn connect(&self) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        tunnel::open(&self.namespace.api(), &self.pod().await?.name_any(), SERVER_PORT).await
    }

    /// One request over TLS verified by `authorities`, under the registry's own name.
    pub async fn ask(&self, method: Method, path: &str, login: Login<'_>, authorities: &str) -> Result<Answer> {
        self.ask_as(&self.host(), method, path, login, authorities).await
    }

    /// As `ask`, under another of its names.
    pub async fn ask_as(
        &self,
        host: &str,
        method: Method,
        path: &str,
        login: Login<'_>,
        authorities: &str,
    ) -> Result<Answer> {
        let connection = https::connect(self.connect().await?, host, authorities).await?;
        https::send(connection, method, host, path, login, Bytes::new()).await
    }

    /// GET, trusting the authority of the pull Secret.
    pub async fn get(&self, path: &str, login: Login<'_>) -> Result<Answer> {
        let ca = self.credentials("pull").await?.ca;
        self.ask(Method::GET, path, login, &ca).await
    }

    /// GET from the server's health and metrics port.
    pub async fn get_debug(&self, path: &str) -> Result<Answer> {
        tunnel::get_plain(&self.namespace.api(), &self.pod().await?.name_any(), DEBUG_PORT, path).await
    }

    /// That it lets this user in.
    pub async fn accepts(&self, user: &str, password: &str) -> Result<()> {
        let status = self.get("/v2/", Some((user, password))).await?.status;
        ensure!(status == 200, "the registry answered {status} to {user}, who should be let in");
        Ok(())
    }

    /// That it does not.
    pub async fn refuses(&self, user: &str, password: &str) -> Result<()> {
        let answer = self.get("/v2/", Some((user, password))).await?;
        ensure!(answer.status == 401, "the registry answered {} to {user}, who should be refused", answer.status);
        Ok(())
    }

    /// Waits until it lets this user in.
    pub async fn eventually_accepts(&self, user: &str, password: &str) -> Result<()> {
        eventually(&format!("{user} to be let in"), async || self.accepts(user, password).await).await
    }

    /// Waits until it refuses this user.
    pub async fn eventually_refuses(&self, user: &str, password: &str) -> Result<()> {
        eventually(&format!("{user} to be refused"), async || self.refuses(user, password).await).await
    }
}

/// A condition of the status; null while there is none of this type.
pub fn condition<'a>(object: &'a DynamicObject, type_: &str) -> &'a Value {
    let conditions = at(object, "/status/conditions").as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == type_).unwrap_or(&Value::Null)
}

/// Whether the status answers the spec as it is now.
pub fn is_current(object: &DynamicObject) -> bool {
    at(object, "/status/observedGeneration").as_i64() == object.metadata.generation
}

/// Whether a Pod is ready to serve.
pub fn is_pod_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Restarts of all containers of a Pod: 0 says that nothing has crashed.
pub fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|status| status.restart_count).sum()
}

fn is_claim(child: &str) -> bool {
    child.starts_with("PersistentVolumeClaim/")
}

/// The difference of two sets of children, as an error that names it.
pub fn ensure_same(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> Result<()> {
    let missing: Vec<_> = expected.difference(found).collect();
    let unexpected: Vec<_> = found.difference(expected).collect();
    if missing.is_empty() && unexpected.is_empty() {
        return Ok(());
    }
    bail!("children missing: {missing:?}; not expected: {unexpected:?}")
}
