//! containerd 2 as a node runs it, as a process of this machine. Takes root: a node's `/etc` takes the place of this machine's in a
//! mount namespace of its own, because that is where containerd looks.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use support::command::{Output, command, outcome, run};
use support::root;
use support::secure_server::User;
use support::wait::eventually;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::Child;

/// What `sh` is told: the first argument is the node's root directory, the second is where containerd keeps what it needs, the third
/// is its program.
const START: &str = "mount --bind \"$1/etc\" /etc && exec \"$3\" \
    --root \"$2/root\" --state \"$2/state\" --address \"$2/containerd.sock\" --log-level warn";

/// Made by `tests/tools/build containerd`, and not on PATH.
fn program() -> PathBuf {
    root().join(".cluster/containerd-2/containerd")
}

/// A running containerd; it is killed when dropped, and its mounts go with its namespace.
#[derive(Debug)]
pub(super) struct Containerd {
    folder: TempDir,
    _process: Child,
}

impl Containerd {
    /// The version that it tells the kubelet.
    pub(super) async fn version() -> Result<String> {
        let told = run(command(program(), ["--version"])).await?;
        told.split_whitespace().nth(2).map(str::to_owned).with_context(|| format!("containerd said {told:?}"))
    }

    /// Starts it on the node whose root directory is `node`, and waits until it answers.
    pub(super) async fn start(node: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut start = command("unshare", ["--mount", "--propagation", "private", "sh", "-c", START, "sh"]);
        start.arg(node).arg(folder.path()).arg(program()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = start.spawn().context("failed to start containerd by unshare")?;
        let mut containerd = Self { folder, _process: process };
        containerd.until_it_answers().await?;
        Ok(containerd)
    }

    async fn until_it_answers(&mut self) -> Result<()> {
        eventually("containerd to answer", async || {
            UnixStream::connect(self.folder.path().join("containerd.sock")).await.map(drop).with_context(|| self.log())
        })
        .await
    }

    /// Pulls an image as the kubelet does, with the password of `user`.
    pub(super) async fn pull(&self, image: &str, user: User) -> Result<Output> {
        let socket = format!("unix://{}/containerd.sock", self.folder.path().display());
        let mut crictl = command("crictl", ["--runtime-endpoint", &socket, "--image-endpoint", &socket, "pull", image]);
        crictl.env("CRICTL_CREDS", format!("{}:{}", user.name(), user.password()));
        let mut pulled = outcome(crictl, "").await?;
        ensure!(pulled.success || !pulled.stderr.is_empty(), "crictl said nothing");
        pulled.stderr += &self.log();
        Ok(pulled)
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        format!("\nthe log of containerd:\n{}", log.unwrap_or_else(|error| error.to_string()))
    }
}
