//! An operator that was given one namespace keeps the registries in it, has no right elsewhere and misses none.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use support::crane::Crane;
use support::image::Image;
use support::namespace::{Namespace, alone_without_operator};
use support::operator;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_namespace_serves_it_by_roles_alone_and_leaves_others_alone() -> Result<()> {
    alone_without_operator("namespaced", async |namespace| {
        namespace.with_another("namespaced", async |elsewhere| works_in_one(&namespace, &elsewhere).await).await
    })
    .await
}

async fn works_in_one(namespace: &Namespace, elsewhere: &Namespace) -> Result<()> {
    operator::install(&[&format!("watchNamespaces={{{}}}", namespace.name())]).await?;
    let stranger = elsewhere.registry("stranger").created().await?;
    let team = namespace.registry("team").ready().await?;
    let image = Image::random(2, 1 << 20)?;
    Crane::with(&team, "push").await?.push(&image, "app:1").await?;
    Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await?;

    ensure!(stranger.object().await?.data["status"]["conditions"].is_null(), "a registry elsewhere was looked at");
    ensure!(stranger.children().await?.is_empty(), "a registry elsewhere has children");
    let everywhere = Api::<ClusterRoleBinding>::all(namespace.client.clone()).get_opt(operator::RELEASE).await?;
    ensure!(everywhere.is_none(), "it has a ClusterRoleBinding");
    ensure!(may_read_secrets(namespace).await?, "it may not read Secrets where it works");
    ensure!(!may_read_secrets(elsewhere).await?, "it may read Secrets elsewhere");
    let metrics = operator::metrics(&namespace.client).await?;
    let is_refusal = |line: &&str| line.contains("api_errors_total{") && line.contains("code=\"403\"");
    ensure!(!metrics.lines().any(|line| is_refusal(&line)), "it was refused something:\n{metrics}");
    // Its Roles are in namespaces that go now.
    operator::uninstall().await
}

/// Whether the operator's account may read the Secrets of a namespace.
async fn may_read_secrets(namespace: &Namespace) -> Result<bool> {
    let account = format!("system:serviceaccount:{}:{}", operator::NAMESPACE, operator::RELEASE);
    let asked = json!({"verb": "get", "resource": "secrets", "namespace": namespace.name()});
    let review = json!({"metadata": {}, "spec": {"user": account, "resourceAttributes": asked}});
    let reviews: Api<SubjectAccessReview> = Api::all(namespace.client.clone());
    let review = reviews.create(&PostParams::default(), &serde_json::from_value(review)?).await?;
    Ok(review.status.context("a review without an answer")?.allowed)
}
