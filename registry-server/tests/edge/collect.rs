//! `registry garbage-collect`: alone, beside a running server, and killed in the middle.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use registry_server::oci::{Algorithm, Digest};
use rustix::{
    fs::{FlockOperation, flock},
    process::Signal,
};
use serde_json::json;

use super::{
    client::Client,
    eventually,
    process::{Process, registry},
    server::Files,
};

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const STORED_IN: (&str, &str) = ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "DIR/data");
const MAY_DELETE: (&str, &str) = ("REGISTRY_STORAGE_DELETE_ENABLED", "true");

fn sha256(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn serve(files: Files) -> Process {
    Process::start(files, &[], &[STORED_IN, MAY_DELETE])
}

/// The command, on the data of a server with these files.
fn garbage_collect(files: &Files, arguments: &[&str]) -> Command {
    let mut command = registry();
    command.arg("garbage-collect").args(arguments).current_dir(files.path(""));
    command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", files.path("data"));
    command
}

/// What it prints, when it succeeds without warnings.
#[track_caller]
fn printed(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success() && stderr.is_empty(), "{status} {stderr}");
    String::from_utf8(stdout).unwrap()
}

fn push_blob(client: &Client, repository: &str, content: &str) -> Digest {
    let digest = sha256(content);
    let response = client.request("POST", &format!("/v2/{repository}/blobs/uploads/?digest={digest}"), content);
    assert_eq!(response.status, 201, "{response:?}");
    digest
}

/// Pushes an image of one layer of nine bytes; its digest.
fn push_image(client: &Client, repository: &str, tag: &str, layer: &str) -> Digest {
    let layer = push_blob(client, repository, layer);
    let config = push_blob(client, repository, "{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE,
        "config": { "mediaType": "application/vnd.test.config", "digest": config, "size": 2 },
        "layers": [{ "mediaType": "application/vnd.test.layer", "digest": layer, "size": 9 }],
    });
    let text = manifest.to_string();
    let response = client.request("PUT", &format!("/v2/{repository}/manifests/{tag}"), &text);
    assert_eq!(response.status, 201, "{response:?}");
    sha256(&text)
}

/// A layer of nine bytes.
fn layer(number: usize) -> String {
    format!("layer{number:04}")
}

fn status(client: &Client, target: &str) -> u16 {
    client.get(&format!("/v2/{target}")).status
}

fn delete(client: &Client, target: &str) {
    assert_eq!(client.request("DELETE", &format!("/v2/{target}"), "").status, 202, "{target}");
}

fn blob_path(files: &Files, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    files.path("data/docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}

#[test]
fn it_collects_by_itself_when_no_server_runs() {
    let mut server = serve(Files::new());
    let client = server.http();
    let old = push_image(&client, "app", "v1", &layer(1));
    let new = push_image(&client, "app", "v1", &layer(2));
    server.signal(Signal::TERM);
    server.wait();
    let files = &server.files;
    let dry = printed(garbage_collect(files, &["--dry-run=true", "-m"]));
    assert!(dry.contains(&format!("\nmanifest eligible for deletion: {{app {old} [v1]}}\n")), "{dry}");
    assert!(dry.contains(&format!("\napp: marking manifest {new} \n")), "{dry}");
    assert!(dry.contains("\n\n3 blobs marked, 2 blobs and 1 manifests eligible for deletion\n"), "{dry}");
    assert!(dry.contains(&format!("\nblob eligible for deletion: {old}\n")), "{dry}");
    assert!(dry.contains(&format!("\napp: layer link eligible for deletion: {}\n", sha256(&layer(1)))), "{dry}");
    assert!(blob_path(files, &old).exists());

    assert_eq!(printed(garbage_collect(files, &["--delete-untagged=false", "-q"])), "");
    assert!(blob_path(files, &old).exists());
    assert_eq!(printed(garbage_collect(files, &["-mq"])), "");
    assert!(!blob_path(files, &old).exists());
    assert!(blob_path(files, &new).exists());
}

#[test]
fn beside_a_running_server_it_is_the_server_that_collects() {
    let server = serve(Files::new());
    let client = server.http();
    let gone = push_image(&client, "gone", "v1", &layer(1));
    push_image(&client, "stays", "v1", &layer(2));
    let waiting = push_blob(&client, "stays", "waits for its manifest");
    assert_eq!(status(&client, &format!("gone/blobs/{}", sha256(&layer(1)))), 200, "now it is in the caches");
    delete(&client, &format!("gone/manifests/{gone}"));

    let printed = printed(garbage_collect(&server.files, &["-m"]));
    assert!(printed.contains("\n3 blobs marked, 2 blobs and 0 manifests eligible for deletion\n"), "{printed}");
    assert!(printed.contains("removed: 2 blobs"), "{printed}");
    server.eventually_logs("garbage collection ended");
    assert_eq!(status(&client, &format!("gone/blobs/{}", sha256(&layer(1)))), 404);
    assert_eq!(status(&client, &format!("stays/blobs/{waiting}")), 200);
    assert_eq!(client.get("/v2/_catalog").body.trim(), r#"{"repositories":["stays"]}"#);
    push_image(&client, "gone", "v1", &layer(1));
    assert_eq!(status(&client, &format!("gone/blobs/{}", sha256(&layer(1)))), 200);

    let socket = server.files.path("data/private-registry/control.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_server_is_asked_after_a_crash_and_below_a_long_path_too() {
    let files = Files::new();
    let long = format!("DIR/{}", "long/".repeat(30));
    let variable = ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &*long);
    let mut server = Process::start(files, &[], &[variable, MAY_DELETE]);
    server.http();
    let root = server.files.path(&"long/".repeat(30));
    let socket = root.join("private-registry/control.sock");
    eventually("the server listens", || socket.exists());
    server.signal(Signal::KILL);
    server.wait();
    assert!(socket.exists(), "nobody has cleaned up");
    let server = Process::start(server.into_files(), &[], &[variable, MAY_DELETE]);
    push_blob(&server.http(), "app", "x");
    let collect = || {
        let mut command = garbage_collect(&server.files, &["--grace=0"]);
        command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &root).output().unwrap()
    };
    // Until the new socket is there, the command says that the server does not answer.
    eventually("the server answers", || collect().status.success());
    assert_eq!(status(&server.http(), &format!("app/blobs/{}", sha256("x"))), 404);
}

#[test]
fn a_directory_that_something_else_uses_is_left_alone() {
    let files = Files::new();
    fs::create_dir(files.path("data")).unwrap();
    let directory = fs::File::open(files.path("data")).unwrap();
    flock(&directory, FlockOperation::NonBlockingLockExclusive).unwrap();
    let output = garbage_collect(&files, &[]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("registry: failed to garbage collect: another process uses"), "{stderr}");
}

#[test]
fn nothing_is_removed_while_a_second_server_writes_too() {
    let first = serve(Files::new());
    push_blob(&first.http(), "app", "stray");
    let root = first.files.path("data");
    let variable = ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", root.to_str().unwrap());
    let second = Process::start(Files::new(), &[], &[variable]);
    second.eventually_logs("running without caches");
    second.http();
    let collect = || garbage_collect(&first.files, &["--grace=0"]).output().unwrap();
    let output = collect();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("another server has opened the storage directory"), "{stderr}");
    assert_eq!(status(&second.http(), &format!("app/blobs/{}", sha256("stray"))), 200);
    drop(second);
    assert!(collect().status.success());
    assert_eq!(status(&first.http(), &format!("app/blobs/{}", sha256("stray"))), 404);
}

#[test]
fn without_a_directory_there_is_nothing_to_collect() {
    let files = Files::new();
    let output = garbage_collect(&files, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!files.path("data").exists());

    let mut command = registry();
    command.arg("garbage-collect").current_dir(files.path("")).env("REGISTRY_STORAGE", "inmemory");
    assert!(printed(command).contains("nothing to collect"));
}

#[test]
fn a_server_in_read_only_mode_does_not_keep_the_command_from_collecting() {
    let mut server = serve(Files::new());
    let gone = push_image(&server.http(), "app", "v1", &layer(1));
    delete(&server.http(), &format!("app/manifests/{gone}"));
    server.signal(Signal::TERM);
    server.wait();
    let read_only = ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}");
    let server = Process::start(server.into_files(), &[], &[STORED_IN, read_only]);
    assert_eq!(status(&server.http(), &format!("app/blobs/{}", sha256(&layer(1)))), 200);
    let mut command = garbage_collect(&server.files, &[]);
    command.env(read_only.0, read_only.1);
    assert!(printed(command).contains("removed: 3 blobs"));
    assert_eq!(status(&server.http(), &format!("app/blobs/{}", sha256(&layer(1)))), 404);
}

#[test]
fn a_command_that_goes_away_stops_the_collection() {
    let server = serve(Files::new());
    let client = server.http();
    // More to tell than fits between the two when nobody reads.
    for number in 0..3000 {
        let content = layer(number);
        let data = blob_path(&server.files, &sha256(&content));
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(data, content).unwrap();
    }
    push_image(&client, "app", "v1", &layer(0));
    let mut command = garbage_collect(&server.files, &["--grace=0"]).stdout(Stdio::piped()).spawn().unwrap();
    server.eventually_logs("garbage collection begins");
    command.kill().unwrap();
    command.wait().unwrap();
    server.eventually_logs("the garbage collection was stopped");
    assert!(blob_path(&server.files, &sha256(&layer(2999))).exists());
    printed(garbage_collect(&server.files, &["--grace=0", "-q"]));
    assert!(!blob_path(&server.files, &sha256(&layer(2999))).exists());
    assert_eq!(status(&client, "app/manifests/v1"), 200);
}

/// Starts a collection and, after its first removal, what kills it.
fn killed_in_the_middle(files: &Files, collecting: impl FnOnce() -> Child, kill: impl FnOnce(&mut Child)) {
    let mut child = collecting();
    eventually("something is removed", || {
        (0..STRAYS).any(|number| !blob_path(files, &sha256(&layer(number))).exists())
    });
    kill(&mut child);
    child.wait().unwrap();
}

const STRAYS: usize = 2000;

/// Content that nothing names, of a time long past.
fn leave_strays(root: &Path, files: &Files) {
    for number in 0..STRAYS {
        let content = layer(number);
        let digest = sha256(&content);
        let data = blob_path(files, &digest);
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(&data, &content).unwrap();
        let link = root.join("docker/registry/v2/repositories/stray/_layers/sha256").join(digest.hex()).join("link");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::write(link, digest.to_string()).unwrap();
    }
}

#[test]
fn a_command_killed_in_the_middle_leaves_a_whole_store() {
    let mut server = serve(Files::new());
    push_image(&server.http(), "app", "v1", &layer(STRAYS));
    server.signal(Signal::TERM);
    server.wait();
    leave_strays(&server.files.path("data"), &server.files);
    let collecting = || garbage_collect(&server.files, &["--grace=0", "-q"]).spawn().unwrap();
    killed_in_the_middle(&server.files, collecting, |child| child.kill().unwrap());
    let left = printed(garbage_collect(&server.files, &["--grace=0", "--dry-run"]));
    println!("after the kill: {}", left.lines().last().unwrap_or_default());
    printed(garbage_collect(&server.files, &["--grace=0", "-q"]));
    let last = printed(garbage_collect(&server.files, &["--grace=0"]));
    assert!(last.ends_with("removed: 0 blobs (0 bytes), 0 manifests, 0 layer links and 0 repositories; 0 blobs and manifests kept because they were uploaded or confirmed lately; 0 problems\n"), "{last}");
    let server = serve(server.into_files());
    assert_eq!(status(&server.http(), "app/manifests/v1"), 200);
    assert_eq!(status(&server.http(), &format!("app/blobs/{}", sha256(&layer(STRAYS)))), 200);
}

#[test]
fn a_server_killed_while_it_collects_and_is_pushed_to_has_all_it_acknowledged() {
    let mut server = serve(Files::new());
    leave_strays(&server.files.path("data"), &server.files);
    let client = server.http();
    let ended = Arc::new(AtomicBool::new(false));
    let pushing = {
        let ended = Arc::clone(&ended);
        thread::spawn(move || push_until(&client, &ended))
    };
    let collecting = || {
        let mut command = garbage_collect(&server.files, &["--grace=1m", "-m", "-q"]);
        // Old enough for the collection, unlike what is pushed now.
        for number in 0..STRAYS {
            let file =
                fs::File::options().append(true).open(blob_path(&server.files, &sha256(&layer(number)))).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            let link = server.files.path("data/docker/registry/v2/repositories/stray/_layers/sha256");
            let link = link.join(sha256(&layer(number)).hex()).join("link");
            fs::File::options().append(true).open(link).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }
        command.spawn().unwrap()
    };
    killed_in_the_middle(&server.files, collecting, |_| server.signal(Signal::KILL));
    server.wait();
    ended.store(true, Ordering::Release);
    let acknowledged = pushing.join().unwrap();
    let pushed = acknowledged.len();
    println!("{pushed} images acknowledged");

    let server = serve(server.into_files());
    let client = server.http();
    eventually("the server answers", || {
        garbage_collect(&server.files, &["--grace=0", "-m"]).output().unwrap().status.success()
    });
    for (tag, layer) in acknowledged {
        assert_eq!(status(&client, &format!("app/manifests/{tag}")), 200, "{tag}");
        assert_eq!(status(&client, &format!("app/blobs/{}", sha256(&layer))), 200, "{tag}");
    }
    // One more may have been on its way.
    assert!((pushed + 1..STRAYS).all(|number| !blob_path(&server.files, &sha256(&layer(number))).exists()));
}

/// Pushes images, some of the layers that are being collected, until the server is gone; those that were acknowledged.
fn push_until(client: &Client, ended: &AtomicBool) -> Vec<(String, String)> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let (tag, layer) = (format!("v{number}"), layer(number));
        let digest = sha256(&layer);
        let target = format!("/v2/app/blobs/uploads/?digest={digest}");
        let Ok(response) = client.try_request("POST", &target, &layer) else { break };
        assert_eq!(response.status, 201, "{response:?}");
        let Ok(response) = client.try_request("POST", &format!("/v2/app/blobs/uploads/?digest={}", sha256("{}")), "{}")
        else {
            break;
        };
        assert_eq!(response.status, 201, "{response:?}");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": { "mediaType": "application/vnd.test.config", "digest": sha256("{}"), "size": 2 },
            "layers": [{ "mediaType": "application/vnd.test.layer", "digest": digest, "size": 9 }],
        });
        let target = format!("/v2/app/manifests/{tag}");
        let Ok(response) = client.try_request("PUT", &target, &manifest.to_string()) else { break };
        assert_eq!(response.status, 201, "{response:?}");
        acknowledged.push((tag, layer));
        if ended.load(Ordering::Acquire) {
            break;
        }
    }
    acknowledged
}
