//! Reorgs: what was not final is taken back, what was sent is sent again, and what was too deep stops everything.

use tokengine_core::*;

use crate::world::*;

#[test]
fn a_deposit_that_a_reorg_takes_is_dropped() {
    let world = World::with(|_| Setup { finality: Finality::Finalized, reorg_depth: 3, ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 1_000);
    world.until("it is seen", |state| state.pending_deposits().count() == 1);
    world.anvil.reorg(1).expect("a reorg");
    world.until("it is gone", |state| state.pending_deposits().all(|pending| pending.orphaned));
    world.anvil.mine(8).expect("mined");
    world.until("it is forgotten", |state| state.pending_deposits().count() == 0);
    assert_eq!(world.free(&alice, USD), 0);
    assert!(world.look(|state| state.network(NET).is_some_and(|row| row.halted.is_none())), "an ordinary reorg");
}

#[test]
fn a_reorg_right_after_the_first_start_stops_nothing() {
    let world = World::with(|anvil| {
        anvil.mine(10).expect("mined");
        Setup::default()
    });
    let newest = || world.block_on(world.network().heads()).expect("heads").latest;
    let searched = |what, head: BlockRef| {
        world.until(what, move |state| state.network(NET).and_then(|row| row.head()) == Some(&head));
    };
    let first = newest();
    searched("the head is reached", first);
    world.anvil.reorg(1).expect("a reorg");
    let second = newest();
    assert_ne!(second.hash, first.hash);
    searched("it goes on by itself", second);
    assert!(world.look(|state| state.network(NET).is_some_and(|row| row.halted.is_none())), "an ordinary reorg");
}

#[test]
fn e15_a_payout_that_a_reorg_takes_is_sent_again_and_paid_once() {
    let mut world = World::with(|_| Setup { finality: Finality::Finalized, ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 10_000);
    world.pay_coin(&alice, &hot, ETHER);
    world.anvil.mine(8).expect("mined");
    world.until_free(&alice, COIN, ETHER);
    world.until_free(&alice, USD, 10_000);
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is in a block", |state| state.dispatches().any(|(_, dispatch)| dispatch.seen.is_some()));
    let seen_in = |state: &State| state.dispatches().find_map(|(_, dispatch)| Some(dispatch.seen.as_ref()?.block));
    let first = world.look(seen_in);
    world.anvil.reorg(2).expect("a reorg");
    world.until("it is in another block", move |state| seen_in(state).is_some() && seen_in(state) != first);
    world.anvil.mine(8).expect("mined");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    world.books_balance();
}

#[test]
fn a_final_payout_that_a_deep_reorg_takes_is_sent_again_until_it_is_back() {
    let mut world = World::new();
    let alice = world.funded();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is sent", |state| state.dispatches().any(|(_, dispatch)| !dispatch.attempts.is_empty()));
    world.anvil.mine(3).expect("mined");
    world.until_ended(payout);
    let ended = |state: &State| {
        let sent = state.network(NET).and_then(|row| row.recent_final.back()).expect("it ended not long ago");
        (sent.tx, sent.block, sent.orphaned)
    };
    let (tx, first, _) = world.look(ended);
    let height = world.anvil.block_number().expect("a height");
    let head = move |state: &State| state.network(NET).and_then(|row| row.head()).map(|head| head.height);
    world.until("all is searched", move |state| head(state) >= Some(height));
    world.anvil.reorg(height - first.height + 1).expect("a reorg deeper than the payout's finality");
    world.until("it is back elsewhere", move |state| {
        let (same, block, orphaned) = ended(state);
        same == tx && !orphaned && block != first
    });
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    let seen = world.anvil.receipt(&tx.to_string()).expect("an answer").expect("a receipt");
    let block = format!("{:#x}", world.look(ended).1.height);
    assert_eq!(seen["blockNumber"].as_str(), Some(block.as_str()), "where the network has it");
    world.books_balance();
}

#[test]
fn d7_a_reorg_deeper_than_the_policy_halts_the_network_and_reverses_visibly() {
    let mut world = World::with(|_| Setup { reorg_depth: 2, ..Setup::default() });
    let alice = world.funded();
    let (bob, hot) = (world.customer(2), world.wallet_address(HOT));
    world.pay_token(&bob, &hot, 7_000);
    world.until_free(&bob, USD, 7_000);
    world.anvil.mine(4).expect("mined");
    world.anvil.reorg(5).expect("a deep reorg");
    world.until("the network is halted", |state| state.network(NET).is_some_and(|row| row.halted.is_some()));
    world.anvil.mine(6).expect("mined");
    world.until_free(&bob, USD, 0);
    assert_eq!(world.free(&alice, USD), 1_000_000_000, "what was below it stays");
    let order = world.order(&alice, USD, 1_000, &World::nobody(1));
    let request = world.request();
    let refused = world
        .handle()
        .submit_blocking(tokengine_engine::Lane::Client, Command::HoldPayout { request, order, trace: None });
    assert_eq!(refused.map(drop).map_err(|error| error.code()), Err("network-halted"));
    assert!(world.status().halted.is_some());
    world.books_balance();
}

#[test]
fn a_chain_that_has_nothing_in_common_with_what_was_searched_calls_a_person() {
    let world = World::with(|_| Setup { reorg_depth: 2, ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.anvil.mine(70).expect("mined");
    let head = world.anvil.block_number().expect("a height");
    world.until("all is searched", move |state| {
        state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= head)
    });
    world.anvil.reorg(69).expect("another chain");
    world.until("the network is halted", |state| state.network(NET).is_some_and(|row| row.halted.is_some()));
    tokengine_testkit::wait_until("it says so", std::time::Duration::from_secs(20), || world.status().lost)
        .expect("lost");
    let there = world.anvil.block("latest").expect("a block");
    let word = |field: &str| there[field].as_str().expect("a hash").parse::<TxId>().expect("a hash").0;
    let height = world.anvil.block_number().expect("a height");
    let from = BlockRef { height, hash: BlockHash(word("hash")), parent: BlockHash(word("parentHash")) };
    world.ok(Command::ResumeNetwork { network: NET, reason: "looked at".into(), from: Some(from) });
    world.pay_coin(&alice, &hot, ETHER);
    world.until_free(&alice, COIN, ETHER);
    tokengine_testkit::wait_until("it goes on", std::time::Duration::from_secs(20), || !world.status().lost)
        .expect("found");
}
