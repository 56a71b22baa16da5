//! A signer elsewhere: any service that speaks `eth_signTransaction` over HTTP (Web3Signer, Clef, a node with the key).
//!
//! It is asked in terms of the transaction, field by field, so that it can apply rules of its own. It is not trusted: its
//! answer must be the very transaction it was asked for, signed by the very key.

mod transaction;

use std::{fmt, time::Duration};

use alloy::primitives::hex;
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use crate::{Error, EvmAddress, RecoverableSignature, Secret, SignRequest, Signer};

/// More than any signed transaction and the words around it.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The client of such a service, for one key. It signs EIP-1559 transactions, given as [`SignRequest::of`] their unsigned
/// bytes, and refuses anything else.
#[derive(Clone)]
pub struct RemoteSigner {
    address: EvmAddress,
    url: Url,
    token: Option<Secret<String>>,
    timeout: Duration,
    http: reqwest::Client,
}

impl RemoteSigner {
    /// A client for the key `address` of the service at `url`. Nothing is asked yet: a service that is down when we start
    /// only delays what it should sign. `token`, if any, is shown as a bearer token. An answer that takes longer than
    /// `timeout` counts as none.
    ///
    /// # Errors
    /// [`Error::SignerUrl`].
    pub fn new(
        url: &str,
        address: EvmAddress,
        token: Option<Secret<String>>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let parsed = Url::parse(url).map_err(|_| Error::SignerUrl { why: "it cannot be read" })?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(Error::SignerUrl { why: "it does not start with http:// or https://" });
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::SignerUrl { why: "it holds a secret, which belongs into `token`" });
        }
        // What goes to a signer goes there and nowhere else: no redirects, no proxy out of the environment.
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| Error::SignerUrl { why: "no TLS client can be made for it" })?;
        Ok(Self { address, url: parsed, token, timeout, http })
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, Error> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = self.http.post(self.url.clone()).json(&call);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let mut response = request.send().await.map_err(|e| self.down(self.describe(&e)))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.down(self.describe(&e)))? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                return Err(self.wrong("its answer has no end"));
            }
            body.extend_from_slice(&chunk);
        }
        // Some services say no with a status, some with an error in the body, some with both: the body knows more.
        let mut answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            return Err(self.refusal(error));
        }
        match (status, answer.get_mut("result")) {
            (StatusCode::OK, Some(result)) => Ok(result.take()),
            (StatusCode::OK, None) => Err(self.wrong("its answer is not JSON-RPC")),
            (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS, _) => Err(self.down(status.to_string())),
            (status, _) if status.is_client_error() => Err(self.refused(status.to_string())),
            (status, _) => Err(self.down(status.to_string())),
        }
    }

    fn refusal(&self, error: &Value) -> Error {
        let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
        // It goes to logs and pages: no line ends, and no novel.
        let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
        match code {
            // "Internal error" and "limit exceeded" are about the service, not about what it was asked.
            -32603 | -32005 => self.down(format!("{message} ({code})")),
            _ => self.refused(format!("{message} ({code})")),
        }
    }

    /// What is wrong with a connection. Not reqwest's own words, which quote the URL.
    fn describe(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            format!("nothing within {:?}", self.timeout)
        } else if error.is_connect() {
            "it cannot be reached".to_owned()
        } else {
            "the connection broke".to_owned()
        }
    }

    fn down(&self, reason: impl Into<String>) -> Error {
        Error::SignerDown { address: self.address, reason: reason.into() }
    }

    fn refused(&self, reason: String) -> Error {
        Error::SignerRefused { address: self.address, reason }
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::SignerWrong { address: self.address, reason: reason.into() }
    }
}

impl Signer for RemoteSigner {
    fn address(&self) -> EvmAddress {
        self.address
    }

    async fn answer(&self, request: &SignRequest) -> Result<RecoverableSignature, Error> {
        let unable = |why| Error::SignerUnable { address: self.address, why };
        let preimage = request.preimage().ok_or_else(|| unable("it must see the transaction, not its hash"))?;
        let unsigned = transaction::Unsigned::read(preimage)
            .ok_or_else(|| unable("it signs EIP-1559 transactions and nothing else"))?;
        let answer = self.ask("eth_signTransaction", json!([unsigned.to_json(self.address)])).await?;
        // The bytes themselves, or an object with them: services differ.
        let raw = answer.as_str().or_else(|| answer.get("raw").and_then(Value::as_str));
        let raw =
            raw.and_then(|text| hex::decode(text).ok()).ok_or_else(|| self.wrong("its answer is no transaction"))?;
        let [parity, r, s] =
            unsigned.signature_in(&raw).ok_or_else(|| self.wrong("the transaction in its answer is another one"))?;
        RecoverableSignature::new(r.to_be_bytes(), s.to_be_bytes(), !parity.is_zero())
            .map_err(|refusal| self.wrong(refusal.to_string()))
    }
}

impl fmt::Debug for RemoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL: its path may be a secret of its own.
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("RemoteSigner").field("address", &self.address).field("host", &host).finish_non_exhaustive()
    }
}
