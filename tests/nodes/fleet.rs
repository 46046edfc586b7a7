//! The nodes of the cluster, and a Pod on each.

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use support::command::{command, run};
use support::crane::Crane;
use support::image::Image;
use support::manifest::strict_pod;
use support::namespace::Namespace;
use support::random_word;
use support::registry::Registry;
use support::wait::until;

/// A registry that all nodes know, with the image `app:1`.
pub(super) async fn trusted(namespace: &Namespace) -> Result<Registry> {
    let team = namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
    Crane::with(&team, "push").await?.push(&Image::app()?, "app:1").await?;
    until_all_trust(&team, names(&namespace.client).await?.len()).await?;
    Ok(team)
}

/// Waits until the registry says that so many nodes pull from it.
pub(super) async fn until_all_trust(team: &Registry, nodes: usize) -> Result<()> {
    team.until_condition("NodesTrusted", "True", &format!("{nodes} of {nodes} nodes")).await.map(drop)
}

/// The nodes, each of which is a container of that name.
pub(super) async fn names(client: &Client) -> Result<Vec<String>> {
    Ok(list(client).await?.iter().map(ResourceExt::name_any).collect())
}

/// The nodes as the cluster knows them.
pub(super) async fn list(client: &Client) -> Result<Vec<Node>> {
    Ok(Api::<Node>::all(client.clone()).list(&ListParams::default()).await?.items)
}

/// Runs a command on a node, and returns what it printed.
pub(super) async fn on_node<const N: usize>(node: &str, arguments: [&str; N]) -> Result<String> {
    let mut exec = command("docker", ["exec", node]);
    exec.args(arguments);
    run(exec).await
}

/// Pulls the image on `node` as its kubelet would, past every Pod.
pub(super) async fn pull_on(node: &str, team: &Registry) -> Result<()> {
    let credentials = team.credentials("pull").await?;
    let mut pull = command("docker", ["exec", "--env", "CRICTL_CREDS", node, "crictl", "pull"]);
    pull.env("CRICTL_CREDS", format!("{}:{}", credentials.username, credentials.password));
    pull.arg(credentials.reference("app:1"));
    run(pull).await.map(drop).with_context(|| format!("{node} does not pull"))
}

/// A Pod on every node, of the registry's image.
pub(super) struct Fleet {
    api: Api<DaemonSet>,
}

impl Fleet {
    /// Starts one on each.
    pub(super) async fn start(namespace: &Namespace, team: &Registry) -> Result<Self> {
        namespace.create_object::<DaemonSet>(&daemon_set(&team.host())).await?;
        Ok(Self { api: namespace.api() })
    }

    /// Waits until there is one on each of so many nodes.
    pub(super) async fn until_on(&self, nodes: usize) -> Result<()> {
        until(&self.api, "app", &format!("a Pod on each of {nodes} nodes"), |set: &DaemonSet| {
            let status = set.status.clone().unwrap_or_default();
            let counts = [status.desired_number_scheduled, status.updated_number_scheduled.unwrap_or_default()];
            status.observed_generation == set.metadata.generation
                && counts.into_iter().chain([status.number_ready]).all(|count| usize::try_from(count) == Ok(nodes))
        })
        .await
        .map(drop)
    }

    /// Puts another one in each one's place, which asks the registry for the image again.
    pub(super) async fn replace(&self, nodes: usize) -> Result<()> {
        let template = json!({"spec": {"template": {"metadata": {"annotations": {"round": random_word()}}}}});
        self.api.patch("app", &PatchParams::default(), &Patch::Merge(template)).await?;
        self.until_on(nodes).await
    }
}

/// As strict as the namespace demands, on every node, whatever else that is for.
fn daemon_set(host: &str) -> String {
    let pod = strict_pod(host);
    format!(
        "
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: app}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  updateStrategy: {{rollingUpdate: {{maxUnavailable: 100%}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec:
      imagePullSecrets: [{{name: team-pull}}]
      tolerations: [{{operator: Exists}}]
      {pod}
"
    )
}
