//! The probes: what is told, and what takes nothing down.

use crate::world::*;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokengine_api::{Deps, HealthDeps, PageAccess, health_router};
use tower::ServiceExt;

#[tokio::test]
async fn one_dead_network_is_a_detail_and_draining_is_not() {
    let world = World::new().await;
    world.nodes.ahead.store(37, Ordering::Relaxed);
    world.get("/v1/networks").await.expect(200);
    let (started, draining) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let router = health_router(HealthDeps {
        engine: world.engine.clone(),
        store: world.store.clone(),
        networks: world.nodes.clone(),
        configured: vec!["eip155:1".into(), "eip155:777".into(), "convex:main".into()],
        started: started.clone(),
        draining: draining.clone(),
        registry: world.registry.clone(),
        refresh: Arc::new(|| {}),
    });
    let ask = async |path: &str| {
        let response = router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("/livez").await.0, 200);
    assert_eq!((ask("/startupz").await.0, ask("/readyz").await.0), (503, 503));
    started.store(true, Ordering::Release);
    assert_eq!(ask("/startupz").await.0, 200);
    let (status, text) = ask("/readyz").await;
    let ready: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &ready["ready"]), (200, &json!(true)));
    assert_eq!((&ready["networks"][0]["reachable"], &ready["networks"][2]["reachable"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&ready["networks"][0]["status"], &ready["networks"][0]["lag_blocks"], &ready["networks"][2]["status"]),
        (&json!("lagging"), &json!(49), &json!(null)),
        "{text}"
    );
    world.nodes.old.store(0, Ordering::Relaxed);
    world.nodes.down.store(true, Ordering::Relaxed);
    let (_, text) = ask("/readyz").await;
    let dark: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&dark["networks"][0]["reachable"], &dark["networks"][0]["lag_blocks"]),
        (&json!(false), &json!(null)),
        "{text}"
    );
    draining.store(true, Ordering::Release);
    let (status, text) = ask("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("draining"), "{text}");
    assert_eq!(ask("/livez").await.0, 200);
    let (_, metrics) = ask("/metrics").await;
    let line = r#"http_requests_total{method="GET",route="/v1/networks",status="200"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("http_request_duration_seconds_bucket"));
}

#[tokio::test]
async fn a_network_that_is_not_followed_is_not_called_available() {
    let world = World::with(|deps| Deps { page: PageAccess::Open, ..deps }).await;
    // Searched up to 100, ordinary reorgs are of 16 blocks, and 32 more are a step of the search.
    for (case, ahead, old_ms, status, badge) in [
        ("it follows", 0, 0, "available", "good"),
        ("at the edge", 36, 0, "available", "good"),
        ("a block beyond", 37, 0, "lagging", "warn"),
        ("a head of half a minute ago", 0, 30_000, "available", "good"),
        ("a head of two minutes ago", 0, 120_000, "unreachable", "bad"),
        ("both", 37, 120_000, "unreachable", "bad"),
    ] {
        world.nodes.ahead.store(ahead, Ordering::Relaxed);
        world.nodes.old.store(old_ms, Ordering::Relaxed);
        let networks = world.get("/v1/networks").await.expect(200).json();
        assert_eq!(networks["items"][0]["status"], status, "{case}");
        let lag = if status == "unreachable" { json!(null) } else { json!(12 + ahead) };
        assert_eq!(networks["items"][0]["lag_blocks"], lag, "{case}: an old head tells nothing of now");
        let shown = format!(r#"data-kind="{badge}">{status}<"#);
        assert!(world.get("/").await.expect(200).text.contains(&shown), "{case}: {shown}");
    }
}
