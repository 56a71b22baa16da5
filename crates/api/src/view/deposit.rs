//! A deposit: what came, how deep it lies, whose it became. And a claim: somebody says that something came.

use super::payout::{confirming, needed};
use super::{BlockView, Outcome, StepView};
use crate::directory::{Directory, Named};
use crate::ids::{self, Named as Id};
use crate::time::rfc3339;
use crate::{Money, NetworkSource, Problem};
use serde::Serialize;
use tokengine_core::{
    AccountIx, Address, Amount, AssetIx, BlockHash, ClaimRefusal, Finality, Fingerprint, Locator, NetworkIx, Position,
    SuspenseReason, Time, TxId, WalletIx,
};
use tokengine_store::{ClaimState, DepositState};
use utoipa::ToSchema;

/// Where in its transaction a payment stands. Never a number that a reorg changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schema(example = json!({"kind": "log", "position": 0}))]
pub enum LocatorView {
    /// The transaction's own value.
    Value,
    /// An output.
    Output {
        /// Its index.
        index: u32,
    },
    /// A log.
    Log {
        /// Its position within its own receipt.
        position: u32,
    },
    /// A transfer made by a contract.
    Trace {
        /// Child numbers from the outermost call.
        path: Vec<u32>,
    },
}

impl From<&Locator> for LocatorView {
    fn from(locator: &Locator) -> Self {
        match locator {
            Locator::Value => Self::Value,
            Locator::Output(index) => Self::Output { index: *index },
            Locator::Log(position) => Self::Log { position: *position },
            Locator::Trace(path) => Self::Trace { path: path.to_vec() },
        }
    }
}

/// A deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "5f1c0a7be4d1408fb0b6e3a3a7f0c9d2", "network": "eip155:1", "asset": "eip155:1/slip44:60",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", "locator": {"kind": "value"},
    "amount": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "sender": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "wallet": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "status": "confirming", "sub_status": "confirming 3 of 12", "outcome": "unknown",
    "block": {"height": 19000000, "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6"},
    "history": [{"position": "42", "at": "2026-03-01T12:00:00Z", "status": "seen"}], "seen_at": "2026-03-01T12:00:00Z"
}))]
pub struct DepositView {
    /// 128 bits of a hash over what it is for ever known by, in hexadecimal.
    pub id: String,
    /// Where it came in.
    pub network: String,
    /// In which transaction.
    pub transaction: String,
    /// Where in it.
    pub locator: LocatorView,
    /// What came.
    pub asset: String,
    /// How much.
    pub amount: Money,
    /// What was credited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credited: Option<Money>,
    /// Whose it is, or is going to be as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who paid, as the network says.
    pub sender: String,
    /// Which wallet of ours received it.
    pub wallet: String,
    /// `confirming`, then `credited`, `suspense`, `equity`, `refill` or `dropped`; `reversed` after a deep reorg.
    pub status: String,
    /// Why it is not further: `confirming 3 of 12`; in suspense, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_status: Option<String>,
    /// Whether it counts.
    pub outcome: Outcome,
    /// The block it is in.
    pub block: BlockView,
    /// Its way.
    pub history: Vec<StepView>,
    /// When it was first seen.
    pub seen_at: String,
    /// When it was credited, or otherwise ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
}

/// A deposit, as the read model has it.
#[derive(Clone, Debug)]
pub(crate) struct DepositRow {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) network: NetworkIx,
    pub(crate) tx: TxId,
    pub(crate) locator: Locator,
    pub(crate) asset: AssetIx,
    pub(crate) wallet: WalletIx,
    pub(crate) sender: Address,
    pub(crate) amount: Amount,
    pub(crate) credited: Option<Amount>,
    pub(crate) account: Option<AccountIx>,
    pub(crate) state: DepositState,
    pub(crate) orphaned: bool,
    pub(crate) suspense: Option<SuspenseReason>,
    pub(crate) block: (u64, BlockHash),
    pub(crate) seen_at: Time,
    pub(crate) settled_at: Option<Time>,
    pub(crate) steps: Vec<StepView>,
}

/// The word for why an amount has no owner.
pub(crate) fn suspense_reason(reason: SuspenseReason) -> &'static str {
    match reason {
        SuspenseReason::SenderIsContract => "sender-is-contract",
        SuspenseReason::BelowMinimum => "below-minimum",
        SuspenseReason::AboveMaximum => "above-maximum",
        SuspenseReason::DepositsOff => "deposits-off",
        SuspenseReason::Surplus => "surplus",
        SuspenseReason::NotForAccounts => "not-for-accounts",
        SuspenseReason::Unpaid => "unpaid",
        SuspenseReason::AlreadyBooked => "already-booked",
        SuspenseReason::NoRoom => "no-room",
    }
}

impl DepositRow {
    /// Differs when it has changed in a way that somebody who waits wants to know.
    pub(crate) fn stamp(&self) -> u64 {
        super::stamp(&(self.state, self.orphaned, self.account, self.block, self.steps.len()))
    }

    fn outcome(&self) -> Outcome {
        match self.state {
            DepositState::Confirming => Outcome::Unknown,
            DepositState::Credited | DepositState::Suspense | DepositState::Equity | DepositState::Refill => {
                Outcome::Done
            }
            DepositState::Dropped | DepositState::Reversed => Outcome::NotDone,
        }
    }

    /// Why it is not further. A network that makes nothing final for hours is told by its newest final block.
    fn sub_status(&self, directory: &Directory, networks: &dyn NetworkSource) -> Option<String> {
        match self.state {
            DepositState::Confirming if self.orphaned => Some("waiting: a reorg took its block away".into()),
            DepositState::Confirming => {
                let asset = directory.asset(self.asset).ok()?;
                let network = directory.network(self.network).ok()?;
                if directory.paused || network.paused || asset.paused {
                    return Some("held: paused by the operator".into());
                }
                if network.halted.is_some() {
                    return Some("held: the network is halted".into());
                }
                if asset.stopped.is_some() || !asset.is_probed() {
                    return Some("held: the asset's contract is being looked at".into());
                }
                let deep = network.scanned?.checked_sub(self.block.0).map_or(0, |above| above.saturating_add(1));
                match asset.rules.finality_for(self.amount) {
                    Finality::Safe => {
                        Some(self.waits_for("safe", networks.status(&network.id).and_then(|seen| seen.safe)))
                    }
                    Finality::Finalized => {
                        Some(self.waits_for("finalized", networks.status(&network.id).and_then(|seen| seen.finalized)))
                    }
                    counted @ Finality::Confirmations(_) => {
                        Some(confirming((deep, needed(counted)), directory, self.asset))
                    }
                }
            }
            DepositState::Suspense => self.suspense.map(|reason| suspense_reason(reason).to_owned()),
            _ => None,
        }
    }

    fn waits_for(&self, level: &str, newest: Option<u64>) -> String {
        let height = self.block.0;
        match newest {
            Some(newest) if newest < height => {
                format!("confirming: block {height} is not {level} yet, the newest {level} block is {newest}")
            }
            _ => format!("confirming: {level}"),
        }
    }

    pub(crate) fn view(
        &self,
        directory: &Directory,
        names: &Named,
        networks: &dyn NetworkSource,
    ) -> Result<DepositView, Problem> {
        let asset = directory.asset(self.asset)?;
        Ok(DepositView {
            id: ids::deposit(self.fingerprint),
            network: directory.network(self.network)?.id.to_string(),
            transaction: self.tx.to_string(),
            locator: (&self.locator).into(),
            asset: asset.id.to_string(),
            amount: directory.asset_money(self.asset, self.amount)?,
            credited: self.credited.map(|amount| directory.token_money(asset.token, amount)).transpose()?,
            account: self.account.map(|account| names.account(account)),
            sender: directory.caip10(self.network, &self.sender)?,
            wallet: names.wallet(self.wallet, directory),
            status: self.state.name().into(),
            sub_status: self.sub_status(directory, networks),
            outcome: self.outcome(),
            block: BlockView { height: self.block.0, hash: self.block.1.to_string() },
            history: self.steps.clone(),
            seen_at: rfc3339(self.seen_at),
            settled_at: self.settled_at.map(rfc3339),
        })
    }
}

/// Somebody says that a transaction pays us: it is looked for at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a1b2-c3d4-7003-8000-000000000007", "network": "eip155:1",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", "account": "alice",
    "status": "open", "deposits": [], "created_at": "2026-03-01T12:00:00Z"}))]
pub struct ClaimView {
    /// Its id.
    pub id: String,
    /// Where to look.
    pub network: String,
    /// For which transaction.
    pub transaction: String,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `open`, then `found` or `refused`.
    pub status: String,
    /// Why it was refused: a stable code. The scan goes on as if the claim had not been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The deposits of that transaction that are known; with an account, only that account's.
    pub deposits: Vec<DepositView>,
    /// When it was made.
    pub created_at: String,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
}

/// A claim, wherever it was read.
#[derive(Clone, Debug)]
pub(crate) struct ClaimRow {
    pub(crate) position: Position,
    pub(crate) network: NetworkIx,
    pub(crate) tx: TxId,
    pub(crate) account: Option<AccountIx>,
    pub(crate) at: Time,
    pub(crate) state: ClaimState,
    pub(crate) refusal: Option<ClaimRefusal>,
    pub(crate) closed_at: Option<Time>,
}

impl ClaimRow {
    pub(crate) fn view(
        &self,
        directory: &Directory,
        names: &Named,
        deposits: Vec<DepositView>,
    ) -> Result<ClaimView, Problem> {
        Ok(ClaimView {
            id: ids::public(self.at, Id::Claim(self.position)),
            network: directory.network(self.network)?.id.to_string(),
            transaction: self.tx.to_string(),
            account: self.account.map(|account| names.account(account)),
            status: self.state.name().into(),
            refusal: self.refusal.map(|refusal| refusal.code().to_owned()),
            deposits,
            created_at: rfc3339(self.at),
            closed_at: self.closed_at.map(rfc3339),
        })
    }
}
