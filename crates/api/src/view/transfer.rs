//! A transfer: a deposit and a withdrawal asked for in one call.

use super::WithdrawalView;
use crate::directory::{Directory, Named};
use crate::time::rfc3339;
use crate::{Money, Problem, ids};
use serde::Serialize;
use tokengine_core::{
    AccountIx, Address, Amount, AssetIx, Event, NetworkIx, PayoutOrder, Record, Rejection, Time, TransferId, TxId,
};
use tokengine_store::TransferState;
use utoipa::ToSchema;

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a1b2-c3d4-7002-8000-000000000007", "account": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "deposit_network": "eip155:1",
    "deposit_transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "network": "eip155:10", "asset": "eip155:10/slip44:60",
    "amount": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:10/slip44:60"},
    "destination": "eip155:10:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "max_fee": {"base_units": "1000000000000000", "decimal": "0.001", "decimals": 18, "token": "ETH"},
    "status": "waiting", "sub_status": "waiting: deposit", "outcome": "unknown", "created_at": "2026-03-01T12:00:00Z"
}))]
pub struct TransferView {
    /// Its id.
    pub id: String,
    /// Whose tokens.
    pub account: String,
    /// Where the deposit comes from.
    pub deposit_network: String,
    /// In which transaction.
    pub deposit_transaction: String,
    /// Where it is paid.
    pub network: String,
    /// What is paid.
    pub asset: String,
    /// How much arrives.
    pub amount: Money,
    /// Who is paid.
    pub destination: String,
    /// The most that is taken in fees.
    pub max_fee: Money,
    /// The client's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// `waiting` for the deposit; then `held`, and the withdrawal tells the rest; or `failed`.
    pub status: String,
    /// What it waits for, or the withdrawal's own status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_status: Option<String>,
    /// What is known of its end.
    pub outcome: super::Outcome,
    /// Why it failed: a stable code. The deposit, if it came, is the account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Its withdrawal, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal: Option<WithdrawalView>,
    /// When it was asked for.
    pub created_at: String,
    /// When its withdrawal was held, or when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
}

/// A transfer, wherever it was read.
#[derive(Clone, Debug)]
pub(crate) struct TransferRow {
    pub(crate) id: TransferId,
    pub(crate) account: AccountIx,
    pub(crate) network: NetworkIx,
    pub(crate) tx: TxId,
    pub(crate) asset: AssetIx,
    pub(crate) amount: Amount,
    pub(crate) destination: Address,
    pub(crate) max_fee: Amount,
    pub(crate) external_id: Option<Box<str>>,
    pub(crate) state: TransferState,
    pub(crate) refusal: Option<Rejection>,
    pub(crate) requested_at: Time,
    pub(crate) closed_at: Option<Time>,
}

impl TransferRow {
    /// As the event made it that answered the request.
    pub(crate) fn asked(record: &Record) -> Option<Self> {
        let Event::TransferRequested { transfer, network, tx, order, .. } = &record.event else { return None };
        let PayoutOrder { account, asset, amount, destination, max_fee, external_id, .. } = order.clone();
        Some(Self {
            id: *transfer,
            account,
            network: *network,
            tx: *tx,
            asset,
            amount,
            destination,
            max_fee,
            external_id,
            state: TransferState::Waiting,
            refusal: None,
            requested_at: record.at,
            closed_at: None,
        })
    }

    pub(crate) fn view(
        &self,
        directory: &Directory,
        names: &Named,
        withdrawal: Option<WithdrawalView>,
    ) -> Result<TransferView, Problem> {
        let asset = directory.asset(self.asset)?;
        let outcome = match (self.state, &withdrawal) {
            (TransferState::Failed, _) => super::Outcome::NotDone,
            (TransferState::Held, Some(withdrawal)) => withdrawal.outcome,
            _ => super::Outcome::Unknown,
        };
        let sub_status = match (self.state, &withdrawal) {
            (TransferState::Waiting, _) => Some("waiting: deposit".to_owned()),
            (TransferState::Held, Some(withdrawal)) => Some(withdrawal.status.clone()),
            _ => None,
        };
        Ok(TransferView {
            id: ids::transfer(self.requested_at, self.id),
            account: names.account(self.account),
            deposit_network: directory.network(self.network)?.id.to_string(),
            deposit_transaction: self.tx.to_string(),
            network: directory.network(asset.network)?.id.to_string(),
            asset: asset.id.to_string(),
            amount: directory.asset_money(self.asset, self.amount)?,
            destination: directory.caip10(asset.network, &self.destination)?,
            max_fee: directory.token_money(asset.token, self.max_fee)?,
            external_id: self.external_id.as_ref().map(ToString::to_string),
            status: self.state.name().into(),
            sub_status,
            outcome,
            refusal: self.refusal.map(|refusal| refusal.code().to_owned()),
            withdrawal,
            created_at: rfc3339(self.requested_at),
            closed_at: self.closed_at.map(rfc3339),
        })
    }
}
