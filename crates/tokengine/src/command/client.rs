//! Commands that ask a running engine.

use super::operator;
use crate::cli::{AskArgs, ClientArgs, Command, PayoutArgs, ServeArgs};
use crate::client::{Client, Order};
use crate::exit::{Exit, Failure};
use crate::out::Out;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokengine_caip::AccountId;
use tokengine_keys::{AnySigner, KeyName, KeyRef, Keyring, SecretSource};
use uuid::Uuid;

pub(super) fn run(command: Command, config: &Path, out: Out) -> Result<(), Failure> {
    crate::serve::runtime()?.block_on(async {
        match command {
            Command::Deposit(args) => {
                let client = client(&args.ask.client)?;
                let body = json!({ "network": args.network, "transaction": args.transaction });
                let key = key(args.ask.key);
                let claim = repeatable(client.post(&["deposits"], &body, Some(key)).await, key)?;
                let ended = |claim: &Value| {
                    let deposits = claim["deposits"].as_array().map(Vec::as_slice).unwrap_or_default();
                    let settled = deposits.iter().all(|deposit| deposit["status"] != "confirming");
                    claim["status"] == "refused" || (claim["status"] == "found" && settled)
                };
                let claim = waited(&client, "claims", claim, &args.ask, ended, out).await?;
                tell_claim(&claim, out)
            }
            Command::Withdraw(args) => {
                let client = client(&args.ask.client)?;
                let key = key(args.ask.key);
                let signer = signer(&args.payout, config, out)?;
                let signer = signer.as_ref().map(|(id, signer)| (id, signer));
                let made = repeatable(client.withdraw(&order(&args.payout), signer, key).await, key)?;
                let made = waited(&client, "withdrawals", made, &args.ask, is_over, out).await?;
                tell_money("withdrawal", &made, out)
            }
            Command::Transfer(args) => {
                let client = client(&args.ask.client)?;
                let key = key(args.ask.key);
                let signer = signer(&args.payout, config, out)?;
                let signer = signer.as_ref().map(|(id, signer)| (id, signer));
                let deposit = (args.network.as_str(), args.transaction.as_str());
                let made = client.transfer(deposit, &order(&args.payout), signer, key).await;
                let made = repeatable(made, key)?;
                let made = waited(&client, "transfers", made, &args.ask, is_over, out).await?;
                tell_money("transfer", &made, out)
            }
            Command::Balance(args) => {
                let value = client(&args.client)?.get(&["accounts", &args.account, "balances"], &[]).await?;
                let mut text = String::new();
                for balance in items(&value) {
                    let part = |name: &str| balance[name]["decimal"].as_str().unwrap_or("0").to_owned();
                    let token = balance["token"].as_str().unwrap_or_default();
                    let _ =
                        writeln!(text, "{token}  free {}  held {}  owed {}", part("free"), part("held"), part("owed"));
                }
                out.tell(if text.is_empty() { "nothing" } else { &text }, &value);
                Ok(())
            }
            Command::History(args) => {
                let value = client(&args.client)?.get(&["accounts", &args.account, "history"], &[]).await?;
                let mut text = String::new();
                for entry in items(&value) {
                    let part = |name: &str| entry[name].as_str().unwrap_or_default();
                    let (free, held) = (part("free_change"), part("held_change"));
                    let _ = writeln!(
                        text,
                        "{}  {:>8}  {:<16} {}  free {free}  held {held}  {}",
                        part("at"),
                        part("position"),
                        part("kind"),
                        part("token"),
                        part("reference")
                    );
                }
                out.tell(if text.is_empty() { "nothing" } else { &text }, &value);
                Ok(())
            }
            Command::Reconcile(args) => operator::reconcile(&args, out).await,
            Command::Operator(command) => operator::run(command, out).await,
            _ => Err(Failure::usage("this command asks no engine")),
        }
    })
}

pub(super) fn items(value: &Value) -> &[Value] {
    value["items"].as_array().or(value.as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// A client with the API key of the file or the environment, if there is one.
pub(super) fn client(args: &ClientArgs) -> Result<Client, Failure> {
    let key = match &args.api_key_file {
        Some(file) => Some(SecretSource::File(file.clone()).read()?),
        None if std::env::var_os("TOKENGINE_API_KEY").is_some() => {
            Some(SecretSource::Env("TOKENGINE_API_KEY".to_owned()).read()?)
        }
        None => None,
    };
    Client::new(&args.url, key)
}

pub(super) fn key(given: Option<Uuid>) -> Uuid {
    given.unwrap_or_else(Uuid::now_v7)
}

/// Where the outcome is unknown, says with which key to ask again.
pub(super) fn repeatable(answer: Result<Value, Failure>, key: Uuid) -> Result<Value, Failure> {
    answer.map_err(|mut failure| {
        if failure.exit == Exit::Unknown {
            failure.details.push(format!("ask again with --key {key}: it is done once at most"));
        }
        failure
    })
}

fn order(args: &PayoutArgs) -> Order {
    Order {
        account: args.account.clone(),
        asset: args.asset.clone(),
        amount: args.amount.clone(),
        to: args.to.clone(),
        max_fee: args.max_fee.clone(),
        external_id: args.external_id.clone(),
    }
}

/// The key of the configuration that signs as the account's owner.
fn signer(args: &PayoutArgs, config: &Path, out: Out) -> Result<Option<(AccountId, AnySigner)>, Failure> {
    let Some(name) = &args.sign_with else { return Ok(None) };
    let name: KeyName = name.parse::<KeyName>()?;
    let id: AccountId =
        args.account.parse().map_err(|_| Failure::usage("--sign-with: the account must be a CAIP-10 id"))?;
    let config = super::load_without_nodes(config, &ServeArgs::default())?;
    // Only this one: the others' passwords need not be here.
    let specs: Vec<_> = config.keys.iter().filter(|spec| spec.name == name).cloned().collect();
    let opening = out.spinner("opening the key");
    let keys = Keyring::load(&specs, &config.base);
    opening.finish_and_clear();
    Ok(Some((id, keys?.signer(&KeyRef::single(name))?)))
}

fn is_over(value: &Value) -> bool {
    matches!(value["outcome"].as_str(), Some("done" | "not_done"))
}

/// Follows what was made for as long as `--wait` says.
async fn waited(
    client: &Client,
    kind: &str,
    made: Value,
    ask: &AskArgs,
    ended: impl Fn(&Value) -> bool,
    out: Out,
) -> Result<Value, Failure> {
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    if ask.wait == 0 || id.is_empty() || ended(&made) {
        return Ok(made);
    }
    let waiting = out.spinner(format!("waiting for {id}"));
    let value = client.follow(&[kind, &id], Duration::from_secs(ask.wait), ended).await;
    waiting.finish_and_clear();
    value
}

fn tell_claim(claim: &Value, out: Out) -> Result<(), Failure> {
    let part = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut text = format!("claim {}: {}", part(claim, "id"), part(claim, "status"));
    for deposit in claim["deposits"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let amount = deposit["amount"]["decimal"].as_str().unwrap_or_default();
        let (asset, account) = (part(deposit, "asset"), part(deposit, "account"));
        let status = deposit["sub_status"].as_str().or(deposit["status"].as_str()).unwrap_or_default();
        let _ = write!(text, "\n  {amount} of {asset} to {account}: {status}");
    }
    out.tell(&text, claim);
    match claim["status"].as_str() {
        Some("refused") => {
            let why = part(claim, "refusal");
            Err(Failure::new(Exit::Refused, why.clone(), format!("the claim was refused: {why}")))
        }
        _ => Ok(()),
    }
}

fn tell_money(what: &str, value: &Value, out: Out) -> Result<(), Failure> {
    let part = |name: &str| value[name].as_str().unwrap_or_default();
    let status = value["sub_status"].as_str().unwrap_or(part("status"));
    let mut text = format!("{what} {}: {status}", part("id"));
    if let Some(until) = value["unknown_until"].as_str() {
        let _ = write!(text, ", to be known by {until}");
    }
    out.tell(&text, value);
    match value["outcome"].as_str() {
        Some("not_done") => {
            Err(Failure::new(Exit::Refused, "not-done", format!("the {what} was not paid; that is proven")))
        }
        _ => Ok(()),
    }
}
