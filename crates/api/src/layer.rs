//! Around every request: its trace, its limit, its log line, its problem's body, and the headers that protect a browser.

use crate::app::{App, Shared};
use crate::rate::{Verdict, caller_of};
use crate::{Problem, problem};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokengine_core::TraceContext;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What is known of a request while it is under way, and told in its log line.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
    /// What is done later for the request continues from there, if anybody sees it.
    later: Option<TraceContext>,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    key: Option<Arc<str>>,
    limit: Option<(Verdict, u32)>,
}

impl Trace {
    /// The caller's trace (W3C `traceparent`), or a new one; `span` is the request's in it.
    fn of(headers: &HeaderMap, span: &Span) -> Self {
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parse_traceparent);
        if let Some(given) = &given {
            // It fails where nobody takes traces. The caller's trace goes on all the same, without this span.
            let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(given.clone()));
        }
        let ours = span.context().span().span_context().clone();
        let told = Arc::default();
        if ours.is_valid() {
            let sampled = ours.is_sampled();
            return Self { trace: ours.trace_id(), span: ours.span_id(), sampled, later: later(&ours), told };
        }
        let (trace, span) = random_ids();
        let (trace, sampled) = given.as_ref().map_or((trace, false), |given| (given.trace_id(), given.is_sampled()));
        Self { trace, span, sampled, later: given.as_ref().and_then(later), told }
    }

    pub(crate) fn id(&self) -> String {
        self.trace.to_string()
    }

    /// What is journaled with the request, so that what is done for it later is seen in the same trace.
    pub(crate) fn later(&self) -> Option<TraceContext> {
        self.later
    }

    pub(crate) fn tell_key(&self, name: Arc<str>) {
        self.told.lock().expect("nobody panics while holding it").key = Some(name);
    }

    pub(crate) fn tell_limit(&self, verdict: Verdict, per_second: u32) {
        self.told.lock().expect("nobody panics while holding it").limit = Some((verdict, per_second));
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Only what is to be seen: the rest would fill the journal for nobody.
fn later(context: &SpanContext) -> Option<TraceContext> {
    let (trace_id, span_id) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
    context.is_sampled().then_some(TraceContext { trace_id, span_id })
}

/// They are no secrets, only unlike any others: a thread asks the system once, and counts on from there.
fn random_ids() -> (TraceId, SpanId) {
    thread_local!(static SEED: ([u8; 32], Cell<u64>) = {
        // Without the system's random bytes a trace is less unique, and that is all.
        (tokengine_keys::random_bytes().unwrap_or([1; 32]), Cell::new(0))
    });
    SEED.with(|(seed, count)| {
        count.set(count.get().wrapping_add(1));
        let hash = blake3::keyed_hash(seed, &count.get().to_le_bytes());
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&hash.as_bytes()[..16]);
        span.copy_from_slice(&hash.as_bytes()[16..24]);
        (TraceId::from_bytes(trace), SpanId::from_bytes(span))
    })
}

fn parse_traceparent(text: &str) -> Option<SpanContext> {
    let lower_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = version == "00" && parts.next().is_none() || version.len() == 2 && lower_hex(version) && version > "00";
    let shaped = id.len() == 32 && span.len() == 16 && flags.len() == 2 && [id, span, flags].into_iter().all(lower_hex);
    if !known || version == "ff" || !shaped {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
    let (id, span) = (TraceId::from_hex(id).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(id, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The address that calls. What a proxy writes into headers is not believed: anyone can write it.
pub(crate) fn address(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
}

/// Goes around every route of the router.
pub(crate) async fn around(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let (around, refused) = Around::begin(&app, request.method(), &route, request.headers(), address(&request));
    request.extensions_mut().insert(around.trace.clone());
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).instrument(around.span.clone()).await,
    };
    around.end(&app, &route, &path, &mut response);
    response
}

/// A request under way.
pub(crate) struct Around {
    started: Instant,
    method: &'static str,
    id: String,
    pub(crate) span: Span,
    pub(crate) trace: Trace,
}

impl Around {
    /// Begins its span, and takes it from its address's rate; a problem where that has no more.
    pub(crate) fn begin(
        app: &App,
        method: &Method,
        route: &str,
        headers: &HeaderMap,
        from: IpAddr,
    ) -> (Self, Option<Problem>) {
        let (started, method) = (Instant::now(), method_label(method));
        let span = tracing::info_span!(
            parent: None,
            "request",
            otel.name = format_args!("{method} {route}"),
            otel.kind = "server",
            trace_id = Empty,
            http.request.method = method,
            http.route = %route,
            payout.id = Empty,
        );
        let trace = Trace::of(headers, &span);
        let id = trace.id();
        span.record("trace_id", &*id);
        // What only traces need is not written into log lines.
        span.set_attribute("url.scheme", "http");
        let mut refused = None;
        if let Some(verdict) = app.per_address.take(caller_of(from), started) {
            trace.tell_limit(verdict, app.per_address.rate().per_second);
            if !verdict.allowed {
                app.metrics.limited.inc();
                refused = Some(Problem::rate_limited(verdict.reset_s));
            }
        }
        (Self { started, method, id, span, trace }, refused)
    }

    /// Gives the answer its headers and its problem's body, and tells of it.
    pub(crate) fn end(self, app: &App, route: &str, path: &str, response: &mut Response) {
        let Self { started, method, id, span, trace } = self;
        let problem = problem::render(response, path, &id);
        if let Some(code) = problem {
            span.set_attribute("error.type", code);
        }
        response.headers_mut().reserve(16);
        protect(response.headers_mut());
        let took = started.elapsed();
        let status = response.status().as_u16();
        span.set_attribute("http.response.status_code", i64::from(status));
        if response.status().is_server_error() {
            span.set_status(Status::error(""));
        }
        tell(&trace, &id, response.headers_mut());
        app.metrics.answered(method, route, status, took);
        let told = trace.told.lock().expect("nobody panics while holding it");
        span.in_scope(|| {
            let (key, duration_ms) = (told.key.as_deref(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            tracing::info!(http.response.status_code = status, duration_ms, key, "Request answered");
        });
    }
}

/// Methods that clients make up must not become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn tell(trace: &Trace, id: &str, headers: &mut HeaderMap) {
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("traceparent", trace.traceparent());
    put("x-request-id", id.to_owned());
    let told = trace.told.lock().expect("nobody panics while holding it");
    if let Some((verdict, per_second)) = told.limit {
        put("ratelimit-policy", format!("\"default\";q={per_second};w=1"));
        put("ratelimit", format!("\"default\";r={};t={}", verdict.remaining, verdict.reset_s));
    }
}

fn protect(headers: &mut HeaderMap) {
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in defaults {
        // The page brings a policy of its own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// The same headers for the probes.
pub(crate) async fn protected(mut response: Response) -> Response {
    protect(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_taken_over_or_begun() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers =
            |text| HeaderMap::from_iter([(HeaderName::from_static("traceparent"), HeaderValue::from_static(text))]);
        let taken = Trace::of(&headers(good), &Span::none());
        assert_eq!((&*taken.id(), taken.sampled), ("4bf92f3577b34da6a3ce929d0e0e4736", true));
        assert_ne!(taken.span.to_string(), "00f067aa0ba902b7", "the answer is of a span of its own");
        // Nobody takes our spans, so what comes later belongs under the caller's.
        let later = taken.later().expect("the caller wants to see it");
        assert_eq!(SpanId::from_bytes(later.span_id).to_string(), "00f067aa0ba902b7");
        let unseen = Trace::of(&headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), &Span::none());
        assert_eq!((unseen.sampled, unseen.later()), (false, None), "what nobody sees is not journaled");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
        let new = Trace::of(&HeaderMap::new(), &Span::none());
        assert!(new.trace != TraceId::INVALID && new.span != SpanId::INVALID && new.later().is_none());
    }
}
