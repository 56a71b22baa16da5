//! A withdrawal: what was asked, what became of it, and what is proven.

use super::{BlockView, StepView};
use crate::directory::{Directory, Named};
use crate::time::rfc3339;
use crate::{Money, NetworkSource, Problem, ids};
use serde::Serialize;
use tokengine_core::{
    AccountIx, Address, Amount, AssetIx, AttemptKind, BlockHash, Event, Finality, Payout, PayoutId, PayoutOrder,
    Position, Record, Time, TransferId, TxId, Wait,
};
use tokengine_store::PayoutState;
use utoipa::ToSchema;

/// What is known of a payment's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was paid; that is final.
    Done,
    /// It was not paid and never will be; that is proven.
    NotDone,
    /// It may still be paid. `unknown_until` says when that is likely to be known.
    Unknown,
}

/// What proves the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"kind": "final-transaction", "detail": "this transaction is final and paid the destination",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "block": {"height": 19000000, "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6"}}))]
pub struct ProofView {
    /// `final-transaction`, `reverted-transaction`, `nonce-used`, `never-signed`, or `settled-inside`.
    pub kind: String,
    /// In words.
    pub detail: String,
    /// The transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// Its block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockView>,
}

/// One signed transaction of a withdrawal. All of them exclude each other on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "kind": "act", "max_gas_cost": "1260000000000000", "signed_at": "2026-03-01T12:00:00Z",
    "sent_at": "2026-03-01T12:00:01Z"}))]
pub struct AttemptView {
    /// What the network calls it.
    pub transaction: String,
    /// `act` pays; `cancel` only takes the place of one that would.
    pub kind: String,
    /// The most it can cost in gas: base units of the network's own coin.
    pub max_gas_cost: String,
    /// When it was signed.
    pub signed_at: String,
    /// When it was first sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
}

/// A withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a1b2-c3d4-7001-8000-000000000007", "account": "alice", "network": "eip155:1",
    "asset": "eip155:1/slip44:60", "token": "ETH",
    "amount": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "destination": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "success_fee": {"base_units": "1000000000000000", "decimal": "0.001", "decimals": 18, "token": "ETH"},
    "failure_fee": {"base_units": "0", "decimal": "0", "decimals": 18, "token": "ETH"},
    "held": {"base_units": "1501000000000000000", "decimal": "1.501", "decimals": 18, "token": "ETH"},
    "status": "sent", "sub_status": "confirming 0 of 12", "outcome": "unknown", "unknown_until": "2026-03-01T12:05:00Z",
    "cancel_requested": false, "attempts": [],
    "history": [{"position": "42", "at": "2026-03-01T12:00:00Z", "status": "held"}],
    "created_at": "2026-03-01T12:00:00Z"
}))]
pub struct WithdrawalView {
    /// Its id.
    pub id: String,
    /// Whose tokens.
    pub account: String,
    /// Where it is paid.
    pub network: String,
    /// What is paid.
    pub asset: String,
    /// What it is paid from.
    pub token: String,
    /// How much arrives.
    pub amount: Money,
    /// Who is paid.
    pub destination: String,
    /// Taken when it succeeds.
    pub success_fee: Money,
    /// Taken when it fails on its network.
    pub failure_fee: Money,
    /// What was locked for it: the amount and the larger fee.
    pub held: Money,
    /// What was taken in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_taken: Option<Money>,
    /// The client's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The transfer that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    /// `waiting`, `opened`, `signed`, `sent`, `seen`, then `committed`, `failed`, `cancelled` or `settled`.
    pub status: String,
    /// Why it is not further: `waiting: liquidity`, `confirming 3 of 12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_status: Option<String>,
    /// What is known of its end.
    pub outcome: Outcome,
    /// While unknown: when it is likely to be known. An estimate; absent while nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_until: Option<String>,
    /// What proves the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofView>,
    /// Somebody wants it back, if that is still possible.
    pub cancel_requested: bool,
    /// Everything that was signed for it.
    pub attempts: Vec<AttemptView>,
    /// Its way.
    pub history: Vec<StepView>,
    /// When it was asked for.
    pub created_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// What a withdrawal would cost now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"asset": "eip155:1/slip44:60",
    "amount": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "success_fee": {"base_units": "1000000000000000", "decimal": "0.001", "decimals": 18, "token": "ETH"},
    "failure_fee": {"base_units": "0", "decimal": "0", "decimals": 18, "token": "ETH"},
    "max_fee": {"base_units": "1000000000000000", "decimal": "0.001", "decimals": 18, "token": "ETH"},
    "held": {"base_units": "1501000000000000000", "decimal": "1.501", "decimals": 18, "token": "ETH"},
    "available": true}))]
pub struct QuoteView {
    /// What would be paid.
    pub asset: String,
    /// How much would arrive.
    pub amount: Money,
    /// Taken if it succeeds.
    pub success_fee: Money,
    /// Taken if it fails on its network.
    pub failure_fee: Money,
    /// The larger of both: the least `max_fee` that is accepted.
    pub max_fee: Money,
    /// What would be locked.
    pub held: Money,
    /// It would be taken now.
    pub available: bool,
    /// Why not: the code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// An attempt, as the read model or the state has it.
#[derive(Clone, Debug)]
pub(crate) struct AttemptRow {
    pub(crate) tx: TxId,
    pub(crate) kind: AttemptKind,
    pub(crate) max_gas_cost: Amount,
    pub(crate) signed_at: Time,
    pub(crate) sent_at: Option<Time>,
}

/// A payout, wherever it was read.
#[derive(Clone, Debug)]
pub(crate) struct PayoutRow {
    pub(crate) id: PayoutId,
    pub(crate) account: AccountIx,
    pub(crate) asset: AssetIx,
    pub(crate) amount: Amount,
    pub(crate) destination: Address,
    pub(crate) success_fee: Amount,
    pub(crate) failure_fee: Amount,
    pub(crate) held: Amount,
    pub(crate) external_id: Option<Box<str>>,
    pub(crate) transfer: Option<(TransferId, Time)>,
    pub(crate) state: PayoutState,
    pub(crate) wait: Option<Wait>,
    pub(crate) cancel: bool,
    pub(crate) fee: Option<Amount>,
    pub(crate) tx: Option<TxId>,
    pub(crate) block: Option<(u64, BlockHash)>,
    pub(crate) held_at: Time,
    pub(crate) ended_at: Option<Time>,
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) steps: Vec<StepView>,
}

impl PayoutRow {
    /// As the event made it that answered the request: the same for every repetition of the request.
    pub(crate) fn asked(position: Position, record: &Record) -> Option<Self> {
        let at = record.at;
        match &record.event {
            Event::PayoutHeld { payout, order, success_fee, failure_fee, held, .. } => {
                let fees = (*success_fee, *failure_fee, *held);
                Some(Self::fresh(position, at, *payout, order, fees))
            }
            Event::PayoutSettledInside { payout, order, fee, .. } => Some(Self {
                id: *payout,
                account: order.account,
                asset: order.asset,
                amount: order.amount,
                destination: order.destination.clone(),
                success_fee: *fee,
                failure_fee: Amount::ZERO,
                held: Amount::ZERO,
                external_id: order.external_id.clone(),
                transfer: None,
                state: PayoutState::Settled,
                wait: None,
                cancel: false,
                fee: Some(*fee),
                tx: None,
                block: None,
                held_at: at,
                ended_at: Some(at),
                attempts: Vec::new(),
                steps: vec![StepView::new(position, at, "settled")],
            }),
            _ => None,
        }
    }

    /// The same from the state's row.
    pub(crate) fn held(position: Position, id: PayoutId, row: &Payout) -> Self {
        Self::fresh(position, row.held_at, id, &row.order, (row.success_fee, row.failure_fee, row.held))
    }

    fn fresh(
        position: Position,
        at: Time,
        id: PayoutId,
        order: &PayoutOrder,
        (success_fee, failure_fee, held): (Amount, Amount, Amount),
    ) -> Self {
        Self {
            id,
            account: order.account,
            asset: order.asset,
            amount: order.amount,
            destination: order.destination.clone(),
            success_fee,
            failure_fee,
            held,
            external_id: order.external_id.clone(),
            transfer: None,
            state: PayoutState::Waiting,
            wait: Some(Wait::Turn),
            cancel: false,
            fee: None,
            tx: None,
            block: None,
            held_at: at,
            ended_at: None,
            attempts: Vec::new(),
            steps: vec![StepView::new(position, at, "held")],
        }
    }

    /// Differs when it has changed in a way that somebody who waits wants to know.
    pub(crate) fn stamp(&self) -> u64 {
        let seen = (self.state, self.wait, self.cancel, self.attempts.len(), self.steps.len(), self.block);
        super::stamp(&seen)
    }

    fn outcome(&self) -> Outcome {
        match self.state {
            PayoutState::Committed | PayoutState::Settled => Outcome::Done,
            PayoutState::Failed | PayoutState::Cancelled => Outcome::NotDone,
            PayoutState::Waiting
            | PayoutState::Opened
            | PayoutState::Signed
            | PayoutState::Sent
            | PayoutState::Seen => Outcome::Unknown,
        }
    }

    fn proof(&self) -> Option<ProofView> {
        let proof = |kind: &str, detail: &str| ProofView {
            kind: kind.into(),
            detail: detail.into(),
            transaction: self.tx.map(|tx| tx.to_string()),
            block: self.block.map(|(height, hash)| BlockView { height, hash: hash.to_string() }),
        };
        match (self.state, self.tx) {
            (PayoutState::Committed, _) => {
                Some(proof("final-transaction", "this transaction is final and paid the destination"))
            }
            (PayoutState::Settled, _) => Some(proof("settled-inside", "the destination is an account of this ledger")),
            (PayoutState::Failed, _) => {
                Some(proof("reverted-transaction", "this transaction is final and was reverted: nothing was paid"))
            }
            (PayoutState::Cancelled, Some(_)) => Some(proof(
                "nonce-used",
                "this final transaction used up what every signed attempt needs: none of them can count any more",
            )),
            (PayoutState::Cancelled, None) => Some(proof("never-signed", "nothing was signed for it")),
            _ => None,
        }
    }

    /// Blocks that its transaction lies deep, and how deep it must lie; `None` while it is in none.
    fn depth(&self, directory: &Directory) -> Option<(u64, Option<u32>)> {
        let (height, _) = self.block.filter(|_| self.state == PayoutState::Seen)?;
        let network = directory.network(directory.asset(self.asset).ok()?.network).ok()?;
        let deep = network.scanned?.checked_sub(height).map_or(0, |above| above.saturating_add(1));
        Some((deep, needed(network.policy.payout_finality)))
    }

    fn sub_status(&self, directory: &Directory) -> Option<String> {
        match self.state {
            PayoutState::Waiting => Some(format!("waiting: {}", self.wait.unwrap_or(Wait::Turn).name())),
            PayoutState::Sent => Some("waiting: block".into()),
            PayoutState::Seen => Some(confirming(self.depth(directory)?, directory, self.asset)),
            _ => None,
        }
    }

    /// When its end is likely to be known, from the pace of its network.
    fn unknown_until(&self, directory: &Directory, networks: &dyn NetworkSource, now: Time) -> Option<Time> {
        if self.state.is_final() || self.state == PayoutState::Waiting {
            return None;
        }
        let network = directory.network(directory.asset(self.asset).ok()?.network).ok()?;
        let seen = networks.status(&network.id)?;
        let (block_ms, head) = (seen.block_ms?, seen.head?);
        // Without a count, as far as the finalized head lies behind now.
        let whole = match needed(network.policy.payout_finality) {
            Some(blocks) => u64::from(blocks),
            None => head.saturating_sub(seen.finalized?).max(1),
        };
        // Not in a block yet: two more for getting into one.
        let left = self.depth(directory).map_or(whole.saturating_add(2), |(deep, _)| whole.saturating_sub(deep).max(1));
        Some(now.plus_ms(left.saturating_mul(block_ms)))
    }

    pub(crate) fn view(
        &self,
        directory: &Directory,
        names: &Named,
        networks: Option<&dyn NetworkSource>,
        now: Time,
    ) -> Result<WithdrawalView, Problem> {
        let asset = directory.asset(self.asset)?;
        let fee = |amount| directory.token_money(asset.token, amount);
        let attempt = |row: &AttemptRow| AttemptView {
            transaction: row.tx.to_string(),
            kind: match row.kind {
                AttemptKind::Act => "act".into(),
                AttemptKind::Cancel => "cancel".into(),
            },
            max_gas_cost: row.max_gas_cost.to_string(),
            signed_at: rfc3339(row.signed_at),
            sent_at: row.sent_at.map(rfc3339),
        };
        Ok(WithdrawalView {
            id: ids::payout(self.held_at, self.id),
            account: names.account(self.account),
            network: directory.network(asset.network)?.id.to_string(),
            asset: asset.id.to_string(),
            token: directory.token(asset.token)?.id.to_string(),
            amount: directory.asset_money(self.asset, self.amount)?,
            destination: directory.caip10(asset.network, &self.destination)?,
            success_fee: fee(self.success_fee)?,
            failure_fee: fee(self.failure_fee)?,
            held: fee(self.held)?,
            fee_taken: self.fee.map(fee).transpose()?,
            external_id: self.external_id.as_ref().map(ToString::to_string),
            transfer: self.transfer.map(|(id, at)| ids::transfer(at, id)),
            status: self.state.name().into(),
            sub_status: self.sub_status(directory),
            outcome: self.outcome(),
            unknown_until: networks.and_then(|networks| self.unknown_until(directory, networks, now)).map(rfc3339),
            proof: self.proof(),
            cancel_requested: self.cancel,
            attempts: self.attempts.iter().map(attempt).collect(),
            history: self.steps.clone(),
            created_at: rfc3339(self.held_at),
            ended_at: self.ended_at.map(rfc3339),
        })
    }

    /// The answer to the request itself: without what depends on the moment of reading.
    pub(crate) fn answer(&self, directory: &Directory, names: &Named) -> Result<WithdrawalView, Problem> {
        self.view(directory, names, None, Time(0))
    }
}

/// Blocks that finality asks for, where it counts blocks.
pub(super) fn needed(finality: Finality) -> Option<u32> {
    match finality {
        Finality::Confirmations(blocks) => Some(blocks),
        Finality::Safe | Finality::Finalized => None,
    }
}

/// `confirming 3 of 12`, or what else it waits for.
pub(super) fn confirming((deep, of): (u64, Option<u32>), directory: &Directory, asset: AssetIx) -> String {
    match of {
        Some(of) => format!("confirming {} of {of}", deep.min(of.into())),
        None => {
            let finality = directory.asset(asset).ok().and_then(|row| directory.network(row.network).ok());
            match finality.map(|network| network.policy.payout_finality) {
                Some(Finality::Safe) => "confirming: safe".into(),
                _ => "confirming: finalized".into(),
            }
        }
    }
}
