//! An image of a registry starts on every node, on one that joins later too, and after a node was started again.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::DeleteParams;
use support::command::{command, run};
use support::namespace::alone;
use support::operator;
use support::random_word;
use support::root;
use support::wait::{eventually, until_gone};

use crate::fleet::{Fleet, list, names, on_node, trusted, until_all_trust};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_starts_on_every_node_and_on_one_that_joins_later() -> Result<()> {
    alone("every_node", async |namespace| {
        let nodes = list(&namespace.client).await?;
        ensure!(nodes.len() >= 3, "the cluster has {} node(s): WORKERS=2 makes one of three", nodes.len());
        let runtimes = nodes.iter().map(runtime).collect::<Option<Vec<_>>>().context("a node without a runtime")?;
        ensure!(runtimes.iter().all(|runtime| runtime.starts_with("containerd://2.")), "they run {runtimes:?}");
        let team = trusted(&namespace).await?;
        let fleet = Fleet::start(&namespace, &team).await?;
        fleet.until_on(nodes.len()).await?;

        let newcomer = format!("joined-{}", random_word());
        run(command(root().join("tests/cluster/add-node"), [&newcomer])).await?;
        until_all_trust(&team, nodes.len() + 1).await?;
        fleet.until_on(nodes.len() + 1).await?;

        let all = Api::<Node>::all(namespace.client.clone());
        all.delete(&newcomer, &DeleteParams::default()).await?;
        run(command("docker", ["rm", "--force", "--volumes", &newcomer])).await?;
        until_gone(&all, &newcomer).await?;
        until_all_trust(&team, nodes.len()).await
    })
    .await
}

fn runtime(node: &Node) -> Option<&str> {
    let info = node.status.as_ref()?.node_info.as_ref()?;
    Some(&info.container_runtime_version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_started_again_pulls_as_before() -> Result<()> {
    alone("restarted_node", async |namespace| {
        let nodes = names(&namespace.client).await?;
        let team = trusted(&namespace).await?;
        let fleet = Fleet::start(&namespace, &team).await?;
        fleet.until_on(nodes.len()).await?;
        let worker = nodes.iter().find(|name| name.contains("worker")).context("there is no worker")?;
        let file = format!("/etc/containerd/certs.d/{}/hosts.toml", team.host());
        let written = on_node(worker, ["cat", &file]).await?;

        run(command("docker", ["restart", worker])).await?;
        ensure!(on_node(worker, ["cat", &file]).await? == written, "what is written stays over a restart");
        fleet.replace(nodes.len()).await?;
        until_all_trust(&team, nodes.len()).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_left_as_they_were_when_node_trust_is_switched_off() -> Result<()> {
    alone("switched_off", async |namespace| {
        let nodes = names(&namespace.client).await?;
        let team = trusted(&namespace).await?;
        let mut helm = command("helm", ["upgrade", operator::RELEASE, "--namespace", operator::NAMESPACE, "--wait"]);
        helm.arg(root().join("charts").join(operator::RELEASE));
        helm.args(["--reuse-values", "--set", "nodeTrust.enabled=false"]);
        run(helm).await?;
        operator::forget_installed().await;
        team.until_condition("NodesTrusted", "False", "nodeTrust.enabled=true").await?;
        for node in &nodes {
            eventually("the node to have nothing of it left", async || {
                let left = on_node(node, ["ls", "/etc/containerd/certs.d"]).await?;
                ensure!(left.is_empty(), "{node} still has {left}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    })
    .await
}
