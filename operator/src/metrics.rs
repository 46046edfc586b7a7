//! What the operator counts, under the names that dashboards and alerts use.
//!
//! Everything is in the process's memory: nothing here asks the API server.

mod api_requests;
mod process;

use std::{
    fmt::{self, Write},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use self::api_requests::CountRequests;

/// Upper bounds of the reconcile histogram, seconds: from a pass that finds nothing to do to one that waits for a slow API.
const DURATIONS: [f64; 8] = [0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Outcome {
    /// Something was written.
    changed,
    /// Everything was as it should be.
    unchanged,
    /// The spec cannot be fulfilled until somebody changes something.
    stalled,
    /// A step failed and is tried again.
    error,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: Outcome,
}

/// The resource a gauge speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: String,
}

/// All metrics of the operator. Cheap to clone; clones share the numbers.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<OutcomeLabels, Counter>,
    duration: Histogram,
    watch_errors: Family<WatchLabels, Counter>,
    back_off: Gauge,
    certificate_expiry: Family<ObjectLabels, Gauge>,
    leader: Gauge,
    api_requests: CountRequests,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("private_registry_operator");
        let reconciles = Family::default();
        registry.register("reconciles", "Reconciles by how they ended", reconciles.clone());
        let duration = Histogram::new(DURATIONS);
        registry.register("reconcile_duration_seconds", "Time a reconcile took", duration.clone());
        let watch_errors = Family::default();
        registry.register("watch_errors", "Errors of watches, which are opened again", watch_errors.clone());
        let back_off = Gauge::default();
        registry.register("objects_in_backoff", "PrivateRegistries whose last reconcile failed", back_off.clone());
        let certificate_expiry = Family::default();
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the served certificate ends, seconds since 1970",
            certificate_expiry.clone(),
        );
        let leader = Gauge::default();
        registry.register("leader", "1 while this operator reconciles", leader.clone());
        let api_requests = CountRequests::default();
        registry.register("api_requests", "Requests to the API server", api_requests.family().clone());
        registry.register_collector(Box::new(process::Process));
        let registry = Arc::new(registry);
        Self { reconciles, duration, watch_errors, back_off, certificate_expiry, leader, api_requests, registry }
    }

    /// Counts one finished reconcile that took `duration`.
    pub fn reconciled(&self, outcome: Outcome, duration: Duration) {
        self.reconciles.get_or_create(&OutcomeLabels { outcome }).inc();
        self.duration.observe(duration.as_secs_f64());
    }

    /// Counts an error of the watch of `kind`.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_errors.get_or_create(&WatchLabels { kind: kind.to_owned() }).inc();
    }

    /// Says how many objects wait for another try.
    pub fn objects_in_backoff(&self, objects: usize) {
        self.back_off.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// Says when the certificate that `namespace`/`name` serves ends; `None` when it serves none of the operator's.
    pub fn certificate_expires(&self, namespace: &str, name: &str, at: Option<Timestamp>) {
        let labels = ObjectLabels { namespace: namespace.to_owned(), name: name.to_owned() };
        match at {
            Some(at) => drop(self.certificate_expiry.get_or_create(&labels).set(at.as_second())),
            None => drop(self.certificate_expiry.remove(&labels)),
        }
    }

    /// Says whether this operator holds the Lease.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// The layer that counts what a client sends to the API server.
    pub fn count_requests(&self) -> CountRequests {
        self.api_requests.clone()
    }

    /// Writes everything in the `OpenMetrics` text format.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write(&self, output: &mut impl Write) -> fmt::Result {
        encode(output, &self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_appears_under_its_name() {
        let metrics = Metrics::new();
        metrics.reconciled(Outcome::changed, Duration::from_millis(20));
        metrics.watch_failed("Secret");
        metrics.objects_in_backoff(3);
        metrics.certificate_expires("shop", "depot", Some(Timestamp::from_second(1_800_000_000).unwrap()));
        metrics.leads(true);

        let mut text = String::new();
        metrics.write(&mut text).unwrap();

        for line in [
            r#"private_registry_operator_reconciles_total{outcome="changed"} 1"#,
            r#"private_registry_operator_reconcile_duration_seconds_bucket{le="0.05"} 1"#,
            r#"private_registry_operator_watch_errors_total{kind="Secret"} 1"#,
            "private_registry_operator_objects_in_backoff 3",
            r#"private_registry_operator_certificate_expiry_timestamp_seconds{namespace="shop",name="depot"} 1800000000"#,
            "private_registry_operator_leader 1",
            "process_resident_memory_bytes ",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_registry_that_is_gone_is_no_longer_reported() {
        let metrics = Metrics::new();
        metrics.certificate_expires("shop", "depot", Some(Timestamp::UNIX_EPOCH));
        metrics.certificate_expires("shop", "depot", None);

        let mut text = String::new();
        metrics.write(&mut text).unwrap();

        assert!(!text.contains("depot"), "{text}");
    }
}
