//! Nodes that are slow, silent, forgetful, behind, or lie: never a wrong credit, never a second payment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokengine_testkit::{Fault, FaultProxy};

use crate::world::{DOLLAR6, Net, Order, Setup, USD_FEE, WHOLE, World};

fn behind(proxies: usize, required: u8) -> World {
    World::running(Setup::of(vec![Net::new(31_337, 6).behind(proxies, required)]))
}

/// A deposit of 50 dollars and a payout of 20 go right, whatever the nodes do meanwhile.
fn goes_right(world: &World, heal: impl Fn(&World)) {
    let account = world.account(0, 1);
    let before = world.free(&account, "usd");
    world.deposit(0, 1, "usd", 50 * DOLLAR6);
    let to = world.nobody(77);
    let paid_before = world.on_chain(0, "usd", &to);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 20 * DOLLAR6, to: to.clone() };
    let id = world.withdraw(&order);
    heal(world);
    world.until_status(&id, "committed");
    world.until("the credit", |world| world.free(&account, "usd") == before + 30 * WHOLE - USD_FEE);
    assert_eq!(world.on_chain(0, "usd", &to), paid_before + 20 * DOLLAR6);
    let view = world.withdrawal(&id).expect(200);
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1), "one set of bytes: {view}");
    world.books_balance();
}

fn sent(proxies: &[FaultProxy]) -> BTreeSet<String> {
    proxies.iter().flat_map(FaultProxy::raw_transactions).collect()
}

#[test]
fn e7_e8_what_is_lost_or_doubled_on_the_way_to_a_node_is_paid_once() {
    let world = behind(1, 1);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    let proxy = &world.proxies[0][0];
    for (case, fault) in [
        ("done, and the answer is lost", Fault::DropAnswer),
        ("never arrives", Fault::DropCall),
        ("arrives twice", Fault::AskTwice),
        ("is answered too late", Fault::DelayAnswer(Duration::from_secs(2))),
        ("is said to be known already", Fault::Error { code: -32000, message: "already known".into() }),
        (
            "is refused for funds that are there",
            Fault::Error { code: -32000, message: "insufficient funds for gas".into() },
        ),
        ("is answered with rubbish", Fault::Garbage(b"<html>".to_vec())),
        ("meets a server in trouble", Fault::Status(503)),
    ] {
        let before = sent(&world.proxies[0]).len();
        proxy.fault_times("eth_sendRawTransaction", 1, fault);
        goes_right(&world, |_| {});
        assert_eq!(sent(&world.proxies[0]).len(), before + 1, "{case}: the same bytes again, and no others");
    }
}

#[test]
fn e10_a_node_that_misses_the_gas_on_the_second_sending_ends_nothing_and_a_refill_does() {
    let world = behind(1, 1);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    let (proxy, hot) = (&world.proxies[0][0], world.hot(0));
    let account = world.account(0, 1);
    let free = world.free(&account, "usd");
    // Signed and journaled, and it never arrives; then the wallet has no gas when the same bytes are sent again.
    proxy.fault("eth_sendRawTransaction", Fault::DropCall);
    let to = world.nobody(6);
    let id = world.withdraw(&Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: to.clone() });
    world.until("it is sent", |_| proxy.calls("eth_sendRawTransaction") > 0);
    let held = world.nodes[0].balance(&hot).expect("told");
    world.nodes[0].set_balance(&hot, 0).expect("set");
    proxy.heal();
    let sendings = proxy.calls("eth_sendRawTransaction");
    world.until("it is refused, more than once", |_| proxy.calls("eth_sendRawTransaction") >= sendings + 2);
    let view = world.withdrawal(&id).expect(200);
    assert_eq!((&view["outcome"], view["attempts"].as_array().map(Vec::len)), (&json!("unknown"), Some(1)), "{view}");
    assert_eq!(world.free(&account, "usd"), free - WHOLE - USD_FEE, "nothing is unlocked");
    world.nodes[0].set_balance(&hot, held).expect("set");
    world.until_status(&id, "committed");
    assert_eq!((world.on_chain(0, "usd", &to), sent(&world.proxies[0]).len()), (DOLLAR6, 1), "the same bytes, once");
    world.books_balance();
}

#[test]
fn a_sole_node_that_times_out_on_everything_delays_and_breaks_nothing() {
    let world = behind(1, 1);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    let proxy = &world.proxies[0][0];
    proxy.fault("*", Fault::Hang);
    goes_right(&world, |world| {
        world.until("it is told", |world| world.get("/v1/networks")["items"][0]["status"] == "unreachable");
        world.proxies[0][0].heal();
    });
}

#[test]
fn e11_e12_a_receipt_that_is_missing_or_refused_is_no_proof_of_anything() {
    let world = behind(1, 1);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    let hidden = |fault: fn() -> Fault| {
        let proxy = &world.proxies[0][0];
        for method in ["eth_getTransactionReceipt", "eth_getBlockReceipts", "eth_getTransactionByHash"] {
            proxy.fault(method, fault());
        }
        let to = world.nobody(5);
        let before = world.on_chain(0, "usd", &to);
        let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: to.clone() };
        let account = world.account(0, 1);
        let free = world.free(&account, "usd");
        let id = world.withdraw(&order);
        world.until("it is on the network", |world| world.on_chain(0, "usd", &to) == before + DOLLAR6);
        // Its nonce is used for twice the depth of finality, and still nothing says by what.
        let end = world.nodes[0].block_number().expect("asked") + 8;
        world.until("blocks have come", |world| world.nodes[0].block_number().expect("asked") >= end);
        let view = world.withdrawal(&id).expect(200);
        assert_eq!(view["outcome"], "unknown", "{view}");
        assert_eq!(world.free(&account, "usd"), free - WHOLE - USD_FEE, "nothing is unlocked");
        proxy.heal();
        world.until_status(&id, "committed");
        assert_eq!(world.on_chain(0, "usd", &to), before + DOLLAR6);
    };
    hidden(|| Fault::result(|_, _| Value::Null));
    hidden(|| Fault::Error { code: -32603, message: "internal error".into() });
    assert_eq!(sent(&world.proxies[0]).len(), 2);
    world.books_balance();
}

#[test]
fn one_of_three_nodes_that_lies_about_amounts_changes_no_credit() {
    let world = behind(3, 2);
    // 50 dollars are told as 50 million, in every answer.
    let (truth, lie) = (format!("{:064x}", 50 * DOLLAR6), format!("{:064x}", 50_000_000 * DOLLAR6));
    let rewrite = move |_: &Value, answer: Value| {
        serde_json::from_str(&answer.to_string().replace(&truth, &lie)).expect("still JSON")
    };
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    world.proxies[0][0].fault("*", Fault::answer(rewrite));
    goes_right(&world, |_| {});
    assert_eq!(world.get("/v1/networks")["items"][0]["nodes"]["configured"], 3);
}

#[test]
fn d5_one_of_three_nodes_that_is_behind_or_silent_holds_nothing_up() {
    let world = behind(3, 2);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    let proxies = &world.proxies[0];
    proxies[1].freeze_head().expect("frozen");
    goes_right(&world, |_| {});
    proxies[1].heal();
    proxies[2].go_dark();
    goes_right(&world, |_| {});
    proxies[2].restore();
    proxies[0].fault("*", Fault::Hang);
    goes_right(&world, |_| {});
    proxies[0].heal();
    assert!(sent(proxies).len() == 3, "a payout is the same bytes at every node");
}

#[test]
fn two_of_three_nodes_dark_credit_nothing_until_one_is_back() {
    let world = behind(3, 2);
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    world.proxies[0][0].go_dark();
    world.proxies[0][1].go_dark();
    let account = world.account(0, 1);
    world.deposit(0, 1, "usd", 9 * DOLLAR6);
    world.until("it is told", |world| world.get("/v1/networks")["items"][0]["status"] == "unreachable");
    world.mine(8);
    assert_eq!(world.free(&account, "usd"), 500 * WHOLE);
    world.proxies[0][1].restore();
    world.until("the credit", |world| world.free(&account, "usd") == 509 * WHOLE);
    world.books_balance();
}

#[test]
fn f15_all_nodes_of_a_network_dark_leave_the_other_at_work_and_it_recovers_by_itself() {
    let world = World::running(Setup::of(vec![Net::new(31_337, 6), Net::new(31_338, 18).behind(2, 1)]));
    world.deposited(0, 1, "usd", 500 * DOLLAR6);
    for proxy in &world.proxies[1] {
        proxy.go_dark();
    }
    let to = world.nobody(3);
    let order =
        |net: usize| Order { customer: 1, home: 0, net, token: "usd", amount: 5 * world.unit(net), to: to.clone() };
    let dark = world.withdraw(&order(1));
    let lit = world.withdraw(&order(0));
    world.until_status(&lit, "committed");
    world.deposited(0, 1, "usd", DOLLAR6);
    let networks = world.get("/v1/networks").expect(200);
    let status = |number: usize| networks["items"][number]["status"].clone();
    assert_eq!((status(0), status(1)), (json!("available"), json!("unreachable")), "{networks}");
    assert_eq!(world.probe("/readyz").status, 200, "one dead network takes nothing else down");
    assert_ne!(world.withdrawal(&dark)["outcome"], "done");
    for proxy in &world.proxies[1] {
        proxy.restore();
    }
    world.until_status(&dark, "committed");
    assert_eq!(world.on_chain(1, "usd", &to), 5 * WHOLE);
    world.books_balance();
}
