//! The requests about what nodes are told, in the operator's own namespace.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};

use crate::{
    names::{FIELD_MANAGER, RegistryName, label},
    node_trust::config_map,
};

/// Why nodes are not told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("failed to {verb} ConfigMap {namespace}/{name}")]
    Request {
        /// What was to be done.
        verb: &'static str,
        /// The operator's namespace.
        namespace: String,
        /// Name of the object.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
    /// Somebody else's object has the name.
    #[error("ConfigMap {namespace}/{name} exists and is not the operator's: delete it, or rename it")]
    Taken {
        /// The operator's namespace.
        namespace: String,
        /// Name of the object.
        name: String,
    },
    /// The Pods on nodes could not be listed.
    #[error("failed to list the Pods on nodes")]
    Pods(#[source] kube::Error),
    /// The finalizer could not be removed.
    #[error("failed to remove the finalizer of PrivateRegistry {registry}")]
    Finalizer {
        /// Whose.
        registry: RegistryName,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
}

/// Requests on behalf of one registry.
pub(super) struct Requests<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: &'a str,
    pub(super) registry: &'a RegistryName,
}

impl Requests<'_> {
    /// Writes the object, of which the watch knows that it is ours or shows none. Returns its version.
    pub(super) async fn put(&self, object: &ConfigMap, is_ours: bool) -> Result<String, Error> {
        let name = object.name_any();
        if !is_ours {
            let found = self.objects().get_metadata_opt(&name).await.map_err(self.error("get"))?;
            let manager = found.as_ref().map(|found| found.labels().get(label::MANAGED_BY).map(String::as_str));
            if manager.is_some_and(|manager| manager != Some(FIELD_MANAGER)) {
                return Err(Error::Taken { namespace: self.namespace.to_owned(), name });
            }
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied = self.objects().patch(&name, &parameters, &Patch::Apply(object)).await;
        Ok(applied.map_err(self.error("apply"))?.resource_version().unwrap_or_default())
    }

    /// Deletes the object, if it is there and ours.
    pub(super) async fn delete(&self) -> Result<(), Error> {
        let name = self.registry.node_trust_config_map();
        let Some(found) = self.objects().get_opt(&name).await.map_err(self.error("get"))? else { return Ok(()) };
        if config_map::registry(&found).ok().as_ref() != Some(self.registry) {
            return Ok(());
        }
        match self.objects().delete(&name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            deleted => deleted.map(drop).map_err(self.error("delete")),
        }
    }

    fn objects(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    fn error(&self, verb: &'static str) -> impl FnOnce(kube::Error) -> Error {
        let (namespace, name) = (self.namespace.to_owned(), self.registry.node_trust_config_map());
        move |source| Error::Request { verb, namespace, name, source }
    }
}
