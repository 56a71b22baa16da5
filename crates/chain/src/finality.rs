//! How deep a block lies. Pure; whether that is deep enough is the operator's policy, [`Depth::satisfies`].

use tokengine_core::{BlockRef, Depth};

use crate::Heads;

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
    fn a_block_above_the_head_has_no_depth() {
        let heads = Heads { latest: at(5), safe: None, finalized: None };
        assert_eq!(depth(&at(6), &heads, 1), None);
        let here = depth(&at(5), &heads, 3).expect("reached");
        assert_eq!(here, Depth { confirmations: 1, safe: false, finalized: false, nodes: 3 });
        assert!(!here.satisfies(Finality::Finalized), "a network without finalized heads never says final");
    }
}
