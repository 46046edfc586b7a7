//! What is counted, under the reference's names where it has one. Rendering is for the debug listener.

mod exposition;
mod process;
mod requests;
mod storage;
mod volume;

use std::fmt;

use http::Method;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

pub(crate) use self::{
    exposition::Exposition,
    requests::{Answered, InFlight, Requests},
    storage::Cache,
    volume::Volume,
};
use crate::reload::Outcome;

/// Everything that is counted. Clones share the counters.
#[derive(Clone, Default)]
pub struct Metrics {
    pub(crate) requests: Requests,
    pub(crate) auth: Auth,
    pub(crate) storage: storage::Storage,
    pub(crate) lost: Lost,
    reloads: Family<ReloadLabels, Counter>,
    certificate_expiry: Gauge,
    connections: Gauge,
}

/// Logins.
#[derive(Clone, Default)]
pub(crate) struct Auth {
    /// Passwords that were known to be right.
    pub(crate) remembered: Counter,
    /// Passwords that were checked and right.
    pub(crate) right: Counter,
    /// Passwords that were checked and wrong.
    pub(crate) wrong: Counter,
    /// Passwords not looked at after too many wrong ones.
    pub(crate) throttled: Counter,
    /// Passwords not looked at because too many were waiting.
    pub(crate) overloaded: Counter,
}

/// Lines of logs that were not read in time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lost(Family<StreamLabels, Counter>);

impl Lost {
    /// Those of `stream`, as the label has it.
    pub(crate) fn of(&self, stream: &'static str) -> Counter {
        self.0.get_or_create_owned(&StreamLabels { stream })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    stream: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    file: &'static str,
    outcome: &'static str,
}

/// Values of the label `outcome`.
const CHANGED: &str = "changed";
/// See [`CHANGED`].
const REFUSED: &str = "refused";

impl Metrics {
    /// Nothing yet but lines of logs.
    pub(crate) fn counting(lost: Lost) -> Self {
        Self { lost, ..Self::default() }
    }

    /// Counts from nothing what will be seen of a file: Prometheus takes no first value for an increase.
    pub(crate) fn watches(&self, file: &'static str) {
        for outcome in [CHANGED, REFUSED] {
            drop(self.reloads.get_or_create(&ReloadLabels { file, outcome }));
        }
    }

    /// Takes note of a look at files that may have changed.
    pub(crate) fn reloaded(&self, file: &'static str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Unchanged => return,
            Outcome::Changed => CHANGED,
            Outcome::Refused(_) => REFUSED,
        };
        self.reloads.get_or_create(&ReloadLabels { file, outcome }).inc();
    }

    /// Takes note of the end of the served certificate's validity, in seconds since 1970.
    pub(crate) fn certificate_expires(&self, seconds: i64) {
        self.certificate_expiry.set(seconds);
    }

    /// Open connections.
    pub(crate) fn connections(&self) -> &Gauge {
        &self.connections
    }

    /// Everything in one of Prometheus' text forms.
    ///
    /// # Errors
    /// None in practice: writing to a text does not fail.
    pub(crate) fn render(&self, exposition: Exposition) -> Result<String, fmt::Error> {
        let mut all = Registry::default();
        all.register_collector(Box::new(process::Process));
        self.register(all.sub_registry_with_prefix("registry"));
        let mut text = String::new();
        encode(&mut text, &all)?;
        Ok(exposition.of(text))
    }

    fn register(&self, registry: &mut Registry) {
        let http = registry.sub_registry_with_prefix("http");
        self.requests.register(http);
        http.register("connections", "Open connections", self.connections.clone());
        self.storage.register(registry.sub_registry_with_prefix("storage"));
        let auth = registry.sub_registry_with_prefix("auth");
        auth.register("remembered", "Passwords known to be right", self.auth.remembered.clone());
        auth.register("right", "Passwords checked and right", self.auth.right.clone());
        auth.register("wrong", "Passwords checked and wrong", self.auth.wrong.clone());
        auth.register("throttled", "Passwords not checked after too many wrong ones", self.auth.throttled.clone());
        auth.register("overloaded", "Passwords not checked because too many waited", self.auth.overloaded.clone());
        registry.register("log_lines_lost", "Lines of the log that nobody read in time", self.lost.0.clone());
        registry.register("reloads", "Changes of files seen", self.reloads.clone());
        // Nothing expires where there is no certificate.
        if self.certificate_expiry.get() == 0 {
            return;
        }
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "End of the served certificate's validity since 1970",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
    }
}

/// The method as a label: one of few, in the reference's lower case.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_are_counted_under_the_references_names() {
        let metrics = Metrics::default();
        metrics.requests.count(&Answered {
            handler: "manifest",
            method: "get",
            code: 200,
            duration: Duration::from_millis(7),
            request_bytes: 0,
            response_bytes: 700,
        });
        let in_flight = metrics.requests.begin();
        in_flight.answered_by("blob_upload_chunk");
        metrics.watches("certificate");
        metrics.reloaded("certificate", &Outcome::Changed);
        metrics.certificate_expires(1_800_000_000);

        let text = metrics.render(Exposition::Text).unwrap();
        for line in [
            "# TYPE registry_http_requests_total counter",
            "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"} 1",
            "registry_http_request_duration_seconds_bucket{le=\"0.01\",handler=\"manifest\",method=\"get\"} 1",
            "registry_http_request_size_bytes_count{handler=\"manifest\"} 1",
            "registry_http_response_size_bytes_bucket{le=\"1024\",handler=\"manifest\"} 1",
            "registry_http_response_size_bytes_sum{handler=\"manifest\"} 700",
            "registry_http_in_flight_requests{handler=\"blob_upload_chunk\"} 1",
            "registry_reloads_total{file=\"certificate\",outcome=\"changed\"} 1",
            "registry_reloads_total{file=\"certificate\",outcome=\"refused\"} 0",
            "registry_certificate_expiry_timestamp_seconds 1800000000",
            "# TYPE process_resident_memory_bytes gauge",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_request_is_in_flight_until_it_is_dropped_and_belongs_to_one_route() {
        let metrics = Metrics::default();
        let line = "registry_http_in_flight_requests{handler=\"tags\"}";
        let value = || {
            let text = metrics.render(Exposition::Text).unwrap();
            text.lines().find_map(|found| found.strip_prefix(line).map(str::to_owned))
        };
        let in_flight = metrics.requests.begin();
        assert_eq!(value(), None, "not before the route is known");
        in_flight.answered_by("tags");
        in_flight.answered_by("blob");
        assert_eq!(value().as_deref(), Some(" 1"));
        let again = in_flight.clone();
        drop(in_flight);
        assert_eq!(value().as_deref(), Some(" 1"));
        assert_eq!(again.handler(), Some("tags"));
        drop(again);
        assert_eq!(value().as_deref(), Some(" 0"));
    }
}
