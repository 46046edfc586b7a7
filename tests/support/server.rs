//! Servers as processes on this machine's loopback: ours, and the reference implementation in two versions.
//!
//! All are given the same configuration file, as by somebody who changes nothing but the program.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::distribution::Client;
use crate::log::Log;
use crate::program;

/// A server that does not listen by then has failed; a debug build on a busy machine takes a second.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A program that serves a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The server of this tree.
    Ours,
    /// The reference implementation 2.8, as in `registry:2`.
    Registry2,
    /// The reference implementation 3.1, as in `registry:3`.
    Registry3,
}

impl Program {
    /// The reference implementation, the older version first.
    pub const REFERENCES: [Self; 2] = [Self::Registry2, Self::Registry3];

    /// The program's file, which has to be there.
    pub fn path(self) -> Result<PathBuf> {
        match self {
            Self::Ours => program::built("registry"),
            Self::Registry2 => program::pinned("docker-registry", "tests/tools/docker-registry"),
            Self::Registry3 => program::pinned("distribution", "tests/tools/build distribution"),
        }
    }

    /// What stands before its address when it says that it listens.
    fn announces(self) -> &'static str {
        match self {
            Self::Ours => "serving http on ",
            Self::Registry2 | Self::Registry3 => "listening on ",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ours => "this server",
            Self::Registry2 => "registry 2.8",
            Self::Registry3 => "registry 3.1",
        })
    }
}

/// Tells `story` with `program` serving `volume`, and kills it afterwards: what it has answered for has to be on the
/// volume by then. An error shows what it has logged.
pub async fn serving<T>(program: Program, volume: &Path, story: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
    let server = Server::start(program, volume).await?;
    let told = story(Client::to(program, server.address.clone())).await;
    let log = server.stop().await?;
    told.with_context(|| format!("{program} on {} has logged:\n{log}", volume.display()))
}

/// A process that serves a volume; killed when dropped.
#[derive(Debug)]
struct Server {
    address: String,
    process: Child,
    log: Log,
    _folder: TempDir,
}

impl Server {
    async fn start(program: Program, volume: &Path) -> Result<Self> {
        let folder = TempDir::new()?;
        let configuration = folder.path().join("config.yml");
        std::fs::write(&configuration, configured(volume))?;
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new(program.path()?);
        command.arg("serve").arg(configuration).current_dir(folder.path()).env_clear().kill_on_drop(true);
        // Without it, version 3 looks for a collector of traces.
        command.env("OTEL_TRACES_EXPORTER", "none");
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let process = command.spawn().with_context(|| format!("failed to start {program}"))?;
        drop(command); // with it the pipe's last end for writing that is not the program's
        let mut log = Log::of(reader)?;
        let address = timeout(LIMIT, log.address_after(program.announces())).await;
        let address = address.unwrap_or_default().with_context(|| format!("{program} does not listen: {}", log.text()));
        log.follow();
        Ok(Self { address: address?, process, log, _folder: folder })
    }

    /// Kills it and returns what it has logged.
    async fn stop(mut self) -> Result<String> {
        self.process.kill().await?;
        self.log.end().await;
        Ok(self.log.text())
    }
}

/// Deleting is on and layers may have URLs, which the reference refuses unless told otherwise.
pub(crate) fn configured(volume: &Path) -> String {
    format!(
        "
version: 0.1
storage:
  filesystem: {{rootdirectory: {}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http:
  addr: 127.0.0.1:0
  secret: of a volume that changes hands
validation:
  manifests: {{urls: {{allow: ['.*']}}}}
",
        volume.display()
    )
}
