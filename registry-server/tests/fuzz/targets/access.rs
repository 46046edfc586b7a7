//! A file of rules about who may do what.

use std::fs;

use axum::body::Body;
use http::{Request, StatusCode};
use regex::Regex;
use serde_json::Value;

use super::authorization::LINE;
use crate::world::World;

/// Who asks, with the header that proves it.
const PRINCIPALS: [Option<(&str, &str)>; 2] = [None, Some(("moby", "Basic bW9ieTpnb3Jkb24="))];

const REPOSITORIES: [&str; 4] = ["a", "team/app", "team/app/deep", "public/a-b"];

/// An action, and a request that needs it, which finds nothing where it is allowed.
const ACTIONS: [(&str, &str, &str, StatusCode); 3] = [
    ("pull", "GET", "manifests/none", StatusCode::NOT_FOUND),
    ("push", "GET", "blobs/uploads/1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11", StatusCode::NOT_FOUND),
    ("delete", "DELETE", "manifests/none", StatusCode::NOT_FOUND),
];

pub(crate) fn check(input: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("users"), LINE).unwrap();
    fs::write(path("rules.yml"), input).unwrap();
    let configuration = format!(
        "version: 0.1\nstorage: {{inmemory: {{}}, delete: {{enabled: true}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n\
         auth: {{htpasswd: {{path: {}}}}}\naccess: {{path: {}}}\n",
        path("users").display(),
        path("rules.yml").display()
    );
    fs::write(path("config.yml"), configuration).unwrap();
    match World::configured(&path("config.yml")) {
        Err(reason) => assert!(reason.contains("failed to load access rules") && reason.len() < 3 * input.len() + 8192),
        Ok(world) => {
            let rules: Value = serde_saphyr::from_str(std::str::from_utf8(input).unwrap()).unwrap();
            if let Some(rules) = readable(&rules) {
                assert_decides(&world, rules);
            }
        }
    }
}

/// The rules, if every word of them is a text: what a number means as a name is not settled here.
fn readable(file: &Value) -> Option<&[Value]> {
    let rules = file.get("rules")?.as_array()?;
    let is_text = |list: &Value| list.as_array().is_some_and(|words| words.iter().all(Value::is_string));
    let words = |rule: &Value| ["users", "repositories", "actions"].map(|key| rule.get(key).is_none_or(is_text));
    let is_plain = |rule: &Value| rule.get("anonymous").is_none_or(Value::is_boolean);
    rules.iter().all(|rule| is_plain(rule) && words(rule) == [true; 3]).then_some(rules)
}

fn assert_decides(world: &World, rules: &[Value]) {
    for principal in PRINCIPALS {
        for repository in REPOSITORIES {
            for (action, method, rest, allowed) in ACTIONS {
                let mut request = Request::builder().method(method).uri(format!("/v2/{repository}/{rest}"));
                if let Some((_, credentials)) = principal {
                    request = request.header("authorization", credentials);
                }
                let status = world.send(request.body(Body::empty()).unwrap()).status;
                let refused = principal.map_or(StatusCode::UNAUTHORIZED, |_| StatusCode::FORBIDDEN);
                let may = rules.iter().any(|rule| gives(rule, principal.map(|(name, _)| name), repository, action));
                let expected = if may { allowed } else { refused };
                assert_eq!(status, expected, "{action} of {repository} by {principal:?}");
            }
        }
    }
}

fn gives(rule: &Value, user: Option<&str>, repository: &str, action: &str) -> bool {
    let words = |key: &str| rule.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = |key: &str, word: &str| words(key).iter().any(|listed| listed == word);
    let concerns = rule.get("anonymous") == Some(&Value::Bool(true)) || user.is_some_and(|user| names("users", user));
    let covers = rule.get("repositories").is_none()
        || words("repositories").iter().any(|pattern| fits(pattern.as_str().unwrap(), repository));
    concerns && covers && names("actions", action)
}

/// A pattern as a regular expression.
fn fits(pattern: &str, repository: &str) -> bool {
    let across = Regex::new(r"\*\*+").unwrap();
    let parts: Vec<String> = across
        .split(pattern)
        .map(|part| part.split('*').map(regex::escape).collect::<Vec<_>>().join("[^/]*"))
        .collect();
    Regex::new(&format!(r"\A{}\z", parts.join(".*"))).unwrap().is_match(repository)
}
