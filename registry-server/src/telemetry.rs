//! Logging to standard error in the reference's three forms: `text` (logfmt), `json` and `logstash`.

mod escape;
mod lines;

use registry_config::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::Log;

/// The target of the line each request gets. It is written whatever the level, as in the reference, unless disabled.
pub(crate) const ACCESS: &str = "access";

/// Sends every log line to standard error as `settings` say. Later calls in the same process have no effect.
pub fn init(settings: &Log) {
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let access = if settings.access { LevelFilter::INFO } else { LevelFilter::OFF };
    // The libraries' own debug lines are about their insides.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("registry_server", level)
        .with_target("registry", level)
        .with_target(ACCESS, access);
    let lines = lines::Lines { formatter: settings.formatter, fields: settings.fields.clone() };
    let output = tracing_subscriber::fmt::layer().event_format(lines).with_writer(std::io::stderr);
    // Only tests that run several servers in one process come here twice.
    let _ = tracing_subscriber::registry().with(output).with(filter).try_init();
}
