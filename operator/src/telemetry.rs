//! Log lines: one structured event a line on standard error, as text for people or as JSON for collectors.
//!
//! What is worth a line is decided where it happens; nothing here knows registries.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, prelude::*};

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For log collectors: one JSON object a line.
    Json,
}

/// Sets up logging for the whole process.
///
/// `filter` is a level (`info`) or a list of `target=level` directives as in `tracing_subscriber::EnvFilter`.
///
/// # Errors
/// `filter` cannot be understood.
pub fn init(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let layer = match format {
        LogFormat::Text => fmt::layer().with_writer(io::stderr).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(())
}
