//! That every unit is accounted for: wallets against books, accounts against totals, and the journal against itself.

use super::say::Say;
use super::world::{World, here};
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::out::Out;
use crate::serve::App;
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn prove(world: &World, client: &Client, app: &App, say: &Say) -> Result<(), Failure> {
    for network in world.networks() {
        let doing = say.doing("the wallets are compared with the books at a final block");
        if network.decimals == 18 {
            // It makes blocks only for transactions: some more, so that the last payment is final.
            here(|| network.anvil.mine(4))?;
        }
        let until = tokio::time::Instant::now() + PATIENCE;
        let report = loop {
            let report = app.workers().reconcile(&network.id).await;
            let report = report.map_err(|error| Failure::of(Exit::Failed, error.code(), &error))?;
            match report {
                Some(report) if report.left_out.is_empty() && !report.lines.is_empty() => break report,
                _ if tokio::time::Instant::now() >= until => {
                    return Err(Failure::new(Exit::Failed, "demo", format!("{} was not compared", network.name)));
                }
                _ => tokio::time::sleep(LOOK_EVERY).await, // a sweep is under way
            }
        };
        drop(doing);
        if !report.is_even() {
            let text = format!("{}: wallets and books differ: {:?}", network.name, report.lines);
            return Err(Failure::new(Exit::Damaged, "demo", text));
        }
        let text = format!(
            "{}: {} holdings compared at block {}, and every one is what the books say",
            network.name,
            report.lines.len(),
            report.block.height
        );
        say.done(&text);
    }
    let books = client.get(&["operator", "books"], &[("prove", "true")]).await?;
    for book in books["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if book["balanced"] != true {
            return Err(Failure::new(Exit::Damaged, "demo", format!("the books do not balance: {book}")));
        }
        let part = |name: &str| book[name]["decimal"].as_str().unwrap_or("0").to_owned();
        say.done(&format!(
            "{}: wallets hold {} = customers' {} + fees {} + what the operator brought {} - spent on gas {}",
            book["token"].as_str().unwrap_or_default(),
            part("holdings"),
            part("liabilities"),
            part("fees"),
            part("equity_in"),
            part("equity_out")
        ));
    }
    let work = client.get(&["operator", "work"], &[]).await?;
    let open: Vec<&Value> = work["items"].as_array().map(|items| items.iter().collect()).unwrap_or_default();
    if !open.is_empty() {
        return Err(Failure::new(Exit::Failed, "demo", format!("something needs a person: {open:?}")));
    }
    let (position, live) = app.handle().query(|state| (state.position(), state.digest())).await?;
    let data = world.folder.join("data");
    let replayed = move || crate::command::journal::prove(&data, Some(position), Out { json: true });
    let proof = crate::serve::blocking(replayed).await??;
    let live: String = live.iter().map(|byte| format!("{byte:02x}")).collect();
    if live != proof.digest {
        return Err(Failure::new(Exit::Damaged, "demo", "the journal replays to another state than the live one"));
    }
    let text = "every hash of the journal was checked, and its";
    say.done(&format!("{text} {position} events replay to exactly the live state ({}...)", &live[..16]));
    Ok(())
}
