//! Who may do what, over HTTP.

use super::server::{Files, Server, user};

const USERS: &str = "auth: {htpasswd: {realm: Yard, path: DIR/htpasswd}}";
const USERS_AND_RULES: &str = "auth: {htpasswd: {realm: Yard, path: DIR/htpasswd}}\naccess: {path: DIR/access.yml}";

const RULES: &str = "
rules:
  - users: [reader]
    actions: [pull]
  - users: [builder]
    repositories: [team/*]
    actions: [pull, push]
  - anonymous: true
    repositories: [public/**]
    actions: [pull]
";

fn files() -> Files {
    let files = Files::new();
    let users = user("reader", "first") + &user("builder", "second");
    files.write("htpasswd", &users);
    files.write("access.yml", RULES);
    files
}

#[test]
fn everybody_is_asked_and_users_may_do_everything_without_rules() {
    let server = Server::start(files(), USERS);
    let client = server.http();
    for refused in [client.get("/v2/"), client.get("/v2/_catalog"), client.get("/v2/a/tags/list")] {
        assert_eq!(refused.status, 401, "{refused:?}");
        assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"Yard\""));
        assert!(refused.body.contains("UNAUTHORIZED"), "{refused:?}");
    }
    for (name, password) in [("reader", "wrong"), ("stranger", "first"), ("", "")] {
        assert_eq!(client.user(name, password).get("/v2/").status, 401, "{name}");
    }
    let reader = client.user("reader", "first");
    assert_eq!(reader.get("/v2/").status, 200);
    assert_eq!(reader.request("POST", "/v2/a/blobs/uploads/", "").status, 202);
}

#[test]
fn a_missing_right_is_denied_by_name() {
    let server = Server::start(files(), USERS_AND_RULES);
    let reader = server.http().user("reader", "first");
    let refused = reader.request("POST", "/v2/team/app/blobs/uploads/", "");
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("\"DENIED\""), "{}", refused.body);
    assert!(refused.body.contains("push of repository team/app is not allowed"), "{}", refused.body);

    let builder = server.http().user("builder", "second");
    assert_eq!(builder.request("POST", "/v2/team/app/blobs/uploads/", "").status, 202);
    assert_eq!(builder.request("POST", "/v2/other/blobs/uploads/", "").status, 403);
}

#[test]
fn anonymous_rules_let_clients_pull_that_send_no_password() {
    let server = Server::start(files(), USERS_AND_RULES);
    let anonymous = server.http();
    assert_eq!(anonymous.get("/v2/").status, 401, "Docker sends its password only after being asked here");
    assert_eq!(anonymous.get("/v2/public/app/manifests/latest").status, 404, "may look, there is nothing");
    assert_eq!(anonymous.get("/v2/team/app/manifests/latest").status, 401);
    assert_eq!(anonymous.request("POST", "/v2/public/app/blobs/uploads/", "").status, 401);
}

#[test]
fn the_catalog_lists_what_may_be_pulled() {
    let server = Server::start(files(), USERS_AND_RULES);
    assert_eq!(server.http().user("builder", "second").get("/v2/_catalog").body.trim(), "{\"repositories\":[]}");
    assert_eq!(server.http().get("/v2/_catalog").status, 200, "anonymous rules exist");
}

#[test]
fn guessing_is_slowed_down_with_a_time_to_wait() {
    let server = Server::start(files(), USERS);
    let known = server.http().user("reader", "first");
    assert_eq!(known.get("/v2/").status, 200);
    let throttled = (0..200)
        .map(|attempt| server.http().user("reader", &format!("guess {attempt}")).get("/v2/"))
        .find(|response| response.status != 401)
        .expect("guessing goes on for ever");
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("retry-after").and_then(|seconds| seconds.parse::<u64>().ok()) >= Some(1));
    assert_eq!(known.get("/v2/").status, 200, "who is known to be right is not kept out");
    let metrics = server.debug().get("/metrics");
    assert_eq!(metrics.status, 404, "metrics are off unless enabled");
}

#[test]
fn logins_are_counted() {
    let server = Server::start(files(), &format!("{USERS}\nhttp: {{debug: {{prometheus: {{enabled: true}}}}}}"));
    let reader = server.http().user("reader", "first");
    for _ in 0..3 {
        assert_eq!(reader.get("/v2/").status, 200);
    }
    server.http().user("reader", "x").get("/v2/");
    let metrics = server.debug().get("/metrics").body;
    for line in ["registry_auth_right_total 1", "registry_auth_remembered_total 2", "registry_auth_wrong_total 1"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}
