//! What the operator sees: books, wallets, keys, suspense, and the audit trail.

use super::listed::StopView;
use crate::directory::Directory;
use crate::{Money, Problem};
use serde::Serialize;
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
