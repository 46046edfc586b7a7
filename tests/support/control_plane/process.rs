//! A program beside a test. It never outlives the test's process: dropped it is killed, and if the test's process is killed
//! the kernel kills it too.
//!
//! The kernel's promise (`PR_SET_PDEATHSIG`, here by `setpriv`) is about the thread that has started a program. Tests run on
//! threads that end before others are done with what they share; so one thread, which never ends, starts all programs.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Lines of a log that an error shows.
const TAIL: usize = 40;

type Started = io::Result<Child>;

static STARTER: LazyLock<mpsc::Sender<(Command, mpsc::Sender<Started>)>> = LazyLock::new(|| {
    let (starter, requests) = mpsc::channel::<(Command, mpsc::Sender<Started>)>();
    thread::spawn(move || {
        for (mut command, answer) in requests {
            // Nobody waits for the answer any more when a test has been given up.
            let _ = answer.send(command.spawn());
        }
    });
    starter
});

/// Starts `command` on the thread that never ends.
fn start(command: Command) -> Started {
    let (answer, started) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts programs has ended");
    STARTER.send((command, answer)).map_err(|error| gone(error.to_string()))?;
    started.recv().map_err(|error| gone(error.to_string()))?
}

/// A running program, which writes into a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with only the `environment` that is given, and its output appended to `log`.
    pub(super) fn start<'a>(
        program: &Path,
        arguments: &[String],
        environment: impl IntoIterator<Item = (&'a str, &'a Path)>,
        log: PathBuf,
    ) -> Result<Self> {
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).envs(environment);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = start(command).with_context(|| format!("failed to start {} by setpriv", program.display()))?;
        Ok(Self { child, log })
    }

    /// Its process id; `setpriv` has become the program.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// That it has not ended.
    pub(super) fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it has ended with {status}: {}", self.tail()),
        }
    }

    /// Asks it to end (SIGTERM), and returns at once.
    pub(super) fn terminate(&self) -> Result<()> {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).context("it has no process id")?;
        Ok(kill_process(id, Signal::TERM)?)
    }

    /// Whether it has ended, and how.
    pub(super) fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Kills it and waits for its end.
    pub(super) fn kill(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Everything it has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_else(|error| format!("its log cannot be read: {error}"))
    }

    /// The end of what it has written.
    pub(super) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
