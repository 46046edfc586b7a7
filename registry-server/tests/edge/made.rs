//! What `registry certificate` and `registry user` make, and a server that runs with it.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::{Pid, Signal, kill_process};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{
    client::Client,
    eventually,
    process::registry,
    server::{Files, Server},
};

/// The command with these words, in the directory of `files`.
fn command(files: &Files, words: &str) -> Command {
    let mut command = registry();
    command.args(words.split_whitespace()).current_dir(files.path(""));
    command
}

/// What it prints, and what it says.
fn run(files: &Files, words: &str) -> (String, String) {
    let Output { status, stdout, stderr } = command(files, words).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{words}: {said}");
    (String::from_utf8(stdout).unwrap(), said)
}

/// Puts a certificate there whose end is near, or past.
fn expiring(path: &Path) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    fs::write(path, certificate.pem()).unwrap();
}

fn refused(files: &Files, words: &str) -> String {
    let output = command(files, words).output().unwrap();
    assert!(!output.status.success(), "{words}");
    String::from_utf8(output.stderr).unwrap()
}

const TLS: &str = "http: {tls: {certificate: DIR/certs/domain.crt, key: DIR/certs/domain.key}}";

#[test]
fn a_running_server_takes_what_is_renewed_and_clients_trust_it_all_along() {
    let files = Files::new();
    let (authority, said) = run(&files, "certificate registry.example.com,192.0.2.10");
    assert!(said.contains("clients have to trust certs/ca.crt"), "{said}");
    assert!(said.contains("valid for localhost, registry.example.com, 127.0.0.1, 192.0.2.10, ::1"), "{said}");
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();

    let server = Server::start(files, TLS);
    let client = Client::https(server.address(), &authority);
    assert_eq!(client.get("/v2/").status, 200);
    let before = server.version("certificate");

    let (_, said) = run(server.files(), "certificate registry.example.com 192.0.2.10");
    assert!(said.contains("kept certs/domain.crt"), "{said}");
    assert_eq!(server.version("certificate"), before);
    let (_, said) = run(server.files(), "certificate other.example.com");
    assert!(said.contains("issued certs/domain.crt because its names have changed"), "{said}");
    eventually("the new certificate is served", || server.version("certificate") != before);
    assert_eq!(client.get("/v2/").status, 200);
}

#[test]
fn a_certificate_of_ones_own_is_left_alone() {
    let files = Files::new();
    run(&files, "certificate --directory theirs localhost");
    fs::create_dir(files.path("certs")).unwrap();
    fs::copy(files.path("theirs/domain.crt"), files.path("certs/domain.crt")).unwrap();

    let said = refused(&files, "certificate localhost");
    assert!(said.contains("certs/domain.crt was not made by this command") && said.contains("--force"), "{said}");
    let (printed, said) = run(&files, "certificate --keep-others localhost");
    assert!(printed.is_empty() && said.contains("nothing was changed"), "{said}");
    assert!(!said.contains("is valid until"), "{said}");
    assert!(!files.path("certs/ca.crt").exists());
    expiring(&files.path("certs/domain.crt"));
    let (_, said) = run(&files, "certificate --keep-others localhost");
    assert!(
        said.contains("certs/domain.crt is valid until") && said.contains("renew it where it comes from"),
        "{said}"
    );
    run(&files, "certificate --force localhost");
    assert!(files.path("certs/ca.crt").exists());
}

#[test]
fn the_authoritys_key_can_be_kept_elsewhere() {
    let files = Files::new();
    let words = "certificate --ca-key=ca/ca.key localhost";
    let (authority, _) = run(&files, words);
    assert!(!files.path("certs/ca.key").exists());
    assert_eq!(fs::metadata(files.path("ca/ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&files, words).0, authority);
}

#[test]
fn what_makes_no_sense_is_said() {
    let files = Files::new();
    for (words, reason) in [
        ("certificate", "NAME"),
        ("certificate registry:5000", "it has a port"),
        ("certificate --days 30 localhost", "it would be due at once"),
        ("certificate --days 826 localhost", "826 is not in 1..=825"),
        ("certificate --every 1ms localhost", "a second at least"),
        ("user a:b", "no colon"),
    ] {
        let said = refused(&files, words);
        assert!(said.contains(reason), "{words}: {said}");
    }
}

#[test]
fn one_that_stays_renews_and_ends_when_asked_to() {
    let files = Files::new();
    let mut process = command(&files, "certificate --every 1s localhost").spawn().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("because there was none")));
    fs::remove_file(files.path("certs/domain.key")).unwrap();
    assert!(said.any(|line| line.contains("because the previous one could not be read")));
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    assert!(process.wait().unwrap().success());
}

#[test]
fn a_first_user_gets_a_password_that_is_kept() {
    let files = Files::new();
    let (password, said) = run(&files, "user --show push");
    assert!(said.contains("made push in auth/htpasswd") && !said.contains(password.trim()), "{said}");
    assert_eq!(fs::metadata(files.path("auth/push.password")).unwrap().permissions().mode() & 0o777, 0o600);
    let users = fs::read(files.path("auth/htpasswd")).unwrap();
    assert_eq!(run(&files, "user --show push").0, password);
    assert_eq!(fs::read(files.path("auth/htpasswd")).unwrap(), users);

    files.write("given", "of the harbour\n");
    run(&files, "user --password-file given chief");
    let server = Server::start(files, "auth: {htpasswd: {realm: Yard, path: DIR/auth/htpasswd}}");
    for (user, password) in [("push", password.trim()), ("chief", "of the harbour")] {
        assert_eq!(server.http().user(user, password).get("/v2/").status, 200);
    }
    assert_eq!(server.http().user("chief", "given").get("/v2/").status, 401);
}
