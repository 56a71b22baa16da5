//! What to hand to a wallet: the same body that would be posted, without its signature, gives what to sign.

use super::moves::MoveRequest;
use super::{deposits, moves, transfers, withdrawals};
use crate::app::{App, Shared};
use crate::auth::IdempotencyKey;
use crate::body::Body;
use crate::order::{TransferRequest, WithdrawalRequest, account_name, draft, expiry, nonce};
use crate::signed::{ToSign, ToSignView, caip10};
use crate::{Problem, json, reply};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tokengine_keys::typed;
use utoipa::ToSchema;

/// What is to be signed, and by whom.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "withdrawal", "signer": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "request": {"account": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "asset": "eip155:1/slip44:60",
    "amount": {"decimal": "1.5"}, "destination": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "max_fee": {"decimal": "0.001"}, "nonce": "7", "expiry": "2026-03-01T12:00:00Z"}}))]
pub struct SigningRequest {
    /// `withdrawal`, `transfer`, `link`, `move` or `cancel`. The last two also need the `Idempotency-Key` that the
    /// request itself will have.
    pub kind: String,
    /// Who is to sign: a CAIP-10 id.
    pub signer: String,
    /// The body that would be posted, without signatures. For `link` it has `account` too; for `cancel` it is
    /// `{"withdrawal": id}`.
    #[schema(value_type = Object)]
    pub request: Value,
}

const KINDS: [&str; 5] = ["withdrawal", "transfer", "link", "move", "cancel"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    account: String,
    id: String,
    nonce: String,
    expiry: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    withdrawal: String,
}

/// What to sign for a request.
#[utoipa::path(post, path = "/v1/to-sign", tag = "signing", security(()), request_body = SigningRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "For move and cancel: the request's own")),
    responses((status = 200, body = ToSignView)))]
pub(super) async fn to_sign(
    State(app): State<Shared>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    // Looked at even where it is not needed: what breaks the document's rule is never taken.
    if headers.contains_key("idempotency-key") {
        IdempotencyKey::of(&headers)?;
    }
    let SigningRequest { kind, signer, request } = json::fields(body)?;
    if !KINDS.contains(&kind.as_str()) {
        return Err(Problem::field("/kind", "field-invalid", "must be withdrawal, transfer, link, move or cancel"));
    }
    let signer = caip10("/signer", &signer)?;
    let message = message(&app, &headers, &kind, request).await.map_err(|problem| problem.within("/request"))?;
    let view = message.view(&signer, app.instance);
    reply::ok(&view.map_err(|error| Problem::signature("/signer", &error))?)
}

async fn message(app: &App, headers: &HeaderMap, kind: &str, request: Value) -> Result<ToSign, Problem> {
    Ok(match kind {
        "withdrawal" => {
            let asked: WithdrawalRequest = json::fields(request)?;
            nonce(asked.nonce.as_deref())?;
            expiry(asked.expiry.as_deref())?;
            ToSign::Typed(typed::Message::Withdrawal(draft(app, &asked).await?.message))
        }
        "transfer" => {
            let asked: TransferRequest = json::fields(request)?;
            nonce(asked.nonce.as_deref())?;
            expiry(asked.expiry.as_deref())?;
            let draft = draft(app, &asked.withdrawal()).await?;
            super::accounts::network("/deposit_network", &asked.deposit_network, &draft.directory)?;
            deposits::transaction("/deposit_transaction", &asked.deposit_transaction)?;
            ToSign::Typed(transfers::message(&asked, draft.message))
        }
        "link" => {
            let asked: Link = json::fields(request)?;
            ToSign::Typed(typed::Message::LinkAccount(typed::LinkAccount {
                account: account_name("/account", &asked.account)?.to_string(),
                linked: caip10("/id", &asked.id)?,
                nonce: nonce(Some(&asked.nonce))?,
                expiry: expiry(Some(&asked.expiry))?,
            }))
        }
        "move" => {
            let asked: MoveRequest = json::fields(request)?;
            moves::statement(app, &asked, IdempotencyKey::of(headers)?.0).await?
        }
        "cancel" => {
            let asked: Cancel = json::fields(request)?;
            withdrawals::cancel_statement(&asked.withdrawal, IdempotencyKey::of(headers)?.0)
        }
        _ => return Err(Problem::internal(&"a kind of message that is listed and not made")),
    })
}
