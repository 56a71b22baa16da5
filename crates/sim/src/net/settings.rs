//! What a simulated network is like, and how often which fault comes.

use super::contracts::Token;

/// One node's habits.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Whether it traces blocks.
    pub traces: bool,
    /// How many blocks of state it keeps; `None` keeps all.
    pub keeps: Option<u64>,
    /// Whether it lies when lies are on. Never more than `quorum - 1` of a network do: the others then still tell it
    /// from the truth, which is all that asking `k` of `n` promises. Who lies stays the same for the whole run, because
    /// two nodes that lie one after the other could lie about the same question.
    pub lies: bool,
}

/// The settings of one network.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The number in its CAIP-2 id, `eip155:<number>`.
    pub chain_id: u64,
    /// How many nodes have to agree.
    pub quorum: u8,
    /// Its nodes.
    pub endpoints: Vec<Endpoint>,
    /// Virtual milliseconds from block to block.
    pub block_ms: u64,
    /// Blocks that exist at the start.
    pub blocks_before: u64,
    /// How many blocks below the newest one is safe.
    pub safe_after: u64,
    /// How many blocks below the newest one is final.
    pub final_after: u64,
    /// Whether its nodes tell what is safe and what is final. If not, `final_after` still bounds ordinary reorgs.
    pub tells_final: bool,
    /// Base fee at the start, in wei per gas; `None` for a network without one.
    pub base_fee: Option<u128>,
    /// The least that a block's maker takes, in wei per gas.
    pub tip: u128,
    /// What every transaction costs besides gas.
    pub data_fee: u128,
    /// Gas in a block.
    pub block_gas: u64,
    /// The contracts of its tokens, in this order.
    pub tokens: Vec<Token>,
    /// The deepest ordinary reorg, in blocks; never deeper than `final_after`.
    pub reorg_depth: u64,
    /// How long a node's client waits for an answer, in milliseconds.
    pub timeout_ms: u64,
    /// How often what goes wrong.
    pub rates: Rates,
}

impl Settings {
    /// A network with that number, `n` nodes of which `quorum` have to agree, two plain tokens (6 and 18 decimals), and
    /// no faults.
    pub fn new(chain_id: u64, n: usize, quorum: u8) -> Self {
        let honest = Endpoint { traces: true, keeps: None, lies: false };
        Self {
            chain_id,
            quorum,
            endpoints: vec![honest; n],
            block_ms: 2_000,
            blocks_before: 64,
            safe_after: 4,
            final_after: 12,
            tells_final: true,
            base_fee: Some(20_000_000_000),
            tip: 1_000_000_000,
            data_fee: 0,
            block_gas: 30_000_000,
            tokens: vec![Token::standard(6), Token::standard(18)],
            reorg_depth: 6,
            timeout_ms: 10_000,
            rates: Rates::NONE,
        }
    }

    /// Lets as many of its nodes lie as the quorum outvotes; the first one always tells the truth.
    #[must_use]
    pub fn with_liars(mut self) -> Self {
        let most = usize::from(self.quorum).saturating_sub(1);
        for endpoint in self.endpoints.iter_mut().skip(1).take(most) {
            endpoint.lies = true;
        }
        self
    }
}

/// How often faults come. All are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of 1,000 questions, how many fail.
    pub ask: u64,
    /// Of 1,000 questions, how many are answered late, some of them with what was true when they were put.
    pub late: u64,
    /// Of 1,000 transactions handed in, how many meet a fault.
    pub send: u64,
    /// Of 1,000 answers of a liar, how many are lies.
    pub lie: u64,
    /// Of 1,000 blocks, at how many a node changes its mode: down, behind, stuck, slow, limited, another network's.
    pub mode: u64,
    /// Of 1,000 blocks, at how many a waiting transaction is forgotten, all are, or an outbid one comes back.
    pub pool: u64,
    /// Of 1,000 blocks, how many are followed by a reorg.
    pub reorg: u64,
    /// Of 1,000,000 blocks, how many are followed by a reorg deeper than what is final.
    pub deep_reorg: u64,
    /// Of 1,000 blocks, after how many the network stands still, finality does, or fees rise.
    pub weather: u64,
}

impl Rates {
    /// Nothing goes wrong.
    pub const NONE: Self =
        Self { ask: 0, late: 0, send: 0, lie: 0, mode: 0, pool: 0, reorg: 0, deep_reorg: 0, weather: 0 };

    /// A bad day, on which the books still have to be right and work goes on.
    pub const ROUGH: Self =
        Self { ask: 20, late: 60, send: 150, lie: 200, mode: 15, pool: 30, reorg: 40, deep_reorg: 0, weather: 6 };
}
