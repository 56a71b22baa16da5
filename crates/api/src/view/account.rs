//! An account: its ids, what it has, and every change of that.

use crate::Money;
use serde::Serialize;
use utoipa::ToSchema;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "ids": ["eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"], "operator_named": false, "frozen": false,
    "balances": []}))]
pub struct AccountView {
    /// The id it was opened under: a CAIP-10 id, or a name that the operator gave.
    pub id: String,
    /// Every id that stands for it, that one first.
    pub ids: Vec<String>,
    /// The operator gave it its name, so an API key may act for it.
    pub operator_named: bool,
    /// Nothing may be taken from it.
    pub frozen: bool,
    /// What it has of every token it ever had.
    pub balances: Vec<BalanceView>,
}

/// What an account has of one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"token": "USD",
    "free": {"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"},
    "held": {"base_units": "0", "decimal": "0", "decimals": 6, "token": "USD"},
    "owed": {"base_units": "0", "decimal": "0", "decimals": 6, "token": "USD"}}))]
pub struct BalanceView {
    /// Of what.
    pub token: String,
    /// May be moved and paid out.
    pub free: Money,
    /// Locked for withdrawals under way.
    pub held: Money,
    /// What the account owes the operator after a reversal.
    pub owed: Money,
}

/// An address that is the account's own on one network: what arrives there is credited to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"account": "alice", "network": "eip155:1",
    "address": "eip155:1:0x6B175474E89094C44Da98b954EedeAC495271d0F"}))]
pub struct DepositAddressView {
    /// Whose.
    pub account: String,
    /// Where.
    pub network: String,
    /// Its CAIP-10 id.
    pub address: String,
}

/// One change of an account's balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"position": "42", "at": "2026-03-01T12:00:00Z", "kind": "deposit", "token": "USD",
    "free_change": "12500000", "held_change": "0",
    "free": {"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"},
    "held": {"base_units": "0", "decimal": "0", "decimals": 6, "token": "USD"},
    "reference": "5f1c0a7be4d1408fb0b6e3a3a7f0c9d2"}))]
pub struct EntryView {
    /// The event's number in the journal.
    pub position: String,
    /// When.
    pub at: String,
    /// Why: `move`, `deposit`, `payout-held`, ...
    pub kind: String,
    /// Of what.
    pub token: String,
    /// Base units that became free, with a minus when they ceased to be.
    pub free_change: String,
    /// Base units that were locked, with a minus when they ceased to be.
    pub held_change: String,
    /// What was free afterwards.
    pub free: Money,
    /// What was locked afterwards.
    pub held: Money,
    /// The deposit, withdrawal or account that it is about, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}
