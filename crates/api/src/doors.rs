//! The doors as a port serves them. Moves, which come in masses, are answered without the router and its layers, by the
//! same functions and in the same order; everything else goes through the router.

use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::layer::{Around, Trace};
use crate::routes::moves;
use crate::server::Answer;
use crate::{Deps, Problem, body};
use axum::Router;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;
use tracing::Instrument as _;

/// Answers on the doors' port.
#[derive(Clone)]
pub struct Doors {
    app: Shared,
    router: Router,
}

#[derive(Clone, Copy)]
enum Hot {
    Move,
    Batch,
}

impl Hot {
    /// The path of a request, if it is one of these; nothing else may be in it.
    fn of<B>(request: &hyper::Request<B>) -> Option<Self> {
        if *request.method() != Method::POST || request.uri().query().is_some() {
            return None;
        }
        [Self::Move, Self::Batch].into_iter().find(|hot| hot.route() == request.uri().path())
    }

    fn route(self) -> &'static str {
        match self {
            Self::Move => "/v1/moves",
            Self::Batch => "/v1/moves/batch",
        }
    }
}

impl Doors {
    /// As [`crate::router`].
    pub fn new(deps: Deps) -> Self {
        let app = App::new(deps);
        Self { router: crate::router_of(app.clone()), app }
    }

    async fn moves(&self, hot: Hot, request: hyper::Request<Incoming>, trace: &Trace) -> Result<Response, Problem> {
        let app = &self.app;
        let caller = Caller::of(request.headers(), app, Some(trace)).await?;
        let IdempotencyKey(key) = IdempotencyKey::of(request.headers())?;
        match hot {
            Hot::Move => {
                let body = body::json_bytes(request, app, app.limits.body_bytes).await?;
                moves::one(app, &caller, key, &body).await
            }
            Hot::Batch => {
                let body = body::json_bytes(request, app, app.limits.batch_body_bytes).await?;
                moves::many(app, &caller, key, &body).await
            }
        }
    }
}

impl Answer for Doors {
    async fn answer(&self, request: hyper::Request<Incoming>, from: SocketAddr) -> Response {
        let Some(hot) = Hot::of(&request) else { return self.router.answer(request, from).await };
        let route = hot.route();
        let (around, refused) = Around::begin(&self.app, request.method(), route, request.headers(), from.ip());
        let answered = match refused {
            Some(problem) => Err(problem),
            None => self.moves(hot, request, &around.trace).instrument(around.span.clone()).await,
        };
        let mut response = answered.unwrap_or_else(IntoResponse::into_response);
        around.end(&self.app, route, route, &mut response);
        response
    }
}
