//! Blocks that go away: the state goes back with them, and what was in them is found again or is not.

use tokengine_chain::{Accounts, At, BlockId, Node, NonceUse, TxStatus};

use super::*;

#[test]
fn a_replaced_block_is_known_by_its_hash_and_its_state_is_too() {
    let mut bench = Bench::new(1, Settings::new(1, 1, 1));
    let (ours, bob) = (bench.ours.clone(), bench.bob.clone());
    let tx = bench.world.pay(0, &bob, &ours, &Asset::Native, COIN);
    bench.blocks(2);
    let old = bench.world.head(0);
    let balance = |bench: &mut Bench, at: At| {
        let ours = ours.clone();
        bench.answer(|node| async move { node.balance(&ours, &Asset::Native, at).await }, 0)
    };
    assert_eq!(balance(&mut bench, At::Block(old.hash)), Ok(Amount::new(COIN)));
    bench.world.ban("reorg-tx-returns");
    for _ in 0..50 {
        bench.world.reorg(0, 3);
        bench.blocks(3);
    }
    let there = bench.answer(|node| async move { node.block(BlockId::Height(old.height)).await }, 0);
    assert_ne!(there.expect("no faults").expect("a block").at.hash, old.hash, "replaced");
    let by_hash = bench.answer(|node| async move { node.block(BlockId::Hash(old.hash)).await }, 0);
    assert_eq!(by_hash.expect("no faults").map(|block| block.at), Some(old), "and remembered");
    assert_eq!(balance(&mut bench, At::Block(old.hash)), Ok(Amount::new(COIN)), "with its state");
    // Whatever became of the payment, what the nodes tell of it is what the balance says.
    let status = bench.answer(|node| async move { node.status(tx).await }, 0).expect("no faults");
    let is_there = matches!(status, TxStatus::InBlock(_));
    assert_eq!(bench.world.balance(0, &ours, &Asset::Native), if is_there { COIN } else { 0 });
}

#[test]
fn balances_are_what_moved_whatever_was_replaced() {
    for seed in 0..20 {
        let mut bench = Bench::funded(seed, Settings::new(1, 1, 1));
        bench.world.set_rates(0, Rates { reorg: 300, deep_reorg: 20_000, pool: 200, weather: 20, ..Rates::NONE });
        let (ours, bob, token) = (bench.ours.clone(), bench.bob.clone(), bench.token(0));
        let carol = bench.world.fresh_address(0);
        let mut dice = Rng::new(seed);
        let mut sent: Vec<Vec<u8>> = Vec::new();
        for step in 0..150u128 {
            let asset = Asset::Contract(token.clone());
            match dice.below(5) {
                0 => drop(bench.world.pay(0, &bob, &ours, &Asset::Native, step + 1)),
                1 => {
                    let to = vec![(ours.clone(), step + 1), (carol.clone(), 2)];
                    bench.world.act(0, &bob, &Deed::PayMany { token: token.clone(), to });
                }
                2 => drop(bench.world.act(
                    0,
                    &bob,
                    &Deed::PayFickle { token: token.clone(), to: ours.clone(), amounts: [1, 2] },
                )),
                _ => {
                    let nonce = bench.world.nonce(0, &ours);
                    let tip = (2 + dice.below(9) as u128) * GWEI;
                    let payload = match dice.below(2) {
                        0 => Payload::native(&carol, Amount::new(step)),
                        _ => Payload::token(&token, &carol, Amount::new(step)).expect("an address"),
                    };
                    let signed = bench.sign(nonce, payload, 80_000, 100 * tip, tip);
                    sent.push(signed.raw.clone());
                }
            }
            for raw in sent.iter().rev().take(4).cloned().collect::<Vec<_>>() {
                let _ = bench.answer(|node| async move { node.send(&raw).await }, 0);
            }
            bench.blocks(1);
            let flows = bench.world.flows(0, 0);
            let used = bench.world.used(0, &ours);
            assert!(used.iter().zip(0..).all(|(used, nonce)| used.nonce == nonce), "seed {seed}: every nonce once");
            assert_eq!(bench.world.nonce(0, &ours), used.len() as u64, "seed {seed}");
            for what in [Asset::Native, asset] {
                let sum = |ours: &dyn Fn(&Flow) -> bool| -> u128 {
                    flows.iter().filter(|flow| flow.asset == what && ours(flow)).map(|flow| flow.arrived).sum()
                };
                let came = sum(&|flow| flow.to == ours);
                let went = sum(&|flow| flow.from.as_ref() == Some(&ours));
                let gas: u128 = if what == Asset::Native { used.iter().map(|used| used.cost).sum() } else { 0 };
                assert_eq!(
                    bench.world.balance(0, &ours, &what),
                    came - went - gas,
                    "seed {seed}, step {step}, {what:?}"
                );
            }
        }
        let coverage = bench.world.coverage();
        assert!(coverage["reorg"] > 0, "seed {seed}");
    }
}

#[test]
fn who_used_a_nonce_is_told_of_the_chain_that_was_asked_about() {
    let mut bench = Bench::funded(2, Settings::new(1, 1, 1));
    let (ours, bob) = (bench.ours.clone(), bench.bob.clone());
    let before = bench.world.head(0);
    let signed = bench.payment(0, &bob, 5);
    let raw = signed.raw.clone();
    bench.answer(|node| async move { node.send(&raw).await }, 0).expect("no faults");
    bench.blocks(1);
    let (in_block, used_at) = (bench.world.head(0), bench.world.used(0, &ours)[0].block);
    let user = |bench: &mut Bench, head: BlockRef| {
        let ours = ours.clone();
        bench.answer(|node| async move { node.who_used_nonce(&ours, 0, 0, &head).await }, 0)
    };
    assert_eq!(user(&mut bench, before), Ok(NonceUse::NotUsed));
    let Ok(NonceUse::Used(told)) = user(&mut bench, in_block) else { panic!("it is used") };
    assert_eq!((told.tx, told.block, told.value), (signed.tx, used_at, Amount::new(5)));
    bench.world.ban("reorg-tx-returns");
    bench.world.reorg(0, 2);
    bench.blocks(2);
    let code = user(&mut bench, in_block).map_err(|error| error.code());
    assert_eq!(code, Err("chain-block-unknown"), "no longer a block of its chain");
}

#[test]
fn nothing_ordinary_replaces_what_is_final() {
    let mut settings = Settings::new(1, 1, 1);
    settings.rates = Rates { deep_reorg: 0, ..Rates::ROUGH };
    let mut bench = Bench::new(3, settings);
    let mut last = bench.world.final_head(0);
    for _ in 0..3_000 {
        bench.blocks(1);
        let still = {
            let net = lock(&bench.world.nets[0]);
            net.chain.best_at(last.height).map(|ix| net.chain.get(ix).at)
        };
        assert_eq!(still, Some(last));
        last = bench.world.final_head(0);
    }
    assert!(bench.world.coverage()["reorg"] > 50);
    assert_eq!(bench.world.coverage()["reorg-deep"], 0);
}
