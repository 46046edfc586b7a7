//! The hidden command that takes a profile of the server that started it, and writes it to standard output.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use anyhow::Context;

use crate::profile::sampler;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    seconds: u64,
}

/// # Errors
/// When the parent cannot be looked at, or has ended.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let profile = sampler::run(Duration::from_secs(args.seconds))?;
    stdout().write_all(&profile).context("failed to hand the profile over")
}
