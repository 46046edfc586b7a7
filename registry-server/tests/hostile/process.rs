//! The real binary: what the operating system says that it holds.

use std::{
    fs,
    io::Read,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use super::{
    eventually,
    wire::{Wire, request},
};

/// A server that is killed when dropped.
pub(crate) struct Process {
    child: Child,
    directory: tempfile::TempDir,
}

impl Process {
    /// Starts `registry` with these variables.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_registry"))
            .env_clear()
            .env("REGISTRY_HTTP_ADDR", "127.0.0.1:0")
            .env("REGISTRY_LOG_ACCESSLOG_DISABLED", "true")
            .envs(variables.iter().copied())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(directory.path().join("output")).unwrap())
            .stderr(fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, directory }
    }

    pub(crate) fn log(&self) -> String {
        ["log", "output"].map(|file| fs::read_to_string(self.directory.path().join(file)).unwrap()).concat()
    }

    /// The address that the server says it has.
    fn address(&self) -> SocketAddr {
        let mut address = None;
        eventually("the server says where it listens", || {
            let log = self.log();
            let rest =
                log.split_once("serving http on ").map(|(_, rest)| rest.split([' ', ';', ',', '"']).next().unwrap());
            address = rest.and_then(|text| text.parse().ok());
            address.is_some()
        });
        address.unwrap()
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.address())
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Memory that is in use, in MiB.
    fn resident(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() >> 10
    }

    fn push_blob(&self, content: &[u8]) -> String {
        let digest = super::sha256(content);
        let mut wire = self.connect();
        wire.send(request("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], content));
        assert_eq!(wire.answer().unwrap().status, 201);
        digest
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn no_descriptor_is_left_of_clients_that_vanish() {
    let process = Process::start(&[]);
    let digest = process.push_blob(&vec![7; 4 << 20]);
    let before = process.open_files();
    for _ in 0..3 {
        let mut clients = Vec::new();
        for _ in 0..50 {
            let mut half = process.connect();
            half.send("GET /v2/ HTTP/1.1\r\nhost: local");
            let mut pulls = process.connect();
            pulls.send(request("GET", &format!("/v2/a/blobs/{digest}"), &[], b""));
            pulls.0.read_exact(&mut [0; 1000]).unwrap();
            let mut pushes = process.connect();
            pushes.send(request(
                "POST",
                &format!("/v2/a/blobs/uploads/?digest={digest}"),
                &[("content-length", "9")],
                b"x",
            ));
            clients.extend([half, pulls, pushes]);
        }
        assert!(process.open_files() > before, "the clients were there");
        drop(clients);
        eventually("the descriptors are closed", || process.open_files() <= before);
    }
}

#[test]
fn headers_and_bodies_in_waiting_cost_little_memory() {
    let process = Process::start(&[]);
    let before = process.resident();
    let header = format!("GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-half: {}", "x".repeat(60 << 10));
    let body = request("PUT", "/v2/a/manifests/latest", &[("content-length", "4000000")], &[b' '; 60 << 10]);
    let mut clients = Vec::new();
    for _ in 0..200 {
        for bytes in [header.as_bytes(), &body] {
            let mut wire = process.connect();
            wire.send(bytes);
            clients.push(wire);
        }
    }
    let mut honest = process.connect();
    honest.send(request("GET", "/v2/", &[], b""));
    assert_eq!(honest.answer().unwrap().status, 200);
    // 25 MB were sent.
    assert!(process.resident() < before + 150, "{} MiB, before {before} MiB", process.resident());
}
