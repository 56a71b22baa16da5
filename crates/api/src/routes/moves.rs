//! Moves: tokens from one account to another, inside the ledger. One, or ten thousand with a result each.

use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{BatchBody, Body};
use crate::directory::Directory;
use crate::order::{account_name, speaks_for};
use crate::signed::{self, SignatureIn, Statement, ToSign};
use crate::time::rfc3339;
use crate::{AmountIn, Money, Problem, Scope, json, reply};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokengine_core::{AccountIx, Amount, Authority, Command, MoveAuthority, Principal, Rejection, Request, TokenIx};
use tokengine_engine::Lane;
use utoipa::ToSchema;
use uuid::Uuid;

/// A move that is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "USD", "from": "treasury", "to": "alice", "amount": {"decimal": "12.5"}}))]
pub struct MoveRequest {
    /// Of what.
    pub token: String,
    /// From which account.
    pub from: String,
    /// To which account.
    pub to: String,
    /// How much, in the token's unit.
    pub amount: AmountIn,
    /// The customer's signature (scheme `eip191`) over the statement that `POST /v1/to-sign` gives. Without one, an API
    /// key is needed, and `from` must be an account the operator named.
    pub signature: Option<SignatureIn>,
}

/// A move that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "token": "USD", "from": "treasury",
    "to": "alice", "amount": {"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"},
    "position": "42", "at": "2026-03-01T12:00:00Z"}))]
pub struct MoveView {
    /// Its request's key.
    pub id: String,
    /// Of what.
    pub token: String,
    /// From which account, by the id it was asked under.
    pub from: String,
    /// To which account, by the id it was asked under.
    pub to: String,
    /// How much.
    pub amount: Money,
    /// The event's number in the journal.
    pub position: String,
    /// When.
    pub at: String,
}

/// Moves that are decided one after the other, each by itself.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"moves": [{"token": "USD", "from": "treasury", "to": "alice", "amount": {"decimal": "12.5"}}]}))]
pub struct BatchRequest {
    /// At most 10,000, without signatures.
    pub moves: Vec<MoveRequest>,
}

/// What a move of a batch came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"index": 0, "status": "done", "position": "42", "at": "2026-03-01T12:00:00Z"}))]
pub struct MoveResult {
    /// Which one, from 0.
    pub index: usize,
    /// `done` or `refused`.
    pub status: &'static str,
    /// This is an earlier answer again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// The event's number in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Why it was refused: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a batch came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"done": 1, "refused": 0, "results": [
    {"index": 0, "status": "done", "position": "42", "at": "2026-03-01T12:00:00Z"}]}))]
pub struct BatchView {
    /// So many were made.
    pub done: usize,
    /// So many were refused.
    pub refused: usize,
    /// A result each, in the order of the request.
    pub results: Vec<MoveResult>,
}

/// A move whose token and amount were read.
struct Read {
    token: TokenIx,
    amount: Amount,
    from: Arc<str>,
    to: Arc<str>,
}

fn read(asked: &MoveRequest, directory: &Directory) -> Result<Read, Problem> {
    let token = directory.token_named(&asked.token).ok_or(Rejection::UnknownToken)?;
    Ok(Read {
        token,
        amount: asked.amount.read("/amount", directory.token(token)?.decimals)?,
        from: account_name("/from", &asked.from)?,
        to: account_name("/to", &asked.to)?,
    })
}

/// What a customer signs for a move.
pub(super) async fn statement(app: &App, asked: &MoveRequest, key: u128) -> Result<ToSign, Problem> {
    let directory = app.directory().await?;
    let read = read(asked, &directory)?;
    Ok(to_sign(&read, &directory.token(read.token)?.id, key))
}

fn to_sign(read: &Read, token: &str, key: u128) -> ToSign {
    let fields = vec![
        ("from", read.from.to_string()),
        ("to", read.to.to_string()),
        ("token", token.to_owned()),
        ("amount", read.amount.to_string()),
        // The key is good once, and for 24 hours: so is the signature.
        ("request", Uuid::from_u128(key).to_string()),
    ];
    ToSign::Text(Statement { title: "Move", fields })
}

/// Moves tokens from one account to another.
#[utoipa::path(post, path = "/v1/moves", tag = "moves", request_body = MoveRequest,
    params(("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 201, body = MoveView)))]
pub(super) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let asked: MoveRequest = json::fields(body.clone())?;
    if asked.signature.is_none() {
        caller.need(Scope::MOVES_CREATE)?;
    }
    let directory = app.directory().await?;
    let read = read(&asked, &directory)?;
    let names = HashSet::from([read.from.clone(), read.to.clone()]);
    let numbers = app.names.numbers(&app.engine, names).await?;
    let from = numbers.get(&read.from).copied();
    let (principal, authority, from) = match &asked.signature {
        Some(signature) => {
            let now = match from {
                Some(from) => app.engine.query(move |state| state.account(from)).await?,
                None => None,
            };
            let account = speaks_for(&app, &signature.signer, now).await?;
            let message = to_sign(&read, &directory.token(read.token)?.id, key);
            // Moves keep no authority: whether it is a contract's makes no difference afterwards.
            let _: Authority = signed::check(&app, "/signature", signature, &message).await?;
            (Principal::Account(account), MoveAuthority::Owner, account)
        }
        None => {
            let caller = caller.need(Scope::MOVES_CREATE)?;
            (Principal::Key(caller.ix), MoveAuthority::Key, from.ok_or(Rejection::UnknownAccount)?)
        }
    };
    let to = *numbers.get(&read.to).ok_or(Rejection::UnknownAccount)?;
    let content = json::fingerprint("POST /v1/moves", &body, &["signature"]);
    let request = Request { principal, key, content };
    let (token, amount) = (read.token, read.amount);
    let done = app.submit(Command::Move { request, token, from, to, amount, authority }).await?;
    let view = MoveView {
        id: Uuid::from_u128(key).to_string(),
        token: directory.token(token)?.id.to_string(),
        from: read.from.to_string(),
        to: read.to.to_string(),
        amount: directory.token_money(token, amount)?,
        position: done.position.to_string(),
        at: rfc3339(done.at),
    };
    reply::made(StatusCode::CREATED, &view, None, done.replayed)
}

/// The key of one move of a batch: the batch's own time, and the rest from the batch's key and the move's place.
fn key_of(batch: u128, index: usize) -> u128 {
    let index = u64::try_from(index).unwrap_or(u64::MAX).to_be_bytes();
    let hash = tokengine_core::Fingerprint::of("batch-item", &[&batch.to_be_bytes(), &index]).0;
    let low = (hash & ((1 << 80) - 1)) & !(0xf << 76) & !(0b11 << 62);
    batch >> 80 << 80 | low | 7 << 76 | 0b10 << 62
}

/// Makes up to 10,000 moves, one after the other with nothing in between, each by itself: one that is refused does not
/// stop the rest. The same key with the same moves gives the same results.
#[utoipa::path(post, path = "/v1/moves/batch", tag = "moves", request_body = BatchRequest,
    params(("Idempotency-Key" = String, Header, description = "A UUIDv7")),
    responses((status = 200, body = BatchView)))]
pub(super) async fn batch(
    State(app): State<Shared>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    BatchBody(body): BatchBody,
) -> Result<Response, Problem> {
    let caller = caller.need(Scope::MOVES_CREATE)?;
    let items = items(body, app.limits.batch_moves)?;
    let directory = app.directory().await?;
    let mut reads: Vec<Result<Read, Problem>> = Vec::with_capacity(items.len());
    let mut names = HashSet::new();
    for item in &items {
        let read = json::fields::<MoveRequest>(item.clone()).and_then(|asked| match asked.signature {
            None => read(&asked, &directory),
            Some(_) => Err(Problem::field("/signature", "signature-in-batch", "a signed move goes by itself")),
        });
        if let Ok(read) = &read {
            names.extend([read.from.clone(), read.to.clone()]);
        }
        reads.push(read);
    }
    let numbers = app.names.numbers(&app.engine, names).await?;
    let principal = Principal::Key(caller.ix);
    let mut commands = Vec::with_capacity(items.len());
    let mut results: Vec<MoveResult> = Vec::with_capacity(items.len());
    let mut places = Vec::with_capacity(items.len());
    for (index, (read, item)) in reads.into_iter().zip(&items).enumerate() {
        let content = json::fingerprint("POST /v1/moves/batch", item, &[]);
        let request = Request { principal, key: key_of(key, index), content };
        match read.and_then(|read| command(request, &read, &numbers)) {
            Ok(command) => {
                commands.push(command);
                places.push(index);
                results.push(MoveResult::blank(index));
            }
            Err(problem) => results.push(MoveResult::refused(index, &problem)),
        }
    }
    let answers = app.engine.submit_many(Lane::Client, commands).await?;
    let mut replayed = !answers.is_empty();
    for (index, answer) in places.into_iter().zip(answers) {
        results[index] = match answer {
            Ok(done) => {
                replayed &= done.replayed;
                let (position, at) = (Some(done.position.to_string()), Some(rfc3339(done.at)));
                MoveResult { status: "done", replayed: done.replayed, position, at, ..MoveResult::blank(index) }
            }
            Err(refused) => {
                replayed &= refused.replayed;
                let position = refused.position.map(|position| position.to_string());
                let replayed = refused.replayed;
                MoveResult { position, replayed, ..MoveResult::refused(index, &refused.into()) }
            }
        };
    }
    let done = results.iter().filter(|result| result.status == "done").count();
    let view = BatchView { done, refused: results.len() - done, results };
    reply::made(StatusCode::OK, &view, None, replayed)
}

/// The moves of a batch, each still to be read by itself.
fn items(body: Value, most: usize) -> Result<Vec<Value>, Problem> {
    let Value::Object(mut object) = body else {
        return Err(Problem::field("", "field-invalid", "must be an object with moves"));
    };
    let moves = object.remove("moves");
    if let Some(name) = object.keys().next() {
        return Err(Problem::field(format!("/{name}"), "field-invalid", "is not known here"));
    }
    match moves {
        Some(Value::Array(items)) if items.is_empty() => {
            Err(Problem::field("/moves", "batch-empty", "must have at least one move"))
        }
        Some(Value::Array(items)) if items.len() > most => {
            Err(Problem::field("/moves", "batch-too-large", format!("may have {most} moves")))
        }
        Some(Value::Array(items)) => Ok(items),
        _ => Err(Problem::field("/moves", "field-invalid", "must be a list of moves")),
    }
}

fn command(request: Request, read: &Read, numbers: &HashMap<Arc<str>, AccountIx>) -> Result<Command, Problem> {
    let find = |name: &Arc<str>| numbers.get(name).copied().ok_or(Rejection::UnknownAccount);
    let (from, to) = (find(&read.from)?, find(&read.to)?);
    let (token, amount) = (read.token, read.amount);
    Ok(Command::Move { request, token, from, to, amount, authority: MoveAuthority::Key })
}

impl MoveResult {
    fn blank(index: usize) -> Self {
        let (position, at, code, detail) = (None, None, None, None);
        Self { index, status: "refused", replayed: false, position, at, code, detail }
    }

    fn refused(index: usize, problem: &Problem) -> Self {
        let (code, detail) = problem.told();
        Self { code: Some(code), detail: Some(detail), ..Self::blank(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_batch_are_uuids_of_its_time_and_all_differ() {
        let batch = Uuid::try_parse("0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b").unwrap().as_u128();
        let keys: HashSet<_> = (0..10_000).map(|index| key_of(batch, index)).collect();
        assert_eq!(keys.len(), 10_000);
        for key in keys {
            let uuid = Uuid::from_u128(key);
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            assert_eq!(key >> 80, batch >> 80);
        }
    }
}
