//! The real binary as a process.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::{client::Client, eventually, server::Files};

/// A command with nothing of this process's environment that could configure it.
pub(crate) fn registry() -> Command {
    isolated(Command::new(env!("CARGO_BIN_EXE_registry")))
}

fn isolated(mut command: Command) -> Command {
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A server that is killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) files: Files,
    log: Text,
    access: Text,
}

/// What a process writes to one of its outputs.
struct Text {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Text {
    fn of(output: impl Read + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let lines = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                lines.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Process {
    /// Starts `registry` in the directory of `files` with these arguments and variables, in which `DIR` is that directory.
    pub(crate) fn start(files: Files, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (mut process, stdout) = Self::unread(files, arguments, variables);
        process.access = Text::of(stdout);
        process
    }

    /// The same on a file system of so many bytes at `DIR/data`, which no other process sees, and which ends with this one.
    pub(crate) fn start_on_volume_of(bytes: usize, files: Files, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("unshare");
        // Only root may mount, be it in a name space of its own.
        if !geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let script = "mkdir data && mount -t tmpfs -o size=$0 none data && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(bytes.to_string()).arg(registry().get_program());
        let (mut process, stdout) = Self::spawn(isolated(command), files, variables);
        process.access = Text::of(stdout);
        process
    }

    /// As [`start`](Self::start) with standard output left to the caller, who may never read it.
    pub(crate) fn unread(files: Files, arguments: &[&str], variables: &[(&str, &str)]) -> (Self, ChildStdout) {
        let mut command = registry();
        let directory = files.directory();
        command.args(arguments.iter().map(|argument| argument.replace("DIR", &directory)));
        Self::spawn(command, files, variables)
    }

    fn spawn(mut command: Command, files: Files, variables: &[(&str, &str)]) -> (Self, ChildStdout) {
        let directory = files.directory();
        command.current_dir(&directory).env("REGISTRY_HTTP_ADDR", "127.0.0.1:0");
        command.envs(variables.iter().map(|(name, value)| (name, value.replace("DIR", &directory))));
        let mut child = command.spawn().unwrap();
        let (log, stdout) = (Text::of(child.stderr.take().unwrap()), child.stdout.take().unwrap());
        (Self { child, files, log, access: Text::of(std::io::empty()) }, stdout)
    }

    pub(crate) fn log(&self) -> String {
        self.log.so_far()
    }

    /// The access log.
    pub(crate) fn access_log(&self) -> String {
        self.access.so_far()
    }

    #[track_caller]
    pub(crate) fn eventually_logs(&self, text: &str) {
        eventually(&format!("{text:?} in the log of {}\n{}", self.child.id(), self.log()), || {
            self.log().contains(text)
        });
    }

    /// The address after `before` in the log.
    fn address_after(&self, before: &str) -> SocketAddr {
        self.eventually_logs(before);
        let log = self.log();
        let rest = &log[log.find(before).unwrap() + before.len()..];
        let end = rest.find([' ', ';', ',', '"']).unwrap();
        rest[..end].parse().unwrap()
    }

    pub(crate) fn http(&self) -> Client {
        Client::http(self.address_after("serving http on "))
    }

    pub(crate) fn https_address(&self) -> SocketAddr {
        self.address_after("serving https on ")
    }

    pub(crate) fn debug_address(&self) -> SocketAddr {
        self.address_after("health and metrics on ")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The files, for another process; this one is killed.
    pub(crate) fn into_files(mut self) -> Files {
        std::mem::replace(&mut self.files, Files::new())
    }

    /// Waits for the end; both logs are there as a whole then.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        for output in [&mut self.log, &mut self.access] {
            output.reader.take().map(JoinHandle::join);
        }
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
