//! Around every request: its trace, its limit, its log line, its problem's body, and the headers that protect a browser.

use crate::app::Shared;
use crate::rate::{Verdict, caller_of};
use crate::{Problem, problem, seal};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tracing::Instrument;

/// What is known of a request while it is under way, and told in its log line.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) id: String,
    span: String,
    flags: &'static str,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    key: Option<Box<str>>,
    limit: Option<(Verdict, u32)>,
}

impl Trace {
    /// The caller's trace (W3C `traceparent`), or a new one.
    fn of(headers: &HeaderMap) -> Self {
        let [id, span] = random_ids();
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parse_traceparent);
        let (id, flags) = given.unwrap_or((id, "00"));
        Self { id, span, flags, told: Arc::default() }
    }

    pub(crate) fn tell_key(&self, name: &str) {
        self.told.lock().expect("nobody panics while holding it").key = Some(name.into());
    }

    pub(crate) fn tell_limit(&self, verdict: Verdict, per_second: u32) {
        self.told.lock().expect("nobody panics while holding it").limit = Some((verdict, per_second));
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.id, self.span, self.flags)
    }
}

fn random_ids() -> [String; 2] {
    // Not a secret: without the system's random bytes a trace is less unique, and that is all.
    let bytes = tokengine_keys::random_bytes::<24>().unwrap_or([1; 24]);
    [seal::hex(&bytes[..16]), seal::hex(&bytes[16..])]
}

fn parse_traceparent(text: &str) -> Option<(String, &'static str)> {
    let lower_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = version == "00" && parts.next().is_none() || version.len() == 2 && lower_hex(version) && version > "00";
    let shaped = id.len() == 32 && span.len() == 16 && flags.len() == 2 && [id, span, flags].into_iter().all(lower_hex);
    let zero = |text: &str| text.bytes().all(|b| b == b'0');
    if !known || version == "ff" || !shaped || zero(id) || zero(span) {
        return None;
    }
    let sampled = flags.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']);
    Some((id.to_owned(), if sampled { "01" } else { "00" }))
}

/// The address that calls. What a proxy writes into headers is not believed: anyone can write it.
pub(crate) fn address(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
}

/// Goes around every route of the doors.
pub(crate) async fn around(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let trace = Trace::of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    request.extensions_mut().insert(trace.clone());
    let span = tracing::info_span!("request", trace_id = %trace.id, http.method = %method, http.route = %route);

    let verdict = app.per_address.take(caller_of(address(&request)), started);
    if let Some(verdict) = verdict {
        trace.tell_limit(verdict, app.per_address.rate().per_second);
    }
    let mut response = match verdict {
        Some(verdict) if !verdict.allowed => {
            app.metrics.limited.inc();
            Problem::rate_limited(verdict.reset_s).into_response()
        }
        _ => next.run(request).instrument(span.clone()).await,
    };
    problem::render(&mut response, &path, &trace.id);
    protect(response.headers_mut());
    let took = started.elapsed();
    let status = response.status().as_u16();
    tell(&trace, response.headers_mut());
    app.metrics.answered(method_label(&method), &route, status, took);
    let told = trace.told.lock().expect("nobody panics while holding it");
    span.in_scope(|| {
        let (key, duration_ms) = (told.key.as_deref(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        tracing::info!(http.status = status, duration_ms, key, "Request answered");
    });
    drop(told);
    response
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

fn tell(trace: &Trace, headers: &mut HeaderMap) {
    let mut put = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("traceparent", trace.traceparent());
    put("x-request-id", trace.id.clone());
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
        assert_eq!(parse_traceparent(good), Some(("4bf92f3577b34da6a3ce929d0e0e4736".into(), "01")));
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
        let new = Trace::of(&HeaderMap::new());
        assert_eq!((new.id.len(), new.span.len()), (32, 16));
    }
}
