//! The documents that a reader starts from: what they point to exists.

use std::collections::BTreeSet;

use crate::tools::{read, root};

/// Documents, named from the root.
pub(crate) const DOCUMENTS: [&str; 8] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "charts/private-registry-operator/README.md",
    "deploy/moving/README.md",
    "operator/README.md",
    "operator/promises.md",
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
