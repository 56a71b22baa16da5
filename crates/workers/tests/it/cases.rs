//! What went wrong elsewhere: tokens and payers that are not what they seem, and work that two want to do.

use serde_json::json;
use tokengine_core::*;
use tokengine_testkit::{Arg, artifact};
use tokengine_workers::probe::SAME_LEDGER;

use crate::sweeps::deposit_address;
use crate::world::*;

/// Calls a contract as a customer, with coin.
fn call(world: &World, from: &str, contract: (&str, &str), function: &str, args: &[Arg], wei: u128) {
    let data = artifact(contract.0).expect("compiled").call(function, args).expect("encoded");
    let call = json!({"from": from, "to": contract.1, "data": data, "value": format!("0x{wei:x}"), "gas": "0x7a120"});
    let hash = world.anvil.send_transaction(call).expect("sent");
    world.anvil.wait_success(&hash).expect("done");
}

fn with_token(token: &'static str) -> World {
    World::with(|_| Setup { token, ..Setup::default() })
}

/// Everything up to now was searched: a deposit of coin that came later is credited.
#[track_caller]
fn all_is_searched(world: &World) {
    let (bob, hot) = (world.customer(3), world.wallet_address(HOT));
    world.pay_coin(&bob, &hot, 77);
    world.until_free(&bob, COIN, 77);
}

#[track_caller]
fn nobody_has_any(world: &World, asset: AssetIx) {
    let token = world.look(move |state| state.asset(asset).expect("listed").token);
    let (pending, suspense) = world.look(move |state| {
        let pending = state.pending_deposits().filter(|pending| pending.deposit.asset == asset).count();
        (pending, state.suspense().filter(|(_, item)| item.token == token).count())
    });
    assert_eq!((pending, suspense), (0, 0));
    assert_eq!(world.look(move |state| state.wallet(HOT).expect("listed").holding(asset).amount), Amount::ZERO);
}

#[test]
fn a2_what_an_inner_call_paid_and_then_reverted_is_not_credited() {
    for traces in [true, false] {
        let world = World::with(|_| Setup { traces, ..Setup::default() });
        let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
        let at = world.anvil.deploy(&artifact("InnerRevert").expect("compiled"), &[]).expect("deployed");
        world.mint(&alice, 5_000);
        let approve = [Arg::from(&at), Arg::Uint(5_000)];
        call(&world, &alice, ("TestToken", &world.token), "approve(address,uint256)", &approve, 0);
        call(&world, &alice, ("InnerRevert", &at), "tryNative(address)", &[Arg::from(&hot)], ETHER);
        let move_tokens = [Arg::from(&world.token), Arg::from(&hot), Arg::Uint(5_000)];
        call(&world, &alice, ("InnerRevert", &at), "tryTokens(address,address,uint256)", &move_tokens, 0);
        all_is_searched(&world);
        nobody_has_any(&world, USD);
        assert_eq!((world.free(&alice, USD), world.free(&alice, COIN)), (0, 0), "traces: {traces}");
        assert!(world.look(|state| state.suspense().next().is_none()), "traces: {traces}");
    }
}

#[test]
fn a5_a_token_that_says_false_and_moves_nothing_is_not_credited() {
    let world = with_token("FalseToken");
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 300);
    world.until_free(&alice, USD, 300);
    world.mint(&alice, 1_000);
    call(&world, &alice, ("FalseToken", &world.token), "refuse(bool)", &[Arg::Bool(true)], 0);
    let transfer = [Arg::from(&hot), Arg::Uint(1_000)];
    call(&world, &alice, ("FalseToken", &world.token), "transfer(address,uint256)", &transfer, 0);
    all_is_searched(&world);
    assert_eq!(world.free(&alice, USD), 300, "its transaction succeeded all the same");
    assert_eq!(world.look(|state| state.pending_deposits().count()), 0);
}

#[test]
fn a6_a_token_that_returns_nothing_is_credited_swept_and_paid_out_by_its_logs() {
    let mut world = with_token("NoReturnToken");
    let (alice, bob) = (world.customer(1), world.customer(2));
    let address = deposit_address(&world, &alice, 0);
    world.pay_coin(&world.customer(9), &world.wallet_address(GAS), ETHER);
    world.pay_coin(&world.customer(9), &world.wallet_address(HOT), ETHER);
    world.pay_token(&bob, &address, 500_000);
    world.until_free(&alice, USD, 500_000);
    world.until("it is swept", |state| {
        state.wallet(HOT).is_some_and(|hot| hot.holding(USD).amount == Amount::new(500_000))
    });
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    assert_eq!(world.free(&alice, USD), 500_000 - 1_000 - 10);
    world.books_balance();
}

#[test]
fn a6_a_payout_that_succeeds_without_its_log_is_not_paid_and_nothing_is_released() {
    let mut world = with_token("FalseToken");
    let alice = world.funded();
    call(&world, &alice, ("FalseToken", &world.token), "refuse(bool)", &[Arg::Bool(true)], 0);
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("the token is stopped", |state| state.asset(USD).is_some_and(|asset| asset.stopped.is_some()));
    world.anvil.mine(10).expect("mined");
    all_is_searched(&world);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 0);
    assert!(world.look(move |state| state.payout(payout).is_some()), "neither paid nor given back: a person is called");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 1_000 - FAILURE_FEE, "it stays held, with the larger fee");
    let stuck = world.status().stuck;
    assert!(stuck.iter().any(|stuck| stuck.payout == Some(payout) && stuck.why == "effect-not-proven"), "{stuck:?}");
}

#[test]
fn a10_a_receiver_that_calls_back_during_a_payout_finds_everything_reserved() {
    let mut world = with_token("HookToken");
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    let entering = world.anvil.deploy(&artifact("Reentrant").expect("compiled"), &[]).expect("deployed");
    call(
        &world,
        &alice,
        ("HookToken", &world.token),
        "mint(address,uint256)",
        &[Arg::from(&entering), Arg::Uint(40)],
        0,
    );
    // From inside of our payout it pays us, so that one transaction of ours carries a deposit too.
    let back = artifact("HookToken").expect("compiled");
    let back = back.call("transfer(address,uint256)", &[Arg::from(&hot), Arg::Uint(40)]).expect("encoded");
    let arm = [Arg::from(&world.token), Arg::Bytes(tokengine_testkit::abi::from_hex(&back).expect("hex"))];
    call(&world, &alice, ("Reentrant", &entering), "arm(address,bytes)", &arm, 0);
    let payouts = [1, 2].map(|_| world.withdraw(&alice, USD, 1_000, &entering));
    for payout in payouts {
        world.until_ended(payout);
    }
    world.anvil.mine(4).expect("mined");
    all_is_searched(&world);
    assert_eq!(world.anvil.erc20_balance(&world.token, &entering).expect("a balance"), 2_000, "each paid once");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 2 * (1_000 + 10));
    let back = world.look(|state| state.suspense().map(|(_, item)| (item.reason, item.amount)).collect::<Vec<_>>());
    assert_eq!(
        back,
        [(SuspenseReason::SenderIsContract, Amount::new(40))],
        "a deposit of a contract that nobody linked"
    );
    world.books_balance();
}

#[test]
fn a11_a_collectible_in_the_place_of_a_token_is_stopped_and_its_transfers_are_no_amounts() {
    let world = with_token("TestNft");
    world.until("it is stopped", |state| state.asset(USD).is_some_and(|asset| asset.stopped.is_some()));
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    call(
        &world,
        &alice,
        ("TestNft", &world.token),
        "mint(address,uint256)",
        &[Arg::from(&hot), Arg::Uint(1_000_000)],
        0,
    );
    all_is_searched(&world);
    nobody_has_any(&world, USD);
}

/// Lists another token by its contract.
fn list(world: &World, name: &str, decimals: u8, contract: &str) -> AssetIx {
    world.ok(Command::ListToken { id: name.into(), decimals });
    let (token, before) = world.look({
        let name = name.to_owned();
        move |state| (state.token_by_id(&name).expect("listed"), state.assets().count())
    });
    let (id, rules) = (format!("eip155:31337/erc20:{name}").into(), asset_rules(Finality::Confirmations(1)));
    world.ok(Command::ListAsset { id, network: NET, token, decimals, contract: Some(canonical(contract)), rules });
    world.anvil.mine(1).expect("mined");
    AssetIx(u32::try_from(before).expect("few"))
}

#[test]
fn a16_a17_a_second_face_of_a_listed_ledger_is_refused_and_a_namesake_is_not() {
    let world = World::new();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.pay_token(&alice, &hot, 5_000);
    world.until_free(&alice, USD, 5_000);
    let coin = world.anvil.deploy(&artifact("CoinFace").expect("compiled"), &[]).expect("deployed");
    let second = artifact("SecondFace").expect("compiled");
    let second = world.anvil.deploy(&second, &[Arg::from(&world.token)]).expect("deployed");
    let same_name = [Arg::from("Dollar"), Arg::from("USD"), Arg::Uint(6)];
    let namesake = world.anvil.deploy(&artifact("TestToken").expect("compiled"), &same_name).expect("deployed");
    let other = [Arg::from(&alice), Arg::Uint(5_001)];
    call(&world, &alice, ("TestToken", &namesake), "mint(address,uint256)", &other, 0);
    let faces = [list(&world, "COIN2", 18, &coin), list(&world, "USD2", 6, &second)];
    let namesake = list(&world, "USD3", 6, &namesake);
    for face in faces {
        world.until("it is stopped", move |state| {
            let stopped = state.asset(face).and_then(|asset| asset.stopped.clone());
            stopped.is_some_and(|stop| stop.reason.starts_with(SAME_LEDGER))
        });
    }
    world.until("the namesake may be used", move |state| state.asset(namesake).is_some_and(Asset::is_probed));
    // Paid once, credited once: as what was listed first.
    world.pay_coin(&alice, &hot, ETHER);
    world.until_free(&alice, COIN, ETHER);
    assert!(world.look(|state| state.asset(USD).is_some_and(|asset| asset.stopped.is_none())));
    assert_eq!(faces.map(|face| world.free(&alice, face)), [0, 0]);
}

#[test]
fn d2_e20_two_that_do_the_same_work_credit_and_pay_once() {
    let mut world = World::new();
    let others = [world.more_workers(), world.more_workers()];
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    for _ in 0..5 {
        world.pay_token(&alice, &hot, 1_000);
    }
    world.until_free(&alice, USD, 1_000_000_000 + 5_000);
    let payouts: Vec<PayoutId> = (0..6).map(|_| world.withdraw(&alice, USD, 1_000, &World::nobody(1))).collect();
    for payout in payouts {
        world.until_ended(payout);
    }
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 6_000);
    assert_eq!(world.free(&alice, USD), 1_000_000_000 + 5_000 - 6 * (1_000 + 10));
    assert_eq!(world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)), Some(6), "a nonce each");
    for workers in others {
        world.block_on(workers.stop());
    }
    world.books_balance();
}

#[test]
fn e22_e28_a_payout_to_an_address_that_the_token_blocks_waits_and_holds_up_none_of_the_others() {
    let mut world = World::new();
    let alice = world.funded();
    let blocked = World::nobody(7);
    let block = [Arg::from(&blocked), Arg::Bool(true)];
    call(&world, &world.customer(0), ("TestToken", &world.token), "setBlocked(address,bool)", &block, 0);
    world.stop_workers();
    let first = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    let refused = world.withdraw(&alice, USD, 1_000, &blocked);
    let last = world.withdraw(&alice, USD, 1_000, &World::nobody(2));
    world.start_workers(); // all three in one batch
    world.until_ended(first);
    world.until_ended(last);
    world.until("it says why it waits", move |state| {
        state.payout(refused).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Token))
    });
    assert_eq!(
        world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)),
        Some(2),
        "no nonce is burned"
    );
    world.books_balance();
}
