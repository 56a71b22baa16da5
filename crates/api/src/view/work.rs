//! The work that needs a person: everything that the engine cannot or may not end by itself, and what ends it.

use super::losses::{lost_finals, shortages, unmatched};
use crate::directory::Directory;
use crate::time::rfc3339;
use crate::{Money, Problem, ids};
use serde::Serialize;
use tokengine_core::{AssetIx, PayoutStage, State, Stop, Time, Wait};
use utoipa::ToSchema;

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"kind": "network-halted", "subject": "eip155:1", "detail": "a reorg of 70 blocks",
    "since": "2026-03-01T12:00:00Z", "action": "POST /v1/operator/networks/resume",
    "command": "tokengine operator resume-network eip155:1 --reason \"...\""}))]
pub struct WorkItem {
    /// `recovery`, `network-halted`, `asset-stopped`, `asset-short`, `wallet-frozen`, `account-owes`, `suspense`,
    /// `final-orphaned`, `withdrawal-waiting`, `withdrawal-unknown` or `deposit-orphaned`.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// In words.
    pub detail: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What ends it.
    pub action: String,
    /// The same from the command line, where a person has to do something: whole, but for the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// A withdrawal that is not in a block after this long is shown to a person, in milliseconds.
const LONG_MS: u64 = 10 * 60 * 1000;
/// No more of one kind are listed: the list is for reading.
const MOST: usize = 500;

/// What a person has to look at, most urgent first.
pub(crate) fn work(state: &State, directory: &Directory, now: Time) -> Result<Vec<WorkItem>, Problem> {
    let mut list = Vec::new();
    let mut add = |kind: &str, subject: String, detail: String, since: Option<Time>, todo: Todo| {
        let (since, Todo { action, command }) = (since.map(rfc3339), todo);
        list.push(WorkItem { kind: kind.into(), subject, detail, since, action, command });
    };
    let stop = |stop: &Stop| (stop.reason.to_string(), Some(stop.since));
    if let Some((detail, since)) = state.recovery().map(stop) {
        add("recovery", "engine".into(), detail, since, "it ends by itself when every network was searched".into());
    }
    for (_, network) in state.networks() {
        if let Some((detail, since)) = network.halted.as_ref().map(stop) {
            let todo =
                Todo::both("POST /v1/operator/networks/resume", reasoned(&format!("resume-network {}", network.id)));
            add("network-halted", network.id.to_string(), detail, since, todo);
        }
    }
    for lost in lost_finals(state, directory)?.into_iter().take(MOST) {
        let clear = reasoned(&format!("clear-final {} {}", lost.network, lost.transaction));
        let todo = Todo::of(["POST /v1/operator/finals/clear", &clear], |clear| match (lost.success, lost.resent) {
            (false, _) => format!("it came back reverted: wait until it is gone, or {clear}"),
            (true, true) => format!("it is sent again by itself; {clear} once it cannot come back"),
            (true, false) => {
                format!("its bytes are not known here: see where it is, and {clear} if it cannot come back")
            }
        });
        let what = lost.moved.as_ref().map_or_else(|| "nothing but gas".into(), named);
        let meant = match (&lost.to, &lost.moved) {
            (Some(_), _) => "between wallets of ours: nobody is unpaid",
            (None, Some(_)) => "to outside: its withdrawal may be unpaid",
            (None, None) => "by its fee",
        };
        let detail = format!(
            "a reorg took a final transaction of ours (dispatch {}), which moved {what} {meant}; no wallet there is \
             compared before it is back",
            lost.dispatch
        );
        add("final-orphaned", format!("{} {}", lost.network, lost.transaction), detail, None, todo);
    }
    for paid in unmatched(state, directory)?.into_iter().take(MOST) {
        let detail = format!(
            "found after a restore: {} paid {} to {}, and nothing asked for it; a withdrawal of just that is settled as it",
            paid.wallet,
            named(&paid.moved),
            paid.to
        );
        let clear = reasoned(&format!("clear-unmatched {} {}", paid.network, paid.transaction));
        let todo = Todo::of(["POST /v1/operator/unmatched/clear".into(), clear], |clear| {
            format!("wait for its request; {clear} if there will be none")
        });
        add("payment-unmatched", format!("{} {}", paid.network, paid.transaction), detail, None, todo);
    }
    for (_, asset) in state.assets() {
        if let Some((detail, since)) = asset.stopped.as_ref().map(stop) {
            let todo = Todo::both("POST /v1/operator/assets/resume", reasoned(&format!("resume-asset {}", asset.id)));
            add("asset-stopped", asset.id.to_string(), detail, since, todo);
        }
    }
    for ((ix, wallet, row), short) in state.shortages().zip(shortages(state, directory)?).take(MOST) {
        let (missing, at) = (named(&short.missing), short.height);
        let detail =
            format!("wallet {} ({}) holds {missing} less than the books at block {at}", short.wallet, short.address);
        let since = state.asset(ix).and_then(|asset| asset.short.as_ref()).map_or(row.at, |stop| stop.since);
        // No more can be written off than is in the books.
        let booked = state.wallet(wallet).map_or(row.missing, |wallet| wallet.holding(ix).amount);
        let most = if row.missing > booked { &short.booked } else { &short.missing };
        let off = format!("write-off {} --wallet {} --amount {}", short.asset, short.wallet, most.decimal);
        let routes = ["POST /v1/operator/reconcile", "POST /v1/operator/shortages/write-off"];
        let todo = Todo::of([routes, [RECONCILE, &reasoned(&off)]], |[reconcile, write_off]| {
            format!("find out how it left; bring it and {reconcile}, which ends it, or {write_off}")
        });
        add("asset-short", short.asset, detail, Some(since), todo);
    }
    for (_, asset) in state.assets().filter(|(ix, _)| state.shortages().all(|(short, ..)| short != *ix)) {
        if let Some((detail, since)) = asset.short.as_ref().map(stop) {
            let todo =
                Todo::of(["POST /v1/operator/reconcile", RECONCILE], |it| format!("the next comparison ends it: {it}"));
            add("asset-short", asset.id.to_string(), detail, since, todo);
        }
    }
    for (ix, wallet) in state.house_wallets() {
        if let Some((detail, since)) = wallet.frozen.as_ref().map(stop) {
            let address = directory.caip10(wallet.network, &wallet.address).unwrap_or_default();
            let todo = Todo::both(&format!("POST /v1/operator/wallets/{ix}/thaw"), reasoned(&format!("thaw {ix}")));
            add("wallet-frozen", address, detail, since, todo);
        }
    }
    for (account, token, amount) in state.owed().take(MOST) {
        let name = state.account_name(account).unwrap_or_default().to_owned();
        let owes = directory.token_money(token, amount).map(|money| money.decimal).unwrap_or_default();
        let token = directory.token(token).map(|row| row.id.to_string()).unwrap_or_default();
        let detail = format!("owes {owes} {token} after a reversal");
        let route = format!("POST /v1/operator/accounts/{name}/settle-owed");
        let todo = Todo::both(&route, format!("tokengine operator settle-owed {name} --token {token} --amount {owes}"));
        add("account-owes", name, detail, None, todo);
    }
    for (id, item) in state.suspense().take(MOST) {
        let amount = directory.token_money(item.token, item.amount).map(|money| money.decimal).unwrap_or_default();
        let token = directory.token(item.token).map(|row| row.id.to_string()).unwrap_or_default();
        let detail = format!("{amount} {token}: {}", super::deposit::suspense_reason(item.reason));
        let subject = ids::public(item.at, ids::Named::Suspense(id));
        let assign = format!("suspense assign {subject} --account <account>");
        let route = format!("POST /v1/operator/suspense/{subject}/assign");
        let todo = Todo::both(&route, format!("{} (or --equity, where it is yours)", reasoned(&assign)));
        add("suspense", subject, detail, Some(item.at), todo);
    }
    for (id, payout) in state.payouts() {
        let subject = || ids::payout(payout.held_at, id);
        match payout.stage {
            PayoutStage::Waiting(why) if why != Wait::Turn => {
                let detail = format!("waiting: {}", why.name());
                let todo = match why {
                    Wait::Liquidity => "bring funds to a hot wallet".into(),
                    Wait::Gas => "bring the network's coin to a hot wallet".into(),
                    Wait::Signer => "see to the signer".into(),
                    Wait::Paused => paused(state, payout.order.asset),
                    Wait::Fee => "wait, or raise the fee cap".into(),
                    Wait::Token => "the token's contract refuses: see to its issuer".into(),
                    Wait::Network => "see to the network's nodes".into(),
                    Wait::Authority => cancel(&subject()),
                    Wait::Turn => "".into(),
                };
                add("withdrawal-waiting", subject(), detail, Some(payout.held_at), todo);
            }
            PayoutStage::Dispatched(dispatch) => {
                let Some(slot) = state.dispatch(dispatch).filter(|slot| slot.seen.is_none()) else { continue };
                if now.ms_since(slot.opened_at) > LONG_MS {
                    let detail = format!("{} signed, none in a block yet", slot.attempts.len());
                    let todo = "nothing but its network can end it; its fee is raised by itself".into();
                    add("withdrawal-unknown", subject(), detail, Some(slot.opened_at), todo);
                }
            }
            PayoutStage::Waiting(_) => {}
        }
    }
    for pending in state.pending_deposits().filter(|pending| pending.orphaned).take(MOST) {
        let network = directory.network(pending.deposit.key.network).map(|row| row.id.to_string()).unwrap_or_default();
        let subject = format!("{network} {}", pending.deposit.key.tx);
        let detail = "a reorg took its block away and it was not seen again yet".to_owned();
        add(
            "deposit-orphaned",
            subject,
            detail,
            Some(pending.seen_at),
            "it is watched until it is back or gone".into(),
        );
    }
    Ok(list)
}

const RECONCILE: &str = "`tokengine reconcile`";

/// What ends something: over REST, and from the command line.
struct Todo {
    action: String,
    command: Option<String>,
}

impl From<&str> for Todo {
    fn from(action: &str) -> Self {
        Self { action: action.into(), command: None }
    }
}

impl Todo {
    fn both(route: &str, command: String) -> Self {
        Self { action: route.into(), command: Some(command) }
    }

    /// The same words around both.
    fn of<T>([route, command]: [T; 2], words: impl Fn(T) -> String) -> Self {
        Self { action: words(route), command: Some(words(command)) }
    }
}

/// A command of `tokengine operator` that wants a reason.
fn reasoned(command: &str) -> String {
    format!("tokengine operator {command} --reason \"...\"")
}

fn cancel(id: &str) -> Todo {
    let both = [format!("POST /v1/operator/withdrawals/{id}/cancel"), format!("tokengine operator cancel {id}")];
    Todo::of(both, |it| format!("the contract that signed no longer says so: {it}"))
}

/// Everything, the network or the asset: the widest first, as a withdrawal waits for each of them.
fn paused(state: &State, asset: AssetIx) -> Todo {
    let row = state.asset(asset);
    let network = row.and_then(|row| state.network(row.network)).filter(|network| network.paused);
    let what = match (network, row) {
        _ if state.is_paused() => "all",
        (Some(network), _) => &network.id,
        (None, Some(row)) => &row.id,
        (None, None) => return "resume what is paused".into(),
    };
    Todo::of(["POST /v1/operator/resume".into(), reasoned(&format!("resume {what}"))], |it| {
        format!("{what} is paused: {it}")
    })
}

/// An amount with the asset that it is of.
fn named(money: &Money) -> String {
    format!("{} {}", money.decimal, money.asset.as_deref().unwrap_or_default())
}
