//! A machine for the reader of a tutorial: namespaces of this one with a Docker engine of their own, which knows the images that
//! a tutorial begins with. Nothing typed there reaches this machine, and its end is the end of everything in it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt as _;
use support::command::{command, run, run_refused};
use support::docker::server_image;
use support::root;
use support::wait::eventually;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The machine's address, besides those of its loopback: one from which Docker wants a certificate. By name, it is
/// registry.example.com.
pub(crate) const ADDRESS: &str = "192.0.2.10";

/// A machine; see `on_a_machine`.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Ends everything on the machine when it is killed.
    holder: Child,
    /// A process of the machine, through which others get in.
    process: String,
    folder: TempDir,
}

/// Tells `story` on a new machine. When it fails, the logs of its containers and its engine are shown.
pub(crate) async fn on_a_machine(story: impl AsyncFnOnce(&Machine) -> Result<()>) -> Result<()> {
    let mut machine = Machine::boot().await?;
    let told = match machine.install().await {
        Ok(()) => AssertUnwindSafe(story(&machine)).catch_unwind().await,
        Err(error) => Ok(Err(error)),
    };
    if !matches!(told, Ok(Ok(()))) {
        machine.show_logs().await;
    }
    machine.shut_down().await;
    told.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Machine {
    async fn boot() -> Result<Self> {
        let folder = TempDir::new()?;
        let plugins = folder.path().join("home/.docker/cli-plugins");
        std::fs::create_dir_all(&plugins)?;
        std::os::unix::fs::symlink(script("compose-plugin"), plugins.join("docker-compose"))?;
        std::fs::create_dir(folder.path().join("work"))?;
        let mut unshare = command("unshare", ["--mount", "--net", "--pid", "--fork", "--kill-child"]);
        unshare.arg(script("boot")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut holder = unshare.spawn().context("failed to start unshare, of util-linux")?;
        let mut process = String::new();
        BufReader::new(holder.stdout.take().context("no pipe")?).read_line(&mut process).await?;
        ensure!(!process.is_empty(), "failed to make a machine: this test has to run as root");
        Ok(Self { holder, process: process.trim().to_owned(), folder })
    }

    /// Starts the engine, and gives it what a tutorial takes from Docker Hub: our image under the names of the reference's, and
    /// an image that runs under those of two others; ours has its own name, too.
    async fn install(&self) -> Result<()> {
        let (server, app) = (root().join(".cluster/server.tar"), root().join(".cluster/app.tar"));
        for archive in [&server, &app] {
            ensure!(archive.exists(), "{} does not exist: `make tutorials` makes it", archive.display());
        }
        let (image, server, app) = (server_image(), server.display(), app.display());
        let version = env!("CARGO_PKG_VERSION");
        self.run(&format!(
            "systemctl start docker
             docker load --quiet --input {server}
             docker load --quiet --input {app}
             for name in registry:2 registry:2.6 registry:latest; do docker tag {image} $name; done
             docker tag {image} privateregistry/server:{version}
             for name in nginx:latest hello-world:latest my-image:latest; do docker tag localhost/app:1 $name; done"
        ))
        .await
        .map(drop)
    }

    /// Types `commands` into a shell, in the folder of the tutorial, and returns what they print. They end with the first that
    /// fails, which is an error.
    pub(crate) async fn run(&self, commands: &str) -> Result<String> {
        run(self.shell(commands)).await
    }

    /// As `run`, of commands that have to fail; returns what they write to standard error.
    pub(crate) async fn refused(&self, commands: &str) -> Result<String> {
        run_refused(self.shell(commands)).await
    }

    /// Types `commands` until they succeed.
    pub(crate) async fn until(&self, commands: &str) -> Result<String> {
        eventually(&format!("`{commands}`"), async || self.run(commands).await).await
    }

    /// The log of a container, once `text` is in it.
    pub(crate) async fn logged(&self, container: &str, text: &str) -> Result<String> {
        eventually(&format!("{text:?} in the log of {container}"), async || {
            let log = self.run(&format!("docker logs {container} 2>&1")).await?;
            ensure!(log.contains(text), "the log is:\n{log}");
            Ok(log)
        })
        .await
    }

    /// A file in the folder of the tutorial.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file into the folder of the tutorial, as with an editor.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.path(name), text).with_context(|| format!("failed to write {name}"))
    }

    fn shell(&self, commands: &str) -> Command {
        let (home, work) = (self.folder.path().join("home"), self.folder.path().join("work"));
        let mut nsenter = command("nsenter", ["--target", &self.process, "--mount", "--net", "--pid", "--"]);
        nsenter.args(["bash", "-euo", "pipefail", "-c", &format!("cd {}\n{commands}", work.display())]);
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}:/usr/sbin:/sbin", script("").display());
        nsenter.env_clear().env("HOME", home).env("PATH", path).env("LANG", "C.UTF-8");
        nsenter
    }

    #[expect(clippy::print_stderr, reason = "the test harness captures it and shows it when the test has failed")]
    async fn show_logs(&self) {
        let logs = "grep level=[ef] /run/dockerd.log | tail -n 30; docker ps --all
            for container in $(docker ps --all --quiet); do echo \"==== $container\"; docker logs --tail 100 $container 2>&1; done";
        eprintln!("{}", self.run(logs).await.unwrap_or_else(|error| format!("{error:#}")));
    }

    /// In good order, as far as it works, so that no control group of a container stays behind.
    async fn shut_down(&mut self) {
        let _ = self.run("docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes").await;
        let _ = self.run("systemctl stop docker").await;
        let _ = self.holder.kill().await;
    }
}

/// A program of the machine's own.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tutorials/machine").join(name)
}
