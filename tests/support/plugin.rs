//! `kubectl preg` as a person runs it: the operator's program under its other name, with a home and a kubeconfig of the person's
//! own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Output, command, outcome, run};
use crate::program;

/// Where kubectl would find it.
const NAME: &str = "kubectl-preg";

/// What would lead it to files of this machine's user.
const UNSET: [&str; 4] = ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];

/// Somebody who has the plugin.
#[derive(Debug)]
pub struct Plugin {
    home: TempDir,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Plugin {
    /// Somebody with the program of this tree, whom `kubeconfig` leads to a cluster, and who works in `namespace`.
    pub fn built(kubeconfig: impl Into<PathBuf>, namespace: &str) -> Result<Self> {
        Self::of(&program::built("private-registry-operator")?, kubeconfig, namespace)
    }

    /// Somebody who has given `program` the plugin's name.
    pub fn of(program: &Path, kubeconfig: impl Into<PathBuf>, namespace: &str) -> Result<Self> {
        let home = TempDir::new()?;
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin)?;
        std::os::unix::fs::symlink(program, bin.join(NAME))?;
        Ok(Self { home, kubeconfig: kubeconfig.into(), namespace: namespace.to_owned() })
    }

    /// A file or folder of this home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Makes a program of this name, a shell script, which is found by PATH before others.
    pub fn install(&self, name: &str, script: &str) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
        Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?)
    }

    /// Runs it to its end, however it ends.
    pub async fn ask<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output> {
        self.ask_with(arguments, []).await
    }

    /// As `ask`, with further variables.
    pub async fn ask_with<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        variables: impl IntoIterator<Item = (&'a str, &'a Path)>,
    ) -> Result<Output> {
        let bin = self.path("bin");
        let mut plugin = self.command(bin.join(NAME), arguments);
        plugin.args(["--namespace", &self.namespace]);
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        plugin.env("PATH", path).env("KUBECONFIG", &self.kubeconfig).envs(variables);
        outcome(plugin, "").await
    }

    /// Runs another `program` of this person, which has to end well, and returns what it printed.
    pub async fn run_beside<'a>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        variables: impl IntoIterator<Item = (&'a str, &'a Path)>,
    ) -> Result<String> {
        let mut program = self.command(program, arguments);
        program.envs(variables);
        run(program).await
    }

    /// A program that finds this home and nobody else's.
    fn command<'a>(
        &self,
        program: impl AsRef<std::ffi::OsStr>,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> tokio::process::Command {
        let mut command = command(program, arguments);
        for name in UNSET {
            command.env_remove(name);
        }
        command.env("HOME", self.home.path());
        command
    }

    /// Runs it, which has to end well, and returns what it printed.
    pub async fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let output = self.ask(arguments).await?;
        ensure!(output.success, "it ended with an error:\n{}\n{}", output.stdout, output.stderr);
        Ok(output.stdout)
    }

    /// Runs it, which has to refuse, and returns what it said.
    pub async fn refused<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let output = self.ask(arguments).await?;
        ensure!(!output.success, "it was expected to refuse, but said:\n{}", output.stdout);
        Ok(output.stderr)
    }

    /// A file of this home in JSON.
    pub fn json(&self, name: &str) -> Result<Value> {
        let path = self.path(name);
        let text = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }
}
