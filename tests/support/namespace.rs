//! A namespace for one test, random, labelled, and as strict as the strictest cluster.
//!
//! A test is told inside `in_namespace` or, when it cannot share the operator, `alone`. Both clean up after success, and after
//! a failure show the state of every object, the events and the logs before they do. `KEEP=1` leaves the namespace.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::registry::RegistryRequest;
use crate::stopwatch::Stopwatch;
use crate::turn::Turn;
use crate::wait::{until, until_gone};
use crate::{keep, manifest, operator, random_word, report};

/// Marks every namespace of the suite, so that a person can find and remove what `KEEP=1` left.
pub const TEST_LABEL: &str = "privateregistry.io/test";

/// A namespace of one test.
#[derive(Clone)]
pub struct Namespace {
    /// Speaks to the cluster of the current kubeconfig.
    pub client: Client,
    name: Arc<str>,
    since: Timestamp,
}

/// Tells `story` in a namespace of its own, beside other tests that use the same operator. `test` is its file's name.
pub async fn in_namespace(test: &str, story: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let _turn = Turn::shared().await?;
    let client = connect().await?;
    operator::ensure_installed(&client).await?;
    tell(client, test, story).await
}

/// As `in_namespace`, while no other test runs: for what disturbs the operator or must not be disturbed by its other work.
pub async fn alone(test: &str, story: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let _turn = Turn::alone().await?;
    let client = connect().await?;
    operator::ensure_installed(&client).await?;
    tell(client, test, story).await
}

/// As `alone`, for a test that installs the operator itself: nothing is installed before, and whatever it leaves is
/// replaced by the suite's own release before the next test.
pub async fn alone_without_operator(test: &str, story: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let _turn = Turn::alone().await?;
    operator::forget_installed().await;
    tell(connect().await?, test, story).await
}

async fn tell(client: Client, test: &str, story: impl AsyncFnOnce(Namespace) -> Result<()>) -> Result<()> {
    let _stopwatch = Stopwatch::start();
    let namespace = Namespace::create(client, test).await?;
    // The panic of a failed assertion is held back until the state has been shown.
    let told = AssertUnwindSafe(story(namespace.clone())).catch_unwind().await;
    if !matches!(told, Ok(Ok(()))) {
        show(&namespace.report().await);
    }
    let cleaned = namespace.clean_up().await;
    told.unwrap_or_else(|panic| resume_unwind(panic))?;
    cleaned
}

#[expect(clippy::print_stderr, reason = "the test harness captures it and shows it when the test has failed")]
fn show(text: &str) {
    eprintln!("{text}");
}

async fn connect() -> Result<Client> {
    // One implementation of TLS for all clients of this process; a second call finds it set already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::try_default().await.context(
        "failed to find a cluster: `make cluster-up` makes one and `. .cluster/env` points to it, or set KUBECONFIG",
    )
}

impl Namespace {
    async fn create(client: Client, test: &str) -> Result<Self> {
        let namespace = Self::create_bare(client, test).await?;
        // A Pod is refused as long as the namespace has no default ServiceAccount.
        until(&namespace.api::<ServiceAccount>(), "default", "the controller manager to make it", |_| true).await?;
        Ok(namespace)
    }

    /// Tells `story` in another namespace beside this one. `test` is its file's name.
    pub async fn with_another(&self, test: &str, story: impl AsyncFnOnce(Self) -> Result<()>) -> Result<()> {
        let another = Self::create(self.client.clone(), test).await?;
        let told = story(another.clone()).await;
        let cleaned = another.clean_up().await;
        told.and(cleaned)
    }

    /// A namespace as the API server makes it, without what controllers put into it.
    pub(crate) async fn create_bare(client: Client, test: &str) -> Result<Self> {
        let name = format!("{}-{}", test.replace('_', "-"), random_word());
        let object: NamespaceObject = serde_json::from_value(json!({
            "metadata": {
                "name": name,
                "labels": {
                    TEST_LABEL: test,
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/enforce-version": "latest",
                },
            },
        }))?;
        let all: Api<NamespaceObject> = Api::all(client.clone());
        all.create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("failed to create Namespace {name}"))?;
        Ok(Self { client, name: name.into(), since: Timestamp::now() })
    }

    /// Removes the namespace and waits for the end, so that the next test is not disturbed by its going.
    async fn clean_up(&self) -> Result<()> {
        if keep() {
            show(&format!("KEEP: kubectl delete namespace {} (or all: -l {TEST_LABEL})", self.name));
            return Ok(());
        }
        let all: Api<NamespaceObject> = Api::all(self.client.clone());
        all.delete(&self.name, &DeleteParams::default()).await?;
        until_gone(&all, &self.name).await
    }

    /// What a person needs to see of it when a test has failed.
    pub(crate) async fn report(&self) -> String {
        report::of(self, self.since).await
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objects of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates one object from YAML; its namespace is this one.
    pub async fn create_object<K>(&self, yaml: &str) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Serialize + Clone + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let object: K = manifest::parse(yaml)?;
        let created = self.api().create(&PostParams::default(), &object).await;
        created.with_context(|| format!("failed to create:\n{yaml}"))
    }

    /// Writes a Secret as a user would, and replaces the values of one that exists.
    pub async fn put_secret<'a>(
        &self,
        name: &str,
        type_: &str,
        values: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<()> {
        let values: serde_json::Map<_, _> = values.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "type": type_,
            "stringData": values,
        });
        let how = PatchParams::apply("a-user").force();
        let written = self.api::<Secret>().patch(name, &how, &Patch::Apply(secret)).await;
        written.map(drop).with_context(|| format!("failed to write Secret {}/{name}", self.name))
    }

    /// A `PrivateRegistry` of this name, to be told what is special about it.
    pub fn registry(&self, name: &str) -> RegistryRequest {
        RegistryRequest::new(self.clone(), name)
    }
}
