//! What was ever true of a network, for the invariants: how deep a block once lay, and what the nodes were ever handed.

use tokengine_core::{BlockHash, BlockRef, TxId};

use super::network::Net;
use super::{World, lock};

/// The deepest that a block ever lay on the best chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ever {
    /// In how many blocks of the best chain, its own included.
    pub confirmations: u64,
    /// Whether the network ever called it safe.
    pub safe: bool,
    /// Whether the network ever called it final.
    pub finalized: bool,
}

/// Where a transaction is on the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which block.
    pub block: BlockRef,
    /// Whether it did what it says.
    pub success: bool,
}

impl Net {
    /// Every block was the head of the best chain when it was made, so what it stood on lay as deep as it says.
    fn ever(&self, hash: &BlockHash) -> Option<Ever> {
        let ix = self.chain.by_hash(hash)?;
        let height = self.chain.get(ix).at.height;
        let mut ever = Ever::default();
        for later in (ix..).take_while(|later| self.chain.is_made(*later)) {
            let made = self.chain.get(later);
            if made.at.height < height || !self.chain.is_below(ix, later) {
                continue;
            }
            ever.confirmations = ever.confirmations.max(made.at.height - height + 1);
            ever.safe |= made.safe >= height;
            ever.finalized |= made.finalized >= height;
        }
        Some(ever)
    }
}

impl World {
    /// The deepest that a block of a network ever lay; nothing when there never was such a block.
    pub fn ever(&self, network: usize, hash: &BlockHash) -> Option<Ever> {
        lock(&self.nets[network]).ever(hash)
    }

    /// Every signed transaction that a node of the network was ever handed, whatever it answered, from number `from` on;
    /// and the number to go on from.
    pub fn received(&self, network: usize, from: usize) -> (Vec<TxId>, usize) {
        let net = lock(&self.nets[network]);
        let new = net.txs.iter().skip(from).filter(|tx| !tx.raw.is_empty());
        (new.map(|tx| tx.id).collect(), net.txs.len())
    }

    /// The block of the best chain at a height.
    pub fn block_at(&self, network: usize, height: u64) -> Option<BlockRef> {
        let net = lock(&self.nets[network]);
        net.chain.best_at(height).map(|ix| net.chain.get(ix).at)
    }

    /// Where a transaction is on the best chain.
    pub fn place(&self, network: usize, tx: &TxId) -> Option<Place> {
        let net = lock(&self.nets[network]);
        let ix = *net.by_id.get(tx)?;
        let (block, place) = net.place(ix, net.chain.head())?;
        let made = net.chain.get(block);
        Some(Place { block: made.at, success: made.txs.get(place)?.success })
    }
}
