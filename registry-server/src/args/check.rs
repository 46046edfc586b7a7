//! `registry serve --check`: what a configuration comes to, for people. Opens nothing and listens nowhere.

use std::path::PathBuf;

use super::{environment, source};
use crate::config;

/// Prints what the server would be configured with to standard output, and warnings to standard error.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the command is for")]
pub(super) fn run(configuration: Option<PathBuf>) -> anyhow::Result<()> {
    let loaded = config::load(&source(configuration), environment())?;
    let effective = loaded.effective()?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    print!("{effective}");
    Ok(())
}
