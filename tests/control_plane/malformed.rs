//! Objects of every watched kind that nobody should have written: the watches go on, and other registries are served.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::json;
use support::control_plane::{Options, beside_a_registry, on_control_plane, on_own_control_plane};
use support::registry::resource;
use support::wait::until;

/// Objects that carry the operator's labels and none of its content. `{name}` is different for each.
const STRAY: [&str; 4] =
    ["a.name.of.no.registry", "--------", "0123456789012345678901234567890123456789012345678901234567890123456789", ""];

#[tokio::test]
async fn a_resource_that_no_schema_would_admit_does_not_stop_others() -> Result<()> {
    on_own_control_plane("no_schema", Options::default(), async |stage| {
        let namespace = &stage.namespace;
        stage.plane.admit_everything(true).await?;
        let registries: Api<DynamicObject> =
            Api::namespaced_with(namespace.client.clone(), namespace.name(), &resource());
        for (number, spec) in [json!(7), json!({"replicas": "many"}), json!({"storage": [1, 2]}), json!({"auth": null})]
            .into_iter()
            .enumerate()
        {
            let mut object = DynamicObject::new(&format!("malformed-{number}"), &resource());
            object.data = json!({"spec": spec});
            registries.create(&PostParams::default(), &object).await.context("a malformed resource")?;
        }
        stage.plane.admit_everything(false).await?;

        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        namespace.registry("well-formed").ready().await?;
        assert!(operator.log().contains("waiting for a correction"), "{}", operator.log());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_spec_that_an_older_definition_has_let_through_is_told_and_waits_for_its_correction() -> Result<()> {
    on_own_control_plane("older_definition", Options::default(), async |stage| {
        stage.plane.admit_everything(true).await?;
        let spec = "{tls: {disabled: true, secretRef: {name: own}}}";
        let team = stage.namespace.registry("team").spec(spec)?.created().await?;
        stage.plane.admit_everything(false).await?;

        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let told = team.until_condition("Stalled", "True", "spec.tls takes one of").await?;
        assert_eq!(told["reason"], "InvalidSpec");
        operator.until_at_rest(Duration::from_secs(5)).await?;
        team.apply(json!({})).await?;
        team.until_ready().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn strangers_that_carry_the_operator_s_labels_are_left_alone() -> Result<()> {
    on_control_plane("strangers", async |stage| {
        let namespace = &stage.namespace;
        let operator = stage.operator()?.start().await?;
        for (number, instance) in STRAY.iter().enumerate() {
            let instance = instance.get(..instance.len().min(63)).unwrap_or_default();
            let labels = json!({
                "app.kubernetes.io/managed-by": "private-registry-operator",
                "app.kubernetes.io/instance": instance.trim_matches('-'),
            });
            let metadata = json!({"name": format!("stranger-{number}"), "labels": labels, "ownerReferences": [{
                "apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry", "name": "Not A Name!", "uid": "none",
            }]});
            let create = json!({ "metadata": metadata });
            post::<ConfigMap>(namespace.api(), &create).await?;
            post::<Secret>(namespace.api(), &create).await?;
            post::<ServiceAccount>(namespace.api(), &create).await?;
            let service = json!({"metadata": metadata, "spec": {"ports": [{"port": 1}]}});
            post::<Service>(namespace.api(), &service).await?;
            let claim = json!({"metadata": metadata, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}});
            post::<PersistentVolumeClaim>(namespace.api(), &claim).await?;
            let deployment = json!({"metadata": metadata, "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
            post::<Deployment>(namespace.api(), &deployment).await?;
        }
        let _controllers = stage.play_controllers();
        namespace.registry("team").ready().await?;
        until(&namespace.api::<Deployment>(), "stranger-0", "being left alone", |_| true).await?;
        assert_eq!(operator.sum("watch_errors_total", "").await?, 0.0);
        Ok(())
    })
    .await
}

async fn post<K: support::wait::Watched>(api: Api<K>, object: &serde_json::Value) -> Result<()> {
    let object: K = serde_json::from_value(object.clone())?;
    api.create(&PostParams::default(), &object).await.map(drop).context("a stranger")
}

#[tokio::test]
async fn children_with_garbage_in_them_are_made_anew() -> Result<()> {
    beside_a_registry("garbage", "{}", async |stage, team| {
        let secrets: Api<Secret> = stage.namespace.api();
        let garbage = |key: &str| json!({"stringData": {key: "\u{7}\n-----BEGIN NOTHING-----"}});
        for (name, key) in [
            ("team-tls", "tls.crt"),
            ("team-pull", "password"),
            ("team-htpasswd", "htpasswd"),
            ("team-htpasswd", "access.yml"),
        ] {
            let before = secrets.get(name).await?.data;
            secrets.patch(name, &PatchParams::default(), &Patch::Merge(garbage(key))).await?;
            let mended = |secret: &Secret| {
                let value = secret.data.as_ref().and_then(|data| data.get(key));
                value.is_some_and(|value| !value.0.starts_with(b"\x07")) && before.is_some()
            };
            until(&secrets, name, &format!("{key} made anew"), mended).await?;
        }
        team.until_ready().await.map(drop)
    })
    .await
}
