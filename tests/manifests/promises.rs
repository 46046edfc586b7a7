//! `operator/promises.md` and the tests it names; and what of the promises is said in the sources alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::tools::{read, root};

/// Where the tests are that prove promises.
pub(crate) const PLACES: [&str; 4] = ["operator", "pki", "registry-server", "tests"];

/// Every source file below `folder`, as its path from the root and its text.
pub(crate) fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether `text` has a test of this name: a function without arguments, or one of a property, behind an attribute that says so.
pub(crate) fn has_test(text: &str, name: &str) -> bool {
    let opening = format!("fn {name}(");
    let attribute = |before: &str| {
        before.lines().rev().take(3).any(|line| line.trim_end().ends_with("test]") || line.contains("::test("))
    };
    text.match_indices(&opening).any(|(at, _)| attribute(&text[..at]))
}

/// The promises: each row's text and the tests that it names.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    rows.filter(|(promise, _)| *promise != "promise").map(|(promise, cell)| (promise, named(cell))).collect()
}

fn named(cell: &str) -> Vec<&str> {
    cell.split(", ").map(|name| name.trim_matches('`')).filter(|name| name.contains("::")).collect()
}

#[test]
fn every_promise_has_a_test_that_exists() {
    let page = read("operator/promises.md");
    let rows = rows(&page);
    assert!(rows.len() > 80, "{} rows", rows.len());
    let mut files = Vec::new();
    PLACES.iter().for_each(|place| sources(&root().join(place), &mut files));
    for (promise, tests) in rows {
        assert!(!tests.is_empty(), "no test for: {promise}");
        for test in tests {
            let (file, name) = test.rsplit_once("::").unwrap();
            let end = format!("/{file}.rs");
            let mut meant = files.iter().filter(|(path, _)| format!("/{path}").ends_with(&end));
            assert!(
                meant.any(|(_, text)| has_test(text, name)),
                "operator/promises.md names {test}, which does not exist"
            );
        }
    }
}

/// Words of the same form that are no reasons of ours: types of conditions end in `Ready` or are among them.
const NO_REASONS: [&str; 16] = [
    "CleanUpFailed", // of a registry that is being deleted: nobody reads its status any more
    "ControllerResizeError",
    "ErrImagePull",
    "ImagePullBackOff",
    "Infeasible",
    "Issuing",
    "Lost",
    "NodeResizeError",
    "NodesTrusted",
    "Progressing",
    "ReplicaFailure",
    "ResolvedRefs",
    "Reconciling",
    "Stalled",
    "True",
    "False",
];

/// Where a reader looks for the reason of a condition.
const PAGE: &str = "operator/docs/troubleshooting.md";

/// Its tables of reasons.
const REASONS: [&str; 2] =
    ["| reason | what has happened | what to do |", "| reason | of the condition | what it says |"];

/// Where a reader looks for what a node says, and the table there.
const PAGE_OF_NODES: &str = "operator/docs/nodes.md";
const REASONS_OF_NODES: [&str; 1] = ["| reason | what is so | what to do |"];

/// The reasons that the tables of a page explain.
fn explained<'a>(page: &'a str, tables: &[&str]) -> BTreeSet<&'a str> {
    let tables = tables.iter().filter_map(|head| page.split(head).nth(1)?.split("\n\n").next());
    let first_cells = tables.flat_map(|table| table.lines().filter_map(|line| line.split('|').nth(1)));
    first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_reason_of_a_condition_is_explained() {
    let page = read(PAGE);
    let explained = explained(&page, &REASONS);

    let mut files = Vec::new();
    sources(&root().join("operator/src/controller"), &mut files);
    let places = ["/status", "/validate", "/pods/reason.rs", "controller/nodes"];
    files.retain(|(path, _)| places.iter().any(|place| path.contains(place)));
    files.retain(|(path, _)| !path.contains("tests"));
    files.push(("operator/src/controller/error.rs".to_owned(), read("operator/src/controller/error.rs")));
    let written = files.iter().flat_map(|(_, text)| without_tests(text).split('"').filter(is_word));
    let written: BTreeSet<&str> = written.collect();

    let known: BTreeSet<&str> = explained.iter().copied().chain(NO_REASONS).collect();
    let silent: Vec<_> = written.difference(&known).filter(|word| !word.ends_with("Ready")).collect();
    assert!(silent.is_empty(), "{PAGE} does not explain the reasons {silent:?}");
    let invented: Vec<_> = explained.difference(&written).collect();
    assert!(invented.is_empty(), "{PAGE} explains {invented:?}, which no condition has as its reason");
}

fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn is_word(text: &&str) -> bool {
    text.len() > 1 && text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphabetic)
}

#[test]
fn every_reason_of_a_node_is_explained() {
    let page = read(PAGE_OF_NODES);
    let mut files = Vec::new();
    for folder in ["operator/src/node_trust", "operator/src/controller/nodes"] {
        sources(&root().join(folder), &mut files);
    }
    files.retain(|(path, _)| !path.contains("tests"));
    let mut written = BTreeSet::new();
    for text in files.iter().map(|(_, text)| without_tests(text)) {
        let made = text.split("Problem::new(").skip(1).filter_map(|made| made.trim_start().strip_prefix('"'));
        written.extend(made.filter_map(|made| made.split('"').next()));
        // Whatever a function of that name may return, and what begins a message.
        let named = text.split("fn reason(").skip(1).filter_map(|named| named.split("\n    }\n").next());
        written.extend(named.flat_map(|named| named.split('"').skip(1).step_by(2)));
        written.extend(text.split('"').filter_map(|literal| Some(literal.split_once(": ")?.0).filter(is_word)));
    }
    let explained = explained(&page, &REASONS_OF_NODES);
    let silent: Vec<_> = written.difference(&explained).collect();
    assert!(silent.is_empty(), "{PAGE_OF_NODES} does not explain {silent:?}");
    let invented: Vec<_> = explained.difference(&written).collect();
    assert!(invented.is_empty(), "{PAGE_OF_NODES} explains {invented:?}, which no node says");
}

#[test]
fn every_rule_of_the_operator_s_role_says_what_it_is_for() {
    let rules = read("charts/private-registry-operator/templates/_rules.tpl");
    let mut explained = false;
    for line in rules.lines() {
        if line.starts_with("- apiGroups:") {
            // The two rules about the Lease share the comment of their template.
            assert!(explained || line.contains("coordination.k8s.io"), "no comment before {line}");
            explained = false;
        } else {
            explained |= line.starts_with("# ");
        }
    }
}
