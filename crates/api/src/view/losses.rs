//! What may be lost: what wallets hold less than the books, and final payments of ours that a reorganisation took.

use crate::directory::Directory;
use crate::time::rfc3339;
use crate::{Money, Problem};
use serde::Serialize;
use tokengine_core::{RecentFinal, State};
use utoipa::ToSchema;

/// What a wallet holds less of an asset than the books say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"asset": "eip155:1/slip44:60", "wallet": 0,
    "address": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "missing": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "booked": {"base_units": "3000000000000000000", "decimal": "3", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "height": "19000000", "since": "2026-03-01T12:00:00Z"}))]
pub struct ShortageView {
    /// Of what: its CAIP-19 id.
    pub asset: String,
    /// The wallet's number, for writing it off.
    pub wallet: u32,
    /// The wallet's CAIP-10 id.
    pub address: String,
    /// How much: no more than this can be written off.
    pub missing: Money,
    /// What the books say it holds.
    pub booked: Money,
    /// The block at which they were compared.
    pub height: String,
    /// When so much was found missing.
    pub since: String,
}

/// A final transaction of ours that a deep reorganisation took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"network": "eip155:1", "wallet": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", "dispatch": "17",
    "moved": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "success": true, "resent": true, "height": "19000000"}))]
pub struct LostFinalView {
    /// Its network: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// The number that events of it have.
    pub dispatch: String,
    /// Who sent it.
    pub wallet: String,
    /// What left the wallet besides gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Money>,
    /// The wallet of ours that received it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// It did not revert where it was.
    pub success: bool,
    /// Its bytes are known, and sent again at every block.
    pub resent: bool,
    /// The block that was taken away.
    pub height: String,
}

/// A payment of ours that was found on a network after a restore, and that nothing in the books asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"network": "eip155:1", "wallet": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", "dispatch": "17",
    "moved": {"base_units": "1500000000000000000", "decimal": "1.5", "decimals": 18, "asset": "eip155:1/slip44:60"},
    "to": "eip155:1:0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045", "height": "19000000",
    "since": "2026-03-01T12:00:00Z"}))]
pub struct UnmatchedView {
    /// Its network: a CAIP-2 id.
    pub network: String,
    /// Its id.
    pub transaction: String,
    /// The number that events of it have.
    pub dispatch: String,
    /// Who sent it.
    pub wallet: String,
    /// What it paid.
    pub moved: Money,
    /// Who received it.
    pub to: String,
    /// The block that it is in.
    pub height: String,
    /// When it was found.
    pub since: String,
}

/// Payments that were found after a restore and that nothing asked for yet.
pub(crate) fn unmatched(state: &State, directory: &Directory) -> Result<Vec<UnmatchedView>, Problem> {
    let all = state.unmatched().map(|(dispatch, row)| {
        let wallet = state.wallet(row.wallet).ok_or_else(|| Problem::internal(&"a payment from no wallet"))?;
        let network = state.network(wallet.network).ok_or_else(|| Problem::internal(&"a wallet on no network"))?;
        Ok(UnmatchedView {
            network: network.id.to_string(),
            transaction: row.tx.to_string(),
            dispatch: dispatch.to_string(),
            wallet: directory.caip10(wallet.network, &wallet.address)?,
            moved: directory.asset_money(row.asset, row.amount)?,
            to: directory.caip10(wallet.network, &row.to)?,
            height: row.block.height.to_string(),
            since: rfc3339(row.at),
        })
    });
    all.collect()
}

/// Everything that is missing.
pub(crate) fn shortages(state: &State, directory: &Directory) -> Result<Vec<ShortageView>, Problem> {
    let all = state.shortages().map(|(asset, wallet, row)| {
        let holds = state.wallet(wallet).ok_or_else(|| Problem::internal(&"a shortage in no wallet"))?;
        Ok(ShortageView {
            asset: directory.asset(asset)?.id.to_string(),
            wallet: wallet.0,
            address: directory.caip10(holds.network, &holds.address)?,
            missing: directory.asset_money(asset, row.missing)?,
            booked: directory.asset_money(asset, holds.holding(asset).amount)?,
            height: row.height.to_string(),
            since: rfc3339(row.at),
        })
    });
    all.collect()
}

/// Final transactions of ours that a reorganisation took and that are in no block again yet.
pub(crate) fn lost_finals(state: &State, directory: &Directory) -> Result<Vec<LostFinalView>, Problem> {
    let wallet = |ix| {
        let row = state.wallet(ix).ok_or_else(|| Problem::internal(&"a payment from no wallet"))?;
        directory.caip10(row.network, &row.address)
    };
    let view = |network: &str, sent: &RecentFinal| {
        Ok(LostFinalView {
            network: network.to_owned(),
            transaction: sent.tx.to_string(),
            dispatch: sent.dispatch.to_string(),
            wallet: wallet(sent.wallet)?,
            moved: sent.moved.map(|(asset, amount)| directory.asset_money(asset, amount)).transpose()?,
            to: sent.to.map(wallet).transpose()?,
            success: sent.success,
            resent: !sent.raw.is_empty(),
            height: sent.block.height.to_string(),
        })
    };
    let lost = |row: &tokengine_core::Network| -> Vec<Result<LostFinalView, Problem>> {
        row.recent_final.iter().filter(|sent| sent.orphaned).map(|sent| view(&row.id, sent)).collect()
    };
    state.networks().flat_map(|(_, row)| lost(row)).collect()
}
