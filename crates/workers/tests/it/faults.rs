//! Nodes that are down, silent, behind, or lie.

use std::time::Duration;

use serde_json::json;
use tokengine_core::*;
use tokengine_engine::system_clock;
use tokengine_testkit::{Fault, FaultProxy, artifact, wait_until};

use crate::world::*;

/// Three nodes of which two must agree, each behind a proxy.
fn three() -> (World, Vec<FaultProxy>) {
    let mut proxies = Vec::new();
    let world = World::with(|anvil| {
        proxies = (0..3).map(|_| FaultProxy::start(anvil.url()).expect("a proxy")).collect();
        Setup { nodes: proxies.iter().map(FaultProxy::url).collect(), quorum: 2, ..Setup::default() }
    });
    (world, proxies)
}

#[test]
fn one_of_three_nodes_lies_about_a_deposit_and_nobody_is_credited_for_it() {
    let (world, proxies) = three();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    // The first node says that every transfer was of a thousand times as much.
    let inflate = |mut value: serde_json::Value| {
        let text = value.to_string().replace("00000000000003e8\"", "00000000000f4240\"");
        value = serde_json::from_str(&text).expect("still JSON");
        value
    };
    for method in ["eth_getLogs", "eth_getBlockReceipts", "eth_getTransactionReceipt"] {
        proxies[0].fault(method, Fault::result(move |_, value| inflate(value)));
    }
    world.pay_token(&alice, &hot, 1_000);
    world.until_free(&alice, USD, 1_000);
    assert_eq!(world.free(&alice, USD), 1_000);
}

/// Says the opposite about every transaction: it worked where it was reverted, and the other way round.
fn the_opposite() -> Fault {
    Fault::result(|_, mut receipt| {
        if let Some(status) = receipt.get_mut("status") {
            *status = json!(if *status == json!("0x1") { "0x0" } else { "0x1" });
        }
        receipt
    })
}

#[test]
fn one_of_three_nodes_lies_about_what_payouts_did_and_each_ends_as_it_did() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    proxies[0].fault("eth_getTransactionReceipt", the_opposite());
    let refusing = world.anvil.deploy(&artifact("RefusingPayee").expect("compiled"), &[]).expect("deployed");
    let asked = proxies[0].calls("eth_getTransactionReceipt");
    let (paid, reverted) =
        (world.withdraw(&alice, USD, 1_000, &World::nobody(1)), world.withdraw(&alice, COIN, ETHER, &refusing));
    world.until_ended(paid);
    world.until("it is seen", |state| state.dispatches().any(|(_, dispatch)| dispatch.seen.is_some()));
    world.anvil.mine(6).expect("mined");
    world.until_ended(reverted);
    assert!(proxies[0].calls("eth_getTransactionReceipt") > asked, "the liar was asked");
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 1_000 - 10, "not given back");
    assert_eq!(world.free(&alice, COIN), 10 * ETHER - FAILURE_FEE, "given back, once");
    world.books_balance();
}

#[test]
fn one_of_three_nodes_invents_a_deposit_and_nobody_is_credited_or_believed() {
    let (mut world, proxies) = three();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    let (payer, paid) = (world.customer(4), world.customer(5));
    // Whatever was paid to customer 5 was paid to us, says the first node, in every answer.
    let (theirs, ours) = (paid.to_lowercase(), hot.to_lowercase());
    for method in ["eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt"] {
        let (theirs, ours) = (theirs.clone(), ours.clone());
        proxies[0].fault(
            method,
            Fault::result(move |_, value| {
                serde_json::from_str(&value.to_string().replace(&theirs, &ours)).expect("still JSON")
            }),
        );
    }
    let by = world.account(&payer);
    let asked = proxies[0].calls("eth_getBlockByHash");
    let tx = world.pay_coin(&payer, &paid, ETHER);
    let request = world.request();
    world.ok(Command::ClaimDeposit { request, network: NET, tx, by: Some(by), trace: None });
    world.until("the claim is closed", |state| state.claims().count() == 0);
    world.pay_token(&alice, &hot, 1_000);
    world.until_free(&alice, USD, 1_000); // and all before it was searched
    assert!(proxies[0].calls("eth_getBlockByHash") > asked, "the liar was asked");
    assert!(world.look(|state| state.pending_deposits().next().is_none() && state.suspense().next().is_none()));
    assert_eq!(world.free(&payer, COIN), 0);
    assert_eq!(world.look(|state| state.wallet(HOT).expect("listed").holding(COIN).amount), Amount::ZERO);
    world.books_balance();
}

#[test]
fn one_of_three_nodes_is_silent_and_everything_goes_on() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    let asked = proxies[1].all_calls();
    proxies[1].fault("*", Fault::Hang);
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    wait_until("it is given up", Duration::from_secs(20), || world.status().nodes[1].timed_out > 0).expect("given up");
    assert!(proxies[1].all_calls() > asked, "it was asked, and said nothing");
}

#[test]
fn one_of_three_nodes_is_dark_and_everything_goes_on() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    proxies[1].go_dark();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
}

#[test]
fn f15_all_nodes_dark_and_it_recovers_by_itself() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    proxies.iter().for_each(FaultProxy::go_dark);
    tokengine_testkit::wait_until("it says so", Duration::from_secs(20), || !world.status().is_fresh())
        .expect("a fault");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it waits for the network", move |state| {
        state.payout(payout).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Network))
    });
    let status = world.status();
    let texts: Vec<&String> = status.faults.values().map(|fault| &fault.text).collect();
    assert!(texts.iter().all(|text| !text.contains("127.0.0.1")), "no address of a node: {texts:?}");
    proxies.iter().for_each(FaultProxy::restore);
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
}

#[test]
fn e7_the_answer_to_sending_is_lost_and_it_is_paid_once() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    for proxy in &proxies {
        proxy.fault_times("eth_sendRawTransaction", 1, Fault::DropAnswer);
    }
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    let sent: std::collections::BTreeSet<String> = proxies.iter().flat_map(FaultProxy::raw_transactions).collect();
    assert_eq!(sent.len(), 1, "always the same bytes");
}

#[test]
fn e11_e12_a_missing_receipt_is_no_absence() {
    let (mut world, proxies) = three();
    let alice = world.funded();
    // Two nodes have no receipts for a while, the third gives errors.
    for proxy in &proxies[..2] {
        proxy.fault_times("eth_getTransactionReceipt", 12, Fault::result(|_, _| json!(null)));
    }
    proxies[2].fault_times("eth_getTransactionReceipt", 6, Fault::Error { code: -32000, message: "busy".into() });
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    // Heads make the driver look again; the block time of this network is ours.
    for _ in 0..30 {
        world.anvil.mine(1).expect("mined");
        if world.look(move |state| state.payout(payout).is_none()) {
            break;
        }
        let scanned = world.anvil.block_number().expect("a height");
        world.until("it is searched", move |state| {
            state.network(NET).and_then(|row| row.head()).is_some_and(|at| at.height >= scanned)
        });
    }
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    assert_eq!(world.look(|state| state.wallet(HOT).and_then(|wallet| wallet.next_nonce)), Some(1), "one nonce");
}

#[test]
fn a30_nodes_of_another_network_are_not_worked_with() {
    let mut world = World::new();
    world.close();
    let other = tokengine_testkit::Anvil::start(tokengine_testkit::AnvilOptions {
        extra_args: vec!["--timestamp".into(), "1700000000".into()],
        ..Default::default()
    });
    let other = other.expect("another network with the same chain id");
    let proxy = FaultProxy::start(other.url()).expect("a proxy");
    world.use_nodes(vec![proxy.url()]);
    world.open();
    world.start_workers();
    tokengine_testkit::wait_until("it is refused", Duration::from_secs(20), || {
        world.status().faults.values().any(|fault| fault.code == "network-other-genesis")
    })
    .expect("refused");
    assert_eq!(world.status().network, None);
}

#[test]
fn a_sole_node_that_failed_for_long_is_followed_again_as_soon_as_it_answers() {
    let mut proxies = Vec::new();
    let world = World::with(|anvil| {
        proxies.push(FaultProxy::start(anvil.url()).expect("a proxy"));
        Setup { nodes: vec![proxies[0].url()], ..Setup::default() }
    });
    for fault in [Fault::DropCall, Fault::Status(401), Fault::Garbage(b"?".to_vec())] {
        proxies[0].fault_times("*", 5, fault);
    }
    world.anvil.mine(250).expect("mined");
    let head = world.anvil.block_number().expect("a height");
    // Each is found by a question of its own, after a pause that does not grow beyond a second.
    wait_until("it has failed often", Duration::from_secs(40), || proxies[0].faults().is_empty()).expect("asked");
    // What it waits for after so many faults is bounded by seconds, and catching up is not a matter of pauses.
    wait_until("it is searched", Duration::from_secs(8), || world.status().scanned >= Some(head)).expect("soon");
    let status = world.status();
    assert!(status.is_fresh(), "{:?}", status.faults);
    assert!(system_clock().ms_since(status.head_at.expect("told")) < 8_000);
}

#[test]
fn a_node_that_fails_now_and_then_is_caught_up_with_all_the_same() {
    let mut proxies = Vec::new();
    let world = World::with(|anvil| {
        proxies.push(FaultProxy::start(anvil.url()).expect("a proxy"));
        Setup { nodes: vec![proxies[0].url()], ..Setup::default() }
    });
    // One search of a block in eight fails, so that hardly any step of the search is complete.
    let searches = std::sync::atomic::AtomicU64::new(0);
    let eighth = move |_: &serde_json::Value| searches.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 8 == 7;
    proxies[0].fault_if("eth_getLogs", eighth, Fault::Status(503));
    world.anvil.mine(128).expect("mined");
    let head = world.anvil.block_number().expect("a height");
    wait_until("it is searched", Duration::from_secs(30), || world.status().scanned >= Some(head)).expect("in the end");
}

#[test]
fn nodes_that_tell_no_finalized_head_for_long_are_told_of() {
    let mut proxy = None;
    let world = World::with(|anvil| {
        let proxy = proxy.insert(FaultProxy::start(anvil.url()).expect("a proxy"));
        let none = Fault::Error { code: -39001, message: "finalized block not found".into() };
        proxy.fault_if("eth_getBlockByNumber", |call| call["params"][0] == "finalized", none);
        let mut setup = Setup { nodes: vec![proxy.url()], ..Setup::default() };
        setup.rules.no_final_after = Duration::from_millis(300);
        setup
    });
    let told = || world.status().faults.get("final").map(|fault| fault.code);
    wait_until("it is told", Duration::from_secs(20), || told() == Some("network-no-final-head")).expect("told");
    assert!(!world.status().is_fresh());
    let proxy = proxy.expect("started");
    proxy.heal();
    wait_until("it is over", Duration::from_secs(20), || told().is_none()).expect("over");
    assert!(world.status().finalized.is_some());
}
