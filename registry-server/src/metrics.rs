//! What is counted, under the reference's names where it has one. Rendering is for the debug listener.

use std::{fmt, time::Duration};

use http::Method;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::reload::Outcome;

/// Upper bounds of durations in seconds; the reference's.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of sizes: 1 KiB to 1 GiB, by factors of four.
const SIZES: [f64; 11] = {
    let mut sizes = [1024.0; 11];
    let mut index = 1;
    while index < sizes.len() {
        sizes[index] = sizes[index - 1] * 4.0;
        index += 1;
    }
    sizes
};

/// Everything that is counted. Clones share the counters.
#[derive(Clone, Default)]
pub struct Metrics {
    pub(crate) requests: Requests,
    pub(crate) auth: Auth,
    reloads: Family<ReloadLabels, Counter>,
    certificate_expiry: Gauge,
    connections: Gauge,
}

/// Requests, counted when their response has been sent.
#[derive(Clone)]
pub(crate) struct Requests {
    total: Family<RequestLabels, Counter>,
    duration: Family<HandlerLabels, Histogram, fn() -> Histogram>,
    request_size: Family<HandlerLabels, Histogram, fn() -> Histogram>,
    response_size: Family<HandlerLabels, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
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

/// One request that was answered.
pub(crate) struct Answered {
    pub(crate) handler: &'static str,
    pub(crate) method: &'static str,
    pub(crate) code: u16,
    pub(crate) duration: Duration,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: u16,
    handler: &'static str,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandlerLabels {
    handler: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    file: &'static str,
    outcome: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn sizes() -> Histogram {
    Histogram::new(SIZES)
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            total: Family::default(),
            duration: Family::new_with_constructor(seconds),
            request_size: Family::new_with_constructor(sizes),
            response_size: Family::new_with_constructor(sizes),
            in_flight: Gauge::default(),
        }
    }
}

impl Requests {
    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53 bytes")]
    pub(crate) fn count(&self, answered: &Answered) {
        let Answered { handler, method, code, duration, request_bytes, response_bytes } = *answered;
        self.total.get_or_create(&RequestLabels { code, handler, method }).inc();
        let labels = HandlerLabels { handler };
        self.duration.get_or_create(&labels).observe(duration.as_secs_f64());
        self.request_size.get_or_create(&labels).observe(request_bytes as f64);
        self.response_size.get_or_create(&labels).observe(response_bytes as f64);
    }
}

impl Metrics {
    /// Takes note of a look at files that may have changed.
    pub(crate) fn reloaded(&self, file: &'static str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Unchanged => return,
            Outcome::Changed => "changed",
            Outcome::Refused(_) => "refused",
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

    /// Everything in Prometheus' text form.
    ///
    /// # Errors
    /// None in practice: writing to a text does not fail.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("registry");
        self.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register(&self, registry: &mut Registry) {
        let http = registry.sub_registry_with_prefix("http");
        http.register("requests", "Requests answered", self.requests.total.clone());
        http.register("request_duration_seconds", "Time to the end of the response", self.requests.duration.clone());
        http.register("request_size_bytes", "Bytes of request bodies", self.requests.request_size.clone());
        http.register("response_size_bytes", "Bytes of response bodies", self.requests.response_size.clone());
        http.register("in_flight_requests", "Requests being answered", self.requests.in_flight.clone());
        http.register("connections", "Open connections", self.connections.clone());
        let auth = registry.sub_registry_with_prefix("auth");
        auth.register("remembered", "Passwords known to be right", self.auth.remembered.clone());
        auth.register("right", "Passwords checked and right", self.auth.right.clone());
        auth.register("wrong", "Passwords checked and wrong", self.auth.wrong.clone());
        auth.register("throttled", "Passwords not checked after too many wrong ones", self.auth.throttled.clone());
        auth.register("overloaded", "Passwords not checked because too many waited", self.auth.overloaded.clone());
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
        metrics.reloaded("certificate", &Outcome::Changed);
        metrics.certificate_expires(1_800_000_000);

        let text = metrics.render().unwrap();
        for line in [
            "registry_http_requests_total{code=\"200\",handler=\"manifest\",method=\"get\"} 1",
            "registry_http_request_duration_seconds_bucket{le=\"0.01\",handler=\"manifest\"} 1",
            "registry_http_response_size_bytes_sum{handler=\"manifest\"} 700.0",
            "registry_http_in_flight_requests 0",
            "registry_reloads_total{file=\"certificate\",outcome=\"changed\"} 1",
            "registry_certificate_expiry_timestamp_seconds 1800000000",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
