//! What the operator counts, for Prometheus: passes, requests to the API server, failing watches, certificates, leadership.

mod api_requests;
mod process;

use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use self::api_requests::CountRequests;
use crate::names::RegistryName;

/// Seconds; a pass that sends nothing takes less than a millisecond, one that makes keys and hashes up to a few seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<ReconcileLabels, Counter>,
    duration: Histogram,
    requests: CountRequests,
    deferred: Counter,
    watch_errors: Family<KindLabels, Counter>,
    in_backoff: Gauge,
    certificates: Family<CertificateLabels, Gauge>,
    leader: Gauge,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Without an error.
    Ok,
    /// The spec has to be corrected.
    Invalid,
    /// With an error; it is tried again.
    Error,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    namespace: String,
    name: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("private_registry_operator"),
            reconciles: Family::default(),
            duration: Histogram::new(BUCKETS),
            requests: CountRequests::default(),
            deferred: Counter::default(),
            watch_errors: Family::default(),
            in_backoff: Gauge::default(),
            certificates: Family::default(),
            leader: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, reconciles, duration, requests, deferred, watch_errors, in_backoff, certificates, leader } =
            self;
        registry.register("reconciles", "Passes over a registry, by how they ended", reconciles.clone());
        registry.register("reconcile_duration_seconds", "How long a pass took", duration.clone());
        requests.register(registry);
        registry.register("passes_deferred", "Passes put off because a registry had too many", deferred.clone());
        registry.register("watch_errors", "Watches that failed and were started again", watch_errors.clone());
        registry.register("objects_in_backoff", "Registries whose last pass failed", in_backoff.clone());
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "End of the validity of a registry's certificate",
            certificates.clone(),
        );
        registry.register("leader", "Whether this replica does the work", leader.clone());
        registry.register_collector(Box::new(process::Process));
    }

    /// The exposition format.
    ///
    /// # Errors
    /// Never, because a String takes everything.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A pass has begun.
    #[must_use]
    pub fn reconcile_started(&self) -> Instant {
        Instant::now()
    }

    /// A pass has ended.
    pub fn reconcile_ended(&self, started: Instant, outcome: Outcome) {
        self.duration.observe(started.elapsed().as_secs_f64());
        self.reconciles.get_or_create(&ReconcileLabels { outcome: outcome.as_str() }).inc();
    }

    /// A layer of the client that counts what it asks of the API server.
    #[must_use]
    pub fn count_requests(&self) -> CountRequests {
        self.requests.clone()
    }

    /// A pass was put off, because the registry had too many.
    pub fn pass_deferred(&self) {
        self.deferred.inc();
    }

    /// A watch has failed.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_errors.get_or_create(&KindLabels { kind: kind.to_owned() }).inc();
    }

    /// So many registries wait after a failure.
    pub fn in_backoff(&self, registries: usize) {
        self.in_backoff.set(i64::try_from(registries).unwrap_or(i64::MAX));
    }

    /// The certificate of a registry ends then; `None` when there is none.
    pub fn certificate_expires(&self, registry: &RegistryName, at: Option<Timestamp>) {
        let labels = CertificateLabels { namespace: registry.namespace.clone(), name: registry.name.clone() };
        match at {
            Some(at) => _ = self.certificates.get_or_create(&labels).set(at.as_second()),
            None => _ = self.certificates.remove(&labels),
        }
    }

    /// Whether this replica does the work.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_prefix_and_the_units() {
        let metrics = Metrics::default();
        metrics.reconcile_ended(metrics.reconcile_started(), Outcome::Ok);
        let larder = RegistryName { namespace: "kitchen".into(), name: "larder".into() };
        metrics.certificate_expires(&larder, Some(Timestamp::from_second(7).unwrap()));
        metrics.leads(true);
        metrics.pass_deferred();
        let text = metrics.render().unwrap();
        for line in [
            "private_registry_operator_passes_deferred_total 1",
            r#"private_registry_operator_reconciles_total{outcome="ok"} 1"#,
            r#"private_registry_operator_certificate_expiry_timestamp_seconds{namespace="kitchen",name="larder"} 7"#,
            "private_registry_operator_leader 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.certificate_expires(&larder, None);
        assert!(!metrics.render().unwrap().contains("kitchen"));
    }
}
