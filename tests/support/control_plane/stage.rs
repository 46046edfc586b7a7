//! Where a test's story is told: a namespace on a control plane, and what is shown when the story fails.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use futures::FutureExt as _;
use tokio::sync::OnceCell;

use super::controllers::Controllers;
use super::{ControlPlane, Identity, OperatorRequest, Options, PlayedNode, PlayedPod, Proxy, Witness};
use crate::command::{Output, command, outcome};
use crate::namespace::Namespace;
use crate::registry::Registry;
use crate::{operator, program, random_word};

/// The control plane that all tests of this process share.
static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

/// A namespace on a control plane, for one test.
pub struct Stage<'a> {
    /// The control plane.
    pub plane: &'a ControlPlane,
    /// The namespace, with a client that may do everything.
    pub namespace: Namespace,
    logs: Mutex<Vec<PathBuf>>,
}

/// Tells `story` in a namespace of its own on the control plane that the process's tests share.
///
/// The control plane is not to be disturbed, and operators are to watch their test's namespace alone, as those of
/// [`Stage::operator`] do.
pub async fn on_control_plane(test: &str, story: impl AsyncFnOnce(&Stage<'_>) -> Result<()>) -> Result<()> {
    let plane = SHARED.get_or_try_init(|| ControlPlane::start(Options::default())).await?;
    tell(plane, test, story).await
}

/// As `on_control_plane`, once the registry `team` of this `spec` is ready, which the operator and the played controllers go on
/// keeping. For tests that neither stop nor ask these two.
pub async fn beside_a_registry(
    test: &str,
    spec: &str,
    story: impl AsyncFnOnce(&Stage<'_>, &Registry) -> Result<()>,
) -> Result<()> {
    on_control_plane(test, async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec(spec)?.ready().await?;
        story(stage, &team).await
    })
    .await
}

/// As `on_control_plane`, on a control plane that is started for this test alone, which may do with it what it likes.
pub async fn on_own_control_plane(
    test: &str,
    options: Options,
    story: impl AsyncFnOnce(&Stage<'_>) -> Result<()>,
) -> Result<()> {
    let plane = Box::pin(ControlPlane::start(options)).await?;
    tell(&plane, test, story).await
}

async fn tell(plane: &ControlPlane, test: &str, story: impl AsyncFnOnce(&Stage<'_>) -> Result<()>) -> Result<()> {
    let namespace = Namespace::create_bare(plane.client().await?, test).await?;
    let stage = Stage { plane, namespace, logs: Mutex::default() };
    // The panic of a failed assertion is held back until the state has been shown.
    let told = AssertUnwindSafe(story(&stage)).catch_unwind().await;
    if !matches!(told, Ok(Ok(()))) {
        stage.show().await;
    }
    told.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Stage<'_> {
    /// An operator for this namespace, without election.
    pub fn operator(&self) -> Result<OperatorRequest> {
        let namespaces = format!("--watch-namespaces={}", self.namespace.name());
        Ok(self.operator_of_cluster()?.flags([namespaces.as_str(), "--leader-elect=false"]))
    }

    /// An operator for all namespaces, with election: for a control plane of one's own.
    pub fn operator_of_cluster(&self) -> Result<OperatorRequest> {
        let name = format!("operator-{}", random_word());
        let kubeconfig = self.plane.kubeconfig_file(&Identity::Operator, &name)?;
        let log = kubeconfig.with_extension("log");
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(log.clone());
        Ok(OperatorRequest { kubeconfig, flags: vec![format!("--pod-name={name}")], log })
    }

    /// Runs the operator's program with `check` to its end, as the Pod of `helm test` does with these variables beside that of its
    /// namespace. `within`, such as `30s`, is how long it waits.
    pub async fn check(&self, within: &str, variables: &[(&str, &str)]) -> Result<Output> {
        let name = format!("check-{}", random_word());
        let mut check = command(program::built("private-registry-operator")?, ["check", "--within", within]);
        check.env("POD_NAMESPACE", operator::NAMESPACE).envs(variables.iter().copied());
        check.env("KUBECONFIG", self.plane.kubeconfig_file(&Identity::Operator, &name)?);
        outcome(check, "").await
    }

    /// Lets Deployments become available and claims bound in this namespace, until what is returned is dropped.
    pub fn play_controllers(&self) -> Controllers {
        Controllers::play(&self.namespace.client, Some(self.namespace.name()))
    }

    /// As `play_controllers`, in all namespaces: for a control plane of one's own.
    pub fn play_controllers_everywhere(&self) -> Controllers {
        Controllers::play(&self.namespace.client, None)
    }

    /// Runs the server of the registry `name` as its Deployment says now, at a free port of `address`.
    pub async fn play_pod(&self, name: &str, address: IpAddr) -> Result<PlayedPod> {
        PlayedPod::start(&self.namespace, name, address).await
    }

    /// A node with this container runtime, such as `containerd://1.7.27`, in a cluster where node trust is switched on.
    pub async fn play_node(&self, runtime: &str) -> Result<PlayedNode> {
        let node = PlayedNode::join(self.plane, runtime).await?;
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(node.log());
        Ok(node)
    }

    /// Sees from now on what is issued in this namespace.
    pub fn witness(&self) -> Witness {
        Witness::of(&self.namespace)
    }

    /// A proxy in front of the API server.
    pub async fn proxy(&self) -> Result<Proxy> {
        Proxy::start(self.plane).await
    }

    /// A kubeconfig of the operator that leads through `proxy`.
    pub fn kubeconfig_through(&self, proxy: &Proxy) -> Result<PathBuf> {
        let name = format!("proxy-{}", random_word());
        self.plane.kubeconfig_file_at(&proxy.url(), &Identity::Operator, &name)
    }

    #[expect(clippy::print_stderr, reason = "the test harness captures it and shows it when the test has failed")]
    async fn show(&self) {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for log in logs {
            let text = std::fs::read_to_string(&log).unwrap_or_else(|error| format!("it cannot be read: {error}"));
            eprintln!("\n======== the log of {} ========\n{text}", log.display());
        }
        eprintln!("{}", self.namespace.report().await);
    }
}
