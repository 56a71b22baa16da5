//! What the doors count. Labels are few: a route's template, never a path; a status, never a caller.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

type Durations = Family<Route, Histogram, fn() -> Histogram>;

/// Counters of the doors. Clones count into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Request, Counter>,
    durations: Durations,
    pub(crate) streams: Gauge,
    pub(crate) limited: Counter,
}

fn buckets() -> Histogram {
    // From a moment to the longest wait, in seconds.
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

impl Metrics {
    /// Registers the counters.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(buckets),
            streams: Gauge::default(),
            limited: Counter::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        let text = "Seconds from a request to its answer";
        registry.register("http_request_duration_seconds", text, metrics.durations.clone());
        registry.register("http_event_streams", "Streams of events that are open", metrics.streams.clone());
        registry.register("http_rate_limited", "Requests refused by a rate limit", metrics.limited.clone());
        metrics
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        self.durations.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }
}
