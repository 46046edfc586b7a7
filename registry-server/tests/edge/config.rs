//! How people configure the server: the forms that tutorials show.

use super::{
    client::Client,
    process::Process,
    server::{Files, Pair, user},
};

#[test]
fn without_anything_it_serves_from_a_directory_of_its_own() {
    let process = Process::start(Files::new(), &[], &[]);
    assert_eq!(process.http().get("/v2/_catalog").body.trim(), "{\"repositories\":[]}");
    let log = process.log();
    assert!(log.contains("embedded defaults"), "{log}");
    assert!(log.contains("(no TLS), storage filesystem ./data, no authentication"), "{log}");
    assert!(process.files.path("data").is_dir());
}

#[test]
fn tls_and_users_by_variables() {
    let (files, pair) = (Files::new(), Pair::new());
    files.mount("certs", "1", &[("domain.crt", &pair.certificate), ("domain.key", &pair.key)]);
    files.write("auth/htpasswd", &user("moby", "gordon"));
    let process = Process::start(
        files,
        &[],
        &[
            ("REGISTRY_HTTP_TLS_CERTIFICATE", "DIR/certs/domain.crt"),
            ("REGISTRY_HTTP_TLS_KEY", "DIR/certs/domain.key"),
            ("REGISTRY_AUTH", "htpasswd"),
            ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
            ("REGISTRY_AUTH_HTPASSWD_PATH", "DIR/auth/htpasswd"),
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "DIR/images"),
        ],
    );
    let client = Client::https(process.https_address(), &pair.der);
    assert_eq!(client.get("/v2/").header("www-authenticate"), Some("Basic realm=\"Registry Realm\""));
    assert_eq!(client.user("moby", "gordon").get("/v2/").status, 200);
    assert!(process.files.path("images").is_dir());
    let log = process.log();
    assert!(!log.contains("level=warning"), "{log}");
}

#[test]
fn a_configuration_with_users_and_headers_alone() {
    let files = Files::new();
    files.write("htpasswd", &user("myuser", "pass"));
    let text = "http:\n  headers:\n    X-Content-Type-Options: nosniff\nauth:\n  htpasswd:\n    realm: basic-realm\n    \
                path: DIR/htpasswd\n";
    let text = text.replace("DIR", files.path("").display().to_string().trim_end_matches('/'));
    files.write("config.yml", &text);
    let process = Process::start(
        files,
        &["serve", "DIR/config.yml"],
        &[
            ("REGISTRY_STORAGE", "inmemory"),
            ("REGISTRY_HTTP_SECRET", "mysecretkey"),
            ("REGISTRY_HTTP_HEADERS", "X-Content-Type-Options=no-sniff"),
        ],
    );
    let response = process.http().user("myuser", "pass").get("/v2/");
    assert_eq!((response.status, response.header("x-content-type-options")), (200, Some("no-sniff")));
    let log = process.log();
    assert!(log.contains("the configuration has no version: write version: 0.1"), "{log}");
    assert!(log.contains("REGISTRY_HTTP_HEADERS='{X-Content-Type-Options: [\\\"no-sniff\\\"]}'"), "{log}");
    assert!(log.contains("passwords are sent unencrypted"), "{log}");
}

#[test]
fn the_configuration_may_be_named_by_a_variable() {
    let files = Files::new();
    files.write("config.yml", "version: 0.1\nstorage: inmemory\nhttp: {addr: ':1'}\nlog: {formatter: json}\n");
    let process = Process::start(files, &[], &[("REGISTRY_CONFIGURATION_PATH", "DIR/config.yml")]);
    process.http().get("/v2/");
    process.eventually_logs("\"msg\":\"response completed\"");
    assert!(process.log().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn what_cannot_be_used_ends_the_start_with_every_reason() {
    let files = Files::new();
    files.write("config.yml", "version: 0.1\nstorage: {s3: {bucket: images}}\nhttp: {addr: 5000}\n");
    let mut process = Process::start(files, &["DIR/config.yml"], &[("REGISTRY_HTTP_ADDR", "5000")]);
    assert_eq!(process.wait().code(), Some(1));
    let log = process.log();
    assert!(log.contains("storage.s3 is not supported") && log.contains("such as :5000"), "{log}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let files = Files::new();
    let (first, second) = (Pair::new(), Pair::new());
    files.write("tls.crt", &first.certificate);
    files.write("tls.key", &second.key);
    let variables = [("REGISTRY_HTTP_TLS_CERTIFICATE", "DIR/tls.crt"), ("REGISTRY_HTTP_TLS_KEY", "DIR/tls.key")];
    let mut process = Process::start(files, &[], &variables);
    assert_eq!(process.wait().code(), Some(1));
    let log = process.log();
    assert!(log.contains("/tls.crt with key ") && log.contains("the key does not belong to the certificate"), "{log}");
}

#[test]
fn a_client_that_does_not_know_the_issuer_shows_in_the_log() {
    let (files, pair) = (Files::new(), Pair::new());
    files.write("tls.crt", &pair.certificate);
    files.write("tls.key", &pair.key);
    let variables = [("REGISTRY_HTTP_TLS_CERTIFICATE", "DIR/tls.crt"), ("REGISTRY_HTTP_TLS_KEY", "DIR/tls.key")];
    let process = Process::start(files, &[], &variables);
    assert!(Client::https(process.https_address(), &Pair::new().der).connect().is_err());
    process.eventually_logs("the client did not accept the certificate");
}

#[test]
fn a_missing_users_file_says_how_to_make_one() {
    let mut process = Process::start(Files::new(), &[], &[("REGISTRY_AUTH_HTPASSWD_PATH", "/nowhere/htpasswd")]);
    assert_eq!(process.wait().code(), Some(1));
    let log = process.log();
    assert!(log.contains("make the file with `htpasswd -Bbn USER PASSWORD > /nowhere/htpasswd`"), "{log}");
}

#[test]
fn passwords_are_never_logged() {
    let files = Files::new();
    files.write("htpasswd", &(user("robot", "extremely-secret") + "old:plain-secret\n"));
    let variables = [("REGISTRY_AUTH_HTPASSWD_PATH", "DIR/htpasswd"), ("REGISTRY_LOG_LEVEL", "debug")];
    let process = Process::start(files, &[], &variables);
    let (robot, wrong) =
        (process.http().user("robot", "extremely-secret"), process.http().user("robot", "wrong-secret"));
    assert_eq!((robot.get("/v2/").status, wrong.get("/v2/").status), (200, 401));
    process.eventually_logs("http.response.status=401");
    process.eventually_logs("auth.user.name=robot");
    let log = process.log();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "robot:extremely-secret");
    for secret in ["extremely-secret", "wrong-secret", "plain-secret", &encoded] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    assert!(log.contains("line 2: the password of user"), "{log}");
}

#[test]
fn access_lines_can_be_left_out() {
    let variables = [("REGISTRY_LOG_ACCESSLOG_DISABLED", "true")];
    let mut process = Process::start(Files::new(), &[], &variables);
    assert_eq!(process.http().get("/v2/").status, 200);
    process.signal(rustix::process::Signal::TERM);
    assert!(process.wait().success());
    assert!(!process.log().contains("response completed"), "{}", process.log());
}
