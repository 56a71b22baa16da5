//! `operator` and `reconcile`: the operator's hand on a running engine.

use super::client::{client, items, key, repeatable};
use crate::cli::{ClientArgs, HandArgs, OnceArgs, OperatorCommand, PauseArgs, SuspenseCommand};
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::out::Out;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) async fn run(command: OperatorCommand, out: Out) -> Result<(), Failure> {
    match command {
        OperatorCommand::Work(args) => work(&args, out).await,
        OperatorCommand::Pause(args) => pause("pause", &args, out).await,
        OperatorCommand::Resume(args) => pause("resume", &args, out).await,
        OperatorCommand::ResumeNetwork { network, height, hash, parent, hand: args } => {
            let mut body = json!({ "network": network });
            if let (Some(height), Some(hash), Some(parent)) = (height, hash, parent) {
                body["from"] = json!({ "height": height, "hash": hash, "parent": parent });
            }
            hand(&args, &["networks", "resume"], body, &format!("resumed: {network}"), out).await
        }
        OperatorCommand::ResumeAsset { asset, hand: args } => {
            let told = format!("resumed: {asset}");
            hand(&args, &["assets", "resume"], json!({ "asset": asset }), &told, out).await
        }
        OperatorCommand::Funding { network, transaction, hand: args } => {
            let told = format!("announced: what {transaction} brings on {network} is yours");
            let body = json!({ "network": network, "transaction": transaction });
            hand(&args, &["funding"], body, &told, out).await
        }
        OperatorCommand::Freeze { account, hand: args } => {
            hand(&args, &["accounts", &account, "freeze"], json!({}), &format!("frozen: {account}"), out).await
        }
        OperatorCommand::Unfreeze { account, hand: args } => {
            hand(&args, &["accounts", &account, "unfreeze"], json!({}), &format!("not frozen: {account}"), out).await
        }
        OperatorCommand::Thaw { wallet, hand: args } => {
            let number = wallet_number(&client(&args.once.client)?, "wallets", ["id", "address"], &wallet).await?;
            hand(&args, &["wallets", &number, "thaw"], json!({}), &format!("thawed: {wallet}"), out).await
        }
        OperatorCommand::SettleOwed { account, token, amount, once: args } => {
            let body = json!({ "token": token, "amount": { "decimal": amount } });
            let told = format!("settled: {amount} {token} of what {account} owed");
            once(&args, &["accounts", &account, "settle-owed"], &body, &told, out).await
        }
        OperatorCommand::Shortages(args) => shortages(&args, out).await,
        OperatorCommand::WriteOff { asset, wallet, amount, hand: args } => {
            // Deposit addresses, of which there may be millions, are looked for among what is missing only.
            let found = wallet_number(&client(&args.once.client)?, "shortages", ["wallet", "address"], &wallet).await;
            let number: u32 =
                found?.parse().map_err(|_| Failure::usage(format!("{wallet} is no number of a wallet")))?;
            let body = json!({ "wallet": number, "asset": asset, "amount": { "decimal": amount } });
            let told = format!("written off: {amount} of {asset} in {wallet}");
            hand(&args, &["shortages", "write-off"], body, &told, out).await
        }
        OperatorCommand::Finals(args) => finals(&args, out).await,
        OperatorCommand::ClearFinal { network, transaction, paid, hand: args } => {
            let body = json!({ "network": network, "transaction": transaction, "paid": paid });
            hand(&args, &["finals", "clear"], body, &format!("cleared: {transaction}"), out).await
        }
        OperatorCommand::Unmatched(args) => unmatched(&args, out).await,
        OperatorCommand::ClearUnmatched { network, transaction, hand: args } => {
            let body = json!({ "network": network, "transaction": transaction });
            hand(&args, &["unmatched", "clear"], body, &format!("cleared: {transaction}"), out).await
        }
        OperatorCommand::Cancel { withdrawal, once: args } => cancel(&args, &withdrawal, out).await,
        OperatorCommand::Suspense(SuspenseCommand::List(args)) => suspense(&args, out).await,
        OperatorCommand::Suspense(SuspenseCommand::Assign { id, account, equity, hand: args }) => {
            let (body, to) = match (account, equity) {
                (Some(account), _) => (json!({ "account": account }), account),
                (None, _) => (json!({ "equity": true }), "the operator".to_owned()),
            };
            hand(&args, &["suspense", &id, "assign"], body, &format!("assigned to {to}: {id}"), out).await
        }
        OperatorCommand::Wallets(args) => wallets(&args, out).await,
        OperatorCommand::Books { prove, client: args } => books(&args, prove, out).await,
    }
}

/// Does something once, under a reason.
async fn hand(args: &HandArgs, path: &[&str], mut body: Value, told: &str, out: Out) -> Result<(), Failure> {
    body["reason"] = args.reason.as_str().into();
    once(&args.once, path, &body, told, out).await
}

async fn once(args: &OnceArgs, path: &[&str], body: &Value, told: &str, out: Out) -> Result<(), Failure> {
    let value = ask(args, path, body).await?;
    out.tell(told, &value);
    Ok(())
}

async fn ask(args: &OnceArgs, path: &[&str], body: &Value) -> Result<Value, Failure> {
    let key = key(args.key);
    let path: Vec<&str> = ["operator"].iter().chain(path).copied().collect();
    repeatable(client(&args.client)?.post(&path, body, Some(key)).await, key)
}

async fn pause(route: &str, args: &PauseArgs, out: Out) -> Result<(), Failure> {
    let body = match args.what.as_str() {
        "all" => json!({ "everything": true }),
        asset if asset.contains('/') => json!({ "asset": asset }),
        network => json!({ "network": network }),
    };
    hand(&args.hand, &[route], body, &format!("{route}d: {}", args.what), out).await
}

async fn cancel(args: &OnceArgs, withdrawal: &str, out: Out) -> Result<(), Failure> {
    let value = ask(args, &["withdrawals", withdrawal, "cancel"], &json!({})).await?;
    let status = value["status"].as_str().unwrap_or("asked for");
    out.tell(&format!("{withdrawal}: {status}"), &value);
    Ok(())
}

/// The number of a wallet that is given by its number, its address or its CAIP-10 id. It is looked for in one of the
/// operator's lists, in which the first name of `fields` is its number and the second its CAIP-10 id.
async fn wallet_number(client: &Client, list: &str, fields: [&str; 2], given: &str) -> Result<String, Failure> {
    if given.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(given.to_owned());
    }
    let value = client.get(&["operator", list], &[]).await?;
    let [number, address] = fields;
    let is_it = |row: &&Value| {
        let id = row[address].as_str().unwrap_or_default();
        id.eq_ignore_ascii_case(given) || id.rsplit(':').next().is_some_and(|a| a.eq_ignore_ascii_case(given))
    };
    let found = items(&value).iter().filter(is_it).filter_map(|row| row[number].as_u64());
    let mut found: Vec<u64> = found.collect();
    found.dedup(); // a wallet may lack several assets
    match found[..] {
        [number] => Ok(number.to_string()),
        [] => {
            let told = format!("{given} is not among the {list} of the books");
            Err(Failure::new(Exit::Refused, "unknown-wallet", told))
        }
        _ => Err(Failure::usage(format!("{given} is on several networks: say which, as <network>:{given}"))),
    }
}

async fn work(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let value = client(args)?.get(&["operator", "work"], &[]).await?;
    let mut text = String::new();
    for item in items(&value) {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let (kind, subject, detail) = (part("kind"), part("subject"), part("detail"));
        let todo = item["command"].as_str().unwrap_or_else(|| part("action"));
        let _ = writeln!(text, "{kind}  {subject}\n  {detail}\n  to do: {todo}");
    }
    out.tell(if text.is_empty() { "nothing needs a person" } else { &text }, &value);
    Ok(())
}

async fn shortages(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let value = client(args)?.get(&["operator", "shortages"], &[]).await?;
    let mut text = String::new();
    for item in items(&value) {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let missing = item["missing"]["decimal"].as_str().unwrap_or_default();
        let booked = item["booked"]["decimal"].as_str().unwrap_or_default();
        let (wallet, address, asset) = (&item["wallet"], part("address"), part("asset"));
        let _ =
            writeln!(text, "{wallet}  {address}\n  {missing} of {booked} {asset} missing at block {}", part("height"));
    }
    out.tell(if text.is_empty() { "nothing is missing" } else { &text }, &value);
    Ok(())
}

async fn finals(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let value = client(args)?.get(&["operator", "finals"], &[]).await?;
    let mut text = String::new();
    for item in items(&value) {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let moved = |name: &str| item["moved"][name].as_str().unwrap_or_default();
        let what = if item["moved"].is_null() {
            "nothing but gas".into()
        } else {
            format!("{} {}", moved("decimal"), moved("asset"))
        };
        let how = if item["success"] == true { "" } else { ", reverted" };
        let _ = writeln!(
            text,
            "{}  {}\n  moved {what}{how}; it was in block {}",
            part("network"),
            part("transaction"),
            part("height")
        );
    }
    out.tell(if text.is_empty() { "none is lost" } else { &text }, &value);
    Ok(())
}

async fn unmatched(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let value = client(args)?.get(&["operator", "unmatched"], &[]).await?;
    let mut text = String::new();
    for item in items(&value) {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let moved = |name: &str| item["moved"][name].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "{}  {}\n  {} paid {} {} to {}; in block {}, found {}",
            part("network"),
            part("transaction"),
            part("wallet"),
            moved("decimal"),
            moved("asset"),
            part("to"),
            part("height"),
            part("since")
        );
    }
    out.tell(if text.is_empty() { "every payment found has its request" } else { &text }, &value);
    Ok(())
}

async fn suspense(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let client = client(args)?;
    let (mut text, mut all) = (String::new(), Vec::new());
    let mut cursor: Option<String> = None;
    loop {
        let query: Vec<(&str, &str)> = cursor.iter().map(|cursor| ("cursor", cursor.as_str())).collect();
        let page = client.get(&["operator", "suspense"], &query).await?;
        all.extend_from_slice(items(&page));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    for item in &all {
        let part = |name: &str| item[name].as_str().unwrap_or_default();
        let (amount, token) = (item["amount"]["decimal"].as_str(), item["amount"]["token"].as_str());
        let (amount, token) = (amount.unwrap_or_default(), token.unwrap_or_default());
        let sender = item["sender"].as_str().map(|sender| format!(" from {sender}")).unwrap_or_default();
        let _ = writeln!(text, "{}  {amount} {token}{sender}: {}, since {}", part("id"), part("reason"), part("since"));
    }
    out.tell(if text.is_empty() { "nothing" } else { &text }, &json!({ "items": all }));
    Ok(())
}

async fn wallets(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let value = client(args)?.get(&["operator", "wallets"], &[]).await?;
    let mut text = String::new();
    for wallet in items(&value) {
        let part = |name: &str| wallet[name].as_str().unwrap_or_default();
        let frozen = wallet["frozen"]["reason"].as_str().map(|why| format!("  frozen: {why}")).unwrap_or_default();
        let _ = writeln!(text, "{}  {}  {}{frozen}", wallet["id"], part("address"), part("role"));
        for holding in wallet["holdings"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let of = |name: &str, part: &str| holding[name][part].as_str().unwrap_or_default().to_owned();
            let (amount, asset) = (of("amount", "decimal"), of("amount", "asset"));
            let _ = writeln!(text, "  {amount} {asset}, reserved {}", of("reserved", "decimal"));
        }
    }
    out.tell(if text.is_empty() { "none" } else { &text }, &value);
    Ok(())
}

async fn books(args: &ClientArgs, prove: bool, out: Out) -> Result<(), Failure> {
    let query: &[(&str, &str)] = if prove { &[("prove", "true")] } else { &[] };
    let value = client(args)?.get(&["operator", "books"], query).await?;
    let mut text = String::new();
    for book in items(&value) {
        let part = |name: &str| book[name]["decimal"].as_str().unwrap_or_default();
        let balanced = if book["balanced"] == true { "balanced" } else { "NOT BALANCED" };
        let token = book["token"].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "{token}  liabilities {}  fees {}  holdings {}  {balanced}",
            part("liabilities"),
            part("fees"),
            part("holdings")
        );
    }
    out.tell(if text.is_empty() { "nothing" } else { &text }, &value);
    Ok(())
}

/// Has the wallets of each network compared with the books, one network after the other.
pub(super) async fn reconcile(args: &ClientArgs, out: Out) -> Result<(), Failure> {
    let client = client(args)?;
    let networks = client.get(&["networks"], &[]).await?;
    let networks: Vec<&str> = items(&networks).iter().filter_map(|network| network["id"].as_str()).collect();
    let bar = out.bar("comparing", networks.len() as u64);
    let (mut text, mut compared, mut differ, mut failed) = (String::new(), Vec::new(), Vec::new(), None);
    let mut not_compared = Vec::new();
    for network in networks {
        let answer = client.post_with(&["operator", "reconcile"], &[("network", network)], &json!({}), None).await;
        bar.inc(1);
        match answer {
            Ok(value) => {
                let count = |name: &str| value[name].as_u64().unwrap_or(0);
                let _ = match value["status"].as_str().unwrap_or_default() {
                    "even" => writeln!(text, "{network}: {} holdings as in the books", count("compared")),
                    "differs" => {
                        differ.push(network);
                        writeln!(text, "{network}: {} of {} differ", count("differing"), count("compared"))
                    }
                    status => {
                        not_compared.push(network);
                        writeln!(text, "{network}: not compared: {}", why_not(status))
                    }
                };
                compared.push(value);
            }
            Err(failure) => {
                let _ = writeln!(text, "{network}: {failure}");
                failed = failed.or(Some(failure));
            }
        }
    }
    bar.finish_and_clear();
    if differ.is_empty() && failed.is_none() && not_compared.is_empty() {
        out.tell(if text.is_empty() { "no network is listed" } else { &text }, &json!({ "items": compared }));
        return Ok(());
    }
    let details = text.lines().map(str::to_owned).collect();
    Err(match failed {
        Some(failure) if differ.is_empty() => Failure { details, ..failure },
        None if differ.is_empty() => {
            let told = format!("not compared: {}", not_compared.join(", "));
            Failure { details, ..Failure::new(Exit::Refused, "not-compared", told) }
        }
        _ => {
            let told = "wallets and books differ; `tokengine operator work` tells what to do";
            Failure { details, ..Failure::new(Exit::Damaged, "wallets-differ", told) }
        }
    })
}

/// Why a network's wallets were not compared.
fn why_not(status: &str) -> &'static str {
    match status {
        "too-early" => "too little of it was searched yet, or its newest blocks changed meanwhile; ask again",
        "final-orphaned" => {
            "a reorganisation took a final transaction of ours, and no wallet there can be compared before it is back or \
             cleared; `tokengine operator work` tells what to do"
        }
        "deposit-orphaned" => {
            "a reorganisation took a deposit that was credited, and no wallet there can be compared before it is back or \
             reversed; `tokengine operator work` tells what there is to do"
        }
        _ => "still under way; `tokengine operator work` tells what differs",
    }
}
