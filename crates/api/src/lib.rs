//! The doors of TokEngine: REST under `/v1` with its OpenAPI document, the stream of events, the operator's page, and the
//! probes.
//!
//! It owns how a request is read, who may make it, and what is told about it. It promises that nothing that moves money
//! works without a signature or a key, that a repeated request is answered as it was answered first, that every refusal
//! has a stable code, and that no secret leaves: of an API key only the first answer has the text.
//!
//! **Absent on purpose:** any decision about money. What a request may do is decided by `core`, behind the engine's one
//! queue; **this crate keeps no state but caches of names that never change**.

#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod amount;
mod app;
mod auth;
mod body;
mod cursor;
mod deps;
mod directory;
mod doors;
mod gather;
mod health;
mod hub;
mod ids;
mod json;
mod layer;
mod metrics;
mod openapi;
mod order;
mod page;
mod plain;
mod problem;
mod rate;
mod read;
mod reply;
mod routes;
mod scope;
mod seal;
mod server;
mod signed;
mod time;
mod view;

pub use amount::{AmountIn, Money};
pub use deps::{
    Asked, Compared, Deps, DeriveAddress, Derived, Limits, NetworkSource, NetworkStatus, NodeStatus, PageAccess,
    Reconcile, Unanswered,
};
pub use doors::Doors;
pub use health::{HealthDeps, health_router};
pub use metrics::Metrics;
pub use openapi::{openapi, openapi_json};
pub use order::{TransferRequest, WithdrawalRequest};
pub use problem::{Effect, FieldError, Problem, ProblemBody, status_of};
pub use rate::Rate;
pub use routes::*;
pub use scope::{Scope, Scopes};
pub use server::{Answer, Server};
pub use signed::{Scheme, SignatureIn, ToSignView};
pub use view::*;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// Everything that answers on the doors' port. Serve it with the callers' addresses
/// (`into_make_service_with_connect_info::<SocketAddr>()`): limits go by them.
///
/// # Panics
/// When two routes have one path: a defect that every test finds.
pub fn router(deps: Deps) -> Router {
    router_of(app::App::new(deps))
}

fn router_of(app: app::Shared) -> Router {
    let (api, _) = routes::all().split_for_parts();
    let document = openapi_json();
    let describe = move || async move {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response()
    };
    api.route("/v1/openapi.json", get(describe))
        .merge(page::routes())
        .fallback(async || Problem::no_route())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(axum::middleware::from_fn_with_state(app.clone(), layer::around))
        .with_state(app)
}
