//! How people configure the server: the forms that tutorials show.

use super::{
    client::Client,
    process::{Process, registry},
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
    let mut warnings = log.lines().filter(|line| line.contains("level=warning"));
    assert!(warnings.all(|line| line.contains("error authorizing context")), "{log}");
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
    // Said after it is said where the server listens.
    process.eventually_logs("passwords are sent unencrypted");
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

/// `registry serve --check` on a configuration with these variables: status, standard output, standard error.
fn check(text: &str, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let files = Files::new();
    let path = files.write("config.yml", &text.replace("DIR", files.path("").to_str().unwrap()));
    let mut command = registry();
    let output = command.args(["serve", "--check"]).arg(path).envs(variables.iter().copied()).output().unwrap();
    assert!(!files.path("images").exists(), "storage was opened");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_shows_file_variables_and_defaults_without_passwords_and_opens_nothing() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: DIR/images}}}}\nhttp:\n  addr: {}\n  secret: hunter2\n  \
         headers: {{X-A: b}}\nauth: {{htpasswd: {{path: /nowhere}}}}\nredis: {{password: hunter2}}\nfoo: 1\n",
        taken.local_addr().unwrap()
    );
    let (status, shown, warnings) = check(&text, &[("REGISTRY_LOG_LEVEL", "debug"), ("REGISTRY_HTTP_PORT", "1")]);
    assert_eq!(status, Some(0), "{warnings}");
    for line in ["  level: debug", "  formatter: text", "  secret: (hidden)", "    realm: Registry", "      age: 168h"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
    }
    for warning in
        ["http.headers.X-A is a list", "redis is not supported", "foo is unknown", "REGISTRY_HTTP_PORT is no"]
    {
        assert!(warnings.contains(warning), "{warning} is not in {warnings}");
    }
    assert!(!format!("{shown}{warnings}").contains("hunter2"));
}

#[test]
fn check_fails_with_every_reason_and_shows_nothing() {
    let (status, shown, error) = check("version: 0.1\nstorage: swift\nhttp: {draintimeout: soon}\n", &[]);
    assert_eq!((status, shown.as_str()), (Some(1), ""));
    assert!(error.contains("storage.swift is not supported"), "{error}");
    assert!(error.contains("http.draintimeout is soon, it has to be a length of time like 10s"), "{error}");
}

#[test]
fn services_of_the_same_name_in_the_namespace_do_not_configure_the_server() {
    let process = Process::start(
        Files::new(),
        &[],
        &[
            ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
            ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
            ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
            ("REGISTRY_SERVICE_PORT_HTTP", "5000"),
        ],
    );
    assert_eq!(process.http().get("/v2/").status, 200);
    let log = process.log();
    assert!(log.contains("and 3 others are Kubernetes' links to Services and ignored"), "{log}");
}
