//! A child that somebody deletes or edits comes back as it was.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use support::namespace::{Namespace, in_namespace};
use support::registry::ensure_same;
use support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn deleted_children_come_back() -> Result<()> {
    in_namespace("drift", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let children = team.children().await?;

        let deleted = DeleteParams::default();
        namespace.api::<Deployment>().delete("team", &deleted).await?;
        namespace.api::<Service>().delete("team", &deleted).await?;
        namespace.api::<ServiceAccount>().delete("team", &deleted).await?;
        namespace.api::<ConfigMap>().delete("team-config", &deleted).await?;
        for secret in ["team-tls", "team-htpasswd", "team-http", "team-credentials", "team-pull", "team-push"] {
            namespace.api::<Secret>().delete(secret, &deleted).await?;
        }

        team.until_children(&children).await?;
        team.until_ready().await?;
        ensure_same(&children, &team.children().await?)?;
        let push = team.credentials("push").await?;
        team.eventually_accepts("push", &push.password).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_children_are_put_right() -> Result<()> {
    in_namespace("drift", async |namespace| {
        let team = namespace.registry("team").ready().await?;

        edit::<Service>(
            &namespace,
            "team",
            json!({"spec": {"ports": [{"name": "registry", "port": 443, "targetPort": 9999}]}}),
        )
        .await?;
        until(&namespace.api::<Service>(), "team", "its own target port", |service: &Service| {
            let port = service.spec.as_ref().and_then(|spec| spec.ports.as_ref()?.first()?.target_port.clone());
            port.is_some_and(|port| serde_json::to_value(port).is_ok_and(|port| port != 9999))
        })
        .await?;

        edit::<ConfigMap>(&namespace, "team-config", json!({"data": {"config.yml": "version: 0.1"}})).await?;
        until(&namespace.api::<ConfigMap>(), "team-config", "its own configuration", |config: &ConfigMap| {
            config.data.as_ref().and_then(|data| data.get("config.yml")).is_some_and(|text| text.contains("htpasswd"))
        })
        .await?;

        edit::<Deployment>(&namespace, "team", json!({"spec": {"replicas": 3}})).await?;
        until(&namespace.api::<Deployment>(), "team", "one replica", |deployment: &Deployment| {
            deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(1)
        })
        .await?;

        team.until_ready().await?;
        let push = team.credentials("push").await?;
        team.eventually_accepts("push", &push.password).await
    })
    .await
}

/// What `kubectl edit` does.
async fn edit<K>(namespace: &Namespace, name: &str, change: serde_json::Value) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
    K::DynamicType: Default,
{
    let how = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    namespace.api::<K>().patch(name, &how, &Patch::Merge(change)).await?;
    Ok(())
}
