//! The documents that a reader starts from: what they point to exists.

use std::collections::BTreeSet;

use support::guide;

use crate::tools::{read, root};

/// The targets of inline links, `[text](target)`, that are paths.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

#[test]
fn links_lead_somewhere() {
    for document in guide::documents().unwrap() {
        let path = root().join(&document);
        for link in links(&read(&document)) {
            assert!(path.parent().unwrap().join(link).exists(), "{document} links to {link}, which does not exist");
        }
    }
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let titles = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let letter = |letter: char| match letter {
        ' ' => Some('-'),
        letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter.to_ascii_lowercase()),
        _ => None,
    };
    titles.map(|title| title.chars().filter_map(letter).collect()).collect()
}

#[test]
fn anchors_are_headings() {
    for document in guide::documents().unwrap() {
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((path, anchor)) = target.split_once('#').filter(|_| !target.contains("://")) else { continue };
            let folder = document.rsplit_once('/').map_or(".", |(folder, _)| folder);
            let text = if path.is_empty() { text.clone() } else { read(&format!("{folder}/{path}")) };
            assert!(anchors(&text).contains(anchor), "{document} links to {target}, which has no such heading");
        }
    }
}

#[test]
fn the_guide_lists_every_page() {
    let front = read("operator/README.md");
    for page in guide::documents().unwrap().iter().filter_map(|document| document.strip_prefix("operator/docs/")) {
        assert!(front.contains(&format!("](docs/{page})")), "operator/README.md does not lead to docs/{page}");
    }
}

/// Lines from which on nobody finds a section by scrolling.
const LONG: usize = 300;

/// Pages in which one looks something up, by its name.
const REFERENCE: [&str; 3] = ["CHANGELOG.md", "operator/api.md", "operator/promises.md"];

#[test]
fn a_long_page_begins_with_its_contents() {
    for document in guide::documents().unwrap().iter().filter(|document| !REFERENCE.contains(&document.as_str())) {
        let text = read(document);
        let (contents, sections) = text.split_once("\n## ").unwrap_or_default();
        for title in sections.split("\n## ").filter_map(|section| section.lines().next()) {
            let anchor = anchors(&format!("# {title}")).pop_first().unwrap();
            let leads = text.lines().count() < LONG || contents.contains(&format!("](#{anchor})"));
            assert!(leads, "{document} does not begin with a link to #{anchor}");
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

    for document in guide::documents().unwrap() {
        for target in make_targets(&read(&document)) {
            assert!(known.contains(target), "{document} says `make {target}`, which the Makefile does not know");
        }
    }
}
