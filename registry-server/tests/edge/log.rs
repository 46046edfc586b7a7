//! What is logged of requests: a line on standard output and an event on standard error, as the reference has them.

use std::{io::Write, os::unix::net::UnixStream};

use rustix::process::Signal;

use super::{
    client::{Client, read},
    eventually,
    process::Process,
    server::{Files, user},
};

/// Sends a request with these headers.
fn ask(client: &Client, method_and_target: &str, headers: &[(&str, &str)]) -> u16 {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = client.connect().unwrap();
    let request = format!("{method_and_target} HTTP/1.1\r\nhost: pier:5000\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut stream).unwrap().status
}

/// Waits for an event with all these parts.
#[track_caller]
fn eventually_an_event(process: &Process, parts: &[&str]) {
    eventually(&format!("{parts:?} on one line of\n{}", process.log()), || {
        process.log().lines().any(|line| parts.iter().all(|part| line.contains(part)))
    });
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
    let log = process.log() + &process.access_log();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "robot:extremely-secret");
    for secret in ["extremely-secret", "wrong-secret", "plain-secret", &encoded] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    assert!(log.contains("line 2: the password of user"), "{log}");
}

#[test]
fn every_request_has_a_line_in_apaches_combined_format_on_standard_output() {
    let mut process = Process::start(Files::new(), &[], &[]);
    let client = process.http();
    let headers = [("user-agent", "x \"y\" \\ z"), ("referer", "http://page/"), ("x-forwarded-for", "192.0.2.1")];
    assert_eq!(ask(&client, "GET /v2/a/manifests/v1?n=1", &headers), 404);
    assert_eq!((ask(&client, "GET /nothing", &[]), ask(&client, "GET /", &[])), (404, 200));
    process.signal(Signal::TERM);
    assert!(process.wait().success());

    let log = process.access_log();
    let mut lines = log.lines();
    let line = lines.next().unwrap();
    let (before, after) = line.split_once(" +0000] ").unwrap();
    assert!(
        before.starts_with("127.0.0.1 - - [") && before.len() == "127.0.0.1 - - [21/Nov/2026:13:35:57".len(),
        "{line}"
    );
    assert_eq!(after, r#""GET /v2/a/manifests/v1?n=1 HTTP/1.1" 404 96 "http://page/" "x \"y\" \\ z""#);
    for expected in [r#""GET /nothing HTTP/1.1" 404 19 "" """#, r#""GET / HTTP/1.1" 200 0 "" """#] {
        assert!(lines.next().unwrap().ends_with(expected), "{log}");
    }
    assert_eq!(lines.next(), None, "the end loses and adds nothing");
    assert_eq!(process.log().matches("http.request.method").count(), 1, "what is no endpoint is there alone");
}

#[test]
fn the_access_log_can_be_left_out_and_is_all_that_is_left_out() {
    let mut process = Process::start(Files::new(), &[], &[("REGISTRY_LOG_ACCESSLOG_DISABLED", "true")]);
    assert_eq!(process.http().get("/v2/").status, 200);
    process.signal(Signal::TERM);
    assert!(process.wait().success());
    assert_eq!(process.access_log(), "");
    assert!(process.log().contains("level=info msg=\"response completed\""), "{}", process.log());
}

#[test]
fn events_of_requests_have_levels_and_the_access_log_has_none() {
    // On a socket: at this level the server does not say which port it has.
    let variables =
        [("REGISTRY_LOG_LEVEL", "error"), ("REGISTRY_HTTP_NET", "unix"), ("REGISTRY_HTTP_ADDR", "DIR/registry.sock")];
    let mut process = Process::start(Files::new(), &[], &variables);
    for target in ["/v2/", "/v2/a/tags/list"] {
        eventually("the server answers", || {
            let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            let stream = UnixStream::connect(process.files.path("registry.sock"));
            stream.is_ok_and(|mut stream| {
                stream.write_all(request.as_bytes()).is_ok() && std::io::read_to_string(stream).is_ok()
            })
        });
    }
    process.signal(Signal::TERM);
    assert!(process.wait().success());
    let (access, log) = (process.access_log(), process.log());
    assert!(access.lines().count() == 2 && access.lines().all(|line| line.starts_with("@ - - [")), "{access}");
    assert!(log.lines().count() == 1 && log.contains("response completed with error"), "{log}");
}

#[test]
fn a_request_has_an_event_with_the_references_fields() {
    let process = Process::start(Files::new(), &[], &[]);
    let headers = [("user-agent", "crane/1"), ("referer", "http://page/"), ("content-type", "text/x")];
    assert_eq!(ask(&process.http(), "GET /v2/team/app/manifests/v1", &headers), 404);
    eventually_an_event(
        &process,
        &[
            "level=error msg=\"response completed with error\"",
            "err.code=\"manifest unknown\"",
            "err.detail=\"unknown tag=v1\"",
            "err.message=\"manifest unknown\"",
            "http.request.contenttype=text/x",
            "http.request.host=\"pier:5000\"",
            "http.request.id=",
            "http.request.method=GET",
            "http.request.referer=\"http://page/\"",
            "http.request.remoteaddr=\"127.0.0.1:",
            "http.request.uri=/v2/team/app/manifests/v1",
            "http.request.useragent=crane/1",
            "http.response.contenttype=application/json",
            "http.response.duration=",
            "http.response.status=404",
            "http.response.written=96",
            "vars.name=team/app",
            "vars.reference=v1",
        ],
    );
}

#[test]
fn what_a_request_is_about_has_fields_of_its_own() {
    let process = Process::start(Files::new(), &[], &[]);
    let client = process.http();
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let upload = "019aa5b0-0000-7000-8000-000000000000";
    assert_eq!(ask(&client, "GET /v2/", &[]), 200);
    assert_eq!(ask(&client, &format!("HEAD /v2/a/blobs/{digest}"), &[]), 404);
    assert_eq!(ask(&client, &format!("GET /v2/a/blobs/uploads/{upload}"), &[]), 404);
    assert_eq!(ask(&client, "GET /v2/a/tags/list", &[]), 404);
    let digest = format!("vars.digest=\"{digest}\"");
    eventually_an_event(&process, &["level=info msg=\"response completed\"", "http.request.uri=/v2/"]);
    eventually_an_event(&process, &["err.code=\"blob unknown\"", "vars.name=a", &digest]);
    eventually_an_event(&process, &["err.code=\"blob upload unknown\"", "vars.name=a", &format!("vars.uuid={upload}")]);
    eventually_an_event(&process, &["err.code=\"name unknown\"", "err.detail=\"map[name:a]\""]);
    assert!(!process.log().lines().any(|line| line.contains("http.request.uri=/v2/ ") && line.contains("vars.")));
}

#[test]
fn every_error_of_an_answer_has_an_event() {
    let process = Process::start(Files::new(), &[], &[]);
    let digests = ["a", "b"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    let [config, layer] =
        digests.each_ref().map(|digest| format!(r#"{{"mediaType":"application/x","size":2,"digest":"{digest}"}}"#));
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#);
    let put = "PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
               content-type: application/vnd.oci.image.manifest.v1+json\r\n";
    let mut stream = process.http().connect().unwrap();
    write!(stream, "{put}content-length: {}\r\n\r\n{manifest}", manifest.len()).unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 400);
    for digest in digests {
        eventually_an_event(&process, &["err.code=\"manifest blob unknown\"", &format!("err.detail=\"{digest}\"")]);
    }
}

#[test]
fn a_refused_login_is_told_in_the_words_that_programs_look_for() {
    let files = Files::new();
    files.write("htpasswd", &user("robot", "secret"));
    let variables =
        [("REGISTRY_AUTH_HTPASSWD_PATH", "DIR/htpasswd"), ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm")];
    let process = Process::start(files, &[], &variables);
    assert_eq!(process.http().get("/v2/").status, 401);
    assert_eq!(process.http().user("robot", "wrong").get("/v2/a/tags/list").status, 401);
    let before = r#"level=warning msg="error authorizing context: basic authentication challenge for realm \"Registry Realm\": "#;
    eventually_an_event(
        &process,
        &[&format!("{before}invalid authorization credential\""), "http.response.status=401"],
    );
    eventually_an_event(&process, &[&format!("{before}authentication failure\""), "vars.name=a"]);
}

#[test]
fn a_reader_that_takes_nothing_keeps_no_request_waiting_and_the_end_neither() {
    let variables = [("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"), ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "true")];
    let (mut process, unread) = Process::unread(Files::new(), &[], &variables);
    let client = process.http();
    let long = "x".repeat(48 << 10);
    for _ in 0..64 {
        assert_eq!(ask(&client, "GET /", &[("user-agent", &long)]), 200);
    }
    let metrics = Client::http(process.debug_address()).get("/metrics").body;
    let lost = metrics.lines().find_map(|line| line.strip_prefix("registry_log_lines_lost_total{stream=\"stdout\"} "));
    assert!(lost.unwrap().parse::<u64>().unwrap() > 0, "{metrics}");
    process.signal(Signal::TERM);
    assert!(process.wait().success());
    drop(unread);
}

#[test]
fn mappings_among_the_fields_of_every_line_are_printed() {
    let line = |formatter: &str| {
        let files = Files::new();
        let fields = "{service: registry, zone: {rack: 7, rooms: [a b, c]}}";
        files.write(
            "config.yml",
            &format!("version: 0.1\nlog: {{formatter: {formatter}, fields: {fields}}}\nstorage: inmemory\n"),
        );
        let process = Process::start(files, &["DIR/config.yml"], &[("REGISTRY_LOG_FIELDS_ZONE_ROW", "b")]);
        process.http();
        process.log().lines().next().unwrap().to_owned()
    };
    assert!(line("text").ends_with(r#" service=registry zone="map[rack:7 rooms:[a b c] row:b]""#), "{}", line("text"));
    let json: serde_json::Value = serde_json::from_str(&line("json")).unwrap();
    assert_eq!(json["zone"], serde_json::json!({"rack": "7", "rooms": ["a b", "c"], "row": "b"}));
}
