//! The program as a process.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// What its first line of interest says before the address.
const SERVING: [&str; 2] = ["serving http on ", "serving https on "];

/// A server that is killed when dropped.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts `registry CONFIGURATION`, without anything of this process's environment, and waits until it serves.
    pub(crate) fn start(configuration: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_registry"));
        command.env_clear().arg(configuration).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let begin = said.len();
            let read = log.read_line(&mut said).unwrap();
            assert!(read > 0, "the server ended:\n{said}");
            if let Some(address) = address(&said[begin..]) {
                break address;
            }
        };
        // Whoever does not read what it logs makes it wait for ever.
        std::thread::spawn(move || std::io::copy(&mut log.by_ref(), &mut std::io::sink()));
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    let rest = SERVING.iter().find_map(|before| line.split_once(before)).map(|(_, rest)| rest)?;
    rest[..rest.find([' ', ';', ',', '"'])?].parse().ok()
}
