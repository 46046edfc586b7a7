//! A namespace beside the test's own, with what copies of pull Secrets are about.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, ServiceAccount};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};
use support::control_plane::Stage;
use support::credentials::Credentials;
use support::registry::Registry;
use support::wait::{eventually, until, until_gone};

/// On a namespace: it takes copies.
pub(crate) const TAKES: &str = "privateregistry.io/pull-secrets";

/// A namespace, whose name starts with that of the test's own.
pub(crate) struct Place {
    client: Client,
    /// Its name.
    pub(crate) name: String,
}

impl Place {
    /// A new namespace with these labels.
    pub(crate) async fn new(stage: &Stage<'_>, suffix: &str, labels: Value) -> Result<Self> {
        let client = stage.namespace.client.clone();
        let name = format!("{}-{suffix}", stage.namespace.name());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        Ok(Self { client, name })
    }

    /// The test's own namespace, or one that every cluster has.
    pub(crate) fn existing(stage: &Stage<'_>, name: &str) -> Self {
        Self { client: stage.namespace.client.clone(), name: name.to_owned() }
    }

    /// Changes labels; null removes one.
    pub(crate) async fn label(&self, labels: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        Api::<Namespace>::all(self.client.clone()).patch(&self.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Has the namespace deleted, which takes for ever without a controller manager.
    pub(crate) async fn start_deletion(&self) -> Result<()> {
        Api::<Namespace>::all(self.client.clone()).delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    fn accounts(&self) -> Api<ServiceAccount> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Makes a service account that pulls with a Secret of its own.
    pub(crate) async fn add_account(&self, name: &str) -> Result<ServiceAccount> {
        let account = json!({"metadata": {"name": name}, "imagePullSecrets": [{"name": "theirs"}]});
        let created = self.accounts().create(&PostParams::default(), &serde_json::from_value(account)?).await;
        created.with_context(|| format!("failed to create ServiceAccount {}/{name}", self.name))
    }

    /// Has a service account pull with these alone.
    pub(crate) async fn set_account_secrets(&self, name: &str, secrets: &[&str]) -> Result<()> {
        let entries: Vec<_> = secrets.iter().map(|secret| json!({"name": secret})).collect();
        let patch = Patch::Merge(json!({"imagePullSecrets": entries}));
        self.accounts().patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    pub(crate) async fn account(&self, name: &str) -> Result<ServiceAccount> {
        Ok(self.accounts().get(name).await?)
    }

    /// Waits until a service account pulls with exactly these.
    pub(crate) async fn until_account_pulls_with(&self, account: &str, wanted: &[&str]) -> Result<ServiceAccount> {
        let what = format!("imagePullSecrets {wanted:?}");
        until(&self.accounts(), account, &what, |account: &ServiceAccount| {
            account.image_pull_secrets.iter().flatten().map(|entry| entry.name.as_str()).eq(wanted.iter().copied())
        })
        .await
    }

    /// Waits until the copy has what the registry's pull Secret tells its own namespace, and returns it.
    pub(crate) async fn until_copy_of(&self, registry: &Registry) -> Result<Secret> {
        eventually(&format!("a copy in {}", self.name), async || {
            let copy = self.secrets().get(&copy_name(registry)).await?;
            let [told, copied] = [registry.credentials("pull").await?, Credentials::of(&copy)?];
            ensure!(told.password == copied.password, "its password is not the one that clients are told");
            Ok(copy)
        })
        .await
    }

    /// Waits until there is no copy.
    pub(crate) async fn until_no_copy_of(&self, registry: &Registry) -> Result<()> {
        until_gone(&self.secrets(), &copy_name(registry)).await
    }

    /// Names of the Secrets here.
    pub(crate) async fn secret_names(&self) -> Result<Vec<String>> {
        Ok(self
            .secrets()
            .list_metadata(&kube::api::ListParams::default())
            .await?
            .iter()
            .map(|secret| secret.name_any())
            .collect())
    }
}

/// What copies of this registry's pull Secret are called.
pub(crate) fn copy_name(registry: &Registry) -> String {
    // `<name>.<namespace>.svc.cluster.local`
    let mut parts = registry.host().split('.').map(str::to_owned).collect::<Vec<_>>();
    parts.truncate(2);
    format!("{}.pull", parts.join("."))
}

/// Waits until the status answers the present spec and says that so many namespaces have a copy and so many fail.
pub(crate) async fn until_counted(registry: &Registry, namespaces: u32, failing: u32) -> Result<()> {
    let wanted = json!({"namespaces": namespaces, "failing": failing});
    let told = |object: &DynamicObject| {
        let status = &object.data["status"];
        status["pullSecrets"] == wanted && status["observedGeneration"] == json!(object.meta().generation)
    };
    registry.until(&format!("status.pullSecrets {wanted}"), told).await.map(drop)
}

/// Waits until the registry has, or has no more, the finalizer.
pub(crate) async fn until_finalizer(registry: &Registry, wanted: bool) -> Result<()> {
    let what = if wanted { "the finalizer" } else { "no finalizer" };
    registry.until(what, |object| object.finalizers().iter().any(|name| name == TAKES) == wanted).await.map(drop)
}
