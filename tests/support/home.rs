//! The home directory of somebody who uses a registry's clients: empty at first, so that nothing of this machine's user is read
//! or changed, with one authority that is trusted and no proxy.

use std::path::PathBuf;

use anyhow::Result;
use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{command, run, run_refused, run_with_input};

/// What would lead a client elsewhere.
const UNSET: [&str; 12] = [
    "DOCKER_CONFIG",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
    "no_proxy",
];

/// A home directory.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// A home in which the certificates of the PEM text `authority` are the only ones that are trusted.
    pub fn new(authority: &str) -> Result<Self> {
        let home = Self { folder: TempDir::new()? };
        std::fs::write(home.path("ca.crt"), authority)?;
        Ok(home)
    }

    /// A file or folder of this home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        std::fs::write(self.path(name), content)?;
        Ok(self.path(name))
    }

    /// Runs `program` here with `arguments` and returns what it printed.
    pub async fn run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        run(self.command(program, arguments)).await
    }

    /// As `run`, with `input` on standard input.
    pub async fn run_with_input<'a>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        input: &str,
    ) -> Result<String> {
        run_with_input(self.command(program, arguments), input).await
    }

    /// Runs `program` here with `arguments`, which has to fail, and returns what it said.
    pub async fn refused<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        run_refused(self.command(program, arguments)).await
    }

    /// `program` in this home, whose paths are relative to it. Its certificates are those that every program of Go and
    /// OpenSSL reads.
    fn command<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = command(program, arguments);
        for name in UNSET {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env("SSL_CERT_FILE", self.path("ca.crt")).env("SSL_CERT_DIR", "/nonexistent");
        // skopeo's, which lies outside of the home otherwise.
        command.env("REGISTRY_AUTH_FILE", self.path("auth.json"));
        command
    }
}
