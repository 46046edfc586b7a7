//! Logs to standard error, one line an event. No secret is ever given to a log: types that hold one do not show it.

use std::io::stderr;

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A JSON object.
    Json,
    /// For people.
    Text,
}

/// Starts logging at `level`; libraries say no more than what they warn about.
pub fn init(level: Level, format: Format) {
    let filter = Targets::new()
        .with_default(Level::WARN)
        .with_target(env!("CARGO_CRATE_NAME"), level)
        // What it warns about comes to the controller's watches as an error, and is logged there.
        .with_target("kube_runtime::watcher", Level::ERROR);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        Format::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(stderr)).init(),
        Format::Text => registry.with(fmt::layer().with_writer(stderr)).init(),
    }
}
