//! What a person decides about losses: what is missing from a wallet is written off, and a payment of ours that a deep
//! reorganisation took for good is cleared. Neither can be more than the engine itself found.

use super::hand::{DoneView, done, reason, request};
use super::look::listed;
use crate::app::Shared;
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Query};
use crate::order::asset;
use crate::routes::{accounts, deposits};
use crate::view::{LostFinalView, Page, ShortageView, UnmatchedView, lost_finals, shortages, unmatched};
use crate::{AmountIn, Problem, Scope, json};
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tokengine_core::{Command, WalletIx};
use utoipa::ToSchema;

/// What of a shortage the operator bears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"wallet": 0, "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "amount": {"decimal": "12.5"}, "reason": "the issuer took it back on 1 March, by court order"}))]
pub struct WriteOffRequest {
    /// The wallet's number.
    pub wallet: u32,
    /// Of what: a CAIP-19 id.
    pub asset: String,
    /// How much, in the asset's unit: no more than was found missing.
    pub amount: AmountIn,
    /// Why.
    pub reason: String,
}

/// A final transaction of ours that a reorganisation took for good.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1", "paid": false, "reason": "0x51.. used its nonce: seen on three explorers",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"}))]
pub struct ClearFinalRequest {
    /// Where it was: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// What used its nonce made the same payment: nothing comes back.
    pub paid: bool,
    /// Why it cannot come back, and how that is known.
    pub reason: String,
}

/// A payment of ours that was found after a restore, and that is nobody's withdrawal.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1", "reason": "the customer was paid back by hand",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"}))]
pub struct ClearUnmatchedRequest {
    /// Where it is: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// Why nobody will ask for it.
    pub reason: String,
}

/// What wallets hold less than the books, when they were last compared.
#[utoipa::path(get, path = "/v1/operator/shortages", tag = "operator",
    responses((status = 200, body = Page<ShortageView>)))]
pub(super) async fn list_shortages(
    State(app): State<Shared>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    listed(&app, &caller, query, shortages).await
}

/// Books what is missing from a wallet as the operator's loss. With the last of it the asset is paid out again.
#[utoipa::path(post, path = "/v1/operator/shortages/write-off", tag = "operator", request_body = WriteOffRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn write_off(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_SUSPENSE)?;
    let asked: WriteOffRequest = json::fields(body.clone())?;
    let directory = app.directory().await?;
    let (_, asset) = asset("/asset", &asked.asset, &directory)?;
    let amount = asked.amount.read("/amount", directory.asset(asset)?.decimals)?;
    let request = request(caller, key, "write-off", &body);
    let reason = reason(&asked.reason)?.into();
    done(
        app.submit(Command::WriteOffShortage { request, wallet: WalletIx(asked.wallet), asset, amount, reason })
            .await?,
    )
}

/// Final transactions of ours that a deep reorganisation took, and that are in no block again yet.
#[utoipa::path(get, path = "/v1/operator/finals", tag = "operator",
    responses((status = 200, body = Page<LostFinalView>)))]
pub(super) async fn list_finals(State(app): State<Shared>, caller: Caller, query: Query) -> Result<Response, Problem> {
    listed(&app, &caller, query, lost_finals).await
}

/// Ends the wait for a transaction of ours that a deep reorganisation took, because it will not come back. What it moved
/// lies in the wallet after all, and goes to suspense, unless `paid`.
#[utoipa::path(post, path = "/v1/operator/finals/clear", tag = "operator", request_body = ClearFinalRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn clear_final(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_SUSPENSE)?;
    let asked: ClearFinalRequest = json::fields(body.clone())?;
    let network = accounts::network("/network", &asked.network, &app.directory().await?)?;
    let tx = deposits::transaction("/transaction", &asked.transaction)?;
    let request = request(caller, key, "clear-final", &body);
    let reason = reason(&asked.reason)?.into();
    // Nothing that a person types is a proof: it is on the person, whose reason and key the journal keeps.
    let command = Command::ClearFinal { request, network, tx, proof: None, paid: asked.paid, reason };
    done(app.submit(command).await?)
}

/// Payments of ours that were found after a restore and that nothing in the books asked for. A withdrawal of the same asset,
/// amount and destination is settled as that payment, and not sent again.
#[utoipa::path(get, path = "/v1/operator/unmatched", tag = "operator",
    responses((status = 200, body = Page<UnmatchedView>)))]
pub(super) async fn list_unmatched(
    State(app): State<Shared>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    listed(&app, &caller, query, unmatched).await
}

/// Says that such a payment is nobody's withdrawal: the operator has borne it, and the next one for the same is sent.
#[utoipa::path(post, path = "/v1/operator/unmatched/clear", tag = "operator", request_body = ClearUnmatchedRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn clear_unmatched(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_SUSPENSE)?;
    let asked: ClearUnmatchedRequest = json::fields(body.clone())?;
    let network = accounts::network("/network", &asked.network, &app.directory().await?)?;
    let tx = deposits::transaction("/transaction", &asked.transaction)?;
    let request = request(caller, key, "clear-unmatched", &body);
    let reason = reason(&asked.reason)?.into();
    done(app.submit(Command::ClearUnmatched { request, network, tx, reason }).await?)
}
