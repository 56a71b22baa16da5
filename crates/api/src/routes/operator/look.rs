//! What only the operator sees: books, wallets, suspense, the audit trail, and the work that needs a person.

use crate::app::{App, Shared};
use crate::auth::Caller;
use crate::body::Query;
use crate::directory::Directory;
use crate::ids::{self, Named};
use crate::routes::events;
use crate::time::rfc3339;
use crate::view::{AuditView, BookView, Page, PausesView, SuspenseView, WalletView, WorkItem, work};
use crate::{Problem, Scope, cursor, reply};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use tokengine_core::{Position, Principal, Record, State as Engine, SuspenseId};

/// What is paused, with an ETag for those who change it.
#[utoipa::path(get, path = "/v1/operator/pauses", tag = "operator", responses((status = 200, body = PausesView)))]
pub(super) async fn pauses(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    query.finish()?;
    reply::tagged(&headers, &pauses_view(&app).await?)
}

pub(super) async fn pauses_view(app: &App) -> Result<PausesView, Problem> {
    let directory = app.directory().await?;
    Ok(PausesView {
        everything: directory.paused,
        networks: directory.networks.iter().filter(|row| row.paused).map(|row| row.id.to_string()).collect(),
        assets: directory.assets.iter().filter(|row| row.paused).map(|row| row.id.to_string()).collect(),
        recovery: directory.recovery.as_ref().map(Into::into),
    })
}

/// Amounts that nobody owns yet, oldest first.
#[utoipa::path(get, path = "/v1/operator/suspense", tag = "operator",
    params(("cursor" = Option<String>, Query), ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<SuspenseView>)))]
pub(super) async fn suspense(State(app): State<Shared>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    let (after, limit) = cursor::position(&app, &mut query, "suspense")?;
    query.finish()?;
    let ask = move |state: &Engine| -> Result<(Vec<SuspenseView>, Option<u64>), Problem> {
        let directory = Directory::of(state);
        let after = SuspenseId(after.unwrap_or(0));
        let mut rows = state.suspense().filter(|(id, _)| *id > after);
        let mut items = Vec::new();
        let mut last = 0;
        for (id, item) in rows.by_ref().take(limit.into()) {
            let wallet = state.wallet(item.wallet);
            let network = wallet.map(|wallet| wallet.network);
            let deposit = item.deposit.as_ref().and_then(|key| {
                let network = state.network(key.network)?;
                Some(ids::deposit(key.fingerprint(&network.id)))
            });
            let sender = item.from.as_ref().zip(network);
            items.push(SuspenseView {
                id: ids::public(item.at, Named::Suspense(id)),
                amount: directory.token_money(item.token, item.amount)?,
                reason: crate::view::suspense_reason(item.reason).into(),
                deposit,
                sender: sender.map(|(from, network)| directory.caip10(network, from)).transpose()?,
                wallet: wallet.map(|w| directory.caip10(w.network, &w.address)).transpose()?.unwrap_or_default(),
                since: rfc3339(item.at),
            });
            last = id.0;
        }
        let more = rows.next().is_some();
        Ok((items, more.then_some(last)))
    };
    let (items, next) = app.engine.query(ask).await??;
    reply::ok(&Page { items, next_cursor: next.map(|key| cursor::next(&app, "suspense", key)) })
}

/// The work that needs a person, most urgent first. Empty is how it should be.
#[utoipa::path(get, path = "/v1/operator/work", tag = "operator", responses((status = 200, body = Page<WorkItem>)))]
pub(super) async fn work_list(State(app): State<Shared>, caller: Caller, query: Query) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    query.finish()?;
    let now = (app.clock)();
    let items = app.engine.query(move |state| work(state, &Directory::of(state), now)).await??;
    reply::ok(&Page { items, next_cursor: None })
}

/// A short list for the operator, made of the state at one moment.
pub(super) async fn listed<V: Serialize + Send + 'static>(
    app: &App,
    caller: &Caller,
    query: Query,
    make: fn(&Engine, &Directory) -> Result<Vec<V>, Problem>,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    query.finish()?;
    let items = app.engine.query(move |state| make(state, &Directory::of(state))).await??;
    reply::ok(&Page { items, next_cursor: None })
}

/// Every token's books.
pub(crate) fn books(state: &Engine, directory: &Directory) -> Result<Vec<BookView>, Problem> {
    let all = state.tokens().filter_map(|(ix, _)| Some((ix, state.totals(ix)?)));
    all.map(|(ix, totals)| directory.book_view(ix, totals)).collect()
}

/// Every token's books: liabilities beside holdings. With `?prove=true` every account and wallet is added up as well,
/// while nothing else runs.
#[utoipa::path(get, path = "/v1/operator/books", tag = "operator", params(("prove" = Option<bool>, Query)),
    responses((status = 200, body = Page<BookView>)))]
pub(super) async fn all_books(
    State(app): State<Shared>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    let prove = query.parse::<bool>("prove", "true or false")?.unwrap_or(false);
    query.finish()?;
    let ask = move |state: &Engine| {
        let proven = if prove { state.check_books() } else { Ok(()) };
        (books(state, &Directory::of(state)), proven)
    };
    let (items, proven) = app.engine.query(ask).await?;
    if let Err(imbalance) = proven {
        tracing::error!(error = %imbalance, "Books do not balance");
        return Err(Problem::unbalanced(&imbalance.to_string()));
    }
    reply::ok(&Page { items: items?, next_cursor: None })
}

/// The operator's wallets, without deposit addresses.
pub(crate) fn wallets(state: &Engine, directory: &Directory) -> Result<Vec<WalletView>, Problem> {
    state.house_wallets().map(|(ix, wallet)| directory.wallet_view(ix, wallet)).collect()
}

/// The operator's wallets with what they hold; deposit addresses are not among them.
#[utoipa::path(get, path = "/v1/operator/wallets", tag = "operator", responses((status = 200, body = Page<WalletView>)))]
pub(super) async fn all_wallets(State(app): State<Shared>, caller: Caller, query: Query) -> Result<Response, Problem> {
    listed(&app, &caller, query, wallets).await
}

/// Every event and who asked for it, newest first.
#[utoipa::path(get, path = "/v1/operator/audit", tag = "operator",
    params(("cursor" = Option<String>, Query), ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<AuditView>)))]
pub(super) async fn audit(State(app): State<Shared>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    caller.need(Scope::ADMIN_READ)?;
    let (before, limit) = cursor::position(&app, &mut query, "audit")?;
    query.finish()?;
    // The journal itself is the audit trail: its positions have no gaps, so a page is a range of them.
    let newest = before.map_or(app.durable().0, |before| before.saturating_sub(1));
    let oldest = newest.saturating_sub(u64::from(limit));
    let mut records: Vec<(Position, Record)> = match newest {
        0 => Vec::new(),
        _ => {
            let mut feed = app.engine.feed(Position(oldest));
            let read = tokio::task::spawn_blocking(move || feed.ready(limit.into())).await;
            read.map_err(|error| Problem::internal(&error))??
        }
    };
    records.retain(|(position, _)| position.0 <= newest);
    let events = events::views(&app, &records).await?;
    let principals: Vec<_> = records.iter().map(|(_, record)| record.event.request().map(|r| r.principal)).collect();
    let ask = move |state: &Engine| -> Vec<Option<String>> {
        let told = |principal: Option<Principal>| {
            Some(match principal? {
                Principal::Operator => "operator".to_owned(),
                Principal::Key(key) => format!("key {}", state.key(key).map_or("", |row| &*row.name)),
                Principal::Account(account) => {
                    format!("account {}", state.account_name(account).unwrap_or_default())
                }
            })
        };
        principals.into_iter().map(told).collect()
    };
    let principals = app.engine.query(ask).await?;
    let both = events.into_iter().zip(principals);
    let mut items: Vec<_> = both.map(|(event, principal)| AuditView { event, principal }).collect();
    items.reverse();
    let next_cursor = (oldest > 0).then(|| cursor::next(&app, "audit", oldest + 1));
    reply::ok(&Page { items, next_cursor })
}
