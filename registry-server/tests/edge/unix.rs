//! A socket in the file system instead of a port.

use std::{
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use rustix::process::Signal;

use super::{
    eventually,
    process::{Process, registry},
    server::Files,
};

const UNIX: [(&str, &str); 2] = [("REGISTRY_HTTP_NET", "unix"), ("REGISTRY_HTTP_ADDR", "DIR/registry.sock")];

fn ask(socket: &Path, request: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn requests_come_over_a_socket_which_goes_with_the_server() {
    let mut process = Process::start(Files::new(), &[], &UNIX);
    process.eventually_logs("serving http on unix:");
    let socket = process.files.path("registry.sock");
    assert!(ask(&socket, "GET /v2/ HTTP/1.1").unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    let begun = ask(&socket, "POST /v2/a/blobs/uploads/ HTTP/1.1\r\ncontent-length: 0").unwrap();
    assert!(begun.contains("location: http://localhost/v2/a/blobs/uploads/"), "{begun}");
    process.eventually_logs("http.request.remoteaddr=@");

    let mode = std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o700, 0o700, "{mode:o}: its owner may connect");
    assert_eq!(mode & 0o002, 0, "{mode:o}: others only if the umask lets them");

    let health = registry().args(["healthcheck"]).envs(UNIX).env("REGISTRY_HTTP_ADDR", &socket).output().unwrap();
    assert!(health.status.success(), "{}", String::from_utf8_lossy(&health.stderr));

    process.signal(Signal::TERM);
    assert!(process.wait().success());
    assert!(!socket.exists());
}

#[test]
fn a_socket_left_behind_is_replaced() {
    let files = Files::new();
    let socket = files.path("registry.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.metadata().unwrap().file_type().is_socket());
    let process = Process::start(files, &[], &UNIX);
    eventually("the server answers", || ask(&process.files.path("registry.sock"), "GET / HTTP/1.1").is_ok());
}

#[test]
fn what_is_in_the_way_is_kept_and_named() {
    let files = Files::new();
    files.write("registry.sock", "precious");
    let mut process = Process::start(files, &[], &UNIX);
    assert_eq!(process.wait().code(), Some(1));
    assert!(process.log().contains("the file exists and is no socket"), "{}", process.log());
    assert_eq!(std::fs::read(process.files.path("registry.sock")).unwrap(), b"precious");
}
