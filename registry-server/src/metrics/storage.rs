//! What a store does and how long it takes, under the reference's name: `registry_storage_action_seconds`.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::storage::timed::{Action, Timings};

/// Upper bounds in seconds; the reference's.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Time taken by each action of a store.
#[derive(Clone)]
pub(crate) struct Storage {
    seconds: Family<ActionLabels, Histogram, fn() -> Histogram>,
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
        Self { seconds: Family::new_with_constructor(seconds) }
    }
}

impl Storage {
    /// Where the timings of a `driver` go; all its actions are there from the beginning, as zeros.
    pub(crate) fn of(&self, driver: &'static str) -> Box<dyn Timings> {
        let histogram = |action| self.seconds.get_or_create_owned(&ActionLabels { driver, action: label(action) });
        Box::new(Histograms(Action::ALL.map(histogram)))
    }

    pub(super) fn register(&self, storage: &mut Registry) {
        storage.register("action_seconds", "Time that an action of the storage took", self.seconds.clone());
    }
}

/// One for each action, in their order.
struct Histograms([Histogram; Action::ALL.len()]);

impl Timings for Histograms {
    fn took(&self, action: Action, time: Duration) {
        self.0[action as usize].observe(time.as_secs_f64());
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
