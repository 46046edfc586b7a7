//! A node as far as its container runtime's files go: a directory, its Node in the cluster, and the program that the chart's
//! `DaemonSet` would run there, with that one's rights.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ControlPlane, Identity, Operator, own_address};
use crate::command::{command, run};
use crate::operator::{NAMESPACE, RELEASE};
use crate::{random_word, root};

/// Port of the program's health, and of what the operator asks.
const ADMIN_PORT: u16 = 5001;
/// The container by which the runtime proves itself.
const CANARY: &str = "canary";
/// Where the program serves the image by which a runtime proves itself.
pub const CANARY_HOST: &str = "canary.private-registry-system.invalid";

/// A node that is a directory.
#[derive(Debug)]
pub struct PlayedNode {
    name: String,
    address: Ipv4Addr,
    root: TempDir,
    kubeconfig: PathBuf,
}

impl PlayedNode {
    /// A new node with this runtime, in a cluster that has what the chart makes of `nodeTrust.enabled`.
    pub(super) async fn join(plane: &ControlPlane, runtime: &str) -> Result<Self> {
        let chart = root().join("charts").join(RELEASE);
        let mut helm = command("helm", ["template", RELEASE, "--namespace", NAMESPACE]);
        helm.arg(chart).args(["--set", "nodeTrust.enabled=true"]);
        helm.args(["--show-only", "templates/node_trust.yaml"]);
        plane.apply(&run(helm).await?).await?;

        let name = format!("node-{}", random_word());
        let nodes = Api::<Node>::all(plane.client().await?);
        let labels = BTreeMap::from([("kubernetes.io/os".to_owned(), "linux".to_owned())]);
        let metadata = ObjectMeta { name: Some(name.clone()), labels: Some(labels), ..ObjectMeta::default() };
        nodes.create(&PostParams::default(), &Node { metadata, ..Node::default() }).await?;
        let unknown = ["architecture", "bootID", "kernelVersion", "kubeProxyVersion", "kubeletVersion", "machineID"];
        let mut info =
            json!({"containerRuntimeVersion": runtime, "operatingSystem": "linux", "osImage": "", "systemUUID": ""});
        unknown.into_iter().for_each(|field| info[field] = json!(""));
        let status = json!({"status": {"nodeInfo": info}});
        nodes.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
        let kubeconfig = plane.kubeconfig_file(&Identity::NodeTrust, &name)?;
        let node = Self { name, address: own_address(), root: TempDir::new()?, kubeconfig };
        node.play_pod(plane).await?;
        Ok(node)
    }

    /// What the controller of `DaemonSets` and the kubelet would write of the Pod on this node. What it would run is started by
    /// [`Self::spawn`].
    async fn play_pod(&self, plane: &ControlPlane) -> Result<()> {
        let client = plane.client().await?;
        let daemon_set = format!("{RELEASE}-node-trust");
        let daemon_sets = Api::<DaemonSet>::namespaced(client.clone(), NAMESPACE);
        let found = daemon_sets.get(&daemon_set).await?;
        let labels = found.spec.and_then(|spec| spec.selector.match_labels);
        let least = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        let pod = json!({"metadata": {"name": self.name, "labels": labels}, "spec": {
            "automountServiceAccountToken": false,
            "nodeName": self.name,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "serviceAccountName": daemon_set,
            "initContainers": [{"name": "node-trust", "image": "operator", "restartPolicy": "Always", "securityContext": least}],
            "containers": [{"name": CANARY, "image": "canary", "securityContext": least}],
        }});
        let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        let status = json!({"status": {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}]}});
        pods.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(status)).await?;
        self.play_canary(&client, &json!({"running": {}})).await?;
        let before = found.status.map(|status| status.desired_number_scheduled).unwrap_or_default();
        let counts = json!({"currentNumberScheduled": before + 1, "desiredNumberScheduled": before + 1, "numberMisscheduled": 0,
            "numberReady": before + 1, "updatedNumberScheduled": before + 1,
            "observedGeneration": found.metadata.generation});
        daemon_sets
            .patch_status(&daemon_set, &PatchParams::default(), &Patch::Merge(json!({"status": counts})))
            .await?;
        Ok(())
    }

    /// What the kubelet would write of the canary's container.
    pub async fn play_canary(&self, client: &Client, state: &Value) -> Result<()> {
        let canary = json!({"name": CANARY, "image": "canary", "imageID": "", "ready": state["running"].is_object(),
            "restartCount": 0, "state": state});
        let status = json!({"status": {"containerStatuses": [canary]}});
        let pods = Api::<Pod>::namespaced(client.clone(), NAMESPACE);
        pods.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts the program, and waits for nothing.
    pub fn spawn(&self) -> Result<Operator> {
        let admin = SocketAddr::new(IpAddr::V4(self.address), ADMIN_PORT);
        let flags = [
            format!("--node-name={}", self.name),
            format!("--pod-namespace={NAMESPACE}"),
            format!("--daemon-set={RELEASE}-node-trust"),
            format!("--host-root={}", self.root.path().display()),
            format!("--admin-addr={admin}"),
            format!("--canary-host={CANARY_HOST}"),
            format!("--pod-ip={}", self.address),
            "--log-format=text".to_owned(),
        ];
        let arguments: Vec<_> = ["node-trust".to_owned()].into_iter().chain(flags).collect();
        Operator::spawn(&arguments, [("KUBECONFIG", self.kubeconfig.as_path())], self.log(), admin)
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        Ok(fs::write(path, text)?)
    }

    /// What is in a file.
    pub fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.path().join(path)).with_context(|| format!("{path} on {}", self.name))
    }

    /// Where a path of the node is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// The log of its program.
    pub(super) fn log(&self) -> PathBuf {
        self.kubeconfig.with_extension("log")
    }
}
