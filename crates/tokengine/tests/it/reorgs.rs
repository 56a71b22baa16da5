//! Reorganisations: what was not final goes without a trace in any balance; what was, goes visibly.

use serde_json::{Value, json};

use crate::world::{DOLLAR6, Net, Order, Setup, USD_FEE, WHOLE, World};

/// Finality after 3 blocks; reorgs of up to 6 are ordinary.
fn world() -> World {
    let net = Net { confirmations: 3, ..Net::new(31_337, 6) };
    let world = World::running(Setup::of(vec![net.behind(1, 1)]));
    // So that no reorg here reaches down to the operator's funds.
    world.mine(12);
    searched(&world);
    world
}

fn head(world: &World) -> u64 {
    world.nodes[0].block_number().expect("asked")
}

/// Waits until the program has searched what there is.
#[track_caller]
fn searched(world: &World) {
    let head = head(world);
    world.until_still("all of it is searched", |world| network(world)["scanned"].as_u64().is_some_and(|at| at >= head));
}

fn network(world: &World) -> Value {
    world.get("/v1/networks").expect(200)["items"][0].clone()
}

fn work(world: &World) -> Vec<String> {
    let work = world.get("/v1/operator/work").expect(200);
    let items = work["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| item["kind"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_reorg_up_to_the_configured_depth_removes_a_deposit_that_was_not_final() {
    let world = world();
    let account = world.account(0, 1);
    let transaction = world.deposit(0, 1, "usd", 9 * DOLLAR6);
    let deposits = |world: &World| world.deposits_of(0, &transaction);
    world.until_still("it is seen", |world| deposits(world).len() == 1);
    let seen = &deposits(&world)[0];
    assert_eq!((&seen["status"], &seen["outcome"]), (&json!("confirming"), &json!("unknown")), "{seen}");
    assert!(seen["sub_status"].as_str().is_some_and(|text| text.starts_with("confirming 1 of 3")), "{seen}");
    assert_eq!(world.free(&account, "usd"), 0, "D1: pending is nobody's to spend");
    world.nodes[0].reorg(1).expect("a reorg");
    world.until("it is dropped", |world| deposits(world)[0]["status"] == "dropped");
    assert_eq!(world.free(&account, "usd"), 0);
    assert_eq!((network(&world)["status"].clone(), work(&world)), (json!("available"), vec![]));
    world.books_balance();
}

#[test]
fn a_deposit_that_comes_back_in_another_block_is_credited_once() {
    let world = world();
    let (account, hot) = (world.account(0, 1), world.hot(0));
    // Signed by the node, kept from its pool, and put where the test wants it.
    let node = &world.nodes[0];
    let from = world.customer(1);
    let transaction = json!({"from": from, "to": hot, "value": "0xde0b6b3a7640000", "gas": "0x5208",
        "nonce": format!("{:#x}", node.nonce(&from, "latest").expect("asked")),
        "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x3b9aca00", "type": "0x2", "chainId": "0x7a69"});
    let raw = node.rpc("eth_signTransaction", json!([transaction])).expect("signed");
    let raw = raw.as_str().expect("bytes").to_owned();
    let hash = node.rpc("eth_sendRawTransaction", json!([raw])).expect("sent");
    let hash = hash.as_str().expect("a hash").to_owned();
    world.until_still("it is seen", |world| world.deposits_of(0, &hash).len() == 1);
    let first = world.deposits_of(0, &hash)[0]["block"].clone();
    world.mine(1);
    searched(&world);
    node.reorg_with(2, &[(raw, 1)]).expect("a reorg");
    world.until("the credit", |world| world.free(&account, "eth") == WHOLE);
    world.until("the new chain is long", |world| {
        network(world)["scanned"].as_u64().is_some_and(|at| at > first["height"].as_u64().expect("a height") + 10)
    });
    assert_eq!(world.free(&account, "eth"), WHOLE);
    let deposits = world.deposits_of(0, &hash);
    assert_eq!((deposits.len(), &deposits[0]["status"]), (1, &json!("credited")));
    assert_ne!(deposits[0]["block"], first);
    world.books_balance();
}

#[test]
fn a_deeper_reorg_halts_the_network_takes_the_credit_back_visibly_and_calls_a_person() {
    let world = world();
    let account = world.account(0, 1);
    world.deposited(0, 2, "usd", 20 * DOLLAR6);
    world.mine(8);
    let transaction = world.deposited(0, 1, "usd", 9 * DOLLAR6);
    let block = world.deposits_of(0, &transaction)[0]["block"]["height"].as_u64().expect("a height");
    world.mine((block + 7).saturating_sub(head(&world)));
    searched(&world);
    world.nodes[0].reorg(head(&world) - block + 1).expect("a deep reorg");
    world.until("it is halted", |world| network(world)["status"] == "halted");
    assert!(work(&world).contains(&"network-halted".to_owned()), "{:?}", work(&world));
    world.until("it is reversed", |world| world.deposits_of(0, &transaction)[0]["status"] == "reversed");
    assert_eq!(world.free(&account, "usd"), 0, "what is still free is taken back");
    assert_eq!(world.balance(&account, "usd", "owed"), 0);
    let history = world.get(&format!("/v1/accounts/{account}/history")).expect(200);
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "credited and taken back: {history}");
    assert_eq!(world.free(&world.account(0, 2), "usd"), 20 * WHOLE, "what lies below stays");
    let bob = Order { customer: 2, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: world.nobody(1) };
    let refused = world.post("/v1/withdrawals", &world.signed(&bob));
    assert_eq!((refused.status, refused.code()), (503, "network-halted"), "{}", refused.text);
    world.books_balance();
    // A person looks, and says so.
    let body = json!({"network": world.network(0), "reason": "the fork is settled"});
    world.post("/v1/operator/networks/resume", &body).expect(200);
    let id = world.withdraw(&bob);
    world.until_status(&id, "committed");
    world.books_balance();
}

#[test]
fn d7_what_was_withdrawn_before_a_deeper_reorg_is_owed_and_the_account_frozen() {
    let world = world();
    let account = world.account(0, 1);
    let transaction = world.deposited(0, 1, "usd", 9 * DOLLAR6);
    let block = world.deposits_of(0, &transaction)[0]["block"]["height"].as_u64().expect("a height");
    let to = world.nobody(1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 8 * DOLLAR6, to: to.clone() };
    let id = world.withdraw(&order);
    world.until_status(&id, "committed");
    world.mine((block + 7).saturating_sub(head(&world)));
    searched(&world);
    // The deposit is gone, and the payout is in the new chain as well.
    let raw = world.proxies[0][0].raw_transactions().pop().expect("it was sent");
    world.nodes[0].reorg_with(head(&world) - block + 1, &[(raw, 0)]).expect("a deep reorg");
    world.until("it is halted", |world| network(world)["status"] == "halted");
    world.until("it is reversed", |world| world.deposits_of(0, &transaction)[0]["status"] == "reversed");
    assert_eq!(world.free(&account, "usd"), 0);
    assert_eq!(world.balance(&account, "usd", "owed"), 8 * WHOLE + USD_FEE, "all that was not free any more");
    assert_eq!(world.get(&format!("/v1/accounts/{account}"))["frozen"], true);
    let kinds = work(&world);
    assert!(kinds.contains(&"account-owes".to_owned()) && kinds.contains(&"network-halted".to_owned()), "{kinds:?}");
    assert_eq!(world.on_chain(0, "usd", &to), 8 * DOLLAR6, "paid once");
    world.books_balance();
}
