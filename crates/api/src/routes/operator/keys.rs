//! API keys. A secret is shown once, when it is made; what is kept is its hash.

use super::hand::request;
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path, Query};
use crate::view::{KeyView, Page};
use crate::{Problem, Scope, Scopes, json, reply};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokengine_core::{ApiKey, Command, Event, KeyIx};
use tokengine_keys::api_key::ApiKeySecret;
use tokengine_keys::{Secret, random_bytes};
use utoipa::ToSchema;

/// Parts a key's name from the beginning of the key, in the name that the journal keeps.
const PREFIX_MARK: char = '#';

/// An API key to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "shop", "scopes": ["withdrawals:create", "withdrawals:read"]}))]
pub struct KeyRequest {
    /// A name for it: at most 64 characters.
    pub name: String,
    /// What it may do; not more than the key that makes it may.
    pub scopes: Vec<String>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"key": {"id": 1, "name": "shop", "prefix": "a1b2c3d4e5f6", "scopes": ["moves:create"],
    "revoked": false}, "secret": "tok_..."}))]
pub struct NewKeyView {
    /// The key.
    pub key: KeyView,
    /// The key's text. It is shown once and is nowhere afterwards: not in the answer to a repeated request either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

fn view(ix: KeyIx, row: &ApiKey) -> KeyView {
    let (name, prefix) = match row.name.rsplit_once(PREFIX_MARK) {
        Some((name, prefix)) => (name, Some(prefix.to_owned())),
        None => (&*row.name, None),
    };
    let scopes = Scopes::from_bits(row.scopes).names().into_iter().map(str::to_owned).collect();
    KeyView { id: ix.0, name: name.to_owned(), prefix, scopes, revoked: row.revoked }
}

/// Makes an API key. Its secret is in the answer, and nowhere else ever.
#[utoipa::path(post, path = "/v1/operator/keys", tag = "operator", request_body = KeyRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 201, body = NewKeyView)))]
pub(super) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let maker = caller.need(Scope::ADMIN_KEYS)?;
    let asked: KeyRequest = json::fields(body.clone())?;
    let named = !asked.name.is_empty() && asked.name.len() <= 64 && !asked.name.contains(PREFIX_MARK);
    if !named || asked.name.chars().any(char::is_control) {
        return Err(Problem::field("/name", "name-invalid", "must have 1 to 64 characters and no #"));
    }
    let mut scopes = Vec::with_capacity(asked.scopes.len());
    for (at, name) in asked.scopes.iter().enumerate() {
        let unknown = || Problem::field(format!("/scopes/{at}"), "scope-unknown", "there is no such scope");
        scopes.push(Scope::named(name).ok_or_else(unknown)?);
    }
    let scopes: Scopes = scopes.into_iter().collect();
    if !maker.scopes.cover(scopes) {
        return Err(Problem::scope_missing("for everything that the new key may do"));
    }
    let random = random_bytes::<38>().map_err(|error| Problem::internal(&error))?;
    let secret = ApiKeySecret::generate(&Secret::new(random));
    let name = format!("{}{PREFIX_MARK}{}", asked.name, secret.prefix());
    let (hash, bits) = (secret.hash(), scopes.bits());
    let request = request(maker, key, "add-key", &body);
    let command = Command::AddKey { name: name.into(), hash, scopes: bits };
    let made = app.submit(Command::Once { request, command: Box::new(command) }).await?;
    // Of a repeated request, the key is the one that was made then.
    let Event::KeyAdded { hash, .. } = app.event(made.position).await?.event else {
        return Err(Problem::internal(&"a key that was made by another event"));
    };
    let ask = move |state: &tokengine_core::State| {
        let ix = state.key_by_hash(&hash)?;
        Some(view(ix, state.key(ix)?))
    };
    let secret = (!made.replayed).then(|| secret.reveal().expose().clone());
    let Some(key) = app.engine.query(ask).await? else {
        // Made by that request, and revoked since.
        return Err(Problem::not_found("key"));
    };
    reply::made(StatusCode::CREATED, &NewKeyView { key, secret }, None, made.replayed)
}

async fn all(app: &App) -> Result<Page<KeyView>, Problem> {
    let ask = |state: &tokengine_core::State| state.keys().map(|(ix, row)| view(ix, row)).collect();
    Ok(Page { items: app.engine.query(ask).await?, next_cursor: None })
}

/// The API keys, without their secrets.
#[utoipa::path(get, path = "/v1/operator/keys", tag = "operator", responses((status = 200, body = Page<KeyView>)))]
pub(super) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_KEYS)?;
    query.finish()?;
    reply::tagged(&headers, &all(&app).await?)
}

/// Revokes an API key, at once and for ever.
#[utoipa::path(post, path = "/v1/operator/keys/{id}/revoke", tag = "operator",
    params(("id" = u32, Path), ("Idempotency-Key" = String, Header),
        ("If-Match" = Option<String>, Header, description = "The ETag of the list")),
    responses((status = 200, body = KeyView)))]
pub(super) async fn revoke(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    idempotency: IdempotencyKey,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_KEYS)?;
    let key = KeyIx(id.parse().map_err(|_| Problem::not_found("key"))?);
    reply::if_match(&headers, &all(&app).await?)?;
    let request = request(caller, idempotency, &format!("revoke-key {id}"), &json!({}));
    let done = app.submit(Command::Once { request, command: Box::new(Command::RevokeKey { key }) }).await?;
    let ask = move |state: &tokengine_core::State| state.key(key).map(|row| view(key, row));
    reply::made(StatusCode::OK, &app.engine.query(ask).await?, None, done.replayed)
}
