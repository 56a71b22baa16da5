//! Following a real chain through downtime and reorgs.

use tokengine_chain::follower::{FollowRules, Followed};
use tokengine_chain::{BlockId, FinalHead, Network, Node, Rules, evm::EvmNode};
use tokengine_core::{BlockRef, Finality};

use crate::chain::{CHAIN_ID, address, anvil, block_at, block_of, config, network, node};

const RULES: FollowRules = FollowRules { start: 0, max_reorg: 5, batch: 4 };

/// Follows until nothing is new, as a worker would: what is taken back leaves the ring, what is new joins it.
async fn catch_up(network: &Network<EvmNode>, ring: &mut Vec<BlockRef>) -> Vec<Followed> {
    let mut steps = Vec::new();
    loop {
        let followed = network.follow(ring, RULES).await.expect("answers");
        match &followed {
            Followed::Idle | Followed::Stale | Followed::TooDeep { .. } => {
                steps.push(followed);
                return steps;
            }
            Followed::Advance { blocks } => ring.extend(blocks),
            Followed::Rewind { to, .. } => {
                ring.retain(|block| block.height < to.height);
                ring.push(*to);
            }
        }
        steps.push(followed);
    }
}

fn assert_linked(ring: &[BlockRef], from: u64) {
    for (block, height) in ring.iter().zip(from..) {
        assert_eq!(block.height, height);
    }
    assert!(ring.windows(2).all(|pair| pair[1].parent == pair[0].hash));
}

#[tokio::test]
async fn nothing_is_skipped_and_what_a_reorg_takes_is_taken_back() {
    let anvil = anvil();
    anvil.mine(10).expect("mines");
    let network = network(&[anvil.url()], 1);
    let mut ring = Vec::new();
    let steps = catch_up(&network, &mut ring).await;
    assert_eq!(steps.len(), 4, "11 blocks in batches of 4, and idle: {steps:?}");
    assert_linked(&ring, 0);
    assert_eq!(ring.last().map(|tip| tip.height), Some(10));

    let lost = ring[9];
    anvil.reorg(2).expect("reorganises");
    let steps = catch_up(&network, &mut ring).await;
    assert!(matches!(&steps[0], Followed::Rewind { to, depth: 2 } if to.height == 8), "{steps:?}");
    assert_linked(&ring, 0);
    assert_eq!(ring.last().map(|tip| tip.height), Some(10));
    assert_ne!(ring[9], lost);

    // As deep as the rules allow, and one deeper.
    anvil.reorg(5).expect("reorganises");
    assert!(matches!(catch_up(&network, &mut ring).await[0], Followed::Rewind { depth: 5, .. }));
    anvil.reorg(6).expect("reorganises");
    let known = ring.clone();
    assert_eq!(catch_up(&network, &mut ring).await, [Followed::TooDeep { depth: 6 }]);
    assert_eq!(ring, known, "nothing was decided");
}

#[tokio::test]
async fn a_chain_that_became_shorter_takes_nothing_back_until_another_one_grows() {
    let anvil = anvil();
    anvil.mine(6).expect("mines");
    let network = network(&[anvil.url()], 1);
    let mut ring = Vec::new();
    catch_up(&network, &mut ring).await;
    anvil.rollback(2).expect("goes back");
    assert_eq!(catch_up(&network, &mut ring).await, [Followed::Stale]);
    anvil.set_balance(&anvil.accounts()[5], 1).expect("is set"); // so that the new blocks are others
    anvil.increase_time(std::time::Duration::from_secs(100)).expect("is set");
    anvil.mine(1).expect("mines");
    assert!(matches!(catch_up(&network, &mut ring).await[0], Followed::Rewind { depth: 2, .. }));
    assert_linked(&ring, 0);
}

#[tokio::test]
async fn a_block_is_as_deep_as_the_heads_say_and_has_no_depth_once_it_is_gone() {
    let anvil = anvil();
    anvil.mine(3).expect("mines");
    let paid = anvil.send(&anvil.accounts()[0], &anvil.accounts()[1], 5).expect("is sent");
    let hash = block_of(&anvil, &paid);
    let network = network(&[anvil.url()], 1);
    let block = network.block(BlockId::Hash(hash)).await.expect("answers").expect("is there");
    let depth = async || network.depth(&block.at).await.expect("answers");

    let fresh = depth().await.expect("on the chain");
    assert_eq!((fresh.confirmations, fresh.safe, fresh.finalized, fresh.nodes), (1, false, false, 1));
    anvil.mine(2).expect("mines");
    let safe = depth().await.expect("on the chain");
    assert_eq!((safe.confirmations, safe.safe, safe.finalized), (3, true, false), "safe is 2 behind the head");
    anvil.mine(2).expect("mines");
    assert!(depth().await.expect("on the chain").satisfies(Finality::Finalized), "final is 4 behind the head");

    anvil.reorg(5).expect("reorganises");
    assert_eq!(depth().await, None);
}

#[tokio::test]
async fn by_depth_a_block_is_final_when_enough_lie_above_it_whatever_the_nodes_call_final() {
    let anvil = anvil();
    anvil.mine(6).expect("mines");
    let by_depth = |quorum| {
        let nodes = (0..2).map(|_| EvmNode::new(&config(anvil.url())).expect("a good address")).collect();
        let rules = Rules { quorum, finality: FinalHead::Depth(6), ..Rules::default() };
        Network::new(&format!("eip155:{CHAIN_ID}"), nodes, rules).expect("good rules")
    };
    for quorum in [1, 2] {
        let height = anvil.block_number().expect("answers");
        let heads = by_depth(quorum).heads().await.expect("answers");
        assert_eq!(heads.latest.height, height);
        assert_eq!(heads.finalized, Some(block_at(&node(anvil.url()).await, height - 6).await), "not 4 behind");
    }
    let network = by_depth(2);
    let node = node(anvil.url()).await;
    let (final_one, next) = (block_at(&node, 0).await, block_at(&node, 1).await);
    let depth = async |block| network.depth(&block).await.expect("answers").expect("on the chain");
    assert!(depth(final_one).await.finalized && !depth(next).await.finalized);
}

#[tokio::test]
async fn a_block_says_when_it_was_made_and_what_gas_costs() {
    let anvil = anvil();
    anvil.mine(2).expect("mines");
    let node = node(anvil.url()).await;
    let raw = anvil.block("latest").expect("answers");
    let number = |field: &str| tokengine_testkit::quantity(&raw[field]).expect("a number");
    let block = node.block(BlockId::Height(2)).await.expect("answers").expect("is there");
    assert_eq!(u128::from(block.time), number("timestamp"));
    assert_eq!(block.base_fee.map(|fee| fee.base_units()), Some(number("baseFeePerGas")));
    assert_eq!(node.block(BlockId::Hash(block.at.hash)).await, Ok(Some(block)));
    assert_eq!(node.block(BlockId::Height(3)).await, Ok(None));
    let told = node.blocks(1, 10).await.expect("answers");
    assert_eq!(told.iter().map(|block| block.at.height).collect::<Vec<_>>(), [1, 2], "as far as the chain goes");
    assert_eq!(node.blocks(7, 10).await, Ok(vec![]));
    assert_eq!(node.heads().await.expect("answers").latest, block.at);
    assert_eq!(
        node.payments_of(
            tokengine_core::TxId([9; 32]),
            &tokengine_chain::Receivers::few([address(&anvil.accounts()[0],)], [])
        )
        .await,
        Ok(tokengine_chain::TxPayments::NotFound)
    );
}
