//! The heads that a quorum has, and states named by them.

use std::future::Future;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokengine_core::BlockRef;
use tokio::time::Instant;

use super::Network;
use super::ask::Agreement;
use crate::counters::count;
use crate::finality::FinalHead;
use crate::quorum::{self, Verdict};
use crate::{At, BlockId, Error, Heads, Node};

impl<N: Node> Network<N> {
    /// The newest block that the quorum has, and the newest safe and finalized ones.
    ///
    /// A head may lie behind one told before, when nodes come and go: what was followed already stays followed until
    /// another block is seen in its place.
    ///
    /// # Errors
    /// [`Error::NoQuorum`]; [`Error::Disagreement`] when the nodes are on different forks as far as they told.
    pub async fn heads(&self) -> Result<Heads, Error> {
        let (told, faults) = self.told_heads().await;
        if told.len() < self.needed() {
            return Err(self.too_few("heads", told.len(), faults));
        }
        let of = |pick: fn(&Heads) -> Option<BlockRef>| -> Vec<(usize, BlockRef)> {
            told.iter().filter_map(|(ix, heads)| Some((*ix, pick(heads)?))).collect()
        };
        let latest = self.common(&of(|heads| Some(heads.latest))).await?;
        let lower = async |told: Vec<(usize, BlockRef)>| {
            if told.len() < self.needed() {
                return Ok(None); // the network, or too many of its nodes, have no such thing
            }
            self.common(&told).await.map(|block| Some(block).filter(|block| block.height <= latest.height))
        };
        let safe = lower(of(|heads| heads.safe)).await?;
        let finalized = match self.rules.finality {
            FinalHead::Told => lower(of(|heads| heads.finalized)).await?,
            FinalHead::Depth(_) => self.final_by_depth(latest).await?,
        };
        Ok(Heads { latest, safe, finalized })
    }

    /// The block so deep below `latest` that it counts as final, as a quorum of nodes has it on one chain with `latest`.
    async fn final_by_depth(&self, latest: BlockRef) -> Result<Option<BlockRef>, Error> {
        let Some(height) = self.rules.finality.height(latest.height) else { return Ok(None) };
        let answer = self.agreed("a final block", Option::is_some, |node| below(node, latest, height)).await?;
        Ok(match answer {
            Agreement::Agreed(block) => block,
            Agreement::Unsettled(_) => None, // too few have got as far
        })
    }

    /// The heads of all nodes that tell them soon enough after the quorum has.
    async fn told_heads(&self) -> (Vec<(usize, Heads)>, Vec<Error>) {
        let mut running: FuturesUnordered<_> = self
            .ready()
            .into_iter()
            .map(|ix| self.ask(ix, &|node| node.heads()).map(move |answer| (ix, answer)))
            .collect();
        let (mut told, mut faults) = (Vec::new(), Vec::new());
        let mut deadline: Option<Instant> = None;
        loop {
            let Some((ix, answer)) = next_until(deadline, running.next()).await else { return (told, faults) };
            match answer {
                Ok(heads) => {
                    self.note_head(ix, heads.latest.height);
                    told.push((ix, heads));
                }
                Err(fault) => faults.push(fault),
            }
            if told.len() == self.needed() && deadline.is_none() {
                deadline = Some(Instant::now() + self.rules.patience);
            }
        }
    }

    /// The highest block that the quorum has, given what each told as its own.
    async fn common(&self, told: &[(usize, BlockRef)]) -> Result<BlockRef, Error> {
        let reached: Vec<u64> = told.iter().map(|(_, block)| block.height).collect();
        let mut conflict = false;
        for height in quorum::heights_to_try(&reached, self.needed()) {
            let here = |ix: usize, block: BlockRef| async move {
                if block.height == height {
                    return Some(block);
                }
                let there = self.ask(ix, &|node| N::block(node, BlockId::Height(height))).await;
                there.ok().flatten().map(|block| block.at)
            };
            let above = told.iter().filter(|(_, block)| block.height >= height);
            let votes = join_all(above.map(|(ix, block)| here(*ix, *block))).await;
            let votes: Vec<BlockRef> = votes.into_iter().flatten().collect();
            if quorum::conflict(&votes, |_| true) {
                conflict = true;
                count(&self.counters.disagreements);
            }
            if let Verdict::Agreed(block) = quorum::judge(&votes, |_| true, self.needed(), false) {
                return Ok(*block);
            }
        }
        Err(if conflict {
            Error::Disagreement { network: self.id.clone(), what: "heads" }
        } else {
            self.too_few("heads", told.len().saturating_sub(1), Vec::new())
        })
    }

    /// The same state by a name that means the same to every node.
    pub(super) async fn pinned(&self, at: At) -> Result<At, Error> {
        let (head, what) = match at {
            At::Safe => (self.heads().await?.safe, "a safe head"),
            At::Finalized => (self.heads().await?.finalized, "a finalized head"),
            At::Latest | At::Pending | At::Height(_) | At::Block(_) => return Ok(at),
        };
        head.map(|head| At::Block(head.hash)).ok_or_else(|| Error::Unsupported { node: self.id.clone(), what })
    }
}

/// What one node has at that height; `None` when it is not on the chain of `latest`. It is asked for that block before and
/// after, so that a reorg in between does not lend its depth to a block of another chain.
async fn below<N: Node>(node: &N, latest: BlockRef, height: u64) -> Result<Option<BlockRef>, Error> {
    let at = |height| async move { Ok::<_, Error>(node.block(BlockId::Height(height)).await?.map(|block| block.at)) };
    let has_latest = async || Ok::<_, Error>(at(latest.height).await?.is_some_and(|there| there.hash == latest.hash));
    if !has_latest().await? {
        return Ok(None);
    }
    let block = at(height).await?;
    Ok(if has_latest().await? { block } else { None })
}

async fn next_until<T>(deadline: Option<Instant>, next: impl Future<Output = Option<T>>) -> Option<T> {
    match deadline {
        None => next.await,
        Some(deadline) => tokio::time::timeout_at(deadline, next).await.ok().flatten(),
    }
}
