//! What Argo CD, Flux, Helm and `kubectl wait` see of a registry: that it is ready when it is and not before, and nothing that has
//! drifted from what was applied.

mod drift;
mod health;
mod release;

use anyhow::Result;
use support::command::command;
use support::control_plane::{Identity, Stage};
use tokio::process::Command;

/// `program` with `arguments` as an administrator in the test's namespace.
fn administrator<'a>(
    stage: &Stage<'_>,
    program: &str,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<Command> {
    let kubeconfig = stage.plane.kubeconfig_file(&Identity::Administrator, stage.namespace.name())?;
    let mut command = command(program, arguments);
    command.args(["--namespace", stage.namespace.name()]).env("KUBECONFIG", &kubeconfig);
    // Helm's and kubectl's own files.
    command.env("HOME", kubeconfig.with_extension("home"));
    Ok(command)
}
