//! What the operator lists. Open to everyone: a form needs it before anyone has a key.

use crate::app::Shared;
use crate::body::Query;
use crate::view::{AssetView, NetworkView, Page, TokenView};
use crate::{Problem, reply};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use tokengine_core::{AssetIx, TokenIx};

/// The networks, and how they stand.
#[utoipa::path(get, path = "/v1/networks", tag = "listed", security(()), responses((status = 200, body = Page<NetworkView>)))]
pub(super) async fn networks(State(app): State<Shared>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let directory = app.directory().await?;
    let now = (app.clock)();
    let view = |row: &crate::directory::NetworkEntry| NetworkView::new(row, app.networks.status(&row.id), now);
    reply::ok(&Page { items: directory.networks.iter().map(view).collect(), next_cursor: None })
}

/// The tokens that accounts can own.
#[utoipa::path(get, path = "/v1/tokens", tag = "listed", security(()), responses((status = 200, body = Page<TokenView>)))]
pub(super) async fn tokens(State(app): State<Shared>, headers: HeaderMap, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let directory = app.directory().await?;
    let all = (0..directory.tokens.len()).map(|row| directory.token_view(TokenIx::from_row(row)));
    reply::tagged(&headers, &Page { items: all.collect::<Result<_, _>>()?, next_cursor: None })
}

/// The assets on networks that stand for tokens, with their rules and fees.
#[utoipa::path(get, path = "/v1/assets", tag = "listed", security(()), responses((status = 200, body = Page<AssetView>)))]
pub(super) async fn assets(State(app): State<Shared>, headers: HeaderMap, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let directory = app.directory().await?;
    let all = (0..directory.assets.len()).map(|row| directory.asset_view(AssetIx::from_row(row)));
    reply::tagged(&headers, &Page { items: all.collect::<Result<_, _>>()?, next_cursor: None })
}
