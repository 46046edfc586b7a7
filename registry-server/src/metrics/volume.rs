//! How full the volume is, and how often something did not fit, as `registry_storage_volume_*`. Whoever measures tells it here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::storage::Usage;

/// What is known of the volume. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    state: Arc<Mutex<State>>,
    refused: Counter,
}

#[derive(Debug, Default)]
struct State {
    usage: Option<Usage>,
    refused_at: Option<Instant>,
}

/// Writes that were refused because there was no room for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Since the process began.
    pub(crate) total: u64,
    /// Since the last one.
    pub(crate) ago: Option<Duration>,
}

impl Volume {
    /// Takes note of how full it is; `None` when that cannot be told.
    pub(crate) fn measured(&self, usage: Option<Usage>) {
        self.with(|state| state.usage = usage);
    }

    /// Takes note of something that did not fit.
    pub(crate) fn refused(&self) {
        self.refused.inc();
        self.with(|state| state.refused_at = Some(Instant::now()));
    }

    /// How full it was when somebody looked last.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.with(|state| state.usage)
    }

    /// What did not fit so far.
    pub(crate) fn refusals(&self) -> Refused {
        Refused { total: self.refused.get(), ago: self.with(|state| state.refused_at).map(|at| at.elapsed()) }
    }

    pub(super) fn register(&self, storage: &mut Registry) {
        let volume = storage.sub_registry_with_prefix("volume");
        volume.register("refused_writes", "Writes for which there was no room", self.refused.clone());
        // What cannot be told, as of a registry in memory, is left out.
        let Some(usage) = self.usage() else { return };
        let bytes = [
            ("capacity", "Size of the volume", usage.capacity),
            ("used", "What is taken of it", usage.used),
            ("available", "What can still be written to it", usage.available),
        ];
        for (name, help, value) in bytes {
            volume.register_with_unit(name, help, Unit::Bytes, gauge(value));
        }
        volume.register("inodes", "Files that the volume can hold; 0: they are not counted", gauge(usage.inodes));
        volume.register("inodes_free", "How many more it can hold", gauge(usage.inodes_free));
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn gauge(value: u64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}
