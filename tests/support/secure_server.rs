//! The server as a process of this machine, with TLS, users and rights.
//!
//! The debug build, with a certificate of the test's own authority, three users who may do different things, deletion allowed and
//! everything in a folder of its own. What other tests do with the image and a cluster, a client's test does with this.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::FutureExt as _;
use http::Method;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;

use crate::command::{command, run_with_input};
use crate::home::Home;
use crate::https::{self, Answer};
use crate::image::Image;
use crate::log::Log;
use crate::pki::Authority;
use crate::server::{LIMIT, Program};

/// Where a client of this machine finds a server, unless it has a reason to ask elsewhere.
pub const LOOPBACK: &str = "127.0.0.1";

/// Port of the metrics of a server that has them.
const DEBUG_PORT: u16 = 5001;

/// What users may do, by name.
const ACCESS: &str = "
rules:
  - {users: [puller], actions: [pull]}
  - {users: [pusher], actions: [pull, push]}
  - {users: [owner], actions: [pull, push, delete]}
";

/// Who uses the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// May pull.
    Puller,
    /// May pull and push.
    Pusher,
    /// May pull, push and delete.
    Owner,
}

impl User {
    const ALL: [Self; 3] = [Self::Puller, Self::Pusher, Self::Owner];

    /// The name to log in with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Puller => "puller",
            Self::Pusher => "pusher",
            Self::Owner => "owner",
        }
    }

    /// The password: with characters that a careless client would mangle.
    pub fn password(self) -> &'static str {
        match self {
            Self::Puller => "pull: it+all/now",
            Self::Pusher => "push%20it%",
            Self::Owner => "ownér=@home",
        }
    }
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    authority: String,
    host: String,
    log: Log,
    _process: Child,
}

/// Tells `story` with a server that listens at `address`, an IP address of this machine. When it fails, the server's log is
/// shown.
pub async fn with_server(address: &str, story: impl AsyncFnOnce(&Server) -> Result<()>) -> Result<()> {
    tell(Server::start(address, "").await?, story).await
}

/// As `with_server`, with the server's metrics at port 5001 of `address`, which nobody else may have.
pub async fn with_measured_server(address: &str, story: impl AsyncFnOnce(&Server) -> Result<()>) -> Result<()> {
    let debug = format!("  debug: {{addr: '{address}:{DEBUG_PORT}', prometheus: {{enabled: true}}}}\n");
    tell(Server::start(address, &debug).await?, story).await
}

async fn tell(server: Server, story: impl AsyncFnOnce(&Server) -> Result<()>) -> Result<()> {
    let told = AssertUnwindSafe(story(&server)).catch_unwind().await;
    if !matches!(told, Ok(Ok(()))) {
        server.show_log();
    }
    told.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Server {
    async fn start(address: &str, debug: &str) -> Result<Self> {
        let (program, folder) = (Program::Ours.path()?, TempDir::new()?);
        let authority = Authority::new("a client's test")?;
        let leaf = authority.issue(&[address])?;
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("tls.crt", &leaf.certificate)?;
        write("tls.key", &leaf.key)?;
        write("access.yml", ACCESS)?;
        write("htpasswd", &htpasswd(&program).await?)?;
        write("config.yml", &(configuration(folder.path(), address) + debug))?;

        let (reader, writer) = std::io::pipe()?;
        let mut serve = command(&program, [folder.path().join("config.yml")]);
        serve.env_clear().stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let process = serve.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        drop(serve); // with it the pipe's last end for writing that is not the server's
        let mut log = Log::of(reader)?;
        let host = timeout(LIMIT, log.address_after("serving https on ")).await.unwrap_or_default();
        let host = host.with_context(|| format!("the server does not listen: {}", log.text()))?;
        log.follow();
        Ok(Self { folder, authority: authority.certificate(), host, log, _process: process })
    }

    /// Host and port, the beginning of every reference.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// PEM of the authority that vouches for the server.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `team/app:1` of this server, as clients name it.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// The home of somebody who trusts this server, and has not logged in yet.
    pub fn home(&self) -> Result<Home> {
        Home::new(&self.authority)
    }

    /// Sends one request as `user`, past every client.
    pub async fn ask(&self, method: Method, path: &str, user: User) -> Result<Answer> {
        let host = self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host);
        let stream = https::connect(TcpStream::connect(&self.host).await?, host, &self.authority).await?;
        https::send(stream, method, &self.host, path, Some((user.name(), user.password())), Bytes::new()).await
    }

    /// Its metrics, as Prometheus would read them, where it has them.
    pub async fn metrics(&self) -> Result<String> {
        let host = self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host);
        let stream = TcpStream::connect((host, DEBUG_PORT)).await?;
        Ok(https::send(stream, Method::GET, host, "/metrics", None, Bytes::new()).await?.text())
    }

    /// The manifest `name`, such as `team/app:1`, as the server has it; with the status 404 if it has none.
    pub async fn manifest(&self, name: &str) -> Result<Answer> {
        let (repository, reference) = name.rsplit_once(':').context("a name without a tag")?;
        let repository = repository.trim_end_matches("@sha256");
        let algorithm = if name.contains("@sha256:") { "sha256:" } else { "" };
        self.ask(Method::GET, &format!("/v2/{repository}/manifests/{algorithm}{reference}"), User::Owner).await
    }

    /// Checks that the server has `image` as `name`, and returns the digest of its manifest.
    pub async fn holds(&self, image: &Image, name: &str) -> Result<String> {
        let manifest = self.manifest(name).await?;
        ensure!(manifest.status == 200, "the server answered {} for {name}", manifest.status);
        let digest = manifest.headers.get("docker-content-digest").context("no digest")?.to_str()?.to_owned();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.body)?;
        let id = manifest.pointer("/config/digest").and_then(|digest| digest.as_str()).unwrap_or_default();
        ensure!(id == image.id, "{name} has the content {id}, not the {} that was pushed", image.id);
        Ok(digest)
    }

    /// Checks that the server has no manifest `name`.
    pub async fn lacks(&self, name: &str) -> Result<()> {
        let status = self.manifest(name).await?.status;
        ensure!(status == 404, "the server answered {status} for {name}, which is not to be there any more");
        Ok(())
    }

    /// A folder for a test's own files, gone with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.text()
    }

    #[expect(clippy::print_stderr, reason = "the test harness captures it and shows it when the test has failed")]
    fn show_log(&self) {
        eprintln!("\n======== the log of the server ========\n{}", self.log.text());
    }
}

/// The users' lines, by the server's own `htpasswd`.
async fn htpasswd(program: &Path) -> Result<String> {
    let mut lines = String::new();
    for user in User::ALL {
        let mut htpasswd = command(program, ["-Bni", "-C", "4", user.name()]);
        htpasswd.arg0("htpasswd");
        lines += &(run_with_input(htpasswd, user.password()).await? + "\n");
    }
    Ok(lines)
}

fn configuration(folder: &Path, address: &str) -> String {
    let folder = folder.display();
    format!(
        "
version: 0.1
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
auth:
  htpasswd: {{realm: clients, path: {folder}/htpasswd}}
access: {{path: {folder}/access.yml}}
http:
  addr: {address}:0
  tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}
"
    )
}
