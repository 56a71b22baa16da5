//! Probes and metrics, on a port of their own. One dead network, or a read model that lags, takes nothing down: it is
//! told as a detail.

use crate::deps::NetworkSource;
use crate::directory::Directory;
use crate::layer;
use crate::view::NetworkView;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokengine_engine::{Handle, system_clock};
use tokengine_store::Reader;

/// What the probes look at.
pub struct HealthDeps {
    /// The engine.
    pub engine: Handle,
    /// The read model.
    pub store: Reader,
    /// The networks.
    pub networks: Arc<dyn NetworkSource>,
    /// The CAIP-2 ids of the configured networks.
    pub configured: Vec<String>,
    /// Set once everything is started.
    pub started: Arc<AtomicBool>,
    /// Set when the program is being stopped: no new work should come.
    pub draining: Arc<AtomicBool>,
    /// What the metrics are read from.
    pub registry: Arc<Mutex<Registry>>,
    /// Brings gauges up to date before they are read.
    pub refresh: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
    journal: JournalDetail,
    read_model: ReadModelDetail,
    networks: Vec<NetworkDetail>,
}

#[derive(Serialize)]
struct JournalDetail {
    durable: u64,
    decided: u64,
    disk_full: bool,
    last_commit_ms: u64,
    /// Where the next start begins to replay.
    snapshot: Option<u64>,
    /// Why the last snapshot was not made, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_error: Option<&'static str>,
    /// Why the last copy to the archive failed, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_error: Option<&'static str>,
}

#[derive(Serialize)]
struct ReadModelDetail {
    position: Option<u64>,
    lag: Option<u64>,
}

#[derive(Serialize)]
struct NetworkDetail {
    network: String,
    reachable: bool,
    /// As the doors tell it; nothing when it is not in the books.
    status: Option<String>,
    head: Option<u64>,
    scanned: Option<u64>,
    lag_blocks: Option<u64>,
    nodes_up: usize,
    nodes: usize,
}

/// `/livez`, `/readyz`, `/startupz` and `/metrics`.
pub fn health_router(deps: HealthDeps) -> Router {
    let deps = Arc::new(deps);
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .layer(axum::middleware::map_response(layer::protected))
        .with_state(deps)
}

type Deps = State<Arc<HealthDeps>>;

fn json(ok: bool, body: &impl Serialize) -> Response {
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The process itself: restarting it helps when the writer is gone, and only then.
async fn livez(State(deps): Deps) -> Response {
    let alive = deps.engine.health().alive;
    json(alive, &serde_json::json!({"alive": alive}))
}

async fn startupz(State(deps): Deps) -> Response {
    let started = deps.started.load(Ordering::Acquire);
    json(started, &serde_json::json!({"started": started}))
}

async fn readyz(State(deps): Deps) -> Response {
    let health = deps.engine.health();
    let reader = deps.store.clone();
    let position = tokio::task::spawn_blocking(move || reader.position());
    let position = tokio::time::timeout(Duration::from_secs(1), position).await;
    let position = position.ok().and_then(Result::ok).and_then(Result::ok).map(|position| position.0);
    let reasons = [
        (!deps.started.load(Ordering::Acquire), "starting"),
        (deps.draining.load(Ordering::Acquire), "draining"),
        (!health.alive, "engine-stopped"),
        (health.disk_full, "disk-full"),
    ];
    let reasons: Vec<_> = reasons.into_iter().filter_map(|(so, why)| so.then_some(why)).collect();
    // A writer that does not answer is told by the reasons; its networks are then told without what is in the books.
    let listed = deps.engine.query(|state: &tokengine_core::State| Directory::of(state).networks);
    let listed = tokio::time::timeout(Duration::from_secs(1), listed).await;
    let (listed, now) = (listed.ok().and_then(Result::ok).unwrap_or_default(), system_clock());
    let network = |id: &String| {
        let seen = deps.networks.status(id).unwrap_or_default();
        let up = seen.nodes.iter().filter(|node| node.up).count();
        let reachable = seen.head.is_some() && seen.error.is_none() && up > 0;
        let (head, nodes) = (seen.head, seen.nodes.len());
        let view = listed.iter().find(|row| *row.id == **id).map(|row| NetworkView::new(row, Some(seen), now));
        NetworkDetail {
            network: id.clone(),
            reachable,
            head,
            scanned: view.as_ref().and_then(|view| view.scanned),
            // The last head that was seen tells nothing about how far the network is by now.
            lag_blocks: view.as_ref().and_then(|view| view.lag_blocks).filter(|_| reachable),
            status: view.map(|view| view.status),
            nodes_up: up,
            nodes,
        }
    };
    let body = Ready {
        ready: reasons.is_empty(),
        journal: JournalDetail {
            durable: health.durable.0,
            decided: health.decided.0,
            disk_full: health.disk_full,
            last_commit_ms: u64::try_from(health.last_commit.as_millis()).unwrap_or(u64::MAX),
            snapshot: health.snapshot.map(|position| position.0),
            snapshot_error: health.snapshot_error.as_ref().map(tokengine_engine::Error::code),
            archive_error: health.archive_error.as_ref().map(tokengine_engine::Error::code),
        },
        read_model: ReadModelDetail { position, lag: position.map(|there| health.durable.0.saturating_sub(there)) },
        networks: deps.configured.iter().map(network).collect(),
        reasons,
    };
    json(body.ready, &body)
}

async fn metrics(State(deps): Deps) -> Response {
    (deps.refresh)();
    let mut text = String::new();
    let written = encode(&mut text, &deps.registry.lock().expect("nobody panics while holding it"));
    match written {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
