//! The requests that reach into other namespaces. Each is guarded by the version that was seen: what has changed meanwhile is left
//! alone and looked at again.
//!
//! Not server-side apply: it would make an object that is not there, and take over one that somebody else has just made.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use super::{
    plan::{Account, Edit},
    reach,
};
use crate::{
    controller::{apply::is_namespace_terminating, chain, stores::Known},
    names::{FIELD_MANAGER, RegistryName, annotation, key},
};

/// What a copy holds.
pub(super) type Content = BTreeMap<String, ByteString>;

/// Why something was not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is gone, or its namespace is going: nothing is missing.
    Gone,
    /// It has changed meanwhile.
    Changed,
    /// A Secret that is not ours has the name.
    Taken,
    /// What the API server said.
    Failed(String),
}

impl From<kube::Error> for Refusal {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 404 => Self::Gone,
            kube::Error::Api(status) if status.code == 409 => Self::Changed,
            error if is_namespace_terminating(error) => Self::Gone,
            error => Self::Failed(chain(error)),
        }
    }
}

/// Requests on behalf of one registry.
pub(super) struct Requests<'a> {
    pub(super) client: &'a Client,
    pub(super) registry: &'a RegistryName,
}

impl Requests<'_> {
    /// What a copy is called, for people.
    pub(super) fn what(&self) -> String {
        format!("Secret {}", self.registry.pull_secret_copy())
    }

    /// Makes or changes the copy in `namespace`, of which `version` is there. Returns its new version.
    pub(super) async fn put(
        &self,
        namespace: &str,
        version: Option<&str>,
        content: &Content,
    ) -> Result<String, Refusal> {
        let Some(version) = version else { return self.create(namespace, content).await };
        match self.update(namespace, version, content).await {
            // Deleted meanwhile.
            Err(Refusal::Gone) => self.create(namespace, content).await,
            result => result,
        }
    }

    async fn create(&self, namespace: &str, content: &Content) -> Result<String, Refusal> {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(self.registry.pull_secret_copy()),
                labels: Some(self.registry.copy_labels()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
            data: Some(content.clone()),
            ..Secret::default()
        };
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match self.secrets(namespace).create(&parameters, &secret).await {
            Ok(secret) => Ok(secret.resource_version().unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                let version = self.version_of_ours(namespace).await?;
                self.update(namespace, &version, content).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The version of a Secret that the watch does not show yet, if it is a copy of ours.
    async fn version_of_ours(&self, namespace: &str) -> Result<String, Refusal> {
        let secret = self.secrets(namespace).get_metadata(&self.registry.pull_secret_copy()).await?;
        match reach::found_secret(&Known::of(&secret), self.registry) {
            Some(found) if found.ours => Ok(found.resource_version),
            _ => Err(Refusal::Taken),
        }
    }

    async fn update(&self, namespace: &str, version: &str, content: &Content) -> Result<String, Refusal> {
        let mut data = json!(content);
        if !content.contains_key(key::AUTHORITY) {
            data[key::AUTHORITY] = Value::Null;
        }
        let labels = self.registry.copy_labels();
        let patch = json!({"metadata": {"resourceVersion": version, "labels": labels}, "data": data});
        let copy = self.registry.pull_secret_copy();
        let secret = self.secrets(namespace).patch(&copy, &parameters(), &Patch::Merge(patch)).await?;
        Ok(secret.resource_version().unwrap_or_default())
    }

    /// Deletes the copy in `namespace` if it has still this version.
    pub(super) async fn delete(&self, namespace: &str, version: &str) -> Result<(), Refusal> {
        let preconditions = Preconditions { uid: None, resource_version: Some(version.to_owned()) };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        let deleted = self.secrets(namespace).delete(&self.registry.pull_secret_copy(), &parameters).await;
        deleted.map(drop).map_err(Refusal::from)
    }

    /// Writes the entries of a service account, all of them: the list can only be replaced.
    pub(super) async fn edit(&self, edit: &Edit) -> Result<Account, Refusal> {
        let entries: Vec<_> = edit.entries.iter().map(|name| json!({ "name": name })).collect();
        let added: Vec<_> = edit.added.iter().map(String::as_str).collect();
        let added = if added.is_empty() { Value::Null } else { json!(added.join(",")) };
        let patch = json!({
            "metadata": {
                "resourceVersion": edit.resource_version,
                "annotations": {annotation::IMAGE_PULL_SECRETS: added},
            },
            "imagePullSecrets": entries,
        });
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), &edit.namespace);
        Ok(accounts.patch(&edit.name, &parameters(), &Patch::Merge(patch)).await?.into())
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn parameters() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}
