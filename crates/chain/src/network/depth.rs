//! How deep blocks lie. A head that one node told and a block that another one has may be of two chains: then the block
//! would look as deep as the other chain is long. So each node is asked about both.

use futures_util::future::try_join_all;
use tokengine_core::{BlockRef, Depth};

use super::Network;
use super::ask::Agreement;
use crate::{BlockId, Error, Heads, Node, finality};

impl<N: Node> Network<N> {
    /// How deep a block lies, or `None` when the quorum's best chain has another block, or none, at its height.
    ///
    /// # Errors
    /// As any question.
    pub async fn depth(&self, block: &BlockRef) -> Result<Option<Depth>, Error> {
        // Heads before block: the other way round, a reorg between the two would make a lost block look deep.
        let heads = self.heads().await?;
        let lies_below = self.lie_below(&heads, std::slice::from_ref(block)).await?.contains(&true);
        Ok(if lies_below { finality::depth(block, &heads, self.rules.quorum) } else { None })
    }

    /// For each of the blocks, whether it is on the chain of these heads, as a quorum of nodes says that have both. None
    /// is, while too few nodes have got as far as the heads.
    ///
    /// # Errors
    /// As any question.
    pub async fn lie_below(&self, heads: &Heads, blocks: &[BlockRef]) -> Result<Vec<bool>, Error> {
        let known = |answer: &Option<Vec<bool>>| answer.is_some();
        let told = self.agreed("blocks below the head", known, |node| below(node, heads, blocks)).await?;
        Ok(match told {
            Agreement::Agreed(Some(told)) => told,
            Agreement::Agreed(None) | Agreement::Unsettled(_) => vec![false; blocks.len()],
        })
    }
}

/// What one node says; `None` when it has not got all of the heads.
async fn below<N: Node>(node: &N, heads: &Heads, blocks: &[BlockRef]) -> Result<Option<Vec<bool>>, Error> {
    let has = |block: BlockRef| async move {
        let there = node.block(BlockId::Height(block.height)).await?;
        Ok::<_, Error>(there.is_some_and(|there| there.at.hash == block.hash))
    };
    let ends = [Some(heads.latest), heads.safe, heads.finalized];
    if try_join_all(ends.into_iter().flatten().map(has)).await?.contains(&false) {
        return Ok(None);
    }
    let told = try_join_all(blocks.iter().copied().map(has)).await?;
    // The same head before and after: no reorg came between it and the blocks.
    Ok(if has(heads.latest).await? { Some(told) } else { None })
}
