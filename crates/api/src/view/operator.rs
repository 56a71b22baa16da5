//! What the operator sees: books, wallets, keys, suspense, the audit trail, and the work that needs a person.

use super::listed::StopView;
use crate::directory::Directory;
use crate::time::rfc3339;
use crate::{Money, Problem, ids};
use serde::Serialize;
use tokengine_core::{Asset, Network, NetworkIx, PayoutStage, RecentFinal, State, Stop, Time, Wait};
use utoipa::ToSchema;

/// One token's books: what is owed on one side, what is held on the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BookView {
    /// Of what.
    pub token: String,
    /// What the operator owes to others: accounts' free and held, and suspense.
    pub liabilities: Money,
    /// What all accounts have free.
    pub free: Money,
    /// What is locked for withdrawals.
    pub held: Money,
    /// What nobody owns yet.
    pub suspense: Money,
    /// Fees taken.
    pub fees: Money,
    /// What the operator put in.
    pub equity_in: Money,
    /// What the operator spent or lost: gas, reverts, reversals.
    pub equity_out: Money,
    /// What the wallets hold on networks.
    pub holdings: Money,
    /// Liabilities, fees and what was put in equal holdings and what went out.
    pub balanced: bool,
}

/// A wallet of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": 0, "address": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F", "role": "hot",
    "ready": true, "holdings": []}))]
pub struct WalletView {
    /// Its number, for thawing it.
    pub id: u32,
    /// Its CAIP-10 id.
    pub address: String,
    /// `hot`, `cold`, `deposit`, `gas` or `retiring`.
    pub role: String,
    /// Its nonce was compared with the network.
    pub ready: bool,
    /// Why nothing is signed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<StopView>,
    /// What it holds.
    pub holdings: Vec<HoldingView>,
}

/// What a wallet holds of one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "amount": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "reserved": {"base_units": "0", "decimal": "0", "decimals": 18, "asset": "eip155:1/slip44:60"}}))]
pub struct HoldingView {
    /// What is final, by the books.
    pub amount: Money,
    /// Of that, what payments under way have taken for themselves.
    pub reserved: Money,
}

/// An API key. Its secret is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": 1, "name": "shop", "prefix": "a1b2c3d4e5f6", "scopes": ["moves:create"],
    "revoked": false}))]
pub struct KeyView {
    /// Its number.
    pub id: u32,
    /// The operator's name for it.
    pub name: String,
    /// What the key begins with after `tok_`, to tell keys apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// It is no good any more.
    pub revoked: bool,
}

/// An amount that nobody owns yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a1b2-c3d4-7004-8000-000000000001",
    "amount": {"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"},
    "reason": "sender-is-contract", "wallet": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "since": "2026-03-01T12:00:00Z"}))]
pub struct SuspenseView {
    /// Its id.
    pub id: String,
    /// How much.
    pub amount: Money,
    /// Why: a stable word.
    pub reason: String,
    /// The deposit that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<String>,
    /// Who paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Which wallet holds it.
    pub wallet: String,
    /// Since when.
    pub since: String,
}

/// One event of the audit trail, and who caused it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"event": {"id": "42", "type": "pause-set", "time": "2026-03-01T12:00:00Z",
    "data": {"scope": {"kind": "everything"}, "paused": true, "reason": "maintenance"}}, "principal": "key ops"}))]
pub struct AuditView {
    /// What happened.
    pub event: super::EventView,
    /// Who asked for it; absent for what the engine saw by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

/// What is paused and halted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"everything": false, "networks": ["eip155:1"], "assets": []}))]
pub struct PausesView {
    /// Everything is.
    pub everything: bool,
    /// These networks are, by the operator.
    pub networks: Vec<String>,
    /// These assets are, by the operator.
    pub assets: Vec<String>,
    /// The engine searches the networks after a restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<StopView>,
}

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

/// Final transactions of ours that a reorg took and that are in no block again yet.
fn finals_lost(ix: NetworkIx, network: &Network) -> impl Iterator<Item = (NetworkIx, &RecentFinal)> {
    network.recent_final.iter().filter(|sent| sent.orphaned).map(move |sent| (ix, sent))
}

/// What a person has to look at, most urgent first.
pub(crate) fn work(state: &State, directory: &Directory, now: Time) -> Vec<WorkItem> {
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
    for (ix, sent) in state.networks().flat_map(|(ix, row)| finals_lost(ix, row)).take(MOST) {
        let network = directory.network(ix).map(|row| row.id.to_string()).unwrap_or_default();
        let money = sent.moved.and_then(|(asset, amount)| {
            let money = directory.asset_money(asset, amount).ok()?;
            Some(format!("{} {}", money.decimal, directory.asset(asset).ok()?.id))
        });
        let what = money.unwrap_or_else(|| "nothing but gas".into());
        let detail = format!(
            "a reorg took a final transaction of ours (dispatch {}), which moved {what}: its withdrawal may be unpaid",
            sent.dispatch
        );
        let action = if sent.raw.is_empty() {
            "its bytes are not known here: see where it is; the wallets are not compared before it is back"
        } else {
            "it is sent again by itself; the wallets are not compared before it is back"
        };
        add("final-orphaned", format!("{network} {}", sent.tx), detail, None, action);
    }
    let action = "POST /v1/operator/assets/resume";
    for (_, asset) in state.assets() {
        let Asset { id, stopped, short, .. } = asset;
        if let Some((detail, since)) = stopped.as_ref().map(stop) {
            add("asset-stopped", id.to_string(), detail, since, action);
        }
        if let Some((detail, since)) = short.as_ref().map(stop) {
            add("asset-short", id.to_string(), detail, since, action);
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
    list
}

impl Directory {
    /// One token's books.
    pub(crate) fn book_view(
        &self,
        token: tokengine_core::TokenIx,
        totals: &tokengine_core::Totals,
    ) -> Result<BookView, Problem> {
        let money = |amount| self.token_money(token, amount);
        let liabilities = totals.liabilities().ok_or_else(|| Problem::internal(&"liabilities that do not fit"))?;
        Ok(BookView {
            token: self.token(token)?.id.to_string(),
            liabilities: money(liabilities)?,
            free: money(totals.free)?,
            held: money(totals.held)?,
            suspense: money(totals.suspense)?,
            fees: money(totals.fees)?,
            equity_in: money(totals.equity_in)?,
            equity_out: money(totals.equity_out)?,
            holdings: money(totals.custody)?,
            balanced: totals.balance(),
        })
    }

    /// A wallet with what it holds.
    pub(crate) fn wallet_view(
        &self,
        ix: tokengine_core::WalletIx,
        wallet: &tokengine_core::Wallet,
    ) -> Result<WalletView, Problem> {
        use tokengine_core::Role;
        let holding = |(asset, holding): &(tokengine_core::AssetIx, tokengine_core::Holding)| {
            Ok(HoldingView {
                amount: self.asset_money(*asset, holding.amount)?,
                reserved: self.asset_money(*asset, holding.reserved)?,
            })
        };
        let role = match wallet.role {
            Role::Hot => "hot",
            Role::Cold => "cold",
            Role::Deposit(_) => "deposit",
            Role::Gas => "gas",
            Role::Retiring => "retiring",
        };
        Ok(WalletView {
            id: ix.0,
            address: self.caip10(wallet.network, &wallet.address)?,
            role: role.into(),
            ready: wallet.next_nonce.is_some() || matches!(wallet.role, Role::Cold),
            frozen: wallet.frozen.as_ref().map(Into::into),
            holdings: wallet.holdings.iter().map(holding).collect::<Result<_, Problem>>()?,
        })
    }
}
