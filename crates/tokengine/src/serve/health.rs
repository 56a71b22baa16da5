//! Probes and metrics, on a port of their own that answers before anything else is there. Once the engine runs, the rest
//! is told by `api`.

use super::Stages;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::{Arc, OnceLock};
use tower::ServiceExt as _;

/// What the probes look at.
#[derive(Clone)]
pub(crate) struct Probes {
    stages: Arc<Stages>,
    later: Arc<OnceLock<Router>>,
}

impl Probes {
    pub(crate) fn new(stages: Arc<Stages>) -> Self {
        Self { stages, later: Arc::default() }
    }

    /// The engine runs: everything but the stages of the start is told there from now on.
    pub(crate) fn attach(&self, router: Router) {
        let _ = self.later.set(router); // it is attached once
    }
}

pub(crate) fn router(probes: Probes) -> Router {
    Router::new().route("/startupz", get(startup)).fallback(other).with_state(probes)
}

async fn startup(State(probes): State<Probes>) -> Response {
    let status = if probes.stages.is_started() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(probes.stages.json())).into_response()
}

async fn other(State(probes): State<Probes>, request: Request<Body>) -> Response {
    if let Some(router) = probes.later.get() {
        return router.clone().oneshot(request).await.into_response();
    }
    match request.uri().path() {
        // The process is there, and that is all it says: a long replay is no reason to be restarted.
        "/livez" => Json(json!({ "alive": true })).into_response(),
        "/readyz" => {
            let body = json!({ "ready": false, "reasons": ["starting"] });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
