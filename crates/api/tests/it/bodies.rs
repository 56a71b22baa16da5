//! What comes in broken, too large, too often, or from somewhere it should not.

use crate::world::*;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokengine_api::{Deps, Limits, Rate};

fn post(body: impl Into<Body>) -> axum::http::request::Builder {
    let _: Body = body.into();
    Request::post("/v1/withdrawals/quote").header("content-type", "application/json")
}

#[tokio::test]
async fn j7_broken_and_huge_bodies_are_refused_fast() {
    let world = World::new().await;
    let deep = format!("{{\"asset\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let started = Instant::now();
    for (case, body, want) in [
        ("ten megabytes", "x".repeat(10 << 20), (413, "body-too-large")),
        ("ten thousand levels", deep, (400, "json-invalid")),
        ("a key twice", r#"{"asset": "a", "asset": "b"}"#.into(), (400, "json-invalid")),
        ("a huge number", format!("{{\"asset\": {}}}", "9".repeat(5000)), (400, "json-invalid")),
        ("an exponent", r#"{"asset": 1e999999999}"#.into(), (400, "json-invalid")),
        ("not JSON", "asset=usd".into(), (400, "json-invalid")),
        ("nothing", String::new(), (400, "json-invalid")),
        ("a list", "[]".into(), (400, "invalid-request")),
        ("null", "null".into(), (400, "invalid-request")),
    ] {
        let answer = world.send(post("").body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.refusal(), (want.0, want.1.to_owned()), "{case}");
        assert!(answer.text.len() < 2_000, "{case}: an answer does not repeat what it was sent");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let typed = Request::post("/v1/withdrawals/quote").header("content-type", "text/plain").body(Body::from("{}"));
    assert_eq!(world.send(typed.unwrap()).await.refusal(), (415, "media-type".into()));
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    let impatient =
        |deps: Deps| Deps { limits: Limits { body_time: Duration::from_millis(50), ..deps.limits }, ..deps };
    let world = World::with(impatient).await;
    let never = Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    let answer = world.send(post("").body(never).unwrap()).await;
    assert_eq!(answer.refusal(), (408, "body-too-slow".into()));
    // Longer than allowed, without saying so beforehand.
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1000)));
    let answer = world.send(post("").body(Body::from_stream(pieces)).unwrap()).await;
    assert_eq!(answer.refusal(), (413, "body-too-large".into()));
}

#[tokio::test]
async fn callers_have_limits_by_key_and_by_address() {
    let few = |deps: Deps| {
        let (per_key, per_address) = (Rate { per_second: 1, burst: 3 }, Rate { per_second: 1, burst: 5 });
        Deps { limits: Limits { per_key, per_address, ..deps.limits }, ..deps }
    };
    let world = World::with(few).await;
    let from = |address: &str, secret: &str| {
        let peer: SocketAddr = format!("{address}:5000").parse().unwrap();
        let mut request = Request::get("/v1/withdrawals").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let bearer = format!("Bearer {secret}");
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        world.send(request)
    };
    for (place, address) in ["192.0.2.1", "192.0.2.2", "192.0.2.3"].into_iter().enumerate() {
        let answer = from(address, &world.desk).await.expect(200);
        let left = answer.header("ratelimit").unwrap().to_owned();
        assert!(left.contains(&format!("r={}", 2 - place)), "{left}");
    }
    let limited = from("192.0.2.4", &world.desk).await;
    assert_eq!(limited.refusal(), (429, "rate-limited".into()));
    assert_eq!((limited.header("retry-after"), limited.json()["retryable"].as_bool()), (Some("1"), Some(true)));
    from("192.0.2.4", &world.admin).await.expect(200);
    let mut last = 0;
    for _ in 0..6 {
        last = from("192.0.2.9", "tok_none").await.status.as_u16();
    }
    assert_eq!(last, 429, "an address that only guesses is limited as well");
}

#[tokio::test]
async fn every_answer_has_a_trace_and_headers_that_protect_a_browser() {
    let world = World::new().await;
    let request = Request::get("/v1/accounts/nobody")
        .header("authorization", format!("Bearer {}", world.admin))
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let back = answer.header("traceparent").unwrap();
    assert!(back.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && back.ends_with("-01"), "{back}");
    assert!(!back.contains("00f067aa0ba902b7"), "a span of our own");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_as_everything_is() {
    let world = World::new().await;
    for path in ["/v1/accounts/%ce", "/v1/withdrawals/%ff", "/v1/accounts/%c3%28/balances"] {
        let answer = world.get(path).await;
        assert_eq!(answer.refusal(), (400, "invalid-request".to_owned()), "{path}");
    }
}
