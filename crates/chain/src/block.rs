//! Blocks, and how one of them is named in a question.

use tokengine_core::{Amount, BlockHash, BlockRef};

/// A question for one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockId {
    /// The block of the node's own best chain at that height; another one after a reorg.
    Height(u64),
    /// That very block.
    Hash(BlockHash),
}

/// One block, as far as anyone here needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Height, hash and parent.
    pub at: BlockRef,
    /// Seconds since 1970, as its maker says.
    pub time: u64,
    /// EIP-1559 base fee in wei per gas; `None` where the network has none.
    pub base_fee: Option<Amount>,
}

/// How far one node, or `k` of them, has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The newest block.
    pub latest: BlockRef,
    /// The newest block the network calls safe; `None` where it has no such thing.
    pub safe: Option<BlockRef>,
    /// The newest block that can never go away; `None` where the network has no such thing.
    pub finalized: Option<BlockRef>,
}

/// The state a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// After the newest block of the node that is asked: only good for estimates, two nodes may differ.
    Latest,
    /// With what waits in the memory pool of the node that is asked: only good for hints.
    Pending,
    /// After the newest `safe` block.
    Safe,
    /// After the newest `finalized` block.
    Finalized,
    /// After the block of the best chain at that height.
    Height(u64),
    /// After that very block: the only one that several nodes can be compared on.
    Block(BlockHash),
}

/// What a node says it is a node of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The CAIP-2 id of the network, such as `eip155:1`.
    pub chain: String,
    /// The hash of block 0.
    pub genesis: BlockHash,
}
