//! The operator's hand. Whatever it changes is in the journal with its reason.

use super::look::pauses_view;
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey, Key};
use crate::body::{Body, Path, Query};
use crate::ids::{self, Named};
use crate::order::{account_name, asset};
use crate::routes::withdrawals::{self, CancelView};
use crate::routes::{accounts, deposits};
use crate::view::{Page, WithdrawalView};
use crate::{AmountIn, Compared, Problem, Scope, json, reply};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokengine_core::{
    Assign, Authority, BlockHash, BlockRef, Command, Principal, Rejection, Request, Scope as Paused, WalletIx,
};
use tokengine_engine::Done;
use utoipa::ToSchema;

/// Why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "looked at it: our own test payment"}))]
pub struct ReasonRequest {
    /// For whoever reads the journal later.
    pub reason: String,
}

/// A transaction that brings the operator's own funds.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1", "reason": "initial funds",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"}))]
pub struct FundingRequest {
    /// Where: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// Why.
    pub reason: String,
}

/// What to pause or resume: `everything`, or a network, or an asset.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1", "reason": "hard fork tonight"}))]
pub struct PauseRequest {
    /// All credits, withdrawals and moves.
    #[serde(default)]
    pub everything: bool,
    /// Those of a network: its CAIP-2 id.
    pub network: Option<String>,
    /// Those of an asset: its CAIP-19 id.
    pub asset: Option<String>,
    /// Why.
    pub reason: String,
}

/// A block, to begin the search of a network again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"height": 19000000,
    "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6",
    "parent": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb5"}))]
pub struct BlockIn {
    /// Blocks before it.
    pub height: u64,
    /// Its hash.
    pub hash: String,
    /// The hash of the block before it.
    pub parent: String,
}

/// A network that the engine halted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1", "reason": "the fork is settled"}))]
pub struct ResumeNetworkRequest {
    /// Its CAIP-2 id.
    pub network: String,
    /// Why.
    pub reason: String,
    /// Where the search begins again, when the old blocks are gone for good.
    pub from: Option<BlockIn>,
}

/// An asset that the engine stopped.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"asset": "eip155:1/slip44:60", "reason": "the issuer's upgrade of 1 March: looked at it, it moves what it says"}))]
pub struct ResumeAssetRequest {
    /// Its CAIP-19 id.
    pub asset: String,
    /// Why.
    pub reason: String,
}

/// Who gets an amount that nobody owns.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account": "alice", "reason": "proved that the contract is hers"}))]
pub struct AssignRequest {
    /// An account.
    pub account: Option<String>,
    /// Or the operator.
    #[serde(default)]
    pub equity: bool,
    /// Why.
    pub reason: String,
}

/// What an account pays back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "USD", "amount": {"decimal": "12.5"}}))]
pub struct SettleOwedRequest {
    /// Of what.
    pub token: String,
    /// How much of what is free.
    pub amount: AmountIn,
}

/// An operator's command that was carried out.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"position": "42", "at": "2026-03-01T12:00:00Z"}))]
pub struct DoneView {
    /// The event's number in the journal.
    pub position: String,
    /// When.
    pub at: String,
}

pub(super) fn done(done: Done) -> Result<Response, Problem> {
    let view = DoneView { position: done.position.to_string(), at: crate::time::rfc3339(done.at) };
    reply::made(StatusCode::OK, &view, None, done.replayed)
}

pub(super) fn reason(text: &str) -> Result<&str, Problem> {
    if text.trim().is_empty() || text.len() > 512 || text.chars().any(char::is_control) {
        let detail = "must have 1 to 512 bytes and no control characters";
        return Err(Problem::field("/reason", "reason-invalid", detail));
    }
    Ok(text)
}

pub(super) fn request(key: &Key, IdempotencyKey(idempotency): IdempotencyKey, route: &str, body: &Value) -> Request {
    let content = json::fingerprint(route, body, &[]);
    Request { principal: Principal::Key(key.ix), key: idempotency, content }
}

/// Says that a transaction brings the operator's own funds, so that nobody is credited with them.
#[utoipa::path(post, path = "/v1/operator/funding", tag = "operator", request_body = FundingRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn announce_funding(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_FUNDING)?;
    let asked: FundingRequest = json::fields(body.clone())?;
    let network = accounts::network("/network", &asked.network, &app.directory().await?)?;
    let tx = deposits::transaction("/transaction", &asked.transaction)?;
    let request = request(caller, key, "funding", &body);
    let reason = reason(&asked.reason)?.into();
    done(app.submit(Command::AnnounceFunding { request, network, tx, reason }).await?)
}

async fn set_paused(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    key: IdempotencyKey,
    (body, paused): (Value, bool),
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_PAUSE)?;
    let asked: PauseRequest = json::fields(body.clone())?;
    let directory = app.directory().await?;
    let scope = match (asked.everything, &asked.network, &asked.asset) {
        (true, None, None) => Paused::Everything,
        (false, Some(network), None) => Paused::Network(accounts::network("/network", network, &directory)?),
        (false, None, Some(id)) => Paused::Asset(asset("/asset", id, &directory)?.1),
        _ => return Err(Problem::field("", "scope-unclear", "name exactly one: everything, a network or an asset")),
    };
    if headers.contains_key("if-match") {
        reply::if_match(headers, &pauses_view(app).await?)?;
    }
    let request = request(caller, key, if paused { "pause" } else { "resume" }, &body);
    let reason = reason(&asked.reason)?.into();
    done(app.submit(Command::Pause { request, scope, paused, reason }).await?)
}

/// Pauses everything, a network or an asset: no credits, no withdrawals. What is sent goes on to its end.
#[utoipa::path(post, path = "/v1/operator/pause", tag = "operator", request_body = PauseRequest,
    params(("Idempotency-Key" = String, Header), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = DoneView)))]
pub(super) async fn pause(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    set_paused(&app, &caller, &headers, key, (body, true)).await
}

/// Resumes what the operator paused.
#[utoipa::path(post, path = "/v1/operator/resume", tag = "operator", request_body = PauseRequest,
    params(("Idempotency-Key" = String, Header), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = DoneView)))]
pub(super) async fn resume(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    set_paused(&app, &caller, &headers, key, (body, false)).await
}

async fn set_frozen(
    app: &App,
    caller: &Caller,
    key: IdempotencyKey,
    id: &str,
    (body, frozen): (Value, bool),
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_FREEZE)?;
    let asked: ReasonRequest = json::fields(body.clone())?;
    let account = accounts::find(app, id).await?;
    let request = request(caller, key, &format!("freeze {frozen} {account}"), &body);
    let reason = reason(&asked.reason)?.into();
    once(app, request, Command::FreezeAccount { account, frozen, reason }).await
}

/// Carries out a command that has no request of its own, once.
async fn once(app: &App, request: Request, command: Command) -> Result<Response, Problem> {
    done(app.submit(Command::Once { request, command: Box::new(command) }).await?)
}

/// Freezes an account: nothing may be taken from it.
#[utoipa::path(post, path = "/v1/operator/accounts/{id}/freeze", tag = "operator", request_body = ReasonRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn freeze(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    set_frozen(&app, &caller, key, &id, (body, true)).await
}

/// Unfreezes an account.
#[utoipa::path(post, path = "/v1/operator/accounts/{id}/unfreeze", tag = "operator", request_body = ReasonRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn unfreeze(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    set_frozen(&app, &caller, key, &id, (body, false)).await
}

/// Takes what an account owes after a reversal out of what it has free.
#[utoipa::path(post, path = "/v1/operator/accounts/{id}/settle-owed", tag = "operator", request_body = SettleOwedRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn settle_owed(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_SUSPENSE)?;
    let asked: SettleOwedRequest = json::fields(body.clone())?;
    let account = accounts::find(&app, &id).await?;
    let directory = app.directory().await?;
    let token = directory.token_named(&asked.token).ok_or(Rejection::UnknownToken)?;
    let amount = asked.amount.read("/amount", directory.token(token)?.decimals)?;
    let request = request(caller, key, &format!("settle-owed {account}"), &body);
    done(app.submit(Command::SettleOwed { request, account, token, amount }).await?)
}

/// Thaws a wallet: a person has looked at what the engine found wrong with it.
#[utoipa::path(post, path = "/v1/operator/wallets/{id}/thaw", tag = "operator", request_body = ReasonRequest,
    params(("id" = u32, Path), ("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn thaw(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_PAUSE)?;
    let asked: ReasonRequest = json::fields(body.clone())?;
    let wallet = WalletIx(id.parse().map_err(|_| Problem::not_found("wallet"))?);
    let request = request(caller, key, &format!("thaw {wallet}"), &body);
    let reason = reason(&asked.reason)?.into();
    once(&app, request, Command::ThawWallet { wallet, reason }).await
}

/// Resumes a network that the engine halted.
#[utoipa::path(post, path = "/v1/operator/networks/resume", tag = "operator", request_body = ResumeNetworkRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn resume_network(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_PAUSE)?;
    let asked: ResumeNetworkRequest = json::fields(body.clone())?;
    let network = accounts::network("/network", &asked.network, &app.directory().await?)?;
    let hash = |pointer: &str, text: &str| -> Result<BlockHash, Problem> {
        let wrong = |_| Problem::field(pointer, "hash-invalid", "must be 64 hexadecimal digits");
        text.parse().map_err(wrong)
    };
    let from = match &asked.from {
        None => None,
        Some(block) => Some(BlockRef {
            height: block.height,
            hash: hash("/from/hash", &block.hash)?,
            parent: hash("/from/parent", &block.parent)?,
        }),
    };
    let request = request(caller, key, "resume-network", &body);
    let reason = reason(&asked.reason)?.into();
    once(&app, request, Command::ResumeNetwork { network, reason, from }).await
}

/// Resumes an asset that the engine stopped.
#[utoipa::path(post, path = "/v1/operator/assets/resume", tag = "operator", request_body = ResumeAssetRequest,
    params(("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn resume_asset(
    State(app): State<Shared>,
    caller: Caller,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_PAUSE)?;
    let asked: ResumeAssetRequest = json::fields(body.clone())?;
    let (_, asset) = asset("/asset", &asked.asset, &app.directory().await?)?;
    let request = request(caller, key, "resume-asset", &body);
    let reason = reason(&asked.reason)?.into();
    once(&app, request, Command::ResumeAsset { asset, reason }).await
}

/// Gives an amount that nobody owned to an account, or to the operator.
#[utoipa::path(post, path = "/v1/operator/suspense/{id}/assign", tag = "operator", request_body = AssignRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)), responses((status = 200, body = DoneView)))]
pub(super) async fn assign(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_SUSPENSE)?;
    let asked: AssignRequest = json::fields(body.clone())?;
    let missing = || Problem::not_found("amount in suspense");
    let Some((_, Named::Suspense(item))) = ids::parse(&id) else { return Err(missing()) };
    let to = match (&asked.account, asked.equity) {
        (Some(account), false) => {
            let name = account_name("/account", account)?;
            let found = app.engine.query(move |state| state.account_by_name(&name)).await?;
            Assign::Account(found.ok_or(Rejection::UnknownAccount)?)
        }
        (None, true) => Assign::Equity,
        _ => return Err(Problem::field("", "assign-unclear", "name exactly one: an account, or equity")),
    };
    let request = request(caller, key, &format!("assign {id}"), &body);
    let reason = reason(&asked.reason)?.into();
    done(app.submit(Command::AssignSuspense { request, item, to, reason }).await?)
}

/// Asks for a withdrawal to be tried again. The engine does that by itself as soon as it is safe; what may still be final
/// is never tried again beside itself, so this is refused with the earliest time at which its outcome is likely to be
/// known.
#[utoipa::path(post, path = "/v1/operator/withdrawals/{id}/retry", tag = "operator", params(("id" = String, Path)),
    responses((status = 202, body = WithdrawalView)))]
pub(super) async fn retry(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_PAUSE)?;
    let (row, _) = withdrawals::find(&app, &id).await?;
    let directory = app.directory().await?;
    let names = app.named([row.account], []).await?;
    let view = row.view(&directory, &names, Some(&*app.networks), (app.clock)())?;
    match withdrawals::is_dispatched(&app, row.id).await? {
        None => Err(Rejection::AlreadyFinal.into()),
        // The driver looks at what waits again and again; there is nothing to push.
        Some(false) => reply::with(StatusCode::ACCEPTED, &view),
        Some(true) => {
            let until = view.unknown_until.map_or_else(
                || "its network cannot say yet when that will be known".to_owned(),
                |until| format!("not before {until}, as far as can be said now"),
            );
            Err(Problem::outcome_unknown(until))
        }
    }
}

/// Takes back a withdrawal of any account, if that is still possible.
#[utoipa::path(post, path = "/v1/operator/withdrawals/{id}/cancel", tag = "operator",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = CancelView), (status = 202, body = CancelView)))]
pub(super) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::ADMIN_PAUSE)?;
    let (row, _) = withdrawals::find(&app, &id).await?;
    withdrawals::submit_cancel(&app, &id, row.id, (Principal::Key(caller.ix), Authority::Operator, key)).await
}

/// What a comparison of a network's wallets with the books came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"network": "eip155:1", "status": "even", "height": "19000000", "compared": 12, "differing": 0,
    "left_out": 1}))]
pub struct ComparedView {
    /// Its CAIP-2 id.
    pub network: String,
    /// `even`, `differs` or `under-way`; or why it was not compared: `too-early` (too little of the network was searched
    /// yet), `final-orphaned` or `deposit-orphaned` (a reorganisation took what was final, and it is not back yet).
    pub status: String,
    /// The block that the wallets were compared at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    /// So many holdings were compared.
    pub compared: u64,
    /// So many of them are not as in the books: see the list of work.
    pub differing: u64,
    /// So many wallets were left out, because something of theirs is under way.
    pub left_out: u64,
}

fn compared_view(network: String, found: Option<Compared>) -> ComparedView {
    let status = match found {
        None => "too-early",
        Some(found) if found.differing == 0 => "even",
        Some(_) => "differs",
    };
    let count = |count: fn(Compared) -> usize| found.map_or(0, |found| count(found) as u64);
    ComparedView {
        network,
        status: status.into(),
        height: found.map(|found| found.height.to_string()),
        compared: count(|found| found.compared),
        differing: count(|found| found.differing),
        left_out: count(|found| found.left_out),
    }
}

/// What a reorganisation took of a network that was final, and that is not back.
fn orphaned(state: &tokengine_core::State, network: &str) -> Option<&'static str> {
    let row = state.network_by_id(network).and_then(|ix| state.network(ix))?;
    if row.recent_final.iter().any(|sent| sent.orphaned) {
        return Some("final-orphaned");
    }
    row.recent.iter().any(|credit| credit.orphaned).then_some("deposit-orphaned")
}

/// Has wallets compared with the books now. With `?network=` it answers when that network's are, or after a minute with
/// `under-way`; without, it answers at once, and all networks' are compared. What differs is in the list of work as well.
#[utoipa::path(post, path = "/v1/operator/reconcile", tag = "operator", params(("network" = Option<String>, Query)),
    responses((status = 200, body = ComparedView), (status = 202, body = Page<ComparedView>)))]
pub(super) async fn reconcile(
    State(app): State<Shared>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    let asked = query.take("network")?;
    query.finish()?;
    let directory = app.directory().await?;
    let under_way = |network: String| ComparedView { status: "under-way".into(), ..compared_view(network, None) };
    let Some(network) = asked else {
        let networks: Vec<String> = directory.networks.iter().map(|row| row.id.to_string()).collect();
        for network in networks.clone() {
            tokio::spawn((app.reconcile)(network)); // whoever waits for it asks for one network
        }
        let items = networks.into_iter().map(under_way).collect();
        return reply::with(StatusCode::ACCEPTED, &Page { items, next_cursor: None });
    };
    accounts::network("?network", &network, &directory)?;
    match tokio::time::timeout(app.limits.longest_wait, (app.reconcile)(network.clone())).await {
        // Nothing can be said of any wallet while what was final is gone.
        Ok(Ok(found)) if found.is_none_or(|found| found.compared == 0) => {
            let id = network.clone();
            let why = app.engine.query(move |state: &tokengine_core::State| orphaned(state, &id)).await?;
            let view = compared_view(network, found);
            reply::ok(&ComparedView { status: why.map_or(view.status, str::to_owned), ..view })
        }
        Ok(Ok(found)) => reply::ok(&compared_view(network, found)),
        Ok(Err(error)) => Err(Problem::network_unavailable(&error.to_string())),
        Err(_) => reply::ok(&under_way(network)),
    }
}
