//! CPU profiles, as `go tool pprof` asks a busy server for them.

use std::{
    fs,
    io::Write,
    process::{Command, Output},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use registry_server::oci::{Algorithm, Digest};

use super::{
    client::Client,
    eventually,
    process::Process,
    server::{Files, Server},
};

const DEBUG: (&str, &str) = ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0");
const STORED_IN: (&str, &str) = ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "DIR/data");

fn start() -> Process {
    Process::start(Files::new(), &[], &[DEBUG, STORED_IN])
}

/// The processes that a server has started.
fn children(server: &Process) -> usize {
    let threads = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    // A thread that has ended has none.
    let children = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).ok());
    children.map(|children| children.split_whitespace().count()).sum()
}

/// Pushes and pulls until `enough`; how often.
fn push_and_pull(client: &Client, enough: &AtomicBool) -> u32 {
    let content = "0123456789abcdef".repeat(1 << 16);
    let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
    let mut times = 0;
    while !enough.load(Ordering::Relaxed) {
        let pushed = client.request("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &content);
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let pulled = client.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((pulled.status, pulled.body.len()), (200, content.len()));
        times += 1;
    }
    times
}

/// `go tool pprof`, which keeps what it fetches in the directory of `files`.
fn pprof(files: &Files, arguments: &[&str]) -> String {
    let mut command = Command::new("go");
    command.args(["tool", "pprof"]).args(arguments).env("PPROF_TMPDIR", files.path(""));
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{status} {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn pprof_names_the_functions_of_a_busy_server_that_answers_every_request_meanwhile() {
    let server = start();
    let url = format!("http://{}/debug/pprof/profile?seconds=3", server.debug_address());
    let (client, enough, times) = (server.http(), AtomicBool::new(false), AtomicU32::new(0));
    let top = thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(|| push_and_pull(&client, &enough))).collect();
        let top = pprof(&server.files, &["-top", "-cum", "-nodecount=200", &url]);
        enough.store(true, Ordering::Relaxed);
        for worker in workers {
            times.fetch_add(worker.join().unwrap(), Ordering::Relaxed);
        }
        top
    });
    assert!(times.into_inner() > 0);
    for text in ["Type: cpu", "registry_server::", "tokio::"] {
        assert!(top.contains(text), "no {text} in\n{top}");
    }
    assert_eq!(children(&server), 0, "nothing is left of it");
}

#[test]
fn one_profile_is_taken_at_a_time_and_none_for_a_client_that_is_gone() {
    let server = start();
    let debug = Client::http(server.debug_address());
    let mut gone = debug.connect().unwrap();
    gone.write_all(debug.head("GET", "/debug/pprof/profile?seconds=300", 0).as_bytes()).unwrap();
    eventually("a profile is being taken", || children(&server) == 1);
    let second = debug.get("/debug/pprof/profile?seconds=1");
    assert_eq!((second.status, second.header("x-go-pprof")), (409, Some("1")));
    assert!(second.body.contains("is being taken already"), "{}", second.body);

    drop(gone);
    eventually("it has ended", || children(&server) == 0);
    let profile = debug.get("/debug/pprof/profile?seconds=1");
    assert_eq!(profile.status, 200, "{profile:?}");
    assert_eq!(profile.header("content-type"), Some("application/octet-stream"));
}

#[test]
fn what_is_not_there_is_refused_with_a_sentence() {
    let server = Server::start(Files::new(), "");
    let answer = |path: &str| {
        let response = server.debug().get(&format!("/debug/pprof{path}"));
        (response.status, response.body)
    };
    for index in ["", "/"] {
        let (status, body) = answer(index);
        assert!(status == 200 && body.contains("/debug/pprof/profile"), "{body}");
    }
    let (status, body) = answer("/heap");
    assert!(status == 404 && body.contains("no heap") && body.contains("not written in Go"), "{body}");
    let (status, body) = answer("/elsewhere");
    assert!(status == 404 && body.contains("there is /debug/pprof/profile"), "{body}");
    let (status, body) = answer("/profile?seconds=301");
    assert!(status == 400 && body.contains("from 1 to 300"), "{body}");
    assert_eq!(server.http().get("/debug/pprof/").status, 404, "the registry's own listener has none of it");
}
