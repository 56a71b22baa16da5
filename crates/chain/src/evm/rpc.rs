//! JSON-RPC over HTTP to one node: a timeout around every call, a bound on how many run at once and on how much an
//! answer may hold, and no address of the provider in any text.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use crate::{CallOutcome, Calls, Error};

/// One node's JSON-RPC door.
pub(super) struct Rpc {
    name: Arc<str>,
    /// Carries the provider's key: it must not be printed, so this type has no `Debug`.
    url: reqwest::Url,
    http: reqwest::Client,
    timeout: Duration,
    batch: usize,
    max_bytes: usize,
    running: Semaphore,
    last_id: AtomicU64,
    calls: Arc<Calls>,
}

/// What a node answered instead of a result, in its own words. Not yet an [`Error`]: for some questions it is an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: i64,
    pub(super) text: String,
}

/// No result.
#[derive(Debug)]
pub(super) enum Fault {
    /// The node answered with an error.
    Said(Said),
    /// The answer is larger than we take.
    TooBig,
    /// There was no answer.
    Broken(Error),
}

/// What a fault counts as.
fn outcome_of(error: &Error) -> CallOutcome {
    match error {
        Error::Timeout { .. } => CallOutcome::TimedOut,
        Error::RateLimited { .. } => CallOutcome::RateLimited,
        Error::Unreachable { .. } => CallOutcome::Unreachable,
        Error::Refused { .. } | Error::Unsupported { .. } | Error::StateUnavailable { .. } => CallOutcome::Refused,
        _ => CallOutcome::Unusable,
    }
}

impl Fault {
    fn outcome(&self) -> CallOutcome {
        match self {
            Self::Said(said) if matches!(said.kind(), SaidKind::RateLimit) => CallOutcome::RateLimited,
            Self::Said(_) => CallOutcome::Refused,
            Self::TooBig => CallOutcome::Unusable,
            Self::Broken(error) => outcome_of(error),
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a Value,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl Reply {
    fn outcome(self) -> Result<Box<RawValue>, Fault> {
        match self.error {
            Some(error) => Err(Fault::Said(Said { code: error.code, text: presentable(&error.message) })),
            None => Ok(self.result.unwrap_or_else(|| RawValue::NULL.to_owned())),
        }
    }
}

impl Rpc {
    pub(super) fn new(config: &super::EvmConfig) -> Result<Self, Error> {
        let name: Arc<str> = config.name.as_str().into();
        let wrong = |what| Error::Config { node: name.clone(), what };
        let url = reqwest::Url::parse(&config.url).map_err(|_| wrong("the URL is none"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("the URL is neither http nor https"));
        }
        if config.max_concurrent == 0 || config.batch == 0 || config.timeout.is_zero() {
            return Err(wrong("the timeout and the limits on calls must not be zero"));
        }
        // A redirect would take the key in the URL somewhere else.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|_| wrong("no HTTP client can be made"))?;
        Ok(Self {
            url,
            http,
            timeout: config.timeout,
            batch: config.batch,
            max_bytes: config.max_response_bytes,
            running: Semaphore::new(config.max_concurrent.min(Semaphore::MAX_PERMITS)),
            last_id: AtomicU64::new(0),
            calls: Arc::default(),
            name,
        })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn calls(&self) -> Arc<Calls> {
        Arc::clone(&self.calls)
    }

    /// One question, and its answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, Error> {
        let raw = self.raw(method, params).await.map_err(|fault| self.error(method, fault))?;
        self.read(method, &raw)
    }

    /// One question, and what came of it.
    pub(super) async fn raw(&self, method: &'static str, params: Value) -> Result<Box<RawValue>, Fault> {
        let came = self.one(method, params).await;
        let outcome = came.as_ref().err().map_or(CallOutcome::Answered, Fault::outcome);
        self.calls.count(method, outcome, 1);
        came
    }

    async fn one(&self, method: &'static str, params: Value) -> Result<Box<RawValue>, Fault> {
        let id = self.next_id();
        let body = self.post(method, &Request { jsonrpc: "2.0", id, method, params: &params }).await?;
        let reply: Reply = self.parse(method, &body)?;
        // An error may come without an id, when the node did not even read the request.
        if reply.id != Some(id) && reply.error.is_none() {
            return Err(Fault::Broken(self.unusable(method, "the answer to another question")));
        }
        reply.outcome()
    }

    /// Many questions of one kind in as few requests as allowed, and an answer to each in the same order.
    pub(super) async fn many<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &[Value],
    ) -> Result<Vec<Result<T, Said>>, Error> {
        let mut answers = Vec::with_capacity(params.len());
        for params in params.chunks(self.batch) {
            let came = self.together(method, params).await;
            let outcome = came.as_ref().err().map_or(CallOutcome::Answered, outcome_of);
            self.calls.count(method, outcome, params.len());
            answers.extend(came?);
        }
        Ok(answers)
    }

    /// The same, in one request.
    async fn together<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &[Value],
    ) -> Result<Vec<Result<T, Said>>, Error> {
        let mut answers = Vec::with_capacity(params.len());
        let ids: Vec<u64> = params.iter().map(|_| self.next_id()).collect();
        let request: Vec<Request<'_>> =
            params.iter().zip(&ids).map(|(params, id)| Request { jsonrpc: "2.0", id: *id, method, params }).collect();
        let body = self.post(method, &request).await.map_err(|fault| self.error(method, fault))?;
        let mut replies: Vec<Reply> = match self.parse(method, &body) {
            Ok(replies) => replies,
            // A node that does not take batches answers with one error.
            Err(_) => {
                let one: Reply = self.parse(method, &body).map_err(|fault| self.error(method, fault))?;
                let fault = one.outcome().err();
                return Err(match fault {
                    Some(fault) => self.error(method, fault),
                    None => self.unusable(method, "one answer to many questions"),
                });
            }
        };
        for id in ids {
            let Some(at) = replies.iter().position(|reply| reply.id == Some(id)) else {
                return Err(self.unusable(method, "a question of many without an answer"));
            };
            answers.push(match replies.swap_remove(at).outcome() {
                Ok(raw) => Ok(self.read(method, &raw)?),
                Err(Fault::Said(said)) => Err(said),
                Err(fault) => return Err(self.error(method, fault)),
            });
        }
        Ok(answers)
    }

    /// What a fault means where an error of the node is no answer.
    pub(super) fn error(&self, what: &'static str, fault: Fault) -> Error {
        match fault {
            Fault::Said(said) => self.refused(what, said),
            Fault::TooBig => self.unusable(what, "an answer above the size limit"),
            Fault::Broken(error) => error,
        }
    }

    /// What a node's error means where it is no answer.
    pub(super) fn refused(&self, what: &'static str, said: Said) -> Error {
        let node = self.name.clone();
        match said.kind() {
            SaidKind::RateLimit => Error::RateLimited { node },
            SaidKind::Unsupported => Error::Unsupported { node, what },
            SaidKind::StateGone => Error::StateUnavailable { node, what },
            SaidKind::Other => Error::Refused { node, what, code: said.code, text: said.text },
        }
    }

    /// An answer that cannot be.
    pub(super) fn unusable(&self, what: &'static str, why: impl Into<String>) -> Error {
        Error::Decode { node: self.name.clone(), what, why: why.into() }
    }

    pub(super) fn read<T: DeserializeOwned>(&self, what: &'static str, raw: &RawValue) -> Result<T, Error> {
        serde_json::from_str(raw.get()).map_err(|error| self.unusable(what, presentable(&error.to_string())))
    }

    fn parse<T: DeserializeOwned>(&self, what: &'static str, body: &[u8]) -> Result<T, Fault> {
        serde_json::from_slice(body)
            .map_err(|error| Fault::Broken(self.unusable(what, presentable(&error.to_string()))))
    }

    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    async fn post(&self, what: &'static str, request: &impl Serialize) -> Result<Vec<u8>, Fault> {
        let body = serde_json::to_vec(request).expect("requests are plain JSON");
        let exchange = async {
            let _place = self.running.acquire().await.expect("never closed");
            self.exchange(what, body).await
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(Fault::Broken(Error::Timeout { node: self.name.clone(), what, after: self.timeout }))
        })
    }

    async fn exchange(&self, what: &'static str, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        // The error of the HTTP client names the URL: its kind is all that may be told.
        let broken = |error: reqwest::Error| {
            let why = if error.is_connect() { "no connection" } else { "the connection broke" }.to_owned();
            Fault::Broken(Error::Unreachable { node: self.name.clone(), what, why })
        };
        let request = self.http.post(self.url.clone()).header("content-type", "application/json").body(body);
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if bytes.len().saturating_add(chunk.len()) > self.max_bytes {
                return Err(Fault::TooBig);
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.as_u16() == 429 {
            return Err(Fault::Broken(Error::RateLimited { node: self.name.clone() }));
        }
        // Some nodes give a proper error with a status that is no success; others an HTML page.
        let is_reply = || serde_json::from_slice::<Reply>(&bytes).is_ok_and(|reply| reply.error.is_some());
        if !status.is_success() && !is_reply() {
            let why = format!("HTTP status {}", status.as_u16());
            return Err(Fault::Broken(Error::Unreachable { node: self.name.clone(), what, why }));
        }
        Ok(bytes)
    }
}

enum SaidKind {
    RateLimit,
    Unsupported,
    StateGone,
    Other,
}

impl Said {
    fn kind(&self) -> SaidKind {
        let text = self.text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if self.code == -32005 || has(&["rate limit", "too many requests", "request limit", "capacity exceeded"]) {
            SaidKind::RateLimit
        } else if self.code == -32601 || has(&["method not found", "does not exist/is not available"]) {
            SaidKind::Unsupported
        } else if has(&[
            "missing trie node",
            "historical state",
            "state not available",
            "state is not available",
            "state unavailable",
            "pruned",
            "old data not available",
            "required historical",
        ]) {
            SaidKind::StateGone
        } else {
            SaidKind::Other
        }
    }

    /// Whether a simulated call failed in the contract, as opposed to in the node.
    pub(super) fn is_revert(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        let words =
            ["revert", "invalid opcode", "out of gas", "gas required exceeds", "stack underflow", "invalid jump"];
        self.code == 3 || words.iter().any(|word| text.contains(word))
    }
}

/// A node's words as we show them: short, on one line, without anything that looks like a URL.
fn presentable(text: &str) -> String {
    let words = text.split_whitespace().map(|word| if word.contains("://") { "(address)" } else { word });
    let mut shown = words.collect::<Vec<_>>().join(" ");
    shown.retain(|c| !c.is_control());
    if let Some((cut, _)) = shown.char_indices().nth(200) {
        shown.truncate(cut);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_node_are_shown_without_addresses_and_short() {
        assert_eq!(presentable("cannot  reach\nhttps://x.example/v3/KEY now"), "cannot reach (address) now");
        assert_eq!(presentable(&"é".repeat(1_000)).chars().count(), 200);
    }

    #[test]
    fn the_words_of_a_node_say_whose_fault_it_is() {
        let kind = |code: i64, text: &str| Said { code, text: text.to_owned() }.kind();
        assert!(matches!(kind(-32601, "nope"), SaidKind::Unsupported));
        assert!(matches!(kind(-32005, "slow down"), SaidKind::RateLimit));
        assert!(matches!(kind(-32000, "missing trie node 12 (path ) state 0x is not available"), SaidKind::StateGone));
        assert!(matches!(kind(-32000, "header not found"), SaidKind::Other));
        let revert = |code: i64, text: &str| Said { code, text: text.to_owned() }.is_revert();
        assert!(revert(3, "x") && revert(-32000, "execution reverted: paused") && !revert(-32000, "header not found"));
    }
}
