//! What goes out: one file for each kind of thing, each made from the engine's own rows and nothing else.

mod account;
mod deposit;
mod event;
mod listed;
mod losses;
mod operator;
mod payout;
mod transfer;
mod work;

pub use account::{AccountView, BalanceView, DepositAddressView, EntryView};
pub use deposit::{ClaimView, DepositView, LocatorView};
pub use event::EventView;
pub use listed::{
    AssetView, DepositRulesView, FinalityTierView, FinalityView, NetworkView, NodesView, StopView, TokenView,
    WithdrawalRulesView,
};
pub use losses::{LostFinalView, ShortageView, UnmatchedView};
pub use operator::{AuditView, BookView, HoldingView, KeyView, PausesView, SuspenseView, WalletView};
pub use payout::{AttemptView, Outcome, ProofView, QuoteView, WithdrawalView};
pub use transfer::TransferView;
pub use work::WorkItem;

pub(crate) use deposit::{ClaimRow, DepositRow, suspense_reason};
pub(crate) use event::EventNames;
pub(crate) use losses::{lost_finals, shortages, unmatched};
pub(crate) use payout::{AttemptRow, PayoutRow};
pub(crate) use transfer::TransferRow;
pub(crate) use work::work;

use crate::time::rfc3339;
use serde::Serialize;
use tokengine_core::{BlockRef, Position, Time};
use utoipa::ToSchema;

/// A block of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"height": 19000000,
    "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6"}))]
pub struct BlockView {
    /// Blocks before it.
    pub height: u64,
    /// Its hash.
    pub hash: String,
}

impl From<&BlockRef> for BlockView {
    fn from(block: &BlockRef) -> Self {
        Self { height: block.height, hash: block.hash.to_string() }
    }
}

/// One step of a thing's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"position": "42", "at": "2026-03-01T12:00:00Z", "status": "held"}))]
pub struct StepView {
    /// The event's number in the journal.
    pub position: String,
    /// When.
    pub at: String,
    /// What it became.
    pub status: String,
    /// More, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl StepView {
    pub(crate) fn new(position: Position, at: Time, status: impl Into<String>) -> Self {
        Self { position: position.to_string(), at: rfc3339(at), status: status.into(), detail: None }
    }
}

/// A number that differs when what is seen differs.
pub(crate) fn stamp(seen: &dyn std::fmt::Debug) -> u64 {
    let hash = blake3::hash(format!("{seen:?}").as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Ask with `?cursor=` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
