//! Payouts: sent once, proven, and given back only by proof.

use std::time::Duration;

use tokengine_chain::FinalHead;
use tokengine_core::*;
use tokengine_keys::{LocalSigner, Secret};
use tokengine_testkit::{Arg, Fault, FaultProxy, artifact};
use tokengine_workers::Rules;

use crate::world::*;

#[test]
fn token_and_coin_arrive_and_the_books_say_so() {
    let mut world = World::new();
    let alice = world.funded();
    let usd = world.withdraw(&alice, USD, 250_000_000, &World::nobody(1));
    let coin = world.withdraw(&alice, COIN, ETHER, &World::nobody(2));
    world.until_ended(usd);
    world.until_ended(coin);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 250_000_000);
    assert_eq!(world.anvil.balance(&World::nobody(2)).expect("a balance"), ETHER);
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 250_000_000 - 10);
    assert_eq!(world.free(&alice, COIN), 9 * ETHER - 10);
    world.books_balance();
    let report = {
        world.anvil.mine(8).expect("mined");
        let head = world.anvil.block_number().expect("a height");
        world.until("all is searched", move |state| {
            state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= head)
        });
        world.reconcile().expect("a block to compare at")
    };
    assert!(report.is_even() && report.left_out.is_empty(), "gas and all: {report:#?}");
}

#[test]
fn a_payout_that_reverts_is_rolled_back_with_its_failure_fee() {
    let mut world = World::new();
    let alice = world.funded();
    let refusing = world.anvil.deploy(&artifact("RefusingPayee").expect("compiled"), &[]).expect("deployed");
    let payout = world.withdraw(&alice, COIN, ETHER, &refusing);
    world.until("it is seen", move |state| state.dispatches().any(|(_, dispatch)| dispatch.seen.is_some()));
    assert!(world.look(move |state| state.payout(payout).is_some()), "E14 not before it can never change");
    world.anvil.mine(6).expect("mined");
    world.until_ended(payout);
    assert_eq!(world.free(&alice, COIN), 10 * ETHER - FAILURE_FEE);
    assert_eq!(world.anvil.balance(&refusing).expect("a balance"), 0);
    world.books_balance();
}

#[test]
fn without_finalized_heads_a_payout_that_reverts_is_rolled_back_at_the_depth_of_the_policy_and_not_before() {
    let final_head = FinalHead::by_depth(8, Finality::Confirmations(1));
    let mut world = World::with(|_| Setup { final_head, ..Setup::default() });
    let alice = world.funded();
    let refusing = world.anvil.deploy(&artifact("RefusingPayee").expect("compiled"), &[]).expect("deployed");
    let payout = world.withdraw(&alice, COIN, ETHER, &refusing);
    let seen = |state: &State| state.dispatches().find_map(|(_, dispatch)| Some(dispatch.seen.as_ref()?.block.height));
    world.until("it is seen", move |state| seen(state).is_some());
    let seen = world.look(seen).expect("seen");
    let head = |height: u64| {
        let there = || world.anvil.block_number().expect("a height");
        world.anvil.mine(height - there()).expect("mined");
        tokengine_testkit::wait_until("the workers have it", Duration::from_secs(20), || {
            world.status().scanned == Some(height)
        })
        .expect("searched");
    };
    head(seen + 7); // what the node itself calls final has long passed it
    assert_eq!(world.status().finalized, Some(seen - 1));
    assert!(world.look(move |state| state.payout(payout).is_some()), "an ordinary reorg may still take it");
    head(seen + 8);
    world.until_ended(payout);
    assert_eq!(world.free(&alice, COIN), 10 * ETHER - FAILURE_FEE);
    world.books_balance();
}

#[test]
fn e25_a_contract_that_needs_more_gas_gets_it() {
    let mut world = World::new();
    let alice = world.funded();
    let hungry = world.anvil.deploy(&artifact("HungryPayee").expect("compiled"), &[]).expect("deployed");
    let payout = world.withdraw(&alice, COIN, ETHER, &hungry);
    world.until_ended(payout);
    assert_eq!(world.anvil.balance(&hungry).expect("a balance"), ETHER);
}

#[test]
fn e27_many_payouts_to_one_address_at_once_are_each_paid_once() {
    let mut world = World::with(|_| Setup { max_in_flight: 4, ..Setup::default() });
    let alice = world.funded();
    let all: Vec<_> = (0..25).map(|_| world.withdraw(&alice, USD, 1_000, &World::nobody(1))).collect();
    for payout in all {
        world.until_ended(payout);
    }
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 25_000);
    world.books_balance();
}

#[test]
fn e4_e6_a_payout_goes_on_after_a_restart_at_any_step() {
    let mut world = World::new();
    let alice = world.funded();
    // Held, and nobody works.
    world.stop_workers();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.restart();
    world.anvil.set_automine(false).expect("set");
    world.until("it is sent", |state| state.dispatches().any(|(_, d)| d.attempts.iter().any(|a| a.sent_at.is_some())));
    // Sent, and nobody looks.
    world.restart();
    world.anvil.mine(1).expect("mined");
    world.anvil.set_automine(true).expect("set");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    assert_eq!(world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)), Some(1), "one nonce");
}

/// A network that mines only when told, with a payout of 1,000 to nobody(1) in its pool.
fn waiting_in_the_pool(rules: impl FnOnce(&mut Rules)) -> (World, PayoutId, String) {
    let mut world = World::with(|_| {
        let mut setup = Setup::default();
        rules(&mut setup.rules);
        setup
    });
    let alice = world.funded();
    world.anvil.set_automine(false).expect("set");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is sent", |state| state.dispatches().any(|(_, d)| d.attempts.iter().any(|a| a.sent_at.is_some())));
    (world, payout, alice)
}

#[test]
fn f7_what_does_not_get_into_a_block_is_outbid_with_the_same_nonce() {
    let (world, payout, _) = waiting_in_the_pool(|rules| rules.replace_after = Duration::from_millis(400));
    world.until("it is outbid twice", |state| state.dispatches().any(|(_, dispatch)| dispatch.attempts.len() >= 3));
    let attempts = world.look(|state| state.dispatches().flat_map(|(_, d)| d.attempts.clone()).collect::<Vec<_>>());
    assert!(attempts.windows(2).all(|pair| pair[1].fee_cap > pair[0].fee_cap && pair[1].tip > pair[0].tip));
    assert_eq!(world.status().unknown, [payout]);
    world.anvil.mine(1).expect("mined");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "I3");
    world.books_balance();
}

#[test]
fn a_payout_in_the_pool_is_cancelled_by_a_replacement() {
    let (world, payout, alice) = waiting_in_the_pool(|_| ());
    world.ok(Command::CancelPayout { request: None, payout, authority: Authority::Operator });
    world.until("the cancel is out", |state| {
        let cancel = |attempt: &Attempt| attempt.kind == AttemptKind::Cancel && attempt.sent_at.is_some();
        state.dispatches().any(|(_, dispatch)| dispatch.attempts.iter().any(cancel))
    });
    world.anvil.mine(6).expect("mined");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 0);
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - FAILURE_FEE);
    world.books_balance();
}

#[test]
fn e7_bytes_that_a_pool_lost_are_sent_again_as_they_are() {
    let (world, payout, _) = waiting_in_the_pool(|_| ());
    let tx = world.look(|state| state.dispatches().next().expect("open").1.attempts[0].tx);
    world.anvil.drop_transaction(&tx.to_string()).expect("dropped");
    let pool = || world.anvil.rpc("eth_getTransactionByHash", serde_json::json!([tx.to_string()])).expect("an answer");
    tokengine_testkit::wait_until("it is in the pool again", Duration::from_secs(20), || !pool().is_null())
        .expect("sent again");
    world.anvil.mine(1).expect("mined");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
}

#[test]
fn a19_a_paused_token_holds_payouts_up_and_fails_none() {
    let mut world = World::new();
    let alice = world.funded();
    let set = |world: &World, function: &str| {
        let hash = world.anvil.invoke(&world.customer(0), &world.token, &world.artifact, function, &[]).expect("sent");
        world.anvil.wait_success(&hash).expect("done");
    };
    set(&world, "pause()");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    let waits =
        move |state: &State, why| state.payout(payout).is_some_and(|row| row.stage == PayoutStage::Waiting(why));
    world.until("it waits for the token", move |state| waits(state, Wait::Token));
    assert!(
        world.look(|state| state.wallet(HOT).is_some_and(|wallet| wallet.next_nonce == Some(0))),
        "no nonce is burned"
    );
    set(&world, "unpause()");
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
}

#[test]
fn f6_above_the_cap_payouts_wait_for_the_fee() {
    let mut world = World::with(|_| {
        let mut setup = Setup::default();
        setup.rules.fees.cap = 5_000_000_000;
        setup
    });
    let alice = world.funded();
    world.anvil.set_next_base_fee(50_000_000_000).expect("set");
    world.anvil.mine(1).expect("mined");
    let head = world.anvil.block_number().expect("a height");
    // The driver hears of the new fee with the new head.
    tokengine_testkit::wait_until("the head is known", Duration::from_secs(20), || world.status().head == Some(head))
        .expect("told");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it waits for the fee", move |state| {
        state.payout(payout).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Fee))
    });
    world.anvil.set_next_base_fee(1_000_000_000).expect("set");
    world.anvil.mine(1).expect("mined");
    world.until_ended(payout);
}

#[test]
fn more_than_any_wallet_has_waits_for_liquidity_and_holds_nobody_up() {
    let mut world = World::new();
    let alice = world.funded();
    let outside = world.customer(5);
    // The hot wallet pays most of it out; the books of another customer still have a claim on the rest.
    let bob = world.customer(2);
    let hot = world.wallet_address(HOT);
    world.pay_token(&bob, &hot, 500);
    world.until_free(&bob, USD, 500);
    world.ok(Command::ChangeWalletRole { wallet: HOT, role: Role::Retiring });
    let large = world.withdraw(&alice, USD, 1_000, &outside);
    world.until("it waits for liquidity", move |state| {
        state.payout(large).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Liquidity))
    });
    world.ok(Command::ChangeWalletRole { wallet: HOT, role: Role::Hot });
    world.until_ended(large);
}

#[test]
fn e30_a_signer_that_is_down_burns_no_nonce() {
    let mut signer = None;
    let mut world = World::with(|anvil| {
        let proxy = signer.insert(FaultProxy::start(anvil.url()).expect("a proxy"));
        Setup { signer: Some(proxy.url()), ..Setup::default() }
    });
    let signer = signer.expect("started");
    let alice = world.funded();
    signer.go_dark();
    let first = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    tokengine_testkit::wait_until("it is said", Duration::from_secs(20), || {
        world.status().stuck.iter().any(|stuck| stuck.payout == Some(first) && stuck.why == "signer-down")
    })
    .expect("the status says so");
    let second = world.withdraw(&alice, USD, 1_000, &World::nobody(2));
    world.until("the next one waits for the signer", move |state| {
        state.payout(second).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Signer))
    });
    assert_eq!(world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)), Some(1));
    signer.restore();
    world.until_ended(first);
    world.until_ended(second);
    for n in [1, 2] {
        assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(n)).expect("a balance"), 1_000);
    }
    assert_eq!(world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)), Some(2));
}

#[test]
fn e29_a_signer_that_signs_something_else_is_found_out_before_anything_is_stored() {
    let mut signer = None;
    let mut world = World::with(|anvil| {
        let proxy = signer.insert(FaultProxy::start(anvil.url()).expect("a proxy"));
        Setup { signer: Some(proxy.url()), ..Setup::default() }
    });
    let signer = signer.expect("started");
    let alice = world.funded();
    let more = |call: &mut serde_json::Value| call["params"][0]["gas"] = serde_json::json!("0xfffff");
    signer.fault_times("eth_signTransaction", 3, Fault::ask(more));
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(payout);
    assert!(signer.calls("eth_signTransaction") > 3);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
}

#[test]
fn a_contract_that_takes_its_word_back_is_not_paid_for() {
    let mut world = World::new();
    world.funded();
    let owner = LocalSigner::from_key(&Secret::new([0x44; 32])).expect("a key");
    let wallet = artifact("ContractWallet").expect("compiled");
    let at = world.anvil.deploy(&wallet, &[Arg::from(&owner.evm_address().to_string())]).expect("deployed");
    // An account of the contract's own, known before it pays, so that what it pays is its own.
    world.account(&at);
    let (anyone, hot) = (world.customer(0), world.wallet_address(HOT));
    let run = |world: &World, contract: &str, artifact: &tokengine_testkit::Artifact, function: &str, args: &[Arg]| {
        let hash = world.anvil.invoke(&anyone, contract, artifact, function, args).expect("sent");
        world.anvil.wait_success(&hash).expect("done");
    };
    run(&world, &world.token, &world.artifact, "mint(address,uint256)", &[Arg::from(&at), Arg::Uint(9_000)]);
    let transfer =
        world.artifact.call("transfer(address,uint256)", &[Arg::from(&hot), Arg::Uint(9_000)]).expect("encoded");
    let data = tokengine_testkit::abi::from_hex(&transfer).expect("hex");
    let execute = [Arg::from(&world.token), Arg::Uint(0), Arg::Bytes(data)];
    run(&world, &at, &wallet, "execute(address,uint256,bytes)", &execute);
    world.until_free(&at, USD, 9_000);
    world.anvil.mine(6).expect("mined");

    let digest = [7; 32];
    let signature = owner.sign_now(&digest).to_bytes();
    let order = |world: &mut World, to: &str| {
        let mut order = world.order(&at, USD, 1_000, to);
        if let Authority::Signature { digest: asked, signature: given, contract, .. } = &mut order.authority {
            (*asked, *given, *contract) = (digest, signature.into(), true);
        }
        let request = world.request();
        match world.ok(Command::HoldPayout { request, order, trace: None }) {
            Subject::Payout(payout) => payout,
            other => panic!("{other:?}"),
        }
    };
    let paid = order(&mut world, &World::nobody(1));
    world.until_ended(paid);
    run(&world, &at, &wallet, "invalidate(bool)", &[Arg::from(true)]);
    let waits = order(&mut world, &World::nobody(2));
    world.until("it waits for its authority", move |state| {
        state.payout(waits).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Authority))
    });
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(2)).expect("a balance"), 0);
    run(&world, &at, &wallet, "invalidate(bool)", &[Arg::from(false)]);
    world.anvil.mine(6).expect("mined"); // at the newest head is not enough
    world.until_ended(waits);
}

#[test]
fn a_payout_is_sent_when_it_is_held_and_not_at_a_tick() {
    let mut world = World::with(|_| {
        let mut setup = Setup::default();
        // No head comes during the test: nothing but being held makes the driver look.
        setup.rules.head_every = Duration::from_secs(3_600);
        setup
    });
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.stop_workers();
    world.pay_token(&alice, &hot, 1_000_000);
    world.pay_coin(&alice, &hot, ETHER);
    world.start_workers();
    world.until_free(&alice, USD, 1_000_000);
    world.until_free(&alice, COIN, ETHER);
    let mut took = Vec::new();
    for _ in 0..9 {
        let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
        let sent = move |state: &State| {
            let row = state.payout(payout)?;
            let PayoutStage::Dispatched(dispatch) = row.stage else { return None };
            let sent_at = state.dispatch(dispatch)?.attempts.first()?.sent_at?;
            Some(sent_at.ms_since(row.held_at))
        };
        world.until("it is sent", move |state| sent(state).is_some());
        took.extend(world.look(sent));
    }
    took.sort_unstable();
    assert!(took[took.len() / 2] < 200, "milliseconds from held to sent: {took:?}");
}
