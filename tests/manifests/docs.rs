//! The documents that a reader starts from: what they point to exists.

use std::collections::BTreeSet;

use crate::tools::{read, root, run};

/// Documents, named from the root.
pub(crate) const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "charts/private-registry-operator/README.md",
    "operator/README.md",
    "registry-server/README.md",
];

/// The targets of inline links, `[text](target)`, that are paths.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

#[test]
fn links_lead_somewhere() {
    for document in DOCUMENTS {
        let path = root().join(document);
        for link in links(&read(document)) {
            assert!(path.parent().unwrap().join(link).exists(), "{document} links to {link}, which does not exist");
        }
    }
}

/// What a reader is told to type: `make <target>` at the start of a line or of inline code.
fn make_targets(text: &str) -> impl Iterator<Item = &str> {
    let typed =
        text.lines().flat_map(|line| line.strip_prefix("make ").into_iter().chain(line.split("`make ").skip(1)));
    typed.filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next())
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read("Makefile");
    let rules = makefile.lines().filter_map(|line| line.split_once(':'));
    let known: BTreeSet<&str> = rules.flat_map(|(targets, _)| targets.split_whitespace()).collect();

    for document in DOCUMENTS {
        for target in make_targets(&read(document)) {
            assert!(known.contains(target), "{document} says `make {target}`, which the Makefile does not know");
        }
    }
}

/// Everything in inline code that has the form of a test's name: long, and words joined by underscores.
fn test_names(text: &str) -> impl Iterator<Item = &str> {
    let word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let code = text.split('`').skip(1).step_by(2);
    code.filter(move |code| code.matches('_').count() >= 3 && code.chars().all(word))
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let promises = read("operator/README.md");
    let section = promises.split("### What is promised, and what proves it").nth(1).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let names: BTreeSet<&str> = test_names(section).collect();
    assert!(names.len() > 20, "{names:?}");
    let search = ["-rhoE", r"fn [a-z0-9_]+\(", "operator/src", "tests/control_plane", "tests/e2e"];
    let found = run("grep", &search).unwrap();
    for name in names {
        assert!(
            found.contains(&format!("fn {name}(")),
            "operator/README.md names the test {name}, which does not exist"
        );
    }
}
