//! Nodes follow a registry whose Service gets another address, and whose authority is replaced.

use anyhow::{Context as _, Result, ensure};
use futures::future::{join_all, try_join_all};
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::DeleteParams;
use support::namespace::{Namespace, alone};
use support::registry::Registry;
use support::wait::{eventually, until};

use crate::fleet::{Fleet, names, on_node, pull_on, trusted};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_a_service_that_gets_another_address() -> Result<()> {
    alone("another_address", async |namespace| {
        let nodes = names(&namespace.client).await?;
        let team = trusted(&namespace).await?;
        let fleet = Fleet::start(&namespace, &team).await?;
        fleet.until_on(nodes.len()).await?;

        let before = address(&namespace).await?;
        namespace.api::<Service>().delete("team", &DeleteParams::default()).await?;
        let has_another = |service: &Service| address_of(service).is_some_and(|address| address != before);
        until(&namespace.api::<Service>(), "team", "another address", has_another).await?;
        let now = address(&namespace).await?;
        for node in &nodes {
            eventually("the node to know the address, and the certificate to name it", async || {
                let hosts = format!("/etc/containerd/certs.d/{}/hosts.toml", team.host());
                let told = on_node(node, ["cat", &hosts]).await?;
                ensure!(told.contains(&now), "{node} is told {told}, not {now}");
                pull_on(node, &team).await
            })
            .await?;
        }
        fleet.replace(nodes.len()).await
    })
    .await
}

async fn address(namespace: &Namespace) -> Result<String> {
    address_of(&namespace.api::<Service>().get("team").await?).context("the Service has no address")
}

fn address_of(service: &Service) -> Option<String> {
    service.spec.as_ref()?.cluster_ip.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_fails_to_pull_while_the_authority_is_replaced() -> Result<()> {
    alone("another_authority", async |namespace| {
        let nodes = names(&namespace.client).await?;
        let team = trusted(&namespace).await?;
        let before = team.credentials("pull").await?.ca;
        let replaced = async {
            namespace.api::<Secret>().delete("team-ca", &DeleteParams::default()).await?;
            eventually("the first authority to be withdrawn", async || {
                ensure!(!team.credentials("pull").await?.ca.contains(before.trim()), "it is still told");
                Ok(())
            })
            .await
        };
        let pulling = try_join_all(nodes.iter().map(|node| pull_for_ever(node, &team)));
        tokio::select! {
            done = replaced => done?,
            failed = pulling => failed.map(drop)?,
        }
        join_all(nodes.iter().map(|node| pull_on(node, &team))).await.into_iter().collect()
    })
    .await
}

/// Comes back with what went wrong alone.
async fn pull_for_ever(node: &str, team: &Registry) -> Result<()> {
    loop {
        pull_on(node, team).await?;
    }
}
