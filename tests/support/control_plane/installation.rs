//! What the shipped manifests put into a cluster before the operator's Pod: its definition, its account and its rights.

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::conditions::is_crd_established;
use kube::{Api, Client, ResourceExt as _};

use crate::wait::until;
use crate::{manifest, root};

/// The kinds of `deploy/install.yaml` that are not the operator's own Pod and what leads to it, in the order in which they
/// need each other.
const KINDS: [&[&str]; 2] = [
    &["CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterRoleBinding"],
    &["ServiceAccount", "Role", "RoleBinding"],
];

/// Applies them, and waits until the definition is served.
pub(super) async fn install(client: &Client) -> Result<()> {
    let shipped = manifest::parse_all(&std::fs::read_to_string(root().join("deploy/install.yaml"))?)?;
    let kind = |object: &DynamicObject| object.types.clone().unwrap_or_default().kind;
    for kinds in KINDS {
        let objects = shipped.iter().filter(|object| kinds.contains(&kind(object).as_str()));
        try_join_all(objects.map(|object| apply(client, object))).await?;
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let served = |definition: &CustomResourceDefinition| {
        kube::runtime::wait::Condition::matches_object(&is_crd_established(), Some(definition))
    };
    until(&definitions, "privateregistries.privateregistry.io", "being served", served).await?;
    Ok(())
}

/// Server-side apply of one object of a kind whose plural is regular.
pub(super) async fn apply(client: &Client, object: &DynamicObject) -> Result<DynamicObject> {
    let types = object.types.clone().context("an object without a kind")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types)?);
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let applied = api.patch(&object.name_any(), &PatchParams::apply("test").force(), &Patch::Apply(object)).await;
    applied.with_context(|| format!("failed to apply {} {}", types.kind, object.name_any()))
}
