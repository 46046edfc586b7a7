//! What the server says: events on standard error, and an access log on standard output, as the reference does.
//!
//! Both go through threads of their own: see [`output`].

mod escape;
mod lines;
mod output;

use std::io;

use registry_config::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

pub(crate) use self::{
    escape::escape,
    lines::Printed,
    output::{Drain, Output},
};
use crate::{config::Log, metrics};

/// Where the server's lines go. The default has no access log, and does not touch events.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// The way to standard output; `None`: requests get no line there.
    pub(crate) access: Option<Output>,
    /// Lines that nobody read in time.
    pub(crate) lost: metrics::Lost,
}

/// Until it is dropped lines are written; then all are, unless nobody reads them.
#[derive(Debug)]
pub struct Guard {
    /// The access log ends first: losing some of it is an event.
    _access: Option<Drain>,
    _events: Drain,
}

impl Telemetry {
    /// Sends every event to standard error as `settings` say, and has an access log unless they disable it. Later calls in
    /// the same process have no effect on events.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub fn start(settings: &Log) -> io::Result<(Self, Guard)> {
        let lost = metrics::Lost::default();
        let (events, events_drain) = Output::start("standard error", io::stderr(), lost.of("stderr"))?;
        collect(settings, events);
        let access = match settings.access {
            true => Some(Output::start("standard output", io::stdout(), lost.of("stdout"))?),
            false => None,
        };
        let (access, access_drain) = access.unzip();
        Ok((Self { access, lost }, Guard { _access: access_drain, _events: events_drain }))
    }
}

fn collect(settings: &Log, events: Output) {
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    // The libraries' own debug lines are about their insides.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("registry_server", level)
        .with_target("registry", level);
    let lines = lines::Lines { formatter: settings.formatter, fields: settings.fields.clone() };
    let output = tracing_subscriber::fmt::layer().event_format(lines).with_writer(events);
    // Only tests that run several servers in one process come here twice.
    let _ = tracing_subscriber::registry().with(output).with(filter).try_init();
}
