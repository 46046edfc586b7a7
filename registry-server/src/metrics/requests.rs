//! Requests: how many, how long, how large, and how many at the moment, by route.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of durations in seconds; the reference's.
const SECONDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

/// Upper bounds of sizes: 1 KiB to 2 GiB by factors of two; the reference's.
const SIZES: [f64; 22] = {
    let mut sizes = [1024.0; 22];
    let mut index = 1;
    while index < sizes.len() {
        sizes[index] = sizes[index - 1] * 2.0;
        index += 1;
    }
    sizes
};

/// Requests, counted when their response has been sent.
#[derive(Clone)]
pub(crate) struct Requests {
    total: Family<RequestLabels, Counter>,
    duration: Family<MethodLabels, Histogram, fn() -> Histogram>,
    request_size: Family<HandlerLabels, Histogram, fn() -> Histogram>,
    response_size: Family<HandlerLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<HandlerLabels, Gauge>,
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
struct MethodLabels {
    handler: &'static str,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandlerLabels {
    handler: &'static str,
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
            in_flight: Family::default(),
        }
    }
}

impl Requests {
    /// A request begins; nothing counts before its route is known.
    pub(crate) fn begin(&self) -> InFlight {
        InFlight(Arc::new(Place { gauges: self.in_flight.clone(), handler: OnceLock::new() }))
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53 bytes")]
    pub(crate) fn count(&self, answered: &Answered) {
        let Answered { handler, method, code, duration, request_bytes, response_bytes } = *answered;
        self.total.get_or_create(&RequestLabels { code, handler, method }).inc();
        self.duration.get_or_create(&MethodLabels { handler, method }).observe(duration.as_secs_f64());
        let labels = HandlerLabels { handler };
        self.request_size.get_or_create(&labels).observe(request_bytes as f64);
        self.response_size.get_or_create(&labels).observe(response_bytes as f64);
    }

    pub(super) fn register(&self, http: &mut Registry) {
        http.register("requests", "Requests answered", self.total.clone());
        http.register("request_duration_seconds", "Time to the end of the response", self.duration.clone());
        http.register("request_size_bytes", "Bytes of request bodies", self.request_size.clone());
        http.register("response_size_bytes", "Bytes of response bodies", self.response_size.clone());
        http.register("in_flight_requests", "Requests being answered", self.in_flight.clone());
    }
}

/// A request being answered, until all clones are dropped. On requests it takes note of the route that answers.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<Place>);

struct Place {
    gauges: Family<HandlerLabels, Gauge>,
    handler: OnceLock<&'static str>,
}

impl InFlight {
    /// The route is known: the reference's name for it. Later ones do not count.
    pub(crate) fn answered_by(&self, handler: &'static str) {
        if self.0.handler.set(handler).is_ok() {
            self.0.gauges.get_or_create(&HandlerLabels { handler }).inc();
        }
    }

    /// The route, once it is known.
    pub(crate) fn handler(&self) -> Option<&'static str> {
        self.0.handler.get().copied()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(handler) = self.handler.get().copied() {
            self.gauges.get_or_create(&HandlerLabels { handler }).dec();
        }
    }
}
