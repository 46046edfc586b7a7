//! The command line: `registry`, `registry healthcheck` and `htpasswd`.

use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, Output, Stdio},
};

use super::{
    process::{Process, registry},
    server::{Files, Pair},
};

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn htpasswd(arguments: &[&str]) -> Command {
    let mut command = registry();
    command.arg0("/usr/bin/htpasswd").args(arguments);
    command
}

#[test]
fn the_version_has_the_references_form() {
    for flag in ["-v", "--version"] {
        let (status, stdout, _) = run(registry().arg(flag));
        assert_eq!(status, Some(0));
        assert_eq!(stdout, format!("registry registry-server v{}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_shows_the_commands() {
    for flag in ["help", "--help"] {
        let (status, stdout, _) = run(registry().arg(flag));
        assert_eq!(status, Some(0));
        assert!(stdout.contains("serve") && stdout.contains("healthcheck"), "{stdout}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let (status, _, stderr) = run(registry().arg("/nowhere/config.yml"));
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("registry: failed to read configuration /nowhere/config.yml"), "{stderr}");
}

#[test]
fn htpasswd_prints_a_line_that_the_server_takes() {
    let (status, line, stderr) = run(&mut htpasswd(&["-Bbn", "moby", "gordon"]));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(line.starts_with("moby:$2y$10$") && line.ends_with('\n'), "{line}");

    let files = Files::new();
    files.write("htpasswd", &line);
    let process = Process::start(files, &[], &[("REGISTRY_AUTH_HTPASSWD_PATH", "DIR/htpasswd")]);
    assert_eq!(process.http().user("moby", "gordon").get("/v2/").status, 200);
}

#[test]
fn htpasswd_reads_the_password_from_standard_input() {
    for flags in ["-Bn", "-Bni"] {
        let mut command = htpasswd(&[flags, "-C", "4", "moby"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"gor don\n").unwrap();
        let output = child.wait_with_output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        let hash = line.trim().strip_prefix("moby:").unwrap();
        assert!(bcrypt::verify("gor don", hash).unwrap(), "{line}");
    }
}

#[test]
fn htpasswd_makes_changes_checks_and_deletes_in_a_file() {
    let files = Files::new();
    let path = files.path("users");
    let file = path.to_str().unwrap();
    let status = |arguments: &[&str]| run(&mut htpasswd(arguments)).0;

    assert_eq!(status(&["-Bb", "-C4", file, "amy", "one"]), Some(1), "there is no file without -c");
    assert_eq!(status(&["-Bbc", "-C4", file, "amy", "one"]), Some(0));
    assert_eq!(status(&["-Bb", "-C4", file, "bob", "two"]), Some(0));
    assert_eq!(status(&["-Bb", "-C4", file, "amy", "three"]), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert_eq!(status(&["-vb", file, "amy", "three"]), Some(0));
    assert_eq!(status(&["-vb", file, "amy", "one"]), Some(3));
    assert_eq!(status(&["-D", file, "amy"]), Some(0));
    assert_eq!(status(&["-vb", file, "amy", "three"]), Some(6));
    assert_eq!(status(&["-vb", file, "bob", "two"]), Some(0));
}

#[test]
fn htpasswd_refuses_what_the_server_would_not_take() {
    for (arguments, message) in [
        (vec!["-bn", "moby", "gordon"], "add -B"),
        (vec!["-mbn", "moby", "gordon"], "use -B"),
        (vec!["-Bbn", "moby"], "-n and -b want USER PASSWORD"),
        (vec!["-Bbn", "mo:by", "gordon"], "no colon"),
        (vec!["-Bbn", "moby", ""], "the password is empty"),
        (vec!["-BbnC", "3", "moby", "gordon"], "3 is not in 4..=14"),
        (vec!["-Bbnc", "moby", "gordon"], "cannot be used with"),
    ] {
        let (status, stdout, stderr) = run(&mut htpasswd(&arguments));
        assert_ne!(status, Some(0), "{arguments:?}");
        assert_eq!(stdout, "");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
    let long = "x".repeat(73);
    let (status, _, stderr) = run(&mut htpasswd(&["-Bbn", "moby", &long]));
    assert_eq!(status, Some(3));
    assert!(stderr.contains("at most 72 bytes"), "{stderr}");
}

#[test]
fn healthcheck_asks_the_servers_own_listener() {
    let (files, pair) = (Files::new(), Pair::new());
    files.write("tls.crt", &pair.certificate);
    files.write("tls.key", &pair.key);
    let tls = [("REGISTRY_HTTP_TLS_CERTIFICATE", "DIR/tls.crt"), ("REGISTRY_HTTP_TLS_KEY", "DIR/tls.key")];
    let process = Process::start(files, &[], &tls);
    let port = process.https_address().port();
    let check = |variables: &[(&str, String)]| {
        let mut command = registry();
        run(command.arg("healthcheck").current_dir(process.files.path("")).envs(variables.iter().cloned()))
    };
    let address = ("REGISTRY_HTTP_ADDR", format!("127.0.0.1:{port}"));
    let certificate = ("REGISTRY_HTTP_TLS_CERTIFICATE", "tls.crt".to_owned());
    let key = ("REGISTRY_HTTP_TLS_KEY", "tls.key".to_owned());
    assert_eq!(check(&[address.clone(), certificate, key]).0, Some(0));

    let url = format!("https://localhost:{port}/v2/");
    assert_eq!(run(registry().args(["healthcheck", "--url", &url])).0, Some(0));

    drop(process);
    let (status, _, stderr) = run(registry().args(["healthcheck", "--url", &url]));
    assert_eq!(status, Some(1));
    assert!(stderr.contains("failed to ask https://localhost"), "{stderr}");
}

#[test]
fn healthcheck_asks_the_debug_listener_where_there_is_one() {
    let process = Process::start(Files::new(), &[], &[("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0")]);
    let address = process.debug_address().to_string();
    let mut command = registry();
    let (status, _, stderr) = run(command.arg("healthcheck").env("REGISTRY_HTTP_DEBUG_ADDR", address));
    assert_eq!(status, Some(0), "{stderr}");
}
