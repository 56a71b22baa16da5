//! Deposits: claiming one hurries it, and cannot steal it. Whose it is follows from the network.

use super::accounts;
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path, Query};
use crate::hub::{Look, Watched, look_until_changed};
use crate::ids::{self, Named};
use crate::layer::Trace;
use crate::order::account_name;
use crate::read::{claim_row, deposit_row};
use crate::view::{ClaimRow, ClaimView, DepositRow, DepositView, Page};
use crate::{Problem, Scope, cursor, json, reply};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tokengine_core::{AccountIx, Command, Event, NetworkIx, Position, Principal, Rejection, Request, TxId};
use tokengine_store::{ClaimFilter, ClaimState, DepositFilter, DepositState, Reader};
use utoipa::ToSchema;

/// A transaction that pays us.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060"}))]
pub struct ClaimRequest {
    /// Where: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// Who says so; then the claim is refused if the deposit is somebody else's.
    pub account: Option<String>,
}

/// Reads a transaction's id.
pub(super) fn transaction(pointer: &str, text: &str) -> Result<TxId, Problem> {
    let wrong = || Problem::field(pointer, "transaction-invalid", "must be 0x and 64 hexadecimal digits");
    text.starts_with("0x").then(|| text.parse().ok()).flatten().ok_or_else(wrong)
}

/// Says that a transaction pays us, so that it is looked for at once.
#[utoipa::path(post, path = "/v1/deposits", tag = "deposits", request_body = ClaimRequest,
    params(("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 202, body = ClaimView)))]
pub(super) async fn claim(
    State(app): State<Shared>,
    caller: Caller,
    Extension(trace): Extension<Trace>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::DEPOSITS_CLAIM)?;
    let asked: ClaimRequest = json::fields(body.clone())?;
    let directory = app.directory().await?;
    let network = accounts::network("/network", &asked.network, &directory)?;
    let tx = transaction("/transaction", &asked.transaction)?;
    let by = match &asked.account {
        None => None,
        Some(account) => {
            let name = account_name("/account", account)?;
            let found = app.engine.query(move |state| state.account_by_name(&name)).await?;
            Some(found.ok_or(Rejection::UnknownAccount)?)
        }
    };
    let content = json::fingerprint("POST /v1/deposits", &body, &[]);
    let request = Request { principal: Principal::Key(caller.ix), key, content };
    let done = app.submit(Command::ClaimDeposit { request, network, tx, by, trace: trace.later() }).await?;
    let row = ClaimRow {
        position: done.position,
        network,
        tx,
        account: by,
        at: done.at,
        state: ClaimState::Open,
        refusal: None,
        closed_at: None,
    };
    let names = app.named(by, []).await?;
    let view = row.view(&directory, &names, Vec::new())?;
    let location = format!("/v1/claims/{}", view.id);
    reply::made(StatusCode::ACCEPTED, &view, Some(location), done.replayed)
}

/// Deposits, newest first.
#[utoipa::path(get, path = "/v1/deposits", tag = "deposits",
    params(("account" = Option<String>, Query), ("status" = Option<String>, Query), ("network" = Option<String>, Query),
        ("transaction" = Option<String>, Query, description = "With network"), ("cursor" = Option<String>, Query),
        ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<DepositView>)))]
pub(super) async fn list(State(app): State<Shared>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    caller.need(Scope::DEPOSITS_READ)?;
    let account = match query.take("account")? {
        Some(account) => Some(accounts::find(&app, &account).await?),
        None => None,
    };
    let state = match query.take("status")? {
        None => None,
        Some(name) => {
            let found = DepositState::ALL.iter().copied().find(|state| state.name() == name);
            Some(found.ok_or_else(|| Problem::field("?status", "parameter-invalid", "is not a status of deposits"))?)
        }
    };
    let tx = match (query.take("network")?, query.take("transaction")?) {
        (None, None) => None,
        (Some(network), Some(tx)) => {
            let network = accounts::network("?network", &network, &app.directory().await?)?;
            Some((network, transaction("?transaction", &tx)?))
        }
        _ => {
            let text = "network and transaction go together";
            return Err(Problem::field("?transaction", "parameter-missing", text));
        }
    };
    let filter = DepositFilter { account, tx, state };
    let list = format!("deposits {filter:?}");
    let page = cursor::page(&app, &mut query, &list)?;
    query.finish()?;
    let listing = app.reads.run(move |reader| reader.deposits(&filter, &page)).await?;
    let next_cursor = listing.next.map(|key| cursor::next(&app, &list, key));
    let rows = listing.items.into_iter().map(|deposit| deposit_row(deposit, Vec::new())).collect();
    let (_, items) = app.deposit_views(rows).await?;
    reply::ok(&Page { items, next_cursor })
}

/// A deposit; with `?wait=`, as soon as it changes.
#[utoipa::path(get, path = "/v1/deposits/{id}", tag = "deposits",
    params(("id" = String, Path), ("wait" = Option<String>, Query, description = "Such as 10s"),
        ("If-None-Match" = Option<String>, Header, description = "With wait: the ETag of what was seen already")),
    responses((status = 200, body = DepositView)))]
pub(super) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::DEPOSITS_READ)?;
    let patience = reply::patience(&headers, &mut query, app.limits.longest_wait)?;
    query.finish()?;
    let fingerprint = ids::parse_deposit(&id).ok_or_else(|| Problem::not_found("deposit"))?;
    let look = || async {
        let read = move |reader: &Reader| {
            let Some(deposit) = reader.deposit(fingerprint)? else { return Ok(None) };
            Ok(Some(deposit_row(deposit, reader.deposit_history(fingerprint)?)))
        };
        let row = app.reads.find(read).await?.ok_or_else(|| Problem::not_found("deposit"))?;
        Ok::<_, Problem>(Look {
            stamp: row.stamp(),
            // A deep reorg may still undo it; nobody waits for that.
            ended: row.state != DepositState::Confirming,
            watched: vec![Watched::Tx(row.network, row.tx)],
            value: row,
        })
    };
    let (row, stamp) = look_until_changed(&app.hub, patience, look).await?;
    let (_, views) = app.deposit_views(vec![row]).await?;
    reply::stamped(&views[0], stamp)
}

/// A claim; with `?wait=`, as soon as it is answered or a deposit of it changes.
#[utoipa::path(get, path = "/v1/claims/{id}", tag = "deposits",
    params(("id" = String, Path), ("wait" = Option<String>, Query, description = "Such as 10s"),
        ("If-None-Match" = Option<String>, Header, description = "With wait: the ETag of what was seen already")),
    responses((status = 200, body = ClaimView)))]
pub(super) async fn get_claim(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::DEPOSITS_READ)?;
    let patience = reply::patience(&headers, &mut query, app.limits.longest_wait)?;
    query.finish()?;
    let missing = || Problem::not_found("claim");
    let (at, named) = ids::parse(&id).ok_or_else(missing)?;
    let Named::Claim(position) = named else { return Err(missing()) };
    if position > app.durable() || position.0 == 0 {
        return Err(missing());
    }
    let record = app.event(position).await?;
    let Event::DepositClaimed { network, tx, by, .. } = record.event else { return Err(missing()) };
    if record.at != at {
        return Err(missing());
    }
    let look = || look_at_claim(&app, position, network, tx, by);
    let ((mut row, deposits), stamp) = look_until_changed(&app.hub, patience, look).await?;
    // What was asked at this position: another claim of the same transaction may have been open already.
    (row.position, row.at, row.account) = (position, at, by);
    let (directory, views) = app.deposit_views(deposits).await?;
    let names = app.named(by, []).await?;
    reply::stamped(&row.view(&directory, &names, views)?, stamp)
}

type ClaimAndDeposits = (ClaimRow, Vec<DepositRow>);

async fn look_at_claim(
    app: &App,
    position: Position,
    network: NetworkIx,
    tx: TxId,
    by: Option<AccountIx>,
) -> Result<Look<ClaimAndDeposits>, Problem> {
    // Ids of joined accounts differ; whose it is now counts.
    let by = match by {
        Some(by) => app.engine.query(move |state| state.account(by)).await?,
        None => None,
    };
    let read = move |reader: &Reader| {
        let filter = ClaimFilter { tx: Some((network, tx)), ..ClaimFilter::default() };
        let claims = reader.claims(&filter, &tokengine_store::Page::first(tokengine_store::MAX_PAGE))?;
        // Newest first: the first that is not younger is the one that was open then.
        let claim = claims.items.into_iter().find(|claim| claim.id <= position.0);
        let filter = DepositFilter { tx: Some((network, tx)), account: by, state: None };
        let page = tokengine_store::Page::first(tokengine_store::MAX_PAGE);
        let deposits = reader.deposits(&filter, &page)?.items;
        let mut rows = Vec::with_capacity(deposits.len());
        for deposit in deposits {
            let history = reader.deposit_history(deposit.fingerprint)?;
            rows.push(deposit_row(deposit, history));
        }
        Ok(claim.map(|claim| (claim_row(claim), rows)))
    };
    let (claim, deposits) = app.reads.find(read).await?.ok_or_else(|| Problem::not_found("claim"))?;
    let stamp = deposits.iter().map(DepositRow::stamp).fold(u64::from(claim.closed_at.is_some()), u64::wrapping_add);
    let ended = match claim.state {
        ClaimState::Open => false,
        ClaimState::Refused => true,
        ClaimState::Found => deposits.iter().all(|row| row.state != DepositState::Confirming),
    };
    Ok(Look { value: (claim, deposits), stamp, ended, watched: vec![Watched::Tx(network, tx)] })
}
