//! Whether a node's runtime takes notice of what it is told is proved, and not only read from its configuration.

use anyhow::{Context as _, Result, ensure};
use kube::Client;
use kube::api::{DeleteParams, ListParams};
use support::namespace::alone;
use support::operator;

use crate::fleet::{names, on_node, trusted, until_all_trust};

/// Has containerd look elsewhere, and leaves its configuration as it was: like one that somebody has corrected, and not started again.
const LOOK_ELSEWHERE: &str =
    "cd /etc/containerd && sed --in-place=.kept 's,/etc/containerd/certs.d,/etc/elsewhere,' config.toml &&
    systemctl restart containerd && mv config.toml.kept config.toml";

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_does_not_do_as_its_configuration_says_is_told_in_its_own_words() -> Result<()> {
    alone("canary", async |namespace| {
        let nodes = names(&namespace.client).await?;
        let team = trusted(&namespace).await?;
        let worker = nodes.iter().find(|name| name.contains("worker")).context("there is no worker")?;
        on_node(worker, ["sh", "-c", LOOK_ELSEWHERE]).await?;
        replace_pod(&namespace.client, worker).await?;
        let told = team.until_condition("NodesTrusted", "False", "CanaryNotPulled").await;

        on_node(worker, ["systemctl", "restart", "containerd"]).await?;
        let message = told?["message"].as_str().unwrap_or_default().to_owned();
        let (well, all) = (nodes.len() - 1, nodes.len());
        ensure!(message.starts_with(&format!("{well} of {all} nodes; node {worker}: CanaryNotPulled: ")), "{message}");
        ensure!(message.contains(&format!("canary.{}.invalid", operator::NAMESPACE)), "not its own words: {message}");
        // The kubelet would try again by itself, within five minutes.
        replace_pod(&namespace.client, worker).await?;
        until_all_trust(&team, nodes.len()).await
    })
    .await
}

/// Has the kubelet of `node` pull the canary again.
async fn replace_pod(client: &Client, node: &str) -> Result<()> {
    let labels = format!("app.kubernetes.io/name={}-node-trust", operator::RELEASE);
    let there = ListParams::default().labels(&labels).fields(&format!("spec.nodeName={node}"));
    operator::pods(client).delete_collection(&DeleteParams::default(), &there).await?;
    Ok(())
}
