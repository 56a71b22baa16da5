//! Moves: tokens from one account to another, inside the ledger. One, or ten thousand with a result each.

use crate::amount::AmountText;
use crate::app::{App, Shared};
use crate::auth::{Caller, IdempotencyKey};
use crate::body::{RawBatchBody, RawBody};
use crate::directory::{KnownNames, TokenEntry, token_named};
use crate::gather;
use crate::order::{account_name, speaks_for};
use crate::plain::Plain;
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
use tokengine_core::{
    AccountIx, Amount, Authority, Command, Fingerprint, MoveAuthority, Principal, Rejection, Request, Time, TokenIx,
};
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
    from: Party,
    to: Party,
}

/// An account by the name it was asked under.
struct Party {
    name: Arc<str>,
    /// If it was asked for before.
    known: Option<AccountIx>,
}

impl Party {
    fn read(pointer: &str, text: &str, known: &KnownNames<'_>) -> Result<Self, Problem> {
        // What is known was read before, and was good.
        match known.find(text) {
            Some((name, ix)) => Ok(Self { name, known: Some(ix) }),
            None => account_name(pointer, text).map(|name| Self { name, known: None }),
        }
    }

    fn find(&self, found: &HashMap<Arc<str>, AccountIx>) -> Option<AccountIx> {
        self.known.or_else(|| found.get(&self.name).copied())
    }
}

impl Read {
    fn of(asked: &Plain<'_>, tokens: &[TokenEntry], known: &KnownNames<'_>) -> Result<Self, Problem> {
        let (token, entry) = token_named(tokens, asked.token).ok_or(Rejection::UnknownToken)?;
        Ok(Self {
            token,
            amount: asked.amount.read("/amount", entry.decimals)?,
            from: Party::read("/from", asked.from, known)?,
            to: Party::read("/to", asked.to, known)?,
        })
    }

    fn unknown(&self) -> impl Iterator<Item = Arc<str>> {
        [&self.from, &self.to].into_iter().filter(|party| party.known.is_none()).map(|party| party.name.clone())
    }
}

impl MoveRequest {
    fn plain(&self) -> Plain<'_> {
        let amount =
            AmountText { base_units: self.amount.base_units.as_deref(), decimal: self.amount.decimal.as_deref() };
        Plain { token: &self.token, from: &self.from, to: &self.to, amount }
    }
}

/// The numbers of accounts that were not asked for before.
async fn numbers(app: &App, names: HashSet<Arc<str>>) -> Result<HashMap<Arc<str>, AccountIx>, Problem> {
    if names.is_empty() { Ok(HashMap::new()) } else { app.names.numbers(&app.engine, names).await }
}

/// What a customer signs for a move.
pub(super) async fn statement(app: &App, asked: &MoveRequest, key: u128) -> Result<ToSign, Problem> {
    let tokens = app.tokens.of(&app.engine, [&*asked.token].into_iter()).await?;
    let read = Read::of(&asked.plain(), &tokens, &app.names.known())?;
    Ok(to_sign(&read, &asked.token, key))
}

fn to_sign(read: &Read, token: &str, key: u128) -> ToSign {
    let fields = vec![
        ("from", read.from.name.to_string()),
        ("to", read.to.name.to_string()),
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
    RawBody(body): RawBody,
) -> Result<Response, Problem> {
    one(&app, &caller, key, &body).await
}

/// Answers a request for one move.
pub(crate) async fn one(app: &Shared, caller: &Caller, key: u128, body: &[u8]) -> Result<Response, Problem> {
    let owned: MoveRequest;
    let (asked, content, signature) = match Plain::one(body) {
        Some(plain) => (plain, plain.fingerprint("POST /v1/moves", &mut Vec::new()), None),
        None => {
            let body = json::read(body)?;
            let content = json::fingerprint("POST /v1/moves", &body, &["signature"]);
            owned = json::fields(body)?;
            (owned.plain(), content, owned.signature.as_ref())
        }
    };
    if signature.is_none() {
        caller.need(Scope::MOVES_CREATE)?;
    }
    let tokens = app.tokens.of(&app.engine, [asked.token].into_iter()).await?;
    let read = Read::of(&asked, &tokens, &app.names.known())?;
    let found = numbers(app, read.unknown().collect()).await?;
    let from = read.from.find(&found);
    let (principal, authority, from) = match signature {
        Some(signature) => {
            let now = match from {
                Some(from) => app.engine.query(move |state| state.account(from)).await?,
                None => None,
            };
            let account = speaks_for(app, &signature.signer, now).await?;
            let message = to_sign(&read, asked.token, key);
            // Moves keep no authority: whether it is a contract's makes no difference afterwards.
            let _: Authority = signed::check(app, "/signature", signature, &message).await?;
            (Principal::Account(account), MoveAuthority::Owner, account)
        }
        None => {
            let caller = caller.need(Scope::MOVES_CREATE)?;
            (Principal::Key(caller.ix), MoveAuthority::Key, from.ok_or(Rejection::UnknownAccount)?)
        }
    };
    let to = read.to.find(&found).ok_or(Rejection::UnknownAccount)?;
    let request = Request { principal, key, content };
    let (token, amount) = (read.token, read.amount);
    let decimals = token_named(&tokens, asked.token).map_or(0, |(_, entry)| entry.decimals);
    let done = gather::submit(app, Command::Move { request, token, from, to, amount, authority }).await?;
    let view = MoveView {
        id: Uuid::from_u128(key).to_string(),
        token: asked.token.to_owned(),
        from: read.from.name.to_string(),
        to: read.to.name.to_string(),
        amount: Money::of_token(amount, asked.token, decimals),
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
    RawBatchBody(body): RawBatchBody,
) -> Result<Response, Problem> {
    many(&app, &caller, key, &body).await
}

/// What was asked for in one place of a batch.
struct Item<'a> {
    asked: Result<Plain<'a>, Problem>,
    content: Fingerprint,
}

/// Answers a request for a batch of moves.
pub(crate) async fn many(app: &Shared, caller: &Caller, key: u128, body: &[u8]) -> Result<Response, Problem> {
    const ROUTE: &str = "POST /v1/moves/batch";
    let most = app.limits.batch_moves;
    let owned: Vec<(Result<MoveRequest, Problem>, Fingerprint)>;
    let (principal, asked): (_, Vec<Item<'_>>) = match Plain::batch(body, most) {
        Some(plain) => {
            let mut text = Vec::new();
            let principal = Principal::Key(caller.need(Scope::MOVES_CREATE)?.ix);
            let items = plain.into_iter();
            let items = items.map(|plain| Item { content: plain.fingerprint(ROUTE, &mut text), asked: Ok(plain) });
            (principal, items.collect())
        }
        None => {
            let body = json::read(body)?;
            let caller = caller.need(Scope::MOVES_CREATE)?;
            let read = |item: Value| {
                let content = json::fingerprint(ROUTE, &item, &[]);
                let asked = json::fields::<MoveRequest>(item).and_then(|asked| match asked.signature {
                    None => Ok(asked),
                    Some(_) => Err(Problem::field("/signature", "signature-in-batch", "a signed move goes by itself")),
                });
                (asked, content)
            };
            owned = items(body, most)?.into_iter().map(read).collect();
            let items = owned.iter().map(|(asked, content)| Item {
                asked: asked.as_ref().map(MoveRequest::plain).map_err(Problem::clone),
                content: *content,
            });
            (Principal::Key(caller.ix), items.collect())
        }
    };
    let named = asked.iter().filter_map(|item| item.asked.as_ref().ok()).map(|asked| asked.token);
    let tokens = app.tokens.of(&app.engine, named).await?;
    let reads: Vec<(Result<Read, Problem>, Fingerprint)> = {
        let known = app.names.known();
        let read = |item: Item<'_>| (item.asked.and_then(|asked| Read::of(&asked, &tokens, &known)), item.content);
        asked.into_iter().map(read).collect()
    };
    let unknown = reads.iter().filter_map(|(read, _)| read.as_ref().ok()).flat_map(Read::unknown);
    let numbers = numbers(app, unknown.collect()).await?;
    let mut commands = Vec::with_capacity(reads.len());
    let mut results: Vec<MoveResult> = Vec::with_capacity(reads.len());
    let mut places = Vec::with_capacity(reads.len());
    for (index, (read, content)) in reads.into_iter().enumerate() {
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
    // Most of a batch is decided within one millisecond.
    let mut last = (Time::default(), rfc3339(Time::default()));
    for (index, answer) in places.into_iter().zip(answers) {
        results[index] = match answer {
            Ok(done) => {
                replayed &= done.replayed;
                if last.0 != done.at {
                    last = (done.at, rfc3339(done.at));
                }
                let (position, at) = (Some(done.position.to_string()), Some(last.1.clone()));
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
    let find = |party: &Party| party.find(numbers).ok_or(Rejection::UnknownAccount);
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
