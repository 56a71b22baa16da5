//! Who may say what: honest nodes never tell what is true of no chain, and the product's own quorum outvotes the others.

use std::future::poll_fn;

use tokengine_chain::{Accounts, At, BlockId, Error, Network, Node, Receivers, TxPayments, TxStatus};

use super::*;

fn rough(seed: u64, n: usize, quorum: u8) -> Bench {
    let mut settings = Settings::new(1, n, quorum).with_liars();
    settings.rates = Rates::ROUGH;
    settings.endpoints[n - 1].keeps = Some(20);
    Bench::new(seed, settings)
}

/// Deposits and payments, some of each, so that there is something to ask about.
fn live(bench: &mut Bench, dice: &mut Rng, sent: &mut Vec<TxId>) {
    let (ours, bob, token) = (bench.ours.clone(), bench.bob.clone(), bench.token(0));
    match dice.below(6) {
        0 => sent.push(bench.world.pay(0, &bob, &ours, &Asset::Contract(token), 7)),
        1 => sent.push(bench.world.act(0, &bob, &Deed::PayInside { to: vec![(ours, 3)] })),
        2 => sent.push(bench.world.act(0, &bob, &Deed::PayAndFail { to: ours, amount: 3 })),
        _ => {}
    }
    bench.blocks(1);
}

#[test]
fn a_truthful_node_tells_only_of_blocks_that_were_made() {
    let mut bench = rough(1, 4, 3);
    let mut dice = Rng::new(1);
    let mut sent = Vec::new();
    for _ in 0..1_500 {
        live(&mut bench, &mut dice, &mut sent);
        let endpoint = if dice.chance(1, 2) { 0 } else { 3 }; // 1 and 2 are the liars
        let Some(tx) = sent.last().copied() else { continue };
        let made = |bench: &Bench, block: BlockRef| {
            let net = lock(&bench.world.nets[0]);
            net.chain.by_hash(&block.hash).is_some_and(|ix| net.chain.get(ix).at == block)
        };
        if let Ok(heads) = bench.answer(|node| async move { node.heads().await }, endpoint) {
            let all = [Some(heads.latest), heads.safe, heads.finalized];
            assert!(all.into_iter().flatten().all(|block| made(&bench, block)));
        }
        if let Ok(TxStatus::InBlock(told) | TxStatus::Reverted(told)) =
            bench.answer(|node| async move { node.status(tx).await }, endpoint)
        {
            assert!(made(&bench, told.block));
        }
        let everyone = Receivers::everyone([bench.token(0)]);
        if let Ok(TxPayments::InBlock(block, scan)) =
            bench.answer(|node| async move { node.payments_of(tx, &everyone).await }, endpoint)
        {
            assert!(made(&bench, block) && scan.payments.iter().all(|payment| payment.tx == tx));
        }
        let ours = bench.ours.clone();
        if let Ok(nonce) = bench.answer(|node| async move { node.nonce_at(&ours, At::Latest).await }, endpoint) {
            assert_eq!(nonce, 0, "we sent nothing");
        }
    }
}

/// Lets a question of the product's run on the paused clock, with the world's time beside it.
async fn ask<T>(world: &mut World, question: impl Future<Output = T>) -> T {
    let mut question = pin!(question);
    loop {
        let polled = poll_fn(|context| Poll::Ready(question.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = polled {
            return answer;
        }
        let next = world.next_due();
        tokio::time::advance(std::time::Duration::from_millis(next.saturating_sub(world.now()).max(1))).await;
        world.advance(next);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_quorum_says_is_true_of_a_chain_however_many_lie_below_it() {
    for seed in 0..6 {
        let mut bench = rough(seed, 4, 2 + u8::try_from(seed % 2).expect("0 or 1"));
        let network = Network::new("eip155:1", bench.world.nodes(0), bench.world.rules(0)).expect("a quorum");
        let mut dice = Rng::new(seed);
        let (mut sent, mut settled) = (Vec::new(), 0);
        for _ in 0..400 {
            live(&mut bench, &mut dice, &mut sent);
            let made = |world: &World, block: BlockRef| {
                let net = lock(&world.nets[0]);
                net.chain.by_hash(&block.hash).is_some_and(|ix| net.chain.get(ix).at == block)
            };
            if let Ok(heads) = ask(&mut bench.world, network.heads()).await {
                assert!(made(&bench.world, heads.latest), "seed {seed}");
            }
            let Some(tx) = sent.get(dice.index(sent.len().max(1))).copied() else { continue };
            if let Ok(TxStatus::InBlock(told) | TxStatus::Reverted(told)) =
                ask(&mut bench.world, network.status(tx)).await
            {
                assert!(made(&bench.world, told.block), "seed {seed}");
                settled += 1;
                let receivers = Receivers::few([bench.ours.clone()], [bench.token(0)]);
                if let Ok(scan) = ask(&mut bench.world, network.payments(told.block.hash, &receivers)).await {
                    assert!(scan.payments.iter().all(|payment| sent.contains(&payment.tx)), "seed {seed}");
                }
            }
            if let Ok(nonce) = ask(&mut bench.world, network.nonce_at(&bench.ours, At::Finalized)).await {
                assert_eq!(nonce, 0, "seed {seed}");
            }
            let height = bench.world.head(0).height / 2;
            if let Ok(Some(block)) = ask(&mut bench.world, network.block(BlockId::Height(height))).await {
                assert!(made(&bench.world, block.at), "seed {seed}");
            }
        }
        assert!(settled > 40, "seed {seed}: {settled} questions were answered");
    }
}

#[test]
fn the_same_seed_is_the_same_network() {
    let run = |seed| {
        let mut bench = rough(seed, 3, 2);
        let (mut dice, mut sent, mut told) = (Rng::new(seed), Vec::new(), Vec::new());
        for _ in 0..300 {
            live(&mut bench, &mut dice, &mut sent);
            told.push(bench.answer(|node| async move { node.heads().await }, 1));
        }
        (told, bench.world.coverage(), bench.world.head(0))
    };
    assert!(run(7) == run(7));
    assert_ne!(run(7).2, run(8).2);
}

#[test]
fn every_fault_of_a_node_comes_and_none_when_it_is_quiet() {
    let mut bench = rough(5, 3, 2);
    let (mut dice, mut sent) = (Rng::new(5), Vec::new());
    for _ in 0..4_000 {
        live(&mut bench, &mut dice, &mut sent);
        let (ix, head, ours, token) = (dice.index(3), bench.world.head(0), bench.ours.clone(), bench.token(0));
        let tx = sent.last().copied().unwrap_or(TxId([0; 32]));
        let old = At::Height(head.height.saturating_sub(25));
        bench.answer(
            |node| async move {
                let to = Receivers::few([ours.clone()], [token.clone()]);
                let (call_to, asset) = (token.clone(), Asset::Contract(token.clone()));
                let call =
                    tokengine_chain::Call { from: ours.clone(), to: call_to, value: Amount::ZERO, input: vec![1] };
                let _ = node.identity().await;
                let _ = (node.heads().await, node.block(BlockId::Height(3)).await, node.blocks(1, 5).await);
                let _ = (node.payments(head.hash, &to).await, node.payments_of(tx, &to).await);
                let _ = (node.status(tx).await, node.nonce_at(&ours, old).await);
                let _ = (node.who_used_nonce(&ours, 0, 0, &head).await, node.balance(&ours, &asset, old).await);
                let _ = (node.code(&token, At::Latest).await, node.probe(&token, &[], head.hash).await);
                let _ = (node.estimate(&call).await, node.suggestion().await, node.send(&[1, 2]).await);
                let _ = node.valid_signature(&token, [1; 32], &[], At::Latest).await;
            },
            ix,
        );
    }
    // These need transactions of our own, or a reorg beyond what is final, which the tests beside this one have.
    let elsewhere = ["send-late", "send-twice", "pool-outbid-returns", "reorg-deep"];
    let coverage = bench.world.coverage();
    let missing: Vec<_> = coverage.iter().filter(|(name, times)| **times == 0 && !elsewhere.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    bench.world.quiet();
    for _ in 0..300 {
        bench.blocks(1);
        let head = bench.world.head(0);
        for ix in 0..3 {
            let heads: Result<_, Error> = bench.answer(|node| async move { node.heads().await }, ix);
            assert_eq!(heads.map(|heads| heads.latest), Ok(head));
        }
    }
    assert_eq!(bench.world.coverage(), coverage);
}

#[tokio::test(start_paused = true)]
async fn a_block_of_a_fork_is_not_as_deep_as_the_other_chain_is_long() {
    let mut bench = Bench::new(1, Settings::new(1, 2, 1));
    let network = Network::new("eip155:1", bench.world.nodes(0), bench.world.rules(0)).expect("a quorum");
    let lost = bench.world.head(0);
    bench.world.stick(0, 0);
    bench.world.reorg(0, 3);
    bench.blocks(20);
    // One node is enough here, and each of the two says something true; together it is not.
    let heads = ask(&mut bench.world, network.heads()).await.expect("heads");
    assert!(heads.latest.height >= lost.height + 19, "the head of the other one");
    let there = ask(&mut bench.world, network.block(BlockId::Height(lost.height))).await.expect("a block");
    assert_eq!(there.map(|block| block.at), Some(lost), "the block of the stuck one");
    assert_eq!(ask(&mut bench.world, network.depth(&lost)).await, Ok(None));
    bench.world.quiet();
    let known = lock(&bench.world.nets[0]).chain.best_at(lost.height).expect("replaced");
    let ours = lock(&bench.world.nets[0]).chain.get(known).at;
    let depth = ask(&mut bench.world, network.depth(&ours)).await.expect("heads");
    assert_eq!(depth.map(|depth| depth.confirmations), Some(heads.latest.height - lost.height + 1));
}
