//! Blocks, as a tree: the best chain, and what reorgs left behind.

use std::collections::BTreeMap;

use tokengine_chain::Block;
use tokengine_core::{Amount, BlockHash, BlockRef};

use super::ledger::{Key, Ledger};
use super::names::Addr;
use super::tx::TxIx;
use crate::rng::Rng;

/// A block that was ever made.
pub(super) type BlockIx = u32;

/// What a log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A transfer; from nobody when it was minted, and with no amount when it does not fit 128 bits.
    Transfer { from: Option<Addr>, to: Addr, value: Option<u128> },
    /// Has the name of a transfer and not its shape.
    Malformed { to: Addr },
}

/// One log of a receipt. Its place in the receipt is its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// The contract that wrote it.
    pub(super) contract: Addr,
    /// What it says.
    pub(super) said: Said,
}

/// Native coin that moved inside a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inner {
    /// Where in the call trace.
    pub(super) path: Box<[u32]>,
    /// Who paid.
    pub(super) from: Addr,
    /// Who was paid.
    pub(super) to: Addr,
    /// How much.
    pub(super) value: u128,
}

/// A transaction in a block, and what it did there.
#[derive(Clone, Debug)]
pub(super) struct Included {
    /// Which.
    pub(super) tx: TxIx,
    /// Whether it did what it says.
    pub(super) success: bool,
    /// Gas it used.
    pub(super) gas_used: u64,
    /// All that its sender paid for it.
    pub(super) cost: u128,
    /// Its logs; none if it reverted.
    pub(super) logs: Vec<Log>,
    /// What moved inside it; nothing if it reverted.
    pub(super) inner: Vec<Inner>,
}

/// A block that was made once, on the best chain or not.
#[derive(Debug)]
pub(super) struct Made {
    /// Height, hash, parent.
    pub(super) at: BlockRef,
    /// Its parent; itself for block 0.
    pub(super) parent: BlockIx,
    /// Seconds since 1970.
    pub(super) time: u64,
    /// Base fee, where there is one.
    pub(super) base_fee: Option<u128>,
    /// Up to where the chain was safe and final when it was made.
    pub(super) safe: u64,
    /// See there.
    pub(super) finalized: u64,
    /// Its transactions.
    pub(super) txs: Vec<Included>,
    /// What it wrote.
    pub(super) writes: Vec<(Key, u128)>,
}

impl Made {
    /// As the trait tells it.
    pub(super) fn block(&self) -> Block {
        Block { at: self.at, time: self.time, base_fee: self.base_fee.map(Amount::new) }
    }
}

/// The tree.
#[derive(Debug)]
pub(super) struct Chain {
    made: Vec<Made>,
    best: Vec<BlockIx>,
    by_hash: BTreeMap<BlockHash, BlockIx>,
}

fn to_index(ix: u32) -> usize {
    usize::try_from(ix).expect("at least 32 bits")
}

impl Chain {
    /// With block 0 only.
    pub(super) fn new(rng: &mut Rng, time: u64, base_fee: Option<u128>) -> Self {
        let at = BlockRef { height: 0, hash: BlockHash(rng.bytes()), parent: BlockHash([0; 32]) };
        let (txs, writes) = (Vec::new(), Vec::new());
        let genesis = Made { at, parent: 0, time, base_fee, safe: 0, finalized: 0, txs, writes };
        Self { made: vec![genesis], best: vec![0], by_hash: BTreeMap::from([(at.hash, 0)]) }
    }

    /// A block.
    pub(super) fn get(&self, ix: BlockIx) -> &Made {
        &self.made[to_index(ix)]
    }

    /// Whether there ever was a block with that number.
    pub(super) fn is_made(&self, ix: BlockIx) -> bool {
        (ix as usize) < self.made.len()
    }

    /// The newest block.
    pub(super) fn head(&self) -> BlockIx {
        *self.best.last().expect("block 0 never goes away")
    }

    /// Its height.
    pub(super) fn height(&self) -> u64 {
        self.get(self.head()).at.height
    }

    /// The block of the best chain at a height.
    pub(super) fn best_at(&self, height: u64) -> Option<BlockIx> {
        self.best.get(usize::try_from(height).ok()?).copied()
    }

    /// Any block by its hash.
    pub(super) fn by_hash(&self, hash: &BlockHash) -> Option<BlockIx> {
        self.by_hash.get(hash).copied()
    }

    /// Whether a block is on the best chain.
    pub(super) fn is_best(&self, ix: BlockIx) -> bool {
        self.best_at(self.get(ix).at.height) == Some(ix)
    }

    /// The block at a height of the chain that ends in `head`.
    pub(super) fn at_height(&self, head: BlockIx, height: u64) -> Option<BlockIx> {
        let mut here = head;
        loop {
            let made = self.get(here);
            if made.at.height < height {
                return None;
            }
            if made.at.height == height {
                return Some(here);
            }
            if self.is_best(here) {
                return self.best_at(height);
            }
            here = made.parent;
        }
    }

    /// Whether `ix` is `head` or below it.
    pub(super) fn is_below(&self, ix: BlockIx, head: BlockIx) -> bool {
        self.at_height(head, self.get(ix).at.height) == Some(ix)
    }

    /// A word after a block, be it on the best chain or not.
    pub(super) fn word(&self, ledger: &Ledger, key: Key, block: BlockIx) -> u128 {
        let mut here = block;
        while !self.is_best(here) {
            let made = self.get(here);
            if let Some((_, value)) = made.writes.iter().rev().find(|(written, _)| *written == key) {
                return *value;
            }
            here = made.parent;
        }
        ledger.at(key, self.get(here).at.height)
    }

    /// Puts a block on top.
    pub(super) fn push(&mut self, made: Made) -> BlockIx {
        let ix = BlockIx::try_from(self.made.len()).expect("fewer than four thousand million blocks");
        self.by_hash.insert(made.at.hash, ix);
        self.made.push(made);
        self.best.push(ix);
        ix
    }

    /// What a block holds, once it is known.
    pub(super) fn set_txs(&mut self, ix: BlockIx, txs: Vec<Included>) {
        self.made[to_index(ix)].txs = txs;
    }

    /// Takes the newest block off the best chain; block 0 stays.
    pub(super) fn pop(&mut self) -> Option<BlockIx> {
        if self.best.len() > 1 { self.best.pop() } else { None }
    }
}
