//! Withdrawals: what one costs, asking for it, watching it, taking it back while that is possible.

use super::accounts;
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path, Query};
use crate::hub::{Look, Watched, look_until_changed};
use crate::ids::{self, Named};
use crate::layer::Trace;
use crate::order::{self, WithdrawalRequest, authorize, draft, speaks_for};
use crate::read::{payout_row, transfer_time};
use crate::signed::{self, SignatureIn, Statement, ToSign, ToSignView};
use crate::time::rfc3339;
use crate::view::{Page, PayoutRow, QuoteView, WithdrawalView};
use crate::{AmountIn, Problem, Scope, cursor, json, reply};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokengine_core::{
    AccountIx, Asset, Authority, Command, Event, PayoutId, Principal, Rejection, Request, State as Engine, Subject,
};
use tokengine_engine::Done;
use tokengine_keys::typed;
use tokengine_store::{Payout, PayoutFilter, PayoutState};
use utoipa::ToSchema;

/// What to quote.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"asset": "eip155:1/slip44:60", "amount": {"decimal": "1.5"}}))]
pub struct QuoteRequest {
    /// What to pay: a CAIP-19 id.
    pub asset: String,
    /// How much is to arrive, in the asset's unit.
    pub amount: AmountIn,
}

/// What a withdrawal would cost now.
#[utoipa::path(post, path = "/v1/withdrawals/quote", tag = "withdrawals", security(()), request_body = QuoteRequest,
    responses((status = 200, body = QuoteView)))]
pub(super) async fn quote(State(app): State<Shared>, Body(body): Body) -> Result<Response, Problem> {
    let asked: QuoteRequest = json::fields(body)?;
    let directory = app.directory().await?;
    let (_, asset) = order::asset("/asset", &asked.asset, &directory)?;
    let row = directory.asset(asset)?;
    let (token, amount) = (row.token, asked.amount.read("/amount", row.decimals)?);
    let quote = app.engine.query(move |state| state.quote(asset, amount)).await??;
    let money = |amount| directory.token_money(token, amount);
    let unavailable = refusal(&directory, row, amount);
    reply::ok(&QuoteView {
        asset: row.id.to_string(),
        amount: directory.asset_money(asset, amount)?,
        success_fee: money(quote.success_fee)?,
        failure_fee: money(quote.failure_fee)?,
        max_fee: money(quote.success_fee.max(quote.failure_fee))?,
        held: money(quote.held)?,
        available: unavailable.is_none(),
        unavailable: unavailable.map(|rejection| rejection.code().to_owned()),
    })
}

/// What the engine would answer to any withdrawal of that amount now, in its order.
fn refusal(
    directory: &crate::directory::Directory,
    asset: &Asset,
    amount: tokengine_core::Amount,
) -> Option<Rejection> {
    let network = directory.network(asset.network).ok()?;
    let rules = &asset.rules;
    [
        (amount.is_zero(), Rejection::AmountZero),
        (!rules.payouts, Rejection::PayoutsOff),
        (directory.paused || network.paused || asset.paused, Rejection::Paused),
        (asset.stopped.is_some(), Rejection::Paused),
        (!asset.is_probed(), Rejection::AssetNotProbed),
        (network.halted.is_some(), Rejection::NetworkHalted),
        (asset.short.is_some(), Rejection::AssetShort),
        (amount < rules.min_payout, Rejection::BelowMinimum),
        (amount > rules.max_payout, Rejection::AboveMaximum),
    ]
    .into_iter()
    .find_map(|(so, why)| so.then_some(why))
}

/// What to sign for a withdrawal: typed data for `eth_signTypedData_v4`, and a text for `personal_sign`.
///
/// `POST /v1/to-sign` does the same for everything that can be signed.
#[utoipa::path(get, path = "/v1/withdrawals/typed-data", tag = "withdrawals", security(()),
    params(("signer" = String, Query), ("account" = String, Query), ("asset" = String, Query),
        ("amount" = String, Query, description = "Base units of the asset"), ("destination" = String, Query),
        ("max_fee" = String, Query, description = "Base units of the token"), ("nonce" = String, Query),
        ("expiry" = String, Query)),
    responses((status = 200, body = ToSignView)))]
pub(super) async fn typed_data(State(app): State<Shared>, mut query: Query) -> Result<Response, Problem> {
    let units = |text| AmountIn { base_units: Some(text), decimal: None };
    let signer = query.need("signer")?;
    let asked = WithdrawalRequest {
        account: query.need("account")?,
        asset: query.need("asset")?,
        amount: units(query.need("amount")?),
        destination: query.need("destination")?,
        max_fee: units(query.need("max_fee")?),
        external_id: None,
        nonce: Some(query.need("nonce")?),
        expiry: Some(query.need("expiry")?),
        signature: None,
    };
    query.finish()?;
    let message = typed::Message::Withdrawal(draft(&app, &asked).await?.message);
    let signer = signed::caip10("?signer", &signer)?;
    let view = ToSign::Typed(message).view(&signer, app.instance);
    reply::ok(&view.map_err(|error| Problem::signature("?signer", &error))?)
}

/// Asks for a withdrawal.
///
/// Signed by the customer, or, for accounts that the operator named, with an API key. The same key with the same content
/// gives the same answer for 24 hours.
#[utoipa::path(post, path = "/v1/withdrawals", tag = "withdrawals", request_body = WithdrawalRequest,
    params(("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 202, body = WithdrawalView)))]
pub(super) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Extension(trace): Extension<Trace>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let asked: WithdrawalRequest = json::fields(body.clone())?;
    if asked.signature.is_none() {
        caller.need(Scope::WITHDRAWALS_CREATE)?;
    }
    let draft = draft(&app, &asked).await?;
    let directory = draft.directory.clone();
    let content = json::fingerprint("POST /v1/withdrawals", &body, &["signature"]);
    let kind = (key, content, Scope::WITHDRAWALS_CREATE);
    let signature = asked.signature.as_ref();
    let authorized = authorize(&app, &caller, draft, signature, typed::Message::Withdrawal, kind).await?;
    let (account, external_id) = (authorized.order.account, authorized.order.external_id.clone());
    let command = Command::HoldPayout { request: authorized.request, order: authorized.order, trace: trace.later() };
    let done = match app.submit(command).await {
        Ok(done) => done,
        Err(problem) => return Err(with_existing(&app, problem, account, external_id).await),
    };
    if let Subject::Payout(payout) = done.subject {
        tracing::Span::current().record("payout.id", tracing::field::display(payout));
    }
    let row = as_asked(&app, done).await?;
    let names = app.named([row.account], []).await?;
    let view = row.answer(&directory, &names)?;
    let location = format!("/v1/withdrawals/{}", view.id);
    reply::made(StatusCode::ACCEPTED, &view, Some(location), done.replayed)
}

/// The withdrawal as its request made it: from the state while it is there, else from the event itself. Both tell the
/// same, as nothing of it ever changes.
async fn as_asked(app: &App, done: Done) -> Result<PayoutRow, Problem> {
    if let (false, Subject::Payout(id)) = (done.replayed, done.subject) {
        let ask = move |state: &Engine| Some(PayoutRow::held(done.position, id, state.payout(id)?));
        if let Some(row) = app.engine.query(ask).await? {
            return Ok(row);
        }
    }
    let record = app.event(done.position).await?;
    let row = PayoutRow::asked(done.position, &record);
    row.ok_or_else(|| Problem::internal(&"a withdrawal was answered by another event"))
}

/// Where an external id is used already, the link to what uses it.
pub(super) async fn with_existing(
    app: &App,
    problem: Problem,
    account: AccountIx,
    external_id: Option<Box<str>>,
) -> Problem {
    let Some(external_id) = external_id.filter(|_| problem.code() == Rejection::ExternalIdUsed.code()) else {
        return problem;
    };
    let read = move |reader: &tokengine_store::Reader| reader.payout_by_external_id(account, &external_id);
    match app.reads.run(read).await {
        Ok(Some(payout)) => problem.existing(format!("/v1/withdrawals/{}", ids::payout(payout.held_at, payout.id))),
        _ => problem,
    }
}

/// Withdrawals, newest first, without their attempts and history.
#[utoipa::path(get, path = "/v1/withdrawals", tag = "withdrawals",
    params(("account" = Option<String>, Query), ("status" = Option<String>, Query),
        ("external_id" = Option<String>, Query, description = "With account"), ("open" = Option<bool>, Query),
        ("cursor" = Option<String>, Query), ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<WithdrawalView>)))]
pub(super) async fn list(State(app): State<Shared>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    caller.need(Scope::WITHDRAWALS_READ)?;
    let account = match query.take("account")? {
        Some(account) => Some(accounts::find(&app, &account).await?),
        None => None,
    };
    let state = match query.take("status")? {
        None => None,
        Some(name) => {
            let found = PayoutState::ALL.iter().copied().find(|state| state.name() == name);
            Some(
                found
                    .ok_or_else(|| Problem::field("?status", "parameter-invalid", "is not a status of withdrawals"))?,
            )
        }
    };
    let open = query.parse::<bool>("open", "true or false")?.unwrap_or(false);
    let external_id = query.take("external_id")?;
    let filter = PayoutFilter { account, state, open };
    let list = format!("withdrawals {filter:?}");
    let page = cursor::page(&app, &mut query, &list)?;
    query.finish()?;
    let found: (Vec<Payout>, Option<u64>) = match (external_id, account) {
        (None, _) => {
            let listing = app.reads.run(move |reader| reader.payouts(&filter, &page)).await?;
            (listing.items, listing.next)
        }
        (Some(external_id), Some(account)) => {
            let read = move |reader: &tokengine_store::Reader| reader.payout_by_external_id(account, &external_id);
            (app.reads.run(read).await?.into_iter().collect(), None)
        }
        (Some(_), None) => {
            let text = "an external id is looked for within an account";
            return Err(Problem::field("?account", "parameter-missing", text));
        }
    };
    let (payouts, next) = found;
    let ids: Vec<PayoutId> = payouts.iter().map(|payout| payout.id).collect();
    let items = views(&app, ids).await?;
    reply::ok(&Page { items, next_cursor: next.map(|key| cursor::next(&app, &list, key)) })
}

/// Withdrawals as they go out, with everything that is known of them.
pub(crate) async fn views(app: &App, ids: Vec<PayoutId>) -> Result<Vec<WithdrawalView>, Problem> {
    let read = move |reader: &tokengine_store::Reader| {
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(story) = reader.payout(id)? {
                let transfer = transfer_time(reader, story.payout.transfer)?;
                rows.push(payout_row(story, transfer));
            }
        }
        Ok(rows)
    };
    let rows = app.reads.now(read).await?;
    let directory = app.directory().await?;
    let names = app.named(rows.iter().map(|row| row.account).collect::<Vec<_>>(), []).await?;
    let now = (app.clock)();
    rows.iter().map(|row| row.view(&directory, &names, Some(&*app.networks), now)).collect()
}

/// The withdrawal with that id in the path.
pub(super) async fn find(app: &App, id: &str) -> Result<(PayoutRow, Vec<Watched>), Problem> {
    let missing = || Problem::not_found("withdrawal");
    let (at, named) = ids::parse(id).ok_or_else(missing)?;
    let Named::Payout(payout) = named else { return Err(missing()) };
    let (row, watched) = app.reads.payout(payout).await?.ok_or_else(missing)?;
    if row.held_at == at { Ok((row, watched)) } else { Err(missing()) }
}

/// A withdrawal; with `?wait=`, as soon as it changes or has ended.
#[utoipa::path(get, path = "/v1/withdrawals/{id}", tag = "withdrawals",
    params(("id" = String, Path), ("wait" = Option<String>, Query, description = "Such as 10s"),
        ("If-None-Match" = Option<String>, Header, description = "With wait: the ETag of what was seen already")),
    responses((status = 200, body = WithdrawalView)))]
pub(super) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::WITHDRAWALS_READ)?;
    let patience = reply::patience(&headers, &mut query, app.limits.longest_wait)?;
    query.finish()?;
    let look = || async {
        let (row, watched) = find(&app, &id).await?;
        Ok::<_, Problem>(Look { stamp: row.stamp(), ended: row.state.is_final(), watched, value: row })
    };
    let (row, stamp) = look_until_changed(&app.hub, patience, look).await?;
    let directory = app.directory().await?;
    let names = app.named([row.account], []).await?;
    reply::stamped(&row.view(&directory, &names, Some(&*app.networks), (app.clock)())?, stamp)
}

/// Takes a withdrawal back, if that is still possible.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct CancelRequest {
    /// The customer's signature (scheme `eip191`) over the statement that `POST /v1/to-sign` gives. Without one, an API
    /// key is needed, and the account must be one the operator named.
    pub signature: Option<SignatureIn>,
}

/// What a cancellation came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"withdrawal": "0199a1b2-c3d4-7001-8000-000000000007", "status": "cancelled",
    "position": "42", "at": "2026-03-01T12:00:00Z"}))]
pub struct CancelView {
    /// Which one.
    pub withdrawal: String,
    /// `cancelled`: nothing was signed, and all of it is free again. `cancel-requested`: something is signed; a
    /// transaction that takes its place is sent, and the network decides which one counts.
    pub status: String,
    /// The event's number in the journal.
    pub position: String,
    /// When.
    pub at: String,
}

/// What a customer signs to take a withdrawal back.
pub(super) fn cancel_statement(id: &str, key: u128) -> ToSign {
    let fields = vec![("withdrawal", id.to_owned()), ("request", uuid::Uuid::from_u128(key).to_string())];
    ToSign::Text(Statement { title: "CancelWithdrawal", fields })
}

/// Takes a withdrawal back, if that is still possible.
#[utoipa::path(post, path = "/v1/withdrawals/{id}/cancel", tag = "withdrawals", request_body = CancelRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 200, body = CancelView), (status = 202, body = CancelView)))]
pub(super) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let asked: CancelRequest = json::fields(body)?;
    let (principal, authority, row) = match &asked.signature {
        Some(signature) => {
            // Whether there is such a withdrawal is told to its account only.
            let row = find(&app, &id).await.ok().map(|(row, _)| row);
            let account = speaks_for(&app, &signature.signer, row.as_ref().map(|row| row.account)).await?;
            let row = row.ok_or(Rejection::NotAuthorized)?;
            let authority = signed::check(&app, "/signature", signature, &cancel_statement(&id, key)).await?;
            (Principal::Account(account), authority, row)
        }
        None => {
            let caller = caller.need(Scope::WITHDRAWALS_CREATE)?;
            let (row, _) = find(&app, &id).await?;
            (Principal::Key(caller.ix), Authority::Key(caller.ix), row)
        }
    };
    submit_cancel(&app, &id, row.id, (principal, authority, key)).await
}

/// Hands a cancellation over and tells what it came to.
pub(super) async fn submit_cancel(
    app: &App,
    id: &str,
    payout: PayoutId,
    (principal, authority, key): (Principal, Authority, u128),
) -> Result<Response, Problem> {
    let content = json::fingerprint(&format!("cancel {id}"), &serde_json::Value::Null, &[]);
    let request = Some(Request { principal, key, content });
    let answer = app.submit(Command::CancelPayout { request, payout, authority }).await;
    let done = answer.map_err(|problem| match problem.code() {
        // It was found before: what the engine has no more of has ended.
        "unknown-withdrawal" | "unknown-payout" => Rejection::AlreadyFinal.into(),
        _ => problem,
    })?;
    let record = app.event(done.position).await?;
    let (code, status) = match record.event {
        Event::PayoutCancelled { .. } => (StatusCode::OK, "cancelled"),
        _ => (StatusCode::ACCEPTED, "cancel-requested"),
    };
    let view = CancelView {
        withdrawal: id.to_owned(),
        status: status.into(),
        position: done.position.to_string(),
        at: rfc3339(record.at),
    };
    reply::made(code, &view, None, done.replayed)
}

/// Whether an open withdrawal's end can still go either way, and what is known of when that ends.
pub(super) async fn is_dispatched(app: &App, payout: PayoutId) -> Result<Option<bool>, Problem> {
    let ask = move |state: &Engine| {
        let stage = state.payout(payout)?.stage;
        Some(matches!(stage, tokengine_core::PayoutStage::Dispatched(_)))
    };
    Ok(app.engine.query(ask).await?)
}
