//! How deep a block lies. Pure; whether that is deep enough is the operator's policy, [`Depth::satisfies`].

use tokengine_core::{BlockRef, Depth, Finality};

use crate::Heads;

/// Where a network's finalized head comes from: the strongest finality that it has. Only what lies below that head is proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalHead {
    /// Its nodes tell one.
    Told,
    /// They tell none, as on many private networks: it is the block so many below the newest one, whatever a node says.
    Depth(u32),
}

impl FinalHead {
    /// By depth, on a network with such ordinary reorgs and that policy for payouts: the deeper of the two. A reorg up to
    /// `reorg_depth` leaves what has so many blocks above it.
    pub fn by_depth(reorg_depth: u32, payouts: Finality) -> Self {
        Self::Depth(match payouts {
            Finality::Confirmations(blocks) => reorg_depth.max(blocks),
            Finality::Safe | Finality::Finalized => reorg_depth,
        })
    }

    /// The height of the finalized head by depth; `None` where nodes tell it, or the network is not so high yet.
    pub fn height(self, latest: u64) -> Option<u64> {
        match self {
            Self::Told => None,
            Self::Depth(blocks) => latest.checked_sub(blocks.into()),
        }
    }
}

/// The depth of a block of the best chain under the given heads, on which `nodes` nodes agree. `None` when the heads
/// have not reached the block.
///
/// The caller has made sure that `block` is on the chain of these heads: a height alone proves nothing.
pub fn depth(block: &BlockRef, heads: &Heads, nodes: u8) -> Option<Depth> {
    let above = heads.latest.height.checked_sub(block.height)?;
    let reached_by = |head: Option<BlockRef>| head.is_some_and(|head| head.height >= block.height);
    Some(Depth {
        confirmations: above.saturating_add(1),
        safe: reached_by(heads.safe),
        finalized: reached_by(heads.finalized),
        nodes,
    })
}

#[cfg(test)]
mod tests {
    use tokengine_core::{BlockHash, Finality};

    use super::*;

    fn at(height: u64) -> BlockRef {
        BlockRef { height, hash: BlockHash([1; 32]), parent: BlockHash([0; 32]) }
    }

    #[test]
    fn a_block_counts_when_the_head_of_the_policy_has_reached_it() {
        use Finality::{Confirmations, Finalized, Safe};
        let heads = Heads { latest: at(100), safe: Some(at(90)), finalized: Some(at(80)) };
        for (height, policy, enough) in [
            (100, Confirmations(1), true),
            (100, Confirmations(2), false),
            (99, Confirmations(2), true),
            (91, Safe, false),
            (90, Safe, true),
            (81, Finalized, false),
            (80, Finalized, true),
            (80, Confirmations(1_000), true), // final is final, whatever the count
        ] {
            let depth = depth(&at(height), &heads, 1).expect("reached");
            assert_eq!(depth.satisfies(policy), enough, "{height} {policy:?}");
        }
    }

    #[test]
    fn without_a_finalized_head_of_the_nodes_the_strongest_finality_is_the_deeper_of_reorgs_and_payouts() {
        use Finality::{Confirmations, Finalized, Safe};
        for (case, reorg_depth, payouts, expected) in [
            ("payouts deeper", 8, Confirmations(12), 12),
            ("reorgs deeper, on a network of play money", 8, Confirmations(1), 8),
            ("no count", 8, Finalized, 8),
            ("no count either", 8, Safe, 8),
        ] {
            assert_eq!(FinalHead::by_depth(reorg_depth, payouts), FinalHead::Depth(expected), "{case}");
        }
        for (case, rule, latest, expected) in [
            ("told by nodes", FinalHead::Told, 100, None),
            ("as deep as that", FinalHead::Depth(12), 100, Some(88)),
            ("just so high", FinalHead::Depth(12), 12, Some(0)),
            ("not so high yet", FinalHead::Depth(12), 11, None),
        ] {
            assert_eq!(rule.height(latest), expected, "{case}");
        }
    }

    #[test]
    fn a_block_above_the_head_has_no_depth() {
        let heads = Heads { latest: at(5), safe: None, finalized: None };
        assert_eq!(depth(&at(6), &heads, 1), None);
        let here = depth(&at(5), &heads, 3).expect("reached");
        assert_eq!(here, Depth { confirmations: 1, safe: false, finalized: false, nodes: 3 });
        assert!(!here.satisfies(Finality::Finalized), "a network without finalized heads never says final");
    }
}
