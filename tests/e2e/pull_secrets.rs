//! Pods of another namespace pull with a copy of the pull Secret that their service account names.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use support::crane::Crane;
use support::image::Image;
use support::manifest;
use support::namespace::{Namespace, TEST_LABEL, in_namespace};
use support::wait::{until, until_gone};

use crate::run_a_pod::deployment;

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_another_namespace_pulls_without_naming_a_secret() -> Result<()> {
    in_namespace("pull_secrets", async |home| {
        let shop = format!("{}-shop", home.name());
        let told = pulls_in(&home, &shop).await;
        let all: Api<NamespaceObject> = Api::all(home.client.clone());
        all.delete(&shop, &DeleteParams::default()).await?;
        told?;
        until_gone(&all, &shop).await
    })
    .await
}

async fn pulls_in(home: &Namespace, shop: &str) -> Result<()> {
    let namespace = json!({"metadata": {"name": shop, "labels": {
        TEST_LABEL: "pull_secrets",
        "privateregistry.io/pull-secrets": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
    }}});
    let all: Api<NamespaceObject> = Api::all(home.client.clone());
    all.create(&PostParams::default(), &serde_json::from_value(namespace)?).await?;
    let spec = format!(
        "{{nodeTrust: {{}}, pullSecrets: {{serviceAccounts: [default], namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {shop}}}}}}}}}"
    );
    let team = home.registry("team").spec(&spec)?.ready().await?;
    Crane::with(&team, "push").await?.push(&Image::app()?, "app:1").await?;
    team.until_condition("NodesTrusted", "True", "nodes find the registry").await?;

    let copy = format!("team.{}.pull", home.name());
    let accounts: Api<ServiceAccount> = Api::namespaced(home.client.clone(), shop);
    let entries = |account: &ServiceAccount| -> Vec<String> {
        account.image_pull_secrets.iter().flatten().map(|entry| entry.name.clone()).collect()
    };
    until(&accounts, "default", "the entry of the registry", |account| entries(account) == [copy.clone()]).await?;
    let deployments: Api<Deployment> = Api::namespaced(home.client.clone(), shop);
    let app = manifest::parse(&deployment(&team.host(), "serviceAccountName: default"))?;
    deployments.create(&PostParams::default(), &app).await?;
    until(&deployments, "app", "two available Pods", |deployment: &Deployment| {
        deployment.status.as_ref().and_then(|status| status.available_replicas) == Some(2)
    })
    .await?;

    team.delete().await?;
    until_gone(&Api::<Secret>::namespaced(home.client.clone(), shop), &copy).await?;
    until(&accounts, "default", "no entry", |account| entries(account).is_empty()).await.map(drop)
}
