//! What documents show to be typed is typed: a block of commands names a test that exists and runs it, or why none does.
//! `make documented` prints the list, with the samples.

use std::collections::BTreeSet;
use std::fs;

use registry_config::checks::check;
use registry_config::document::{Report, shape};
use registry_config::keys::Described as _;
use registry_config::{Config, defaults};
use support::guide::{self, Block, REASONS};
use support::this_test;

use crate::promises::{PLACES, has_test, sources};
use crate::tools::{CHART, documents, root, run};

/// What a block has to say; told to whoever has written one without it.
const HOW: &str = "```sh (typed by <tier>/<file>::<test>), where that test runs `guide::of(&this_test!())`, or (not typed: <reason>): see tests/support/guide.rs";

/// The text of a test's function, if it exists.
fn test_of<'a>(files: &'a [(String, String)], named: &str) -> Option<&'a str> {
    let (file, name) = named.rsplit_once("::")?;
    let (_, text) = files.iter().find(|(path, _)| path.ends_with(&format!("{file}.rs")))?;
    let body = text.split(&format!("fn {name}(")).nth(1)?.split("\n}\n").next()?;
    has_test(text, name).then_some(body)
}

/// Every source file with tests.
fn all_sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    PLACES.iter().for_each(|place| sources(&root().join(place), &mut files));
    files
}

/// Every block that a reader types.
fn typed() -> Vec<Block> {
    let mut blocks = guide::blocks().unwrap();
    blocks.retain(Block::is_typed);
    blocks
}

#[test]
fn every_test_that_a_document_names_runs_its_commands() {
    let files = all_sources();
    for block in typed() {
        match (block.test(), block.reason()) {
            (Some(test), None) => {
                let body = test_of(&files, test);
                let body = body.unwrap_or_else(|| panic!("{}: {test} does not exist; {HOW}", block.place()));
                assert!(
                    body.contains("this_test!"),
                    "{}: {test} does not run blocks of documents; {HOW}",
                    block.place()
                );
            }
            (None, Some(reason)) => {
                let known = REASONS.iter().any(|(known, _)| *known == reason);
                assert!(known, "{}: {reason} is no reason of tests/support/guide.rs", block.place());
            }
            _ => panic!("{}: a test or a reason; {HOW}", block.place()),
        }
    }
}

#[test]
fn every_reason_not_to_run_a_command_is_used() {
    let blocks = typed();
    let used: BTreeSet<&str> = blocks.iter().filter_map(Block::reason).collect();
    for (reason, _) in REASONS {
        assert!(used.contains(reason), "no document has a block that is not typed for the reason {reason}");
    }
}

/// A block without a language might hold commands that nobody has noticed.
#[test]
fn every_block_says_what_it_is() {
    for block in guide::blocks().unwrap() {
        assert!(!block.language.is_empty(), "{}: the block has no language; text is one", block.place());
    }
}

#[test]
fn values_that_are_shown_fit_the_chart() {
    for block in guide::of(&this_test!()).unwrap() {
        let values: serde_json::Value = serde_saphyr::from_str(&block.text).unwrap();
        for (key, value) in values.as_object().unwrap() {
            let set = format!("{key}={value}");
            let told = run("helm", &["template", "release", CHART, "--set-json", &set]);
            assert!(told.is_ok(), "{}: {told:?}", block.place());
        }
    }
}

/// What is no object is a file, or part of one, that a test gives to the program it is for; every object is accepted by
/// `control_plane/guide::every_object_that_a_document_shows_is_accepted`.
#[test]
fn every_yaml_that_is_shown_is_read_by_a_test() {
    let files = all_sources();
    for block in guide::blocks().unwrap().iter().filter(|block| block.language == "yaml") {
        let is_object = block.text.contains("\nkind: ");
        let is_used =
            block.test().and_then(|test| test_of(&files, test)).is_some_and(|body| body.contains("this_test!"));
        assert!(is_object || is_used, "{}: neither an object nor (typed by ...)", block.place());
    }
}

/// As the operator asks it, and with nothing to warn of.
#[test]
fn the_server_s_configuration_that_a_registry_shows_is_the_server_s() {
    let mut shown = 0;
    for block in guide::blocks().unwrap().iter().filter(|block| block.language == "yaml") {
        for object in documents(&block.text).into_iter().filter(|object| object["kind"] == "PrivateRegistry") {
            let Some(config) = object["spec"].get("config") else { continue };
            shown += 1;
            let mut report = Report::default();
            let mut shaped = shape(config.clone(), Config::NODE, "", &mut report).unwrap();
            defaults::fill(&mut shaped, Config::NODE);
            check(serde_json::from_value(shaped).unwrap(), &mut report);
            assert_eq!((report.errors, report.warnings), (Vec::new(), Vec::new()), "{}", block.place());
        }
    }
    assert!(shown > 0, "no document shows spec.config");
}

/// The list of all commands and samples, each with the test that runs it, for people. `make documented` prints it.
#[test]
fn documented() {
    for block in typed() {
        println!("\n{}  {}", block.place(), block.test().or(block.reason()).unwrap_or_default());
        block.commands().iter().for_each(|command| println!("    {command}"));
    }
    println!("\ndeploy/samples, each e2e/samples::the_api_server_accepts_every_sample");
    let samples = fs::read_dir(root().join("deploy/samples")).unwrap();
    let mut names: Vec<_> = samples.map(|entry| entry.unwrap().file_name().display().to_string()).collect();
    names.sort();
    names.iter().for_each(|name| println!("    {name}"));
    println!("\nnot run:");
    REASONS.iter().for_each(|(reason, why)| println!("    {reason}: {why}"));
}
