//! `REGISTRY_*` variables: a `NAME=value` a line.

use registry_server::config::{self, Error, Source};

/// The names of the top-level fields, ours included: every other variable is none of the server's.
const FIELDS: [&str; 19] = [
    "version",
    "log",
    "loglevel",
    "storage",
    "auth",
    "middleware",
    "http",
    "notifications",
    "redis",
    "health",
    "catalog",
    "tags",
    "proxy",
    "validation",
    "policy",
    "compatibility",
    "reporting",
    "access",
    "gc",
];

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let variables: Vec<(String, String)> = text
        .split('\n')
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut names: Vec<&String> = variables.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    if names.len() < variables.len() {
        // An environment has each name once.
        return;
    }
    let all = outcome(variables.clone());
    let mut reversed = variables.clone();
    reversed.reverse();
    assert_eq!(outcome(reversed), all, "the order of variables is not part of an environment");
    let ours = variables.into_iter().filter(|(name, _)| is_ours(name)).collect();
    assert_eq!(outcome(ours), all, "other variables have an effect");
}

fn is_ours(name: &str) -> bool {
    let first = name.strip_prefix("REGISTRY_").and_then(|rest| rest.split('_').next());
    first.is_some_and(|first| FIELDS.iter().any(|field| field.eq_ignore_ascii_case(first)))
}

/// The settings as text, or the reasons why there are none.
fn outcome(variables: Vec<(String, String)>) -> Result<String, Vec<String>> {
    match config::load(&Source::Embedded, variables) {
        Ok(loaded) => Ok(format!("{:?}", loaded.settings)),
        Err(Error::Invalid { reasons, .. }) => {
            assert!(!reasons.is_empty());
            Err(reasons)
        }
        Err(error) => Err(vec![error.to_string()]),
    }
}
