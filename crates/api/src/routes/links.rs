//! Further ids for an account: the id's own key signs, and the account's owner wants it too.

use super::accounts;
use crate::app::Shared;
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path};
use crate::order::{expiry, nonce, speaks_for};
use crate::signed::{self, SignatureIn, ToSign, caip10};
use crate::{Problem, Scope, json, reply};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokengine_core::{Authority, Command, Principal, Rejection, Request, Time};
use tokengine_keys::typed;
use utoipa::ToSchema;

/// A further id for an account.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "eip155:10:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "nonce": "7",
    "expiry": "2026-03-01T12:00:00Z",
    "signature": {"signer": "eip155:10:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "value": "0x00"}}))]
pub struct LinkRequest {
    /// The CAIP-10 id that will stand for the account.
    pub id: String,
    /// Makes the signed message unique; a decimal number below 2^128.
    pub nonce: String,
    /// Until when it may be carried out; whole seconds.
    pub expiry: String,
    /// The signature of that id's own key over the message `LinkAccount`.
    pub signature: SignatureIn,
    /// The signature of an id that stands for the account already, over the same message. Without one, an API key is
    /// needed, and the account must be one the operator named.
    pub authority: Option<SignatureIn>,
}

/// A further id of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"account": "treasury", "id": "eip155:10:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "position": "42"}))]
pub struct LinkView {
    /// The account, by the id it was asked under.
    pub account: String,
    /// The id that stands for it now.
    pub id: String,
    /// The event's number in the journal.
    pub position: String,
}

/// Lets another id stand for the account.
///
/// What that id owned so far, if it had an account of its own, is the account's from then on.
#[utoipa::path(post, path = "/v1/accounts/{id}/links", tag = "accounts", request_body = LinkRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 201, body = LinkView)))]
pub(super) async fn link(
    State(app): State<Shared>,
    caller: Caller,
    Path(path): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let asked: LinkRequest = json::fields(body.clone())?;
    let linked = caip10("/id", &asked.id)?;
    let account_name = crate::order::account_name("id", &path).map_err(|_| Problem::not_found("account"))?;
    let (nonce, seconds) = (nonce(Some(&asked.nonce))?, expiry(Some(&asked.expiry))?);
    let message = ToSign::Typed(typed::Message::LinkAccount(typed::LinkAccount {
        account: account_name.to_string(),
        linked: linked.clone(),
        nonce,
        expiry: seconds,
    }));
    // The account's consent first: only then is it worth asking a network about a stranger's signature.
    let found = accounts::find(&app, &path).await;
    let (principal, authority, account) = match &asked.authority {
        Some(owner) => {
            let account = speaks_for(&app, &owner.signer, found.ok()).await?;
            let authority = signed::check(&app, "/authority", owner, &message).await?;
            (Principal::Account(account), authority, account)
        }
        None => {
            let caller = caller.need(Scope::ACCOUNTS_WRITE)?;
            // The engine looks at the expiry of the owner's signature; here there is only the new id's.
            if seconds.saturating_mul(1000) <= (app.clock)().0 {
                return Err(Rejection::SignatureExpired.into());
            }
            (Principal::Key(caller.ix), Authority::Key(caller.ix), found?)
        }
    };
    if caip10("/signature/signer", &asked.signature.signer)? != linked {
        let text = "the id that is to be linked must sign itself";
        return Err(Problem::field("/signature/signer", "signer-mismatch", text));
    }
    signed::check(&app, "/signature", &asked.signature, &message).await?;
    let content = json::fingerprint(&format!("links {account_name}"), &body, &["signature", "authority"]);
    let request = Request { principal, key, content };
    let (name, expiry) = (linked.to_string().into(), Time(seconds.saturating_mul(1000)));
    let done = app.submit(Command::LinkName { request, account, name, authority, nonce, expiry }).await?;
    let view =
        LinkView { account: account_name.to_string(), id: linked.to_string(), position: done.position.to_string() };
    reply::made(StatusCode::CREATED, &view, Some(accounts::path(&account_name)), done.replayed)
}
