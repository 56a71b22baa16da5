//! The work that needs a person: everything that the engine cannot or may not end by itself, and what ends it.

use super::losses::{lost_finals, shortages, unmatched};
use crate::directory::Directory;
use crate::time::rfc3339;
use crate::{Money, Problem, ids};
use serde::Serialize;
use tokengine_core::{PayoutStage, State, Stop, Time, Wait};
use utoipa::ToSchema;

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"kind": "network-halted", "subject": "eip155:1", "detail": "a reorg of 70 blocks",
    "since": "2026-03-01T12:00:00Z", "action": "POST /v1/operator/networks/resume"}))]
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
}

/// A withdrawal that is not in a block after this long is shown to a person, in milliseconds.
const LONG_MS: u64 = 10 * 60 * 1000;
/// No more of one kind are listed: the list is for reading.
const MOST: usize = 500;

/// What a person has to look at, most urgent first.
pub(crate) fn work(state: &State, directory: &Directory, now: Time) -> Result<Vec<WorkItem>, Problem> {
    let mut list = Vec::new();
    let mut add = |kind: &str, subject: String, detail: String, since: Option<Time>, action: &str| {
        let since = since.map(rfc3339);
        list.push(WorkItem { kind: kind.into(), subject, detail, since, action: action.into() });
    };
    let stop = |stop: &Stop| (stop.reason.to_string(), Some(stop.since));
    if let Some((detail, since)) = state.recovery().map(stop) {
        add("recovery", "engine".into(), detail, since, "it ends by itself when every network was searched");
    }
    for (_, network) in state.networks() {
        if let Some((detail, since)) = network.halted.as_ref().map(stop) {
            add("network-halted", network.id.to_string(), detail, since, "POST /v1/operator/networks/resume");
        }
    }
    for lost in lost_finals(state, directory)?.into_iter().take(MOST) {
        let action = match (lost.success, lost.resent) {
            (false, _) => "it came back reverted: wait until it is gone, or POST /v1/operator/finals/clear",
            (true, true) => "it is sent again by itself; POST /v1/operator/finals/clear once it cannot come back",
            (true, false) => {
                "its bytes are not known here: see where it is, and POST /v1/operator/finals/clear if it cannot come back"
            }
        };
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
        add("final-orphaned", format!("{} {}", lost.network, lost.transaction), detail, None, action);
    }
    for paid in unmatched(state, directory)?.into_iter().take(MOST) {
        let detail = format!(
            "found after a restore: {} paid {} to {}, and nothing asked for it; a withdrawal of just that is settled as it",
            paid.wallet,
            named(&paid.moved),
            paid.to
        );
        let action = "wait for its request; POST /v1/operator/unmatched/clear if there will be none";
        add("payment-unmatched", format!("{} {}", paid.network, paid.transaction), detail, None, action);
    }
    for (_, asset) in state.assets() {
        if let Some((detail, since)) = asset.stopped.as_ref().map(stop) {
            add("asset-stopped", asset.id.to_string(), detail, since, "POST /v1/operator/assets/resume");
        }
    }
    for ((ix, _, row), short) in state.shortages().zip(shortages(state, directory)?).take(MOST) {
        let (missing, at) = (named(&short.missing), short.height);
        let detail =
            format!("wallet {} ({}) holds {missing} less than the books at block {at}", short.wallet, short.address);
        let since = state.asset(ix).and_then(|asset| asset.short.as_ref()).map_or(row.at, |stop| stop.since);
        let action = "find out how it left; bring it and reconcile, or POST /v1/operator/shortages/write-off";
        add("asset-short", short.asset, detail, Some(since), action);
    }
    for (_, asset) in state.assets().filter(|(ix, _)| state.shortages().all(|(short, ..)| short != *ix)) {
        if let Some((detail, since)) = asset.short.as_ref().map(stop) {
            add(
                "asset-short",
                asset.id.to_string(),
                detail,
                since,
                "the next comparison ends it: POST /v1/operator/reconcile",
            );
        }
    }
    for (ix, wallet) in state.house_wallets() {
        if let Some((detail, since)) = wallet.frozen.as_ref().map(stop) {
            let address = directory.caip10(wallet.network, &wallet.address).unwrap_or_default();
            let action = format!("POST /v1/operator/wallets/{ix}/thaw");
            add("wallet-frozen", address, detail, since, &action);
        }
    }
    for (account, token, amount) in state.owed().take(MOST) {
        let name = state.account_name(account).unwrap_or_default().to_owned();
        let owes = directory.token_money(token, amount).map(|money| money.decimal).unwrap_or_default();
        let token = directory.token(token).map(|row| row.id.to_string()).unwrap_or_default();
        let detail = format!("owes {owes} {token} after a reversal");
        add("account-owes", name, detail, None, "POST /v1/operator/accounts/{id}/settle-owed");
    }
    for (id, item) in state.suspense().take(MOST) {
        let amount = directory.token_money(item.token, item.amount).map(|money| money.decimal).unwrap_or_default();
        let token = directory.token(item.token).map(|row| row.id.to_string()).unwrap_or_default();
        let detail = format!("{amount} {token}: {}", super::deposit::suspense_reason(item.reason));
        let subject = ids::public(item.at, ids::Named::Suspense(id));
        add("suspense", subject, detail, Some(item.at), "POST /v1/operator/suspense/{id}/assign");
    }
    for (id, payout) in state.payouts() {
        let subject = || ids::payout(payout.held_at, id);
        match payout.stage {
            PayoutStage::Waiting(why) if why != Wait::Turn => {
                let detail = format!("waiting: {}", why.name());
                let action = match why {
                    Wait::Liquidity => "bring funds to a hot wallet",
                    Wait::Gas => "bring the network's coin to a hot wallet",
                    Wait::Signer => "see to the signer",
                    Wait::Paused => "resume what is paused",
                    Wait::Fee => "wait, or raise the fee cap",
                    Wait::Token => "the token's contract refuses: see to its issuer",
                    Wait::Network => "see to the network's nodes",
                    Wait::Authority => "the contract that signed no longer says so: cancel it",
                    Wait::Turn => "",
                };
                add("withdrawal-waiting", subject(), detail, Some(payout.held_at), action);
            }
            PayoutStage::Dispatched(dispatch) => {
                let Some(slot) = state.dispatch(dispatch).filter(|slot| slot.seen.is_none()) else { continue };
                if now.ms_since(slot.opened_at) > LONG_MS {
                    let detail = format!("{} signed, none in a block yet", slot.attempts.len());
                    let action = "nothing but its network can end it; its fee is raised by itself";
                    add("withdrawal-unknown", subject(), detail, Some(slot.opened_at), action);
                }
            }
            PayoutStage::Waiting(_) => {}
        }
    }
    for pending in state.pending_deposits().filter(|pending| pending.orphaned).take(MOST) {
        let network = directory.network(pending.deposit.key.network).map(|row| row.id.to_string()).unwrap_or_default();
        let subject = format!("{network} {}", pending.deposit.key.tx);
        let detail = "a reorg took its block away and it was not seen again yet".to_owned();
        add("deposit-orphaned", subject, detail, Some(pending.seen_at), "it is watched until it is back or gone");
    }
    Ok(list)
}

/// An amount with the asset that it is of.
fn named(money: &Money) -> String {
    format!("{} {}", money.decimal, money.asset.as_deref().unwrap_or_default())
}
