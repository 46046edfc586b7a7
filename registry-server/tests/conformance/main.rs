//! The rules of the OCI distribution-spec, one test each, named by the section that states them.
//!
//! The list of rules ([`rules::SECTIONS`]) does not know where the registry is. It is put to six registries: the router in
//! process, and the program as a process over plain HTTP and over TLS with a password, each with its content in memory and
//! on a file system. A rule fails or holds; there is nothing that a registry could opt out of.
//!
//! `cargo test -p registry-server --test conformance` runs all, a part of a name after `--` selects. A table of the totals
//! by section closes the run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod content;
mod process;
mod registry;
mod reply;
mod repository;
mod rule;
mod rules;
mod tally;
mod target;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use self::{
    registry::{Registry, Way},
    rule::Rule,
    tally::Tally,
};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().unwrap());
    let tally = Tally::default();
    let registries = Way::ALL.map(|way| Arc::new(Registry::new(way)));
    let mut trials = vec![Trial::test("README: the totals are those of the list", || {
        tally::check_readme();
        Ok(())
    })];
    for registry in &registries {
        for rule in rules::all() {
            trials.push(trial(rule, Arc::clone(registry), Arc::clone(&runtime), tally.clone()));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(registries);
    if !arguments.list {
        tally.print();
    }
    conclusion.exit_code()
}

/// One rule at one registry.
fn trial(rule: &'static Rule, registry: Arc<Registry>, runtime: Arc<Runtime>, tally: Tally) -> Trial {
    let name = format!("{}: {}: {}", registry.way(), rule.section, rule.name);
    Trial::test(name, move || {
        let outcome = tally.begin(rule, registry.way());
        runtime.block_on((rule.check)(registry.target(&runtime)));
        outcome.holds();
        Ok(())
    })
}
