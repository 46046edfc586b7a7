//! CPU profiles of this process, each taken by a process of its own that ends with it.
//!
//! A profiler inside a process interrupts its threads by a signal and walks their stacks in the signal's handler, where
//! nothing may be locked or allocated and a wrong guess about a stack ends the process. Here the same program is started a
//! second time, as [`sampler`]: it stops a thread for some microseconds with `ptrace`, copies its registers and stack, and
//! does everything else on its own side. The server has no handler, no timer and no buffer, and at rest not even a thread.
//!
//! Knows nothing of HTTP.

mod format;
mod message;
mod program;
mod running;
pub(crate) mod sampler;
mod stacks;
mod symbols;
mod thread;

use std::{process::Stdio, sync::Arc, time::Duration};

use bytes::Bytes;
use rustix::process::{PTracer, Pid, set_ptracer};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    sync::Semaphore,
};

/// What reading symbols may take once the time is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every profile that gzip made begins like this.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Takes profiles of this process, one at a time. Clones share the turn.
#[derive(Debug, Clone)]
pub(crate) struct Profiler(Arc<Semaphore>);

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a CPU profile is being taken already; ask again when it has ended")]
    Busy,
    #[error("failed to start the process that takes profiles")]
    Start(#[source] std::io::Error),
    #[error("failed to read what the process that takes profiles says")]
    Read(#[source] std::io::Error),
    #[error("the process that takes profiles did not end in time")]
    Late,
    /// The sampler's own words.
    #[error("{0}")]
    Failed(String),
}

impl Default for Profiler {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Profiler {
    /// A profile from now on for `duration`, of whole seconds: pprof's protobuf, in gzip. Ends early when dropped.
    ///
    /// # Errors
    /// When one is being taken already, or threads of this process may not be stopped.
    pub(crate) async fn take(&self, duration: Duration) -> Result<Bytes, Error> {
        let _turn = self.0.try_acquire().map_err(|_| Error::Busy)?;
        let mut sampler = start(duration).map_err(Error::Start)?;
        let_trace(&sampler);
        begin(&mut sampler).await;
        let output = tokio::time::timeout(duration + PATIENCE, sampler.wait_with_output()).await;
        let output = output.map_err(|_| Error::Late)?.map_err(Error::Read)?;
        if output.status.success() && output.stdout.starts_with(&GZIP) {
            return Ok(output.stdout.into());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Failed(if said.is_empty() { format!("failed to take a profile: {}", output.status) } else { said }))
    }
}

/// Starts this very program as a sampler, also when its file has been replaced since.
fn start(duration: Duration) -> std::io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg0("registry")
        .args([sampler::COMMAND, &duration.as_secs().to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Where Yama lets only parents trace, `sampler` may too.
fn let_trace(sampler: &Child) {
    let pid = sampler.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = set_ptracer(PTracer::ProcessID(pid))
    {
        // There is no Yama here. If something else forbids it, the sampler says so.
        tracing::debug!(%error, "failed to allow a process to trace this one");
    }
}

/// Tells `sampler` that it may begin.
async fn begin(sampler: &mut Child) {
    if let Some(mut input) = sampler.stdin.take() {
        // One that has ended instead has said why.
        let _ = input.write_all(b"\n").await;
    }
}
