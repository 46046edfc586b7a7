//! A real Docker engine, through its command line: as a client of a registry, and as what runs the server's image.

use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{command, outcome, run, run_refused, run_with_input};
use crate::image::Image;
use crate::stopwatch::Stopwatch;
use crate::{keep, random_word};

/// Where this machine looks up names, the engine with it.
const HOSTS: &str = "/etc/hosts";

/// The end of each line of ours there.
const OUR_HOST: &str = " # private-registry-test";

/// The server's image of this run, as `IMAGE_PREFIX` and `IMAGE_TAG` name it.
pub fn server_image() -> String {
    let prefix = std::env::var("IMAGE_PREFIX").unwrap_or_else(|_| "privateregistry".to_owned());
    let tag = std::env::var("IMAGE_TAG").unwrap_or_else(|_| env!("CARGO_PKG_VERSION").to_owned());
    format!("{prefix}/server:{tag}")
}

/// A Docker engine, with a client configuration of its own and a list of what was made in it.
#[derive(Clone, Debug)]
pub struct Engine {
    folder: Arc<TempDir>,
    made: Arc<Mutex<Made>>,
}

#[derive(Debug, Default)]
struct Made {
    containers: Vec<String>,
    volumes: Vec<String>,
    images: Vec<String>,
    trusted: Vec<PathBuf>,
    resolved: bool,
}

/// Tells `story` with a Docker engine. What it made is removed afterwards, also when it failed; then the logs of its
/// containers are shown first. `KEEP=1` leaves everything.
pub async fn with_engine(story: impl AsyncFnOnce(Engine) -> Result<()>) -> Result<()> {
    let _stopwatch = Stopwatch::start();
    let engine = Engine::new().await?;
    let told = AssertUnwindSafe(story(engine.clone())).catch_unwind().await;
    if !matches!(told, Ok(Ok(()))) {
        engine.show_logs().await;
    }
    engine.clean_up().await;
    told.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Engine {
    async fn new() -> Result<Self> {
        let engine = Self { folder: Arc::new(TempDir::new()?), made: Arc::default() };
        engine.docker(["version", "--format", "{{.Server.Version}}"]).await.context(
            "this test needs a Docker engine that runs on this machine: `make cluster-up` starts one and \
             `. .cluster/env` points to it",
        )?;
        Ok(engine)
    }

    /// Runs docker with `arguments` and returns what it printed.
    pub async fn docker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        run(self.command(arguments)).await
    }

    /// Runs docker with `arguments`, which has to fail, and returns what it said.
    pub async fn refused<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        run_refused(self.command(arguments)).await
    }

    /// `docker login`, with the password on standard input.
    pub async fn login(&self, host: &str, user: &str, password: &str) -> Result<()> {
        let login = self.command(["login", "--username", user, "--password-stdin", host]);
        run_with_input(login, password).await.map(drop)
    }

    /// Loads `image`, pushes it as `reference`, removes it here, pulls it again and compares what came back.
    pub async fn round_trip(&self, image: &Image, reference: &str) -> Result<()> {
        self.load(image, reference).await?;
        let layers = self.layers(reference).await?;
        self.docker(["push", reference]).await?;
        self.docker(["image", "rm", "--force", reference, &image.name]).await?;
        self.docker(["pull", reference]).await?;
        let pulled = self.layers(reference).await?;
        ensure!(layers == pulled, "pulled {reference} with the layers {pulled}, pushed were {layers}");
        Ok(())
    }

    /// Makes `image` known to the engine as `reference`.
    pub async fn load(&self, image: &Image, reference: &str) -> Result<()> {
        let mut load = self.command(["load", "--quiet", "--input"]);
        load.arg(image.archive());
        run(load).await?;
        self.note(|made| made.images.extend([reference.to_owned(), image.name.clone()]));
        self.docker(["tag", &image.name, reference]).await.map(drop)
    }

    /// The digests of an image's layers, uncompressed: equal for equal content, whatever store the engine has.
    async fn layers(&self, reference: &str) -> Result<Value> {
        let layers = self.docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", reference]).await?;
        Ok(serde_json::from_str(&layers)?)
    }

    /// Makes the engine trust `authority` for one registry alone, as Docker's documentation says.
    pub fn trust(&self, host: &str, authority: &str) -> Result<()> {
        let folder = PathBuf::from("/etc/docker/certs.d").join(host);
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join("ca.crt"), authority));
        written.with_context(|| format!("failed to write {}: this test has to run as root", folder.display()))?;
        self.note(|made| made.trusted.push(folder));
        Ok(())
    }

    /// Leads the engine, and with it this machine, to `address` for a host of which no name server knows. It may take seconds.
    pub fn resolve(&self, host: &str, address: IpAddr) -> Result<()> {
        let line = format!("{address} {host}{OUR_HOST}\n");
        let written = File::options().append(true).open(HOSTS).and_then(|mut hosts| hosts.write_all(line.as_bytes()));
        written.with_context(|| format!("failed to write {HOSTS}: this test has to run as root"))?;
        self.note(|made| made.resolved = true);
        Ok(())
    }

    /// Has what somebody else made the engine trust for one registry removed with the rest.
    pub fn is_made_to_trust(&self, host: &str) {
        self.note(|made| made.trusted.push(PathBuf::from("/etc/docker/certs.d").join(host)));
    }

    /// The file in which this engine's client keeps credentials.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    /// Copies a file out of an image, into a folder of the engine's.
    pub async fn copy_out(&self, image: &str, path: &str) -> Result<PathBuf> {
        let name = format!("private-registry-test-{}", random_word());
        self.note(|made| made.containers.push(name.clone()));
        self.docker(["create", "--name", &name, image]).await?;
        let copy = self.folder.path().join(&name);
        let mut copied = self.command(["cp", &format!("{name}:{path}")]);
        copied.arg(&copy);
        run(copied).await?;
        Ok(copy)
    }

    /// Runs a container in the background under a random name, which is returned.
    pub async fn start<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let name = format!("private-registry-test-{}", random_word());
        self.note(|made| made.containers.push(name.clone()));
        let mut start = self.command(["run", "--detach", "--name", &name]);
        start.args(arguments);
        run(start).await?;
        Ok(name)
    }

    /// A new volume.
    pub async fn volume(&self) -> Result<String> {
        let name = format!("private-registry-test-{}", random_word());
        self.docker(["volume", "create", &name]).await?;
        self.note(|made| made.volumes.push(name.clone()));
        Ok(name)
    }

    /// Where a published port of a container listens: the bridge's address, because Docker verifies no certificate of
    /// 127.0.0.0/8, and the port the engine chose.
    pub async fn published(&self, container: &str, port: u16) -> Result<String> {
        let published = self.docker(["port", container, &port.to_string()]).await?;
        let first = published.lines().next().unwrap_or_default();
        let port =
            first.rsplit(':').next().filter(|port| !port.is_empty()).context("the container publishes no port")?;
        Ok(format!("{}:{port}", self.bridge().await?))
    }

    /// This machine's address on the engine's default bridge.
    pub async fn bridge(&self) -> Result<String> {
        let format = "{{range .IPAM.Config}}{{.Gateway}} {{end}}";
        let gateways = self.docker(["network", "inspect", "bridge", "--format", format]).await?;
        let address = gateways.split_whitespace().find(|address| !address.contains(':'));
        address.map(str::to_owned).context("the engine's bridge has no IPv4 gateway")
    }

    /// What a container has logged.
    pub async fn logs(&self, container: &str) -> Result<String> {
        let logs = outcome(self.command(["logs", container]), "").await?;
        Ok(format!("{}\n{}", logs.stdout, logs.stderr))
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut docker = command("docker", arguments);
        docker.env("DOCKER_CONFIG", self.folder.path());
        docker
    }

    fn note(&self, note: impl FnOnce(&mut Made)) {
        note(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take_made(&self) -> Made {
        std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[expect(clippy::print_stderr, reason = "the test harness captures it and shows it when the test has failed")]
    async fn show_logs(&self) {
        let containers = self.made.lock().unwrap_or_else(PoisonError::into_inner).containers.clone();
        for container in containers {
            let log = self.logs(&container).await.unwrap_or_else(|error| format!("{error:#}"));
            eprintln!("\n======== the log of container {container} ========\n{log}");
        }
    }

    /// Best effort: what is left is named after the suite, and the next run does not mind it.
    async fn clean_up(&self) {
        if keep() {
            return;
        }
        let made = self.take_made();
        for container in &made.containers {
            let _ = self.docker(["rm", "--force", "--volumes", container]).await;
        }
        for volume in &made.volumes {
            let _ = self.docker(["volume", "rm", "--force", volume]).await;
        }
        for image in &made.images {
            let _ = self.docker(["image", "rm", "--force", image]).await;
        }
        for folder in &made.trusted {
            let _ = std::fs::remove_dir_all(folder);
        }
        if made.resolved {
            let _ = forget_hosts();
        }
    }
}

/// Takes the lines of ours out. Written over the file and not in its place: in a container it is a mount of its own. What others read
/// meanwhile begins as it should.
fn forget_hosts() -> std::io::Result<()> {
    let known = std::fs::read_to_string(HOSTS)?;
    let others: String = known.split_inclusive('\n').filter(|line| !line.trim_end().ends_with(OUR_HOST)).collect();
    let mut hosts = File::options().write(true).open(HOSTS)?;
    hosts.write_all(others.as_bytes())?;
    hosts.set_len(others.len() as u64)
}
