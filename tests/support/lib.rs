//! What the end-to-end tests are told with: a namespace of one's own, a registry in it, the clients people use, and waiting
//! for conditions instead of sleeping.
//!
//! ```text
//!   in_namespace("drift", async |namespace| {              Turn: tests side by side, or one alone
//!       let team = namespace.registry("team").ready().await?;    Suite: the operator, installed once by Helm
//!       ...                                                Registry: what a user sees of it; Https, Crane, Engine: clients
//!   })                                                     report: everything of the namespace, when a test fails
//! ```
//!
//! What a cluster's nodes are not needed for is told on a control plane of the test's own: see [`control_plane`].
//!
//! Everything here returns an error that says what was awaited or asked, of which object; only tests assert. Nothing here
//! knows the operator's or the server's code: manifests are YAML and answers are JSON, as users see them.

#![expect(clippy::missing_errors_doc, reason = "every error here means that a test has failed; its text says why")]

pub mod collection;
pub mod command;
pub mod control_plane;
pub mod crane;
pub mod credentials;
pub mod distribution;
pub mod docker;
pub mod document;
pub mod figure;
pub mod guide;
pub mod home;
pub mod https;
pub mod image;
pub mod inventory;
mod log;
pub mod manifest;
pub mod namespace;
pub mod operator;
pub mod pki;
pub mod plugin;
mod program;
pub mod prometheus;
pub mod registry;
pub mod report;
pub mod secure_server;
pub mod server;
mod stopwatch;
pub mod tunnel;
pub mod turn;
pub mod usage;
pub mod voyage;
pub mod wait;

use std::path::PathBuf;

/// The root of the working tree: charts, samples and scripts are found from here.
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or(tests.clone(), PathBuf::from)
}

/// A short random word for the names of things that must not meet those of another test.
pub fn random_word() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(6).collect()
}

/// Whether the person at the keyboard wants to look at what a test leaves behind (`KEEP=1`).
pub fn keep() -> bool {
    std::env::var_os("KEEP").is_some_and(|value| !value.is_empty() && value != "0")
}
