//! What the operator lists: networks, tokens, assets.

use crate::directory::{Directory, NetworkEntry};
use crate::time::rfc3339;
use crate::{Money, NetworkStatus, Problem};
use serde::Serialize;
use tokengine_core::{Asset, AssetIx, Finality, Stop, Time, TokenIx};
use utoipa::ToSchema;

/// Why something is stopped, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"reason": "a reorg of 70 blocks", "since": "2026-03-01T12:00:00Z"}))]
pub struct StopView {
    /// For a person.
    pub reason: String,
    /// Since when.
    pub since: String,
}

impl From<&Stop> for StopView {
    fn from(stop: &Stop) -> Self {
        Self { reason: stop.reason.to_string(), since: rfc3339(stop.since) }
    }
}

/// How many of a network's nodes answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"up": 2, "configured": 3, "required": 2}))]
pub struct NodesView {
    /// They answer.
    pub up: usize,
    /// There are.
    pub configured: usize,
    /// So many must give the same answer before it counts.
    pub required: u8,
}

/// Heads older than this say nothing about now: nodes are asked every second or so, and a step of the search between two
/// times takes seconds.
const SILENCE_MS: u64 = 60_000;
/// Blocks still to be searched, beyond what an ordinary reorg takes back: a step of the search leaves as many on a fast
/// network.
const BEHIND: u64 = 32;

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": "eip155:1", "status": "available", "head": 19000000, "safe": 18999970,
    "finalized": 18999930, "scanned": 19000000, "lag_blocks": 0, "seen_at": "2026-03-01T12:00:00Z",
    "nodes": {"up": 2, "configured": 3, "required": 2}, "reorg_depth": 64}))]
pub struct NetworkView {
    /// Its CAIP-2 id.
    pub id: String,
    /// `available`, `paused` (by the operator), `halted` (by the engine), `unreachable` (too few nodes answer, or none of
    /// their answers agreed for a minute), or `lagging` (more blocks are still to be searched than an ordinary reorg brings).
    pub status: String,
    /// Why it is halted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<StopView>,
    /// The newest block that enough nodes have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// The newest safe block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe: Option<u64>,
    /// The newest finalized block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finalized: Option<u64>,
    /// The last block that was searched for payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned: Option<u64>,
    /// Blocks from there to the head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_blocks: Option<u64>,
    /// When enough nodes last told a head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<String>,
    /// Its nodes.
    pub nodes: NodesView,
    /// A reorg up to this many blocks is ordinary.
    pub reorg_depth: u32,
}

impl NetworkView {
    pub(crate) fn new(row: &NetworkEntry, seen: Option<NetworkStatus>, now: Time) -> Self {
        let seen = seen.unwrap_or_default();
        let lag = seen.head.zip(row.scanned).map(|(head, scanned)| head.saturating_sub(scanned));
        let up = seen.nodes.iter().filter(|node| node.up).count();
        let required = row.policy.nodes_required;
        let status = match () {
            () if row.halted.is_some() => "halted",
            () if row.paused => "paused",
            () if up < usize::from(required.max(1)) => "unreachable",
            () if seen.seen_at.is_none_or(|at| now.ms_since(at) > SILENCE_MS) => "unreachable",
            () if lag.is_none_or(|lag| lag > u64::from(row.policy.reorg_depth).saturating_add(BEHIND)) => "lagging",
            () => "available",
        };
        Self {
            id: row.id.to_string(),
            status: status.into(),
            halted: row.halted.as_ref().map(Into::into),
            head: seen.head,
            safe: seen.safe,
            finalized: seen.finalized,
            scanned: row.scanned,
            lag_blocks: lag.filter(|_| status != "unreachable"),
            seen_at: seen.seen_at.map(rfc3339),
            nodes: NodesView { up, configured: seen.nodes.len(), required },
            reorg_depth: row.policy.reorg_depth,
        }
    }
}

/// A token: what accounts own in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"id": "USD", "decimals": 18,
    "assets": ["eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"]}))]
pub struct TokenView {
    /// The operator's name for it.
    pub id: String,
    /// Its ledger precision.
    pub decimals: u8,
    /// The assets that stand for it, by CAIP-19 id.
    pub assets: Vec<String>,
}

/// When a payment counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "rule", rename_all = "lowercase")]
#[schema(example = json!({"rule": "confirmations", "blocks": 12}))]
pub enum FinalityView {
    /// That many blocks, the payment's own included.
    Confirmations {
        /// How many.
        blocks: u32,
    },
    /// The network's `safe` head has reached it.
    Safe,
    /// The network's `finalized` head has reached it.
    Finalized,
}

impl From<Finality> for FinalityView {
    fn from(finality: Finality) -> Self {
        match finality {
            Finality::Confirmations(blocks) => Self::Confirmations { blocks },
            Finality::Safe => Self::Safe,
            Finality::Finalized => Self::Finalized,
        }
    }
}

/// When deposits up to an amount count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"up_to": {"base_units": "1000000000", "decimal": "1000", "decimals": 6,
    "asset": "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"}, "finality": {"rule": "confirmations", "blocks": 12}}))]
pub struct FinalityTierView {
    /// Deposits up to this much; the last tier serves whatever is larger too.
    pub up_to: Money,
    /// When they count.
    pub finality: FinalityView,
}

/// The rules for deposits of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DepositRulesView {
    /// They are credited.
    pub enabled: bool,
    /// The smallest that is credited; a smaller one waits for a person.
    pub minimum: Money,
    /// The largest that is credited; a larger one waits for a person.
    pub maximum: Money,
    /// When they count.
    pub finality: Vec<FinalityTierView>,
}

/// The rules for withdrawals of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WithdrawalRulesView {
    /// They are taken.
    pub enabled: bool,
    /// The smallest.
    pub minimum: Money,
    /// The largest.
    pub maximum: Money,
    /// Taken when one succeeds, whatever its amount.
    pub success_fee: Money,
    /// Hundredths of a percent of the amount, added to it.
    pub success_fee_bps: u16,
    /// Taken when one fails on its network.
    pub failure_fee: Money,
}

/// An asset: a thing on one network that stands for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssetView {
    /// Its CAIP-19 id.
    pub id: String,
    /// Its network's CAIP-2 id.
    pub network: String,
    /// The token it stands for.
    pub token: String,
    /// Its decimals on its network.
    pub decimals: u8,
    /// Its contract; absent for the network's own coin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// `available`, `paused` (by the operator), `stopped` (its contract has changed), `short` (the wallets hold less than
    /// the books), or `unprobed` (its contract was not looked at yet).
    pub status: String,
    /// Why it is stopped or short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StopView>,
    /// The rules for deposits.
    pub deposits: DepositRulesView,
    /// The rules for withdrawals.
    pub withdrawals: WithdrawalRulesView,
}

impl Directory {
    pub(crate) fn token_view(&self, ix: TokenIx) -> Result<TokenView, Problem> {
        let row = self.token(ix)?;
        let assets = self.assets.iter().filter(|asset| asset.token == ix).map(|asset| asset.id.to_string()).collect();
        Ok(TokenView { id: row.id.to_string(), decimals: row.decimals, assets })
    }

    pub(crate) fn asset_view(&self, ix: AssetIx) -> Result<AssetView, Problem> {
        let row = self.asset(ix)?;
        let rules = &row.rules;
        let money = |amount| self.asset_money(ix, amount);
        let fee = |amount| self.token_money(row.token, amount);
        let tier = |(up_to, finality): &(_, Finality)| {
            Ok(FinalityTierView { up_to: money(*up_to)?, finality: (*finality).into() })
        };
        Ok(AssetView {
            id: row.id.to_string(),
            network: self.network(row.network)?.id.to_string(),
            token: self.token(row.token)?.id.to_string(),
            decimals: row.decimals,
            contract: row.contract.as_ref().map(ToString::to_string),
            status: status(row).into(),
            stopped: row.stopped.as_ref().or(row.short.as_ref()).map(Into::into),
            deposits: DepositRulesView {
                enabled: rules.deposits,
                minimum: money(rules.min_deposit)?,
                maximum: money(rules.max_deposit)?,
                finality: rules.finality.iter().map(tier).collect::<Result<_, Problem>>()?,
            },
            withdrawals: WithdrawalRulesView {
                enabled: rules.payouts,
                minimum: money(rules.min_payout)?,
                maximum: money(rules.max_payout)?,
                success_fee: fee(rules.fees.success)?,
                success_fee_bps: rules.fees.success_bps,
                failure_fee: fee(rules.fees.failure)?,
            },
        })
    }
}

fn status(asset: &Asset) -> &'static str {
    match () {
        () if asset.stopped.is_some() => "stopped",
        () if asset.short.is_some() => "short",
        () if asset.paused => "paused",
        () if !asset.is_probed() => "unprobed",
        () => "available",
    }
}
