//! What a store does and how long it takes, and what the cache before it spares it, under the reference's names:
//! `registry_storage_action_seconds` and `registry_storage_cache_*_total`; beside them the [`Volume`].

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::volume::Volume;
use crate::storage::timed::{Action, Timings};

/// Upper bounds in seconds; the reference's.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Time taken by each action of a store, the use of the cache, and of the volume.
#[derive(Clone)]
pub(crate) struct Storage {
    seconds: Family<ActionLabels, Histogram, fn() -> Histogram>,
    /// Content that was asked for lately.
    pub(crate) cache: Cache,
    /// What bytes are kept on.
    pub(crate) volume: Volume,
}

/// How often a cache was asked. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    requests: Counter,
    hits: Counter,
    /// The reference's may be another server; memory does not fail.
    errors: Counter,
}

impl Cache {
    /// Takes note of a question, and whether there was an answer.
    pub(crate) fn asked(&self, is_hit: bool) {
        self.requests.inc();
        if is_hit {
            self.hits.inc();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    driver: &'static str,
    action: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Storage {
    fn default() -> Self {
        Self { seconds: Family::new_with_constructor(seconds), cache: Cache::default(), volume: Volume::default() }
    }
}

impl Storage {
    /// Where the timings of a `driver` go; all its actions are there from the beginning, as zeros.
    pub(crate) fn of(&self, driver: &'static str) -> Box<dyn Timings> {
        let histogram = |action| self.seconds.get_or_create_owned(&ActionLabels { driver, action: label(action) });
        Box::new(Told { histograms: Action::ALL.map(histogram), volume: self.volume.clone() })
    }

    pub(super) fn register(&self, storage: &mut Registry) {
        storage.register("action_seconds", "Time that an action of the storage took", self.seconds.clone());
        storage.register("cache_requests", "Questions to the cache of content", self.cache.requests.clone());
        storage.register("cache_hits", "Questions that the cache had an answer to", self.cache.hits.clone());
        storage.register("cache_errors", "Questions that failed", self.cache.errors.clone());
        self.volume.register(storage);
    }
}

/// Where a store's actions are counted.
struct Told {
    /// One for each action, in their order.
    histograms: [Histogram; Action::ALL.len()],
    volume: Volume,
}

impl Timings for Told {
    fn took(&self, action: Action, time: Duration) {
        self.histograms[action as usize].observe(time.as_secs_f64());
    }

    fn refused(&self) {
        self.volume.refused();
    }
}

/// The reference's name of an action.
fn label(action: Action) -> &'static str {
    match action {
        Action::GetContent => "GetContent",
        Action::PutContent => "PutContent",
        Action::Reader => "Reader",
        Action::Writer => "Writer",
        Action::Stat => "Stat",
        Action::List => "List",
        Action::Move => "Move",
        Action::Delete => "Delete",
    }
}
