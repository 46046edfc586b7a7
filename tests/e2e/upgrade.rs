//! An upgrade of the operator disturbs nobody; one of the server, and the way back, cost the seconds that its Pod needs.

mod puller;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use support::crane::Crane;
use support::figure::figure;
use support::image::Image;
use support::namespace::{Namespace, alone_without_operator};
use support::operator;
use support::registry::Registry;
use support::wait::{until, until_gone};

use self::puller::Puller;
use crate::push_pull::on_node_port;

/// The longest that a registry may be gone because its Pod is replaced, on a busy machine: less than the drain, so that nobody
/// waits for clients that want nothing.
const LONGEST_GAP: Duration = Duration::from_secs(18);

#[tokio::test(flavor = "multi_thread")]
async fn pulls_go_on_through_upgrades_of_the_operator_and_soon_after_those_of_the_server() -> Result<()> {
    alone_without_operator("upgrade", async |namespace| {
        operator::install(&[]).await?;
        // A node port leads through the Service, as everything but a port-forward does.
        let (team, address) = on_node_port(&namespace).await?;
        Crane::with(&team, "push").await?.push(&Image::random(1, 1 << 20)?, "app:1").await?;
        let puller = Puller::start(&team, address).await?;
        puller.pulls().await?;
        let first = team.pod().await?;

        operator::install(&["log.level=debug"]).await?;
        works(&namespace).await?;
        ensure!(team.pod().await?.uid() == first.uid(), "an upgrade of the operator has replaced the server's Pod");
        let pulls = puller.pulls().await?;
        ensure!(pulls.failed.is_empty(), "pulls have failed: {:?}", pulls.failed);
        figure("upgrade: pulls during one of the operator, of which none failed", pulls.succeeded());

        operator::install(&["log.level=debug", &other_name(&server_image(&first)?)?]).await?;
        let second = replaced(&namespace, &team, &first).await?;
        bounded("upgrade: seconds without a pull when the server's image changes", &puller).await?;
        ensure!(server_image(&second)? != server_image(&first)?, "the server's image has not changed");

        operator::roll_back().await?;
        let third = replaced(&namespace, &team, &second).await?;
        bounded("upgrade: seconds without a pull when it is rolled back", &puller).await?;
        ensure!(server_image(&third)? == server_image(&first)?, "the server's image is not the one of before");
        Ok(())
    })
    .await
}

/// Waits until the operator has put something right: the one that is there now works.
async fn works(namespace: &Namespace) -> Result<()> {
    let accounts = namespace.api::<ServiceAccount>();
    let before = accounts.get("team").await?.uid();
    accounts.delete("team", &DeleteParams::default()).await?;
    until(&accounts, "team", "being made anew", |account: &ServiceAccount| account.uid() != before).await.map(drop)
}

/// Shows how long nothing could be pulled, which must not be long.
async fn bounded(what: &str, puller: &Puller) -> Result<()> {
    let gap = puller.pulls().await?.gap();
    figure(what, format_args!("{:.1}", gap.as_secs_f64()));
    ensure!(gap < LONGEST_GAP, "for {gap:.1?} nothing could be pulled");
    Ok(())
}

/// The server's image of a Pod, as its spec names it.
fn server_image(pod: &Pod) -> Result<String> {
    let image = pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.clone());
    image.with_context(|| format!("Pod {} has no image", pod.name_any()))
}

/// The chart's value for another name of the same image: with the registry that is meant where none is named, or with the port
/// that is meant where none is.
fn other_name(image: &str) -> Result<String> {
    let (repository, _) = image.rsplit_once(':').context("an image without a tag")?;
    let other = match repository.split_once('/') {
        Some((registry, _)) if registry.contains(':') => anyhow::bail!("{registry} has no other name"),
        Some((registry, path)) if registry.contains('.') => format!("{registry}:443/{path}"),
        _ => format!("docker.io/{repository}"),
    };
    Ok(format!("serverImage.repository={other}"))
}

/// Waits until another Pod than `before` serves.
async fn replaced(namespace: &Namespace, team: &Registry, before: &Pod) -> Result<Pod> {
    until_gone(&namespace.api::<Pod>(), &before.name_any()).await?;
    team.until_ready().await?;
    team.pod().await
}
