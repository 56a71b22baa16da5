//! The operator's rules for how one network is worked. What concerns money is in the state; this is how hard and how often.

use std::time::Duration;

use tokengine_chain::fees;
use tokengine_core::Amount;

/// How one network is watched and driven.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Height of the first block whose payments count. `None` begins behind the finalized head of the very first start, or
    /// as far behind the newest block as reorgs go, where there is none.
    pub start: Option<u64>,
    /// How many blocks are searched at once when catching up.
    pub scan_batch: u32,
    /// How often nodes are asked for their heads.
    pub head_every: Duration,
    /// What is offered for gas.
    pub fees: fees::Policy,
    /// How much gas a transaction may use.
    pub gas: GasRules,
    /// Bytes that are in no block are handed to the nodes again after this; after twice as long the next time.
    pub resend_first: Duration,
    /// The longest between two such times.
    pub resend_longest: Duration,
    /// A transaction that is in no block for so long is replaced by one that offers more.
    pub replace_after: Duration,
    /// A signer, a token or a network that refused is asked again after this.
    pub retry_after: Duration,
    /// A claimed transaction that no node knew for so long is refused.
    pub claim_lookup: Duration,
    /// Wallets are compared with the books every so many blocks; 0 for on demand only.
    pub reconcile_every: u64,
    /// The most deposit addresses that hold nothing by the books and are compared in one such pass, each in its turn.
    pub reconcile_addresses: u32,
    /// Contracts are compared with what was pinned every so many blocks, and before anything of theirs is credited.
    pub probe_every: u64,
    /// Nodes that tell no finalized head for so long are told of: without one nothing is proven to have failed.
    pub no_final_after: Duration,
    /// When deposit addresses are swept.
    pub sweep: SweepRules,
}

impl Default for Rules {
    /// For a public network with blocks every few seconds.
    fn default() -> Self {
        Self {
            start: None,
            scan_batch: 32,
            head_every: Duration::from_secs(1),
            fees: fees::Policy::default(),
            gas: GasRules::default(),
            resend_first: Duration::from_secs(5),
            resend_longest: Duration::from_secs(300),
            replace_after: Duration::from_secs(90),
            retry_after: Duration::from_secs(5),
            claim_lookup: Duration::from_secs(600),
            reconcile_every: 100,
            reconcile_addresses: 50_000,
            probe_every: 50,
            no_final_after: Duration::from_secs(300),
            sweep: SweepRules::default(),
        }
    }
}

/// How much gas a transaction of ours may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasRules {
    /// The most for native coin to any address. A contract that wants more gets this much and no more: the payment then
    /// fails on the network, and is rolled back for its failure fee.
    pub native_cap: u64,
    /// The most for a transfer of a token.
    pub token_cap: u64,
    /// What is added to a node's estimate, in percent.
    pub margin_percent: u64,
}

impl Default for GasRules {
    fn default() -> Self {
        Self { native_cap: 100_000, token_cap: 200_000, margin_percent: 25 }
    }
}

/// When what lies at deposit addresses and in retiring wallets is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepRules {
    /// The most that moving tokens once may cost in gas, in base units of the native coin; above it the sweep waits.
    pub max_token_cost: Amount,
    /// The most native coin that is given to deposit addresses for gas within a day, in base units.
    pub top_up_a_day: Amount,
    /// What is given beyond the gas needed, in percent, so that a small rise of the fee does not need another.
    pub top_up_margin_percent: u64,
}

impl Default for SweepRules {
    /// Half a hundredth of a coin with 18 decimals a sweep, one coin a day.
    fn default() -> Self {
        Self {
            max_token_cost: Amount::new(5_000_000_000_000_000),
            top_up_a_day: Amount::new(1_000_000_000_000_000_000),
            top_up_margin_percent: 20,
        }
    }
}

/// Whole milliseconds, as times in the state are counted.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
