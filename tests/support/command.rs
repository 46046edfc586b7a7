//! Programs that tests run as a user would: crane, docker, helm, kubectl and the scripts of `tests/cluster`.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

/// No program of a test runs longer than this; the longest is `helm upgrade --wait`.
const LIMIT: Duration = Duration::from_secs(300);

/// What a program that ran to its end has said.
#[derive(Debug)]
pub struct Output {
    /// Whether it ended with status 0.
    pub success: bool,
    /// What it wrote to standard output, without the last line's end.
    pub stdout: String,
    /// What it wrote to standard error, without the last line's end.
    pub stderr: String,
}

/// `program` with `arguments`, found by PATH; killed when the test ends before it does.
pub fn command<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command
}

/// Runs `command` and returns its standard output. An error shows the command and everything it said.
pub async fn run(command: Command) -> Result<String> {
    run_with_input(command, "").await
}

/// As `run`, with `input` on standard input.
pub async fn run_with_input(command: Command, input: &str) -> Result<String> {
    let shown = show(&command);
    let output = outcome(command, input).await?;
    if !output.success {
        bail!("`{shown}` failed:\n{}\n{}", output.stdout, output.stderr);
    }
    Ok(output.stdout)
}

/// Runs `command` whose refusal is the point, and returns what it wrote to standard error.
pub async fn run_refused(command: Command) -> Result<String> {
    let shown = show(&command);
    let output = outcome(command, "").await?;
    if output.success {
        bail!("`{shown}` was expected to be refused, but said:\n{}\n{}", output.stdout, output.stderr);
    }
    Ok(output.stderr)
}

/// Runs `command` to its end, however it ends.
pub async fn outcome(mut command: Command, input: &str) -> Result<Output> {
    let shown = show(&command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| {
        format!("failed to start `{shown}`: `make cluster-up` prepares it, `. .cluster/env` puts it on PATH")
    })?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input may have closed it; its status tells whether that was right.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ended = timeout(LIMIT, async { tokio::join!(write, child.wait_with_output()).1 }).await;
    let output = ended.with_context(|| format!("`{shown}` did not end within {} s", LIMIT.as_secs()))??;
    Ok(Output { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// The command as one would type it, for messages. Passwords are given on standard input or in files, never as arguments.
fn show(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}
