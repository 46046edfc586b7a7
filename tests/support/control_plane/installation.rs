//! What the shipped manifests put into a cluster before the operator's Pod: its definition, its account and its rights.

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::command::{command, run};
use crate::operator::{NAMESPACE, RELEASE};
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

/// Replaces the operator's rights in all namespaces by those that the chart gives for `namespace`.
pub(super) async fn grant_in_namespace(client: &Client, namespace: &str) -> Result<()> {
    let everywhere: Api<ClusterRoleBinding> = Api::all(client.clone());
    everywhere.delete(RELEASE, &DeleteParams::default()).await?;
    let chart = root().join("charts").join(RELEASE);
    let mut helm = command("helm", ["template", RELEASE, "--namespace", NAMESPACE]);
    helm.arg(chart).args(["--set", &format!("watchNamespaces={{{namespace}}}")]);
    for object in manifest::parse_all(&run(helm).await?)? {
        let kind = object.types.clone().unwrap_or_default().kind;
        if ["Role", "RoleBinding"].contains(&kind.as_str()) && object.namespace().as_deref() == Some(namespace) {
            apply(client, &object).await?;
        }
    }
    Ok(())
}

/// Changes what the operator may do to `resource` in all namespaces. Returns what it was allowed before.
pub(super) async fn set_verbs(client: &Client, resource: &str, verbs: &[String]) -> Result<Vec<String>> {
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let mut role = roles.get(RELEASE).await?;
    let rules = role.rules.get_or_insert_default();
    let about = |rule: &&mut PolicyRule| rule.resources.iter().flatten().any(|known| known == resource);
    let rule = rules.iter_mut().find(about).with_context(|| format!("no rule about {resource}"))?;
    let before = rule.verbs.clone();
    let alone = PolicyRule { resources: Some(vec![resource.to_owned()]), verbs: verbs.to_vec(), ..rule.clone() };
    // The others that the rule is about keep theirs.
    rule.resources.iter_mut().for_each(|resources| resources.retain(|known| known != resource));
    rules.retain(|rule| rule.resources.as_ref().is_some_and(|resources| !resources.is_empty()));
    rules.push(alone);
    roles.replace(RELEASE, &PostParams::default(), &role).await?;
    Ok(before)
}

/// Takes the schema out of the definition, or puts it back.
pub(super) async fn admit_everything(client: &Client, everything: bool) -> Result<()> {
    let shipped = manifest::parse(&std::fs::read_to_string(root().join("crds/privateregistries.yaml"))?)?;
    let mut definition: DynamicObject = shipped;
    if everything {
        let open = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let version = definition.data.pointer_mut("/spec/versions/0").context("a definition without a version")?;
        version["schema"] = open;
        version["subresources"] = json!({"status": {}}); // the scale subresource would look into what is stored
    }
    apply(client, &definition).await.map(drop)
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
