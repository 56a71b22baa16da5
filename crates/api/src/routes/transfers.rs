//! Transfers: what a deposit brings is paid out, in one call.

use super::withdrawals::{views, with_existing};
use super::{accounts, deposits};
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path, Query};
use crate::hub::{Look, Watched, look_until_changed};
use crate::ids::{self, Named};
use crate::layer::Trace;
use crate::order::{TransferRequest, authorize, draft};
use crate::read::transfer_row;
use crate::view::{Page, TransferRow, TransferView};
use crate::{Problem, Scope, cursor, json, reply};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tokengine_core::{Command, PayoutId};
use tokengine_keys::typed;
use tokengine_store::{TransferFilter, TransferState};

/// Asks for a transfer: as soon as the deposit is credited, its withdrawal is held.
#[utoipa::path(post, path = "/v1/transfers", tag = "transfers", request_body = TransferRequest,
    params(("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 202, body = TransferView)))]
pub(super) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    Extension(trace): Extension<Trace>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let asked: TransferRequest = json::fields(body.clone())?;
    if asked.signature.is_none() {
        caller.need(Scope::TRANSFERS_CREATE)?;
    }
    let draft = draft(&app, &asked.withdrawal()).await?;
    let directory = draft.directory.clone();
    let network = accounts::network("/deposit_network", &asked.deposit_network, &directory)?;
    let tx = deposits::transaction("/deposit_transaction", &asked.deposit_transaction)?;
    let content = json::fingerprint("POST /v1/transfers", &body, &["signature"]);
    let kind = (key, content, Scope::TRANSFERS_CREATE);
    let to_sign = |withdrawal| message(&asked, withdrawal);
    let authorized = authorize(&app, &caller, draft, asked.signature.as_ref(), to_sign, kind).await?;
    let (account, external_id) = (authorized.order.account, authorized.order.external_id.clone());
    let command = Command::RequestTransfer {
        request: authorized.request,
        network,
        tx,
        order: authorized.order,
        trace: trace.later(),
    };
    let done = match app.submit(command).await {
        Ok(done) => done,
        Err(problem) => return Err(with_existing(&app, problem, account, external_id).await),
    };
    let record = app.event(done.position).await?;
    let row =
        TransferRow::asked(&record).ok_or_else(|| Problem::internal(&"a transfer was answered by another event"))?;
    let names = app.named([row.account], []).await?;
    let view = row.view(&directory, &names, None)?;
    let location = format!("/v1/transfers/{}", view.id);
    reply::made(StatusCode::ACCEPTED, &view, Some(location), done.replayed)
}

/// What a customer signs for a transfer. Its ids were found good before.
pub(super) fn message(asked: &TransferRequest, withdrawal: typed::Withdrawal) -> typed::Message {
    let network = asked.deposit_network.parse();
    let deposit_network = network.unwrap_or_else(|_| withdrawal.network.clone());
    let tx = deposits::transaction("", &asked.deposit_transaction).map(|tx| tx.to_string());
    let deposit_transaction = tx.unwrap_or_else(|_| asked.deposit_transaction.clone());
    typed::Message::Transfer(typed::Transfer { deposit_network, deposit_transaction, withdrawal })
}

/// Transfers, newest first.
#[utoipa::path(get, path = "/v1/transfers", tag = "transfers",
    params(("account" = Option<String>, Query), ("status" = Option<String>, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<TransferView>)))]
pub(super) async fn list(State(app): State<Shared>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    caller.need(Scope::TRANSFERS_READ)?;
    let account = match query.take("account")? {
        Some(account) => Some(accounts::find(&app, &account).await?),
        None => None,
    };
    let state = match query.take("status")? {
        None => None,
        Some(name) => {
            let found = TransferState::ALL.iter().copied().find(|state| state.name() == name);
            Some(found.ok_or_else(|| Problem::field("?status", "parameter-invalid", "is not a status of transfers"))?)
        }
    };
    let filter = TransferFilter { account, tx: None, state };
    let list = format!("transfers {filter:?}");
    let page = cursor::page(&app, &mut query, &list)?;
    query.finish()?;
    let listing = app.reads.run(move |reader| reader.transfers(&filter, &page)).await?;
    let next_cursor = listing.next.map(|key| cursor::next(&app, &list, key));
    let mut items = Vec::with_capacity(listing.items.len());
    for transfer in listing.items {
        let payout = transfer.payout;
        items.push(view(&app, transfer_row(transfer), payout).await?);
    }
    reply::ok(&Page { items, next_cursor })
}

async fn view(app: &App, row: TransferRow, payout: Option<PayoutId>) -> Result<TransferView, Problem> {
    let withdrawal = views(app, payout.into_iter().collect()).await?.pop();
    let directory = app.directory().await?;
    let names = app.named([row.account], []).await?;
    row.view(&directory, &names, withdrawal)
}

/// A transfer; with `?wait=`, as soon as it or its withdrawal changes.
#[utoipa::path(get, path = "/v1/transfers/{id}", tag = "transfers",
    params(("id" = String, Path), ("wait" = Option<String>, Query, description = "Such as 10s"),
        ("If-None-Match" = Option<String>, Header, description = "With wait: the ETag of what was seen already")),
    responses((status = 200, body = TransferView)))]
pub(super) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::TRANSFERS_READ)?;
    let patience = reply::patience(&headers, &mut query, app.limits.longest_wait)?;
    query.finish()?;
    let missing = || Problem::not_found("transfer");
    let (at, named) = ids::parse(&id).ok_or_else(missing)?;
    let Named::Transfer(id) = named else { return Err(missing()) };
    let look = || async {
        let found = app.reads.find(move |reader| reader.transfer(id)).await?;
        let transfer = found.filter(|row| row.requested_at == at).ok_or_else(missing)?;
        let payout = transfer.payout;
        let mut watched = vec![Watched::Transfer(id)];
        let mut stamp = u64::from(transfer.closed_at.is_some());
        let mut ended = transfer.state == TransferState::Failed;
        if let Some((row, more)) = match payout {
            Some(payout) => app.reads.payout(payout).await?,
            None => None,
        } {
            watched.extend(more);
            stamp = row.stamp();
            ended = row.state.is_final();
        }
        Ok::<_, Problem>(Look { value: (transfer_row(transfer), payout), stamp, ended, watched })
    };
    let ((row, payout), stamp) = look_until_changed(&app.hub, patience, look).await?;
    reply::stamped(&view(&app, row, payout).await?, stamp)
}
