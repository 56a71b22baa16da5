//! The reconciler: more is put aside, less stops payouts, and both are told from what is merely under way.

use tokengine_core::*;
use tokengine_testkit::{Arg, artifact};

use crate::sweeps::deposit_address;
use crate::world::*;

fn searched(world: &World) {
    let head = world.anvil.block_number().expect("a height");
    world.until("all is searched", move |state| {
        state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= head)
    });
}

#[test]
fn a20_a_surplus_goes_to_suspense_and_a_shortage_stops_payouts_until_it_is_gone() {
    let mut world = World::new();
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    let compare = |world: &World| {
        world.anvil.mine(8).expect("mined");
        searched(world);
        world.reconcile().expect("a block to compare at")
    };
    assert!(compare(&world).is_even());

    world.anvil.set_balance(&hot, 10 * ETHER + 5).expect("forced");
    let report = compare(&world);
    assert!(
        matches!(&report.told[..], [Command::BookSurplus { amount, .. }] if amount.base_units() == 5),
        "{report:?}"
    );
    let surplus = |item: &Suspense| item.reason == SuspenseReason::Surplus && item.amount == Amount::new(5);
    assert!(world.look(move |state| state.suspense().any(|(_, item)| surplus(item))));
    assert!(compare(&world).is_even(), "booked once");
    world.books_balance();

    world.anvil.set_balance(&hot, 9 * ETHER).expect("taken");
    let report = compare(&world);
    assert!(matches!(&report.told[..], [Command::FindShortage { asset: COIN, .. }]), "{report:?}");
    let order = world.order(&alice, COIN, ETHER, &World::nobody(1));
    let request = world.request();
    let refused = world
        .handle()
        .submit_blocking(tokengine_engine::Lane::Client, Command::HoldPayout { request, order, trace: None });
    assert_eq!(refused.map(drop).map_err(|error| error.code()), Err("asset-short"));
    let usd = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(usd); // other assets go on

    let books = world.look(|state| state.wallet(HOT).expect("listed").holding(COIN).amount.base_units());
    world.anvil.set_balance(&hot, books).expect("brought back");
    let report = compare(&world);
    assert!(matches!(&report.told[..], [Command::ClearShortage { asset: COIN, .. }]), "{report:?}");
    let payout = world.withdraw(&alice, COIN, ETHER, &World::nobody(2));
    world.until_ended(payout);
}

#[test]
fn what_is_under_way_is_no_difference() {
    let mut world = World::with(|_| Setup { finality: Finality::Finalized, ..Setup::default() });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 10_000);
    world.pay_coin(&alice, &hot, ETHER);
    world.anvil.mine(8).expect("mined");
    world.until_free(&alice, COIN, ETHER);
    world.until_free(&alice, USD, 10_000);
    // A deposit that waits, and a payout in the pool and then in a block that is not final.
    world.pay_token(&alice, &hot, 500);
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is in a block", |state| state.dispatches().any(|(_, dispatch)| dispatch.seen.is_some()));
    for _ in 0..8 {
        searched(&world);
        let report = world.reconcile().expect("a block to compare at");
        assert!(report.is_even() && report.told.is_empty(), "{report:#?}");
        world.anvil.mine(1).expect("mined");
    }
    world.until_ended(payout);
    world.until_free(&alice, USD, 10_000 - 1_000 - 10 + 500);
}

/// Pays coin to an address from inside a contract, which nobody sees without traces.
fn pay_unseen(world: &World, to: &str, wei: u128) {
    let splitter = artifact("Splitter").expect("compiled");
    let at = world.anvil.deploy(&splitter, &[]).expect("deployed");
    let args = [Arg::List(vec![Arg::from(to)]), Arg::List(vec![Arg::Uint(wei)])];
    let data = splitter.call("payNative(address[],uint256[])", &args).expect("encoded");
    let (from, value) = (world.customer(2), format!("0x{wei:x}"));
    let call = serde_json::json!({"from": from, "to": at, "data": data, "value": value});
    let hash = world.anvil.send_transaction(call).expect("sent");
    world.anvil.wait_success(&hash).expect("paid");
}

fn lies_in_suspense(state: &State, amount: u128) -> bool {
    state.suspense().any(|(_, item)| item.reason == SuspenseReason::Surplus && item.amount == Amount::new(amount))
}

#[test]
fn what_was_paid_unseen_to_an_empty_deposit_address_is_found_when_asked_for() {
    let world = World::with(|_| Setup { traces: false, ..Setup::default() });
    let (alice, bob) = (world.customer(1), world.customer(3));
    let (address, others) = (deposit_address(&world, &alice, 0), deposit_address(&world, &bob, 1));
    pay_unseen(&world, &address, ETHER);
    world.pay_token(&bob, &others, 500); // seen, below what is swept
    world.until_free(&bob, USD, 500);
    world.anvil.mine(8).expect("mined");
    searched(&world);
    assert!(world.look(|state| state.suspense().next().is_none()), "nobody saw it");
    let report = world.reconcile().expect("a block to compare at");
    assert!(
        matches!(&report.told[..], [Command::BookSurplus { asset: COIN, amount, .. }] if amount.base_units() == ETHER),
        "{report:#?}"
    );
    assert!(world.look(|state| lies_in_suspense(state, ETHER)));
    world.until("it is swept", |state| !state.wallet(HOT).expect("listed").holding(COIN).amount.is_zero());
    world.anvil.mine(8).expect("mined");
    searched(&world);
    let report = world.reconcile().expect("a block to compare at");
    assert!(report.is_even() && report.told.is_empty(), "booked once: {report:#?}");
    world.books_balance();
}

#[test]
fn what_was_paid_unseen_to_an_empty_deposit_address_is_found_in_its_turn() {
    let world = World::with(|_| {
        let mut setup = Setup { traces: false, ..Setup::default() };
        setup.rules.reconcile_every = 1;
        setup
    });
    let address = deposit_address(&world, &world.customer(1), 0);
    pay_unseen(&world, &address, ETHER);
    world.anvil.mine(8).expect("mined");
    world.anvil.set_block_time(1).expect("goes on");
    world.until("it is found", |state| lies_in_suspense(state, ETHER));
    world.books_balance();
}
