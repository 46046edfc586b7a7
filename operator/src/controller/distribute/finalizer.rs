//! Finalizers of a registry that has something outside its namespace, or on a service account: owner references do not reach
//! there.

use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{FIELD_MANAGER, RegistryName},
};

/// Whether the registry has this one.
pub(in crate::controller) fn is_on(resource: &PrivateRegistry, finalizer: &str) -> bool {
    resource.finalizers().iter().any(|known| known == finalizer)
}

/// Adds or removes it. Those of others stay, because the patch is refused when they have changed meanwhile.
pub(in crate::controller) async fn set(
    client: &Client,
    resource: &PrivateRegistry,
    name: &RegistryName,
    finalizer: &str,
    on: bool,
) -> Result<(), kube::Error> {
    let others = resource.finalizers().iter().filter(|known| *known != finalizer).map(String::as_str);
    let finalizers: Vec<&str> = others.chain(on.then_some(finalizer)).collect();
    let patch = json!({"metadata": {"resourceVersion": resource.resource_version(), "finalizers": finalizers}});
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let registries = Api::<PrivateRegistry>::namespaced(client.clone(), &name.namespace);
    match registries.patch_metadata(&name.name, &parameters, &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // Deleted, which is what the removal is for.
        Err(kube::Error::Api(status)) if status.code == 404 && !on => Ok(()),
        Err(error) => Err(error),
    }
}
