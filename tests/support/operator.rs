//! The operator of the suite: installed once by Helm from the chart with the images built from this tree, as a user would.

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::Mutex;

use crate::command::{command, run, run_with_input};
use crate::{report, root, tunnel};

/// The Helm release of the suite.
pub const RELEASE: &str = "private-registry-operator";

/// Where it lives.
pub const NAMESPACE: &str = "private-registry-system";

/// How long an old password works beside a new one in this suite; short, because a test waits for its end.
pub const GRACE_PERIOD: &str = "20s";

/// Port of the operator's health and metrics.
const ADMIN_PORT: u16 = 8080;

/// How the installation by this process went, if it has been tried.
static INSTALLED: Mutex<Option<Result<(), String>>> = Mutex::const_new(None);

/// Installs or upgrades the suite's release, once per process: when it has failed, no other test tries again.
pub async fn ensure_installed(client: &Client) -> Result<()> {
    let mut installed = INSTALLED.lock().await;
    if installed.is_none() {
        let outcome = install(&[]).await;
        let told = match outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error:#}\n{}", report::of_operator(client).await)),
        };
        *installed = Some(told);
    }
    match &*installed {
        Some(Err(told)) => bail!("{told}"),
        _ => Ok(()),
    }
}

/// Makes the next test install the suite's release again.
pub async fn forget_installed() {
    *INSTALLED.lock().await = None;
}

/// `helm upgrade --install` of the suite's release, with further `values` as `key=value`.
pub async fn install(values: &[&str]) -> Result<()> {
    // What tells nodes writes into their directories, which the namespace has to allow.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {
        "pod-security.kubernetes.io/enforce": "privileged",
    }}});
    let apply = command("kubectl", ["apply", "--server-side", "--force-conflicts", "--filename", "-"]);
    run_with_input(apply, &namespace.to_string()).await?;
    let chart = root().join("charts").join(RELEASE);
    let mut helm = command("helm", ["upgrade", "--install", RELEASE]);
    helm.arg(chart).args(["--namespace", NAMESPACE, "--wait", "--timeout", "3m"]);
    // Whoever has applied the definition by hand while working on it: this suite's is the one that is tested.
    helm.args(["--take-ownership", "--force-conflicts"]);
    helm.args(["--set", &format!("credentials.gracePeriod={GRACE_PERIOD}"), "--set", "nodeTrust.enabled=true"]);
    for value in image_values().iter().map(String::as_str).chain(values.iter().copied()) {
        helm.args(["--set-string", value]);
    }
    run(helm).await.map(drop).context(
        "failed to install the operator: are the images loaded? `make e2e` builds and loads them; \
         on a cluster of your own, `make push IMAGE_PREFIX=...` and run the tests with the same IMAGE_PREFIX",
    )
}

/// `helm rollback` of the suite's release to what it was before the last upgrade.
pub async fn roll_back() -> Result<()> {
    let rollback = ["rollback", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "3m"];
    run(command("helm", rollback)).await.map(drop)
}

/// Removes the release with Helm, if there is one.
pub async fn uninstall() -> Result<()> {
    let uninstall = ["uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait"];
    run(command("helm", uninstall)).await.map(drop)
}

/// Values that name the images of this tree, as the Makefile's `IMAGE_PREFIX` and `IMAGE_TAG` do.
fn image_values() -> Vec<String> {
    let mut values = Vec::new();
    if let Ok(prefix) = std::env::var("IMAGE_PREFIX") {
        values.push(format!("image.repository={prefix}/operator"));
        values.push(format!("serverImage.repository={prefix}/server"));
    }
    if let Ok(tag) = std::env::var("IMAGE_TAG") {
        values.push(format!("image.tag={tag}"));
        values.push(format!("serverImage.tag={tag}"));
    }
    values
}

/// The Pods of the operator's namespace.
pub fn pods(client: &Client) -> Api<Pod> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// Selects the operator's Pods.
pub fn selector() -> ListParams {
    ListParams::default().labels("app.kubernetes.io/name=private-registry-operator")
}

/// The name of the operator's one Pod that is not on its way out.
pub async fn pod(client: &Client) -> Result<String> {
    let pods = pods(client).list(&selector()).await?;
    let mut staying = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let pod = staying.next().context("the operator has no Pod: `helm status` of the release tells why")?;
    Ok(pod.name_any())
}

/// The operator's metrics as Prometheus would read them.
pub async fn metrics(client: &Client) -> Result<String> {
    let pod = pod(client).await?;
    let answer = tunnel::get_plain(&pods(client), &pod, ADMIN_PORT, "/metrics").await?;
    anyhow::ensure!(answer.status == 200, "the operator answered {} for /metrics", answer.status);
    Ok(answer.text())
}
