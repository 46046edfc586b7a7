//! Entry point of the operator.

use clap::Parser;
use private_registry_operator::args::Args;
use rustls::crypto::aws_lc_rs;

fn main() -> anyhow::Result<()> {
    // The first one installed is used by every library; an error would mean that there is one already.
    let _ = aws_lc_rs::default_provider().install_default();
    Args::parse().run()
}
