//! Accounts: opening them, what they have, every change of it, and their own addresses on networks.

use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{Body, Path, Query};
use crate::directory::Directory;
use crate::order::account_name;
use crate::time::rfc3339;
use crate::view::{AccountView, BalanceView, DepositAddressView, EntryView, Page};
use crate::{Money, Problem, Scope, cursor, ids, json, reply};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::collections::HashMap;
use tokengine_core::{
    AccountIx, Command, NetworkIx, PayoutId, Principal, Rejection, Request, Role, State as Engine, SuspenseId, Time,
};
use tokengine_store::{Entry, Reference};
use utoipa::ToSchema;

/// An account to open.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "treasury"}))]
pub struct OpenAccountRequest {
    /// A CAIP-10 id, or a name: up to 64 letters, digits, `-`, `_`, `.`, `@` and `/`.
    pub id: String,
}

/// A network to receive on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"network": "eip155:1"}))]
pub struct DepositAddressRequest {
    /// Its CAIP-2 id.
    pub network: String,
}

/// The account with that id in the path.
pub(super) async fn find(app: &App, id: &str) -> Result<AccountIx, Problem> {
    let name = account_name("id", id).map_err(|_| Problem::not_found("account"))?;
    let found = app.engine.query(move |state| state.account_by_name(&name)).await?;
    found.ok_or_else(|| Problem::not_found("account"))
}

/// A path of an account: `/` and `:` stand in ids.
pub(super) fn path(name: &str) -> String {
    let escaped: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/v1/accounts/{escaped}")
}

/// Opens an account.
///
/// A depositor's account opens by itself with the first deposit; this is for names that the operator gives.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = OpenAccountRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "A UUIDv7")),
    responses((status = 201, body = AccountView)))]
pub(super) async fn open(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let key = caller.need(Scope::ACCOUNTS_WRITE)?;
    let asked: OpenAccountRequest = json::fields(body.clone())?;
    let name = account_name("/id", &asked.id)?;
    let request = match headers.contains_key("idempotency-key") {
        true => {
            let content = json::fingerprint("POST /v1/accounts", &body, &[]);
            Some(Request { principal: Principal::Key(key.ix), key: IdempotencyKey::of(&headers)?.0, content })
        }
        false => None,
    };
    let answer = app.submit(Command::OpenAccount { request, name: (*name).into() }).await;
    let done = answer.map_err(|problem| match problem.code() {
        "already-listed" => problem.existing(path(&name)),
        _ => problem,
    })?;
    let view = AccountView {
        id: name.to_string(),
        ids: vec![name.to_string()],
        operator_named: !name.contains(':'),
        frozen: false,
        balances: Vec::new(),
    };
    reply::made(StatusCode::CREATED, &view, Some(path(&name)), done.replayed)
}

fn balances_of(state: &Engine, directory: &Directory, account: AccountIx) -> Result<Vec<BalanceView>, Problem> {
    let mut owed: HashMap<_, _> =
        state.owed().filter(|(owing, ..)| *owing == account).map(|(_, token, amount)| (token, amount)).collect();
    let mut books = state.books_of(account);
    books.sort_by_key(|(token, _)| *token);
    let view = |(token, book): (tokengine_core::TokenIx, tokengine_core::Book)| {
        Ok(BalanceView {
            token: directory.token(token)?.id.to_string(),
            free: directory.token_money(token, book.free)?,
            held: directory.token_money(token, book.held)?,
            owed: directory.token_money(token, owed.remove(&token).unwrap_or_default())?,
        })
    };
    books.into_iter().map(view).collect()
}

/// An account with its ids and balances.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView)))]
pub(super) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ACCOUNTS_READ)?;
    query.finish()?;
    let account = find(&app, &id).await?;
    let ask = move |state: &Engine| -> Result<AccountView, Problem> {
        let ids: Vec<String> = state.account_names(account).into_iter().map(str::to_owned).collect();
        Ok(AccountView {
            id: state.account_name(account).unwrap_or_default().to_owned(),
            ids,
            operator_named: state.is_operator_named(account),
            frozen: state.is_frozen(account),
            balances: balances_of(state, &Directory::of(state), account)?,
        })
    };
    reply::ok(&app.engine.query(ask).await??)
}

/// What an account has.
#[utoipa::path(get, path = "/v1/accounts/{id}/balances", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = Page<BalanceView>)))]
pub(super) async fn balances(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ACCOUNTS_READ)?;
    query.finish()?;
    let account = find(&app, &id).await?;
    let ask = move |state: &Engine| balances_of(state, &Directory::of(state), account);
    reply::ok(&Page { items: app.engine.query(ask).await??, next_cursor: None })
}

/// Every change of an account's balances, newest first.
#[utoipa::path(get, path = "/v1/accounts/{id}/history", tag = "accounts",
    params(("id" = String, Path), ("cursor" = Option<String>, Query), ("limit" = Option<u16>, Query)),
    responses((status = 200, body = Page<EntryView>)))]
pub(super) async fn history(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.need(Scope::ACCOUNTS_READ)?;
    let account = find(&app, &id).await?;
    let list = format!("history {account}");
    let page = cursor::page(&app, &mut query, &list)?;
    query.finish()?;
    let read = move |reader: &tokengine_store::Reader| {
        let listing = reader.history(account, &page)?;
        // Payouts and suspense items are named by ids that hold their times.
        let mut times: HashMap<u64, Time> = HashMap::new();
        for entry in &listing.items {
            match entry.reference {
                Reference::Payout(PayoutId(id)) if !times.contains_key(&id) => {
                    if let Some(story) = reader.payout(PayoutId(id))? {
                        times.insert(id, story.payout.held_at);
                    }
                }
                _ => {}
            }
        }
        let mut since: HashMap<u64, Time> = HashMap::new();
        for entry in &listing.items {
            if let Reference::Suspense(SuspenseId(id)) = entry.reference
                && let Some(item) = reader.suspense_item(SuspenseId(id))?
            {
                since.insert(id, item.since);
            }
        }
        Ok((listing, times, since))
    };
    let (listing, times, since) = app.reads.run(read).await?;
    let others = listing.items.iter().filter_map(|entry| match entry.reference {
        Reference::Account(other) => Some(other),
        _ => None,
    });
    let names = app.named(others.collect::<Vec<_>>(), []).await?;
    let directory = app.directory().await?;
    let reference = |entry: &Entry| match entry.reference {
        Reference::Account(other) => Some(names.account(other)),
        Reference::Deposit(fingerprint) => Some(ids::deposit(fingerprint)),
        Reference::Payout(id) => times.get(&id.0).map(|at| ids::payout(*at, id)),
        Reference::Suspense(id) => since.get(&id.0).map(|at| ids::public(*at, ids::Named::Suspense(id))),
        Reference::Nothing => None,
    };
    let view = |entry: Entry| -> Result<EntryView, Problem> {
        let money = |amount| -> Result<Money, Problem> { directory.token_money(entry.token, amount) };
        Ok(EntryView {
            position: entry.position.to_string(),
            at: rfc3339(entry.at),
            kind: entry.kind.name().into(),
            token: directory.token(entry.token)?.id.to_string(),
            free_change: entry.free_change.to_string(),
            held_change: entry.held_change.to_string(),
            free: money(entry.free)?,
            held: money(entry.held)?,
            reference: reference(&entry),
        })
    };
    let page = cursor::finish(&app, &list, listing, |items| items.into_iter().map(view).collect())?;
    reply::ok(&page)
}

/// The account's own address on a network. Asking again gives the same address.
#[utoipa::path(post, path = "/v1/accounts/{id}/deposit-addresses", tag = "accounts", params(("id" = String, Path)),
    request_body = DepositAddressRequest,
    responses((status = 201, body = DepositAddressView), (status = 200, body = DepositAddressView)))]
pub(super) async fn deposit_address(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    caller.need(Scope::ACCOUNTS_WRITE)?;
    let asked: DepositAddressRequest = json::fields(body)?;
    let account = find(&app, &id).await?;
    let network = network("/network", &asked.network, &app.directory().await?)?;
    if let Some(view) = known_address(&app, account, network).await? {
        return reply::ok(&view);
    }
    let name = app.engine.query(move |state| state.account_name(account).map(Box::<str>::from)).await?;
    let name = name.ok_or_else(|| Problem::not_found("account"))?;
    let derived = (app.derive)(&asked.network, &name).ok_or_else(|| {
        Problem::unsupported("no-deposit-addresses", "the operator gives no deposit addresses on this network")
    })?;
    let role = Role::Deposit(account);
    let command = Command::ListWallet { request: None, network, address: derived.address, role, key: derived.key };
    match app.submit(command).await {
        // Two asked at once: one listed it.
        Err(problem) if problem.code() != Rejection::AlreadyListed.code() => return Err(problem),
        _ => {}
    }
    let view = known_address(&app, account, network).await?;
    reply::with(StatusCode::CREATED, &view.ok_or_else(|| Problem::internal(&"a listed address that is not found"))?)
}

/// Reads a network's id.
pub(super) fn network(pointer: &str, text: &str, directory: &Directory) -> Result<NetworkIx, Problem> {
    let id: tokengine_caip::ChainId = text
        .parse()
        .map_err(|error: tokengine_caip::Error| Problem::field(pointer, error.code(), error.to_string()))?;
    Ok(directory.network_named(id.as_str()).ok_or(Rejection::UnknownNetwork)?)
}

async fn known_address(
    app: &App,
    account: AccountIx,
    network: NetworkIx,
) -> Result<Option<DepositAddressView>, Problem> {
    let ask = move |state: &Engine| {
        let wallet = state.wallet(state.deposit_wallet(account, network)?)?;
        let network = state.network(network)?.id.to_string();
        let address = format!("{network}:{}", wallet.address);
        Some(DepositAddressView { account: state.account_name(account)?.to_owned(), network, address })
    };
    Ok(app.engine.query(ask).await?)
}
