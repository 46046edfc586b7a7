//! The definition as people install it by hand.

use anyhow::Result;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::on_control_plane;
use support::root;

/// Where `kubectl apply` keeps what it was given last: the whole object, in an annotation.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[tokio::test]
async fn the_definition_can_be_applied_by_the_client_side_too() -> Result<()> {
    on_control_plane("definition", async |stage| {
        let written = std::fs::read_to_string(root().join("crds/privateregistries.yaml"))?;
        let written: Value = serde_saphyr::from_str(&written)?;
        let annotated = json!({"metadata": {"annotations": {LAST_APPLIED: written.to_string()}}});
        let api = Api::<CustomResourceDefinition>::all(stage.namespace.client.clone());
        // Without effect: the definition is shared.
        let how = PatchParams { dry_run: true, ..PatchParams::default() };
        let name = "privateregistries.privateregistry.io";
        let applied = api.patch(name, &how, &Patch::Merge(&annotated)).await?;
        assert!(applied.metadata.annotations.is_some_and(|annotations| annotations.contains_key(LAST_APPLIED)));
        Ok(())
    })
    .await
}
