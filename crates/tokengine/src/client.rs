//! Talks to a running engine through its doors, as any client does.

use crate::exit::{Exit, Failure};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use std::time::Duration;
use tokengine_caip::{AccountId, AssetId};
use tokengine_core::{Amount, Time};
use tokengine_keys::typed::{Domain, Message, Transfer, Withdrawal};
use tokengine_keys::{AnySigner, Secret, Signer, random_bytes};
use uuid::Uuid;

/// No answer after this is none; a long poll waits at most a minute.
const PATIENCE: Duration = Duration::from_secs(75);
/// A signed request is void after this.
const GOOD_FOR_MS: u64 = 3_600_000;

/// A way to the doors.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<Secret<String>>,
}

/// A withdrawal to be asked for. Amounts are decimal numbers.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) account: String,
    pub(crate) asset: String,
    pub(crate) amount: String,
    /// An address on the asset's network, or its CAIP-10 id.
    pub(crate) to: String,
    /// In the token's unit; nothing for what a quote says.
    pub(crate) max_fee: Option<String>,
    pub(crate) external_id: Option<String>,
}

impl Client {
    /// To the doors at that address.
    pub(crate) fn new(url: &str, key: Option<Secret<String>>) -> Result<Self, Failure> {
        let base = Url::parse(url).map_err(|error| Failure::usage(format!("--url: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(Failure::usage("--url begins with http:// or https://"));
        }
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self { http: http.map_err(|error| Failure::system("an HTTP client", error))?, base, key })
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.ask(Method::GET, self.url(path, query), None, None).await
    }

    /// Changes something; with a key, once.
    pub(crate) async fn post(&self, path: &[&str], body: &Value, key: Option<Uuid>) -> Result<Value, Failure> {
        self.post_with(path, &[], body, key).await
    }

    /// The same with parameters.
    pub(crate) async fn post_with(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &Value,
        key: Option<Uuid>,
    ) -> Result<Value, Failure> {
        self.ask(Method::POST, self.url(path, query), Some(body), key).await
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>, key: Option<Uuid>) -> Result<Value, Failure> {
        let changes = method == Method::POST;
        let mut request = self.http.request(method, url);
        if let Some(secret) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", secret.expose()));
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        // The address is left out of the text: it may hold more than its owner wants to read in a log.
        let silent = |error: reqwest::Error| {
            let text = error.without_url().to_string();
            // What was sent and not answered may have been done.
            let exit = if changes { Exit::Unknown } else { Exit::Unreachable };
            Failure::new(exit, "no-answer", format!("the engine gave no answer: {text}"))
        };
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                let text = error.without_url().to_string();
                return Failure::new(Exit::Unreachable, "unreachable", format!("the engine cannot be reached: {text}"));
            }
            silent(error)
        })?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(silent)?;
        let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() { Ok(value) } else { Err(problem(status, &value)) }
    }

    /// The asset of that id, as the doors describe it.
    async fn asset(&self, id: &str) -> Result<Value, Failure> {
        let list = self.get(&["assets"], &[]).await?;
        let found = list["items"].as_array().and_then(|items| items.iter().find(|item| item["id"] == id)).cloned();
        found.ok_or_else(|| Failure::new(Exit::Refused, "unknown-asset", format!("{id} is not listed")))
    }

    /// The body of a withdrawal, with everything in base units, and what an owner would sign.
    async fn draft(&self, order: &Order) -> Result<(Value, Withdrawal), Failure> {
        let usage = |what: &str, error: &dyn std::fmt::Display| Failure::usage(format!("{what}: {error}"));
        let asset: AssetId = order.asset.parse().map_err(|error| usage("--asset", &error))?;
        let row = self.asset(asset.as_str()).await?;
        let decimals = row["decimals"].as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        let amount = Amount::parse_decimal(&order.amount, decimals).map_err(|error| usage("--amount", &error))?;
        let to = if order.to.contains(':') { order.to.clone() } else { format!("{}:{}", asset.chain_str(), order.to) };
        let destination: AccountId = to.parse().map_err(|error| usage("--to", &error))?;
        let ask = serde_json::json!({ "asset": asset.as_str(), "amount": { "base_units": amount.to_string() } });
        let quote = self.post(&["withdrawals", "quote"], &ask, None).await?;
        let fee = &quote["max_fee"];
        let max_fee = match &order.max_fee {
            Some(text) => {
                let decimals = fee["decimals"].as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
                Amount::parse_decimal(text, decimals).map_err(|error| usage("--max-fee", &error))?
            }
            None => Amount::parse_base_units(fee["base_units"].as_str().unwrap_or_default())
                .map_err(|error| usage("the quote", &error))?,
        };
        let mut body = serde_json::json!({
            "account": order.account, "asset": asset.as_str(), "destination": destination.to_string(),
            "amount": { "base_units": amount.to_string() }, "max_fee": { "base_units": max_fee.to_string() },
        });
        if let Some(id) = &order.external_id {
            body["external_id"] = id.as_str().into();
        }
        let message = Withdrawal {
            network: asset.chain_id(),
            asset,
            amount,
            max_fee,
            destination,
            account: order.account.clone(),
            nonce: u128::from_le_bytes(random_bytes::<16>()?),
            expiry: Time(tokengine_engine::system_clock().0 + GOOD_FOR_MS).0 / 1000,
        };
        Ok((body, message))
    }

    /// Withdraws: signed by the account's owner, or with the API key alone.
    pub(crate) async fn withdraw(
        &self,
        order: &Order,
        signer: Option<(&AccountId, &AnySigner)>,
        key: Uuid,
    ) -> Result<Value, Failure> {
        let (mut body, message) = self.draft(order).await?;
        if let Some((id, signer)) = signer {
            stamp(&mut body, &message)?;
            self.sign("withdrawal", &mut body, &Message::Withdrawal(message), id, signer).await?;
        }
        self.post(&["withdrawals"], &body, Some(key)).await
    }

    /// Withdraws what the deposit in `transaction` on `network` brings.
    pub(crate) async fn transfer(
        &self,
        (network, transaction): (&str, &str),
        order: &Order,
        signer: Option<(&AccountId, &AnySigner)>,
        key: Uuid,
    ) -> Result<Value, Failure> {
        let (mut body, withdrawal) = self.draft(order).await?;
        body["deposit_network"] = network.into();
        body["deposit_transaction"] = transaction.into();
        if let Some((id, signer)) = signer {
            stamp(&mut body, &withdrawal)?;
            let deposit_network = network.parse().map_err(|error| Failure::usage(format!("--network: {error}")))?;
            let deposit_transaction = transaction.to_owned();
            let message = Message::Transfer(Transfer { deposit_network, deposit_transaction, withdrawal });
            self.sign("transfer", &mut body, &message, id, signer).await?;
        }
        self.post(&["transfers"], &body, Some(key)).await
    }

    /// Signs what was made here, in the domain of the engine there: the message itself is never taken from the doors.
    async fn sign(
        &self,
        kind: &str,
        body: &mut Value,
        message: &Message,
        id: &AccountId,
        signer: &AnySigner,
    ) -> Result<(), Failure> {
        let ask = serde_json::json!({ "kind": kind, "signer": id.to_string(), "request": body });
        let shown = self.post(&["to-sign"], &ask, None).await?;
        let salt = shown["typed_data"]["domain"]["salt"].as_str().and_then(hash);
        let foreign =
            || Failure::new(Exit::Failed, "domain", "the engine does not tell what it is called in signatures");
        let domain = Domain::of(id, salt.ok_or_else(foreign)?)
            .map_err(|error| Failure::of(Exit::Usage, error.code(), &error))?;
        let signature = signer.sign(&message.sign_request(&domain)).await?;
        let bytes: String = signature.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        body["signature"] = serde_json::json!({ "signer": id.to_string(), "value": format!("0x{bytes}") });
        Ok(())
    }

    /// Waits for a change of a resource until `ended` says so, and returns it as it is then.
    pub(crate) async fn follow(
        &self,
        path: &[&str],
        within: Duration,
        ended: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let until = tokio::time::Instant::now() + within;
        let mut value = self.get(path, &[]).await?;
        loop {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if ended(&value) || left.is_zero() {
                return Ok(value);
            }
            // A change between two looks is seen at the next one, so none waits for long.
            let wait = left.as_millis().clamp(1, 2_000);
            value = self.get(path, &[("wait", &format!("{wait}ms"))]).await?;
        }
    }
}

/// Nonce and expiry as the doors want them.
fn stamp(body: &mut Value, message: &Withdrawal) -> Result<(), Failure> {
    let at = i64::try_from(message.expiry).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let at = at.ok_or_else(|| Failure::system("the clock", "it is no time"))?;
    body["nonce"] = message.nonce.to_string().into();
    body["expiry"] = at.to_string().into();
    Ok(())
}

fn hash(text: &str) -> Option<[u8; 32]> {
    text.parse::<tokengine_core::TxId>().ok().map(|id| id.0)
}

/// A refusal at the doors (RFC 9457).
fn problem(status: StatusCode, value: &Value) -> Failure {
    let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty());
    let code = text("code").unwrap_or("http-error").to_owned();
    let detail = text("detail").or(text("title")).map_or_else(|| format!("status {status}"), str::to_owned);
    let exit = match (text("outcome"), status) {
        (Some("unknown"), _) => Exit::Unknown,
        // The engine itself always has a code; without one it is a proxy that speaks, and nothing answered behind it.
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
            if text("code").is_some() { Exit::Refused } else { Exit::Unreachable }
        }
        (_, status) if status.is_client_error() => Exit::Refused,
        _ => Exit::Failed,
    };
    let line = |error: &Value| {
        let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", part("pointer"), part("detail"))
    };
    let details = value["errors"].as_array().map(|errors| errors.iter().map(line).collect()).unwrap_or_default();
    Failure { details, ..Failure::new(exit, code, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_doors_refuse_becomes_an_exit_code() {
        for (case, status, body, exit, code) in [
            (
                "a refusal",
                422,
                json!({ "code": "insufficient-funds", "outcome": "none" }),
                Exit::Refused,
                "insufficient-funds",
            ),
            ("no right", 403, json!({ "code": "scope-missing" }), Exit::Refused, "scope-missing"),
            (
                "it may have happened",
                500,
                json!({ "code": "internal", "outcome": "unknown" }),
                Exit::Unknown,
                "internal",
            ),
            ("not now", 503, json!({ "code": "draining", "outcome": "none" }), Exit::Refused, "draining"),
            ("with a reason", 503, json!({ "code": "asset-short", "outcome": "none" }), Exit::Refused, "asset-short"),
            ("a proxy with nobody behind it", 503, Value::Null, Exit::Unreachable, "http-error"),
            ("a proxy that speaks otherwise", 502, Value::Null, Exit::Unreachable, "http-error"),
            ("a fault", 500, json!({ "code": "internal", "outcome": "none" }), Exit::Failed, "internal"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let failure = problem(status, &body);
            assert_eq!((failure.exit, failure.code.as_str()), (exit, code), "{case}");
        }
        let body = json!({ "code": "invalid-request", "errors": [{ "pointer": "/amount", "detail": "too fine" }] });
        assert_eq!(problem(StatusCode::BAD_REQUEST, &body).details, ["/amount: too fine"]);
    }

    #[test]
    fn ids_stay_one_part_of_a_path() {
        let client = Client::new("http://127.0.0.1:1/under", None).expect("a client");
        let url = client.url(&["accounts", "eip155:1:0xab", "balances"], &[]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/under/v1/accounts/eip155:1:0xab/balances");
        let url = client.url(&["accounts", "a/b?c", "balances"], &[("wait", "1s")]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/under/v1/accounts/a%2Fb%3Fc/balances?wait=1s");
        assert_eq!(Client::new("ftp://x", None).err().map(|failure| failure.exit), Some(Exit::Usage));
    }
}
