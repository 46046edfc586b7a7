//! Entry point of the operator, and of the plugin `kubectl preg`, which is the same program under another name.

use std::{env, path::Path, process::ExitCode};

use clap::Parser;
use private_registry_operator::{
    args::Args,
    plugin::{self, Plugin},
};
use rustls::crypto::aws_lc_rs;

fn main() -> anyhow::Result<ExitCode> {
    // The first one installed is used by every library; an error would mean that there is one already.
    let _ = aws_lc_rs::default_provider().install_default();
    if env::args_os().next().is_some_and(|program| plugin::is_called_by(Path::new(&program))) {
        return Ok(Plugin::parse().run()?);
    }
    Args::parse().run()
}
