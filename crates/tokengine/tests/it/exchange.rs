//! The main job: tokens come in on one network and go out, once, on the same or on another.

use serde_json::{Value, json};

use crate::world::{DOLLAR6, ETH_FEE, Order, USD_FEE, WHOLE, World, caip10, key, units};

fn statuses(view: &Value) -> Vec<&str> {
    let history = view["history"].as_array().expect("a list");
    history.iter().map(|step| step["status"].as_str().expect("a word")).collect()
}

#[test]
fn what_came_in_on_one_network_goes_out_once_on_either() {
    let world = World::two();
    let alice = world.account(0, 1);
    let paid = world.deposited(0, 1, "usd", 1_000 * DOLLAR6);
    world.deposited(0, 1, "eth", 5 * WHOLE);

    let deposits = world.deposits_of(0, &paid);
    let id = deposits[0]["id"].as_str().expect("an id");
    let deposit = world.get(&format!("/v1/deposits/{id}")).expect(200);
    assert_eq!((&deposit["status"], &deposit["outcome"]), (&json!("credited"), &json!("done")), "{deposit}");
    assert_eq!(deposit["account"], alice.as_str());
    assert_eq!((units(&deposit["amount"]), units(&deposit["credited"])), (1_000 * DOLLAR6, 1_000 * WHOLE));
    assert_eq!(deposit["locator"], json!({"kind": "log", "position": 0}));
    assert_eq!(statuses(&deposit).last(), Some(&"credited"), "{deposit}");

    // The same dollars: 6 decimals where they came in, 18 where some of them go out.
    let mut expected_usd = 1_000 * WHOLE;
    for (number, net, token, amount) in [
        (1, 0, "usd", 250 * DOLLAR6 + 1),
        (2, 1, "usd", 300 * WHOLE + 1),
        (3, 0, "eth", WHOLE),
        (4, 1, "eth", 2 * WHOLE + 1),
    ] {
        let to = world.nobody(number);
        let order = Order { customer: 1, home: 0, net, token, amount, to: to.clone() };
        let id = world.withdraw(&order);
        world.until_status(&id, "committed");
        assert_eq!(world.on_chain(net, token, &to), amount, "{order:?}");
        let view = world.withdrawal(&id).expect(200);
        assert_eq!((&view["outcome"], &view["proof"]["kind"]), (&json!("done"), &json!("final-transaction")));
        assert_eq!(view["destination"], caip10(world.setup.nets[net].chain, &to).as_str());
        assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1), "{view}");
        assert_eq!(view["attempts"][0]["transaction"], view["proof"]["transaction"]);
        let steps = statuses(&view);
        let mut way = ["held", "signed", "sent", "seen", "committed"].iter();
        let mut next = way.next();
        for step in &steps {
            if Some(step) == next {
                next = way.next();
            }
        }
        assert_eq!(next, None, "{steps:?}");
        if token == "usd" {
            expected_usd -= world.in_ledger(net, token, amount) + USD_FEE;
        }
    }
    assert_eq!(world.free(&alice, "usd"), expected_usd);
    assert_eq!(world.free(&alice, "eth"), 5 * WHOLE - WHOLE - 2 * WHOLE - 1 - 2 * ETH_FEE);
    for token in ["usd", "eth"] {
        assert_eq!(world.balance(&alice, token, "held"), 0);
    }
    world.books_balance();

    let history = world.get(&format!("/v1/accounts/{alice}/history?limit=100")).expect(200);
    let kinds: Vec<&str> =
        history["items"].as_array().expect("a list").iter().filter_map(|entry| entry["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "deposit").count(), 2, "{kinds:?}");
}

#[test]
fn an_amount_that_the_asset_cannot_express_is_refused_and_nothing_rounds_away() {
    let world = World::two();
    let bob = world.account(1, 2);
    world.deposited(1, 2, "usd", 10 * WHOLE + 1);
    assert_eq!(world.free(&bob, "usd"), 10 * WHOLE + 1);
    // On the network with 6 decimals there is no such amount, in whatever form it is written.
    let order = Order { customer: 2, home: 1, net: 0, token: "usd", amount: DOLLAR6, to: world.nobody(1) };
    let mut body = world.signed(&order);
    body["amount"] = json!({"decimal": "1.0000001"});
    let refused = world.post("/v1/withdrawals", &body);
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_eq!(world.free(&bob, "usd"), 10 * WHOLE + 1);
    world.books_balance();
}

#[test]
fn a_repeated_request_is_answered_as_the_first_and_pays_once() {
    let world = World::one();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    let to = world.nobody(1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: to.clone() };
    let (body, first_key) = (world.signed(&order), key());
    let first = world.post_as("/v1/withdrawals", &first_key, &body);
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, None), "{}", first.text);
    let again = world.post_as("/v1/withdrawals", &first_key, &body);
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")), "{}", again.text);
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));

    let mut other = body.clone();
    other["amount"] = json!({"base_units": (8 * DOLLAR6).to_string()});
    let other = world.sign(1, &world.account(0, 1), other);
    let reused = world.post_as("/v1/withdrawals", &first_key, &other);
    assert_eq!((reused.status, reused.code()), (422, "idempotency-key-reused"), "{}", reused.text);
    // The same signed message under another key is the same order, not a second one.
    let replayed = world.post("/v1/withdrawals", &body);
    assert_eq!((replayed.status, replayed.code()), (409, "nonce-used"), "{}", replayed.text);

    let id = first["id"].as_str().expect("an id").to_owned();
    world.until_status(&id, "committed");
    let late = world.post_as("/v1/withdrawals", &first_key, &body);
    assert_eq!(late.text, first.text, "also when it has long been paid");
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6);
    assert_eq!(world.free(&world.account(0, 1), "usd"), 93 * WHOLE - USD_FEE);
    world.books_balance();
}

#[test]
fn a_refusal_is_repeated_too_even_when_it_would_be_granted_by_now() {
    let world = World::one();
    world.deposited(0, 1, "usd", DOLLAR6);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 5 * DOLLAR6, to: world.nobody(1) };
    let (body, same) = (world.signed(&order), key());
    let refused = world.post_as("/v1/withdrawals", &same, &body);
    assert_eq!((refused.status, refused.code()), (422, "insufficient-funds"), "{}", refused.text);
    world.deposited(0, 1, "usd", 10 * DOLLAR6);
    let again = world.post_as("/v1/withdrawals", &same, &body);
    assert_eq!((again.status, again.code()), (422, "insufficient-funds"), "{}", again.text);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(world.withdraw(&order).len(), 36, "another request is looked at anew");
}

#[test]
fn a_transfer_pays_out_on_the_other_network_what_its_deposit_brings() {
    let world = World::two();
    let api = world.client();
    let opened = world.post("/v1/accounts", &json!({"id": "shop"}));
    assert_eq!(opened.status, 201, "{}", opened.text);
    let asked = world.post("/v1/accounts/shop/deposit-addresses", &json!({"network": world.network(0)}));
    let address = asked.expect(201)["address"].as_str().expect("an id").rsplit(':').next().expect("three").to_owned();
    let paid = world.pay(0, 1, "usd", &address, 50 * DOLLAR6);
    let to = world.nobody(9);
    let body = json!({
        "deposit_network": world.network(0), "deposit_transaction": paid, "account": "shop",
        "asset": world.asset(1, "usd"), "amount": {"decimal": "49.5"},
        "destination": caip10(world.setup.nets[1].chain, &to), "max_fee": {"decimal": "0.1"},
    });
    let asked = world.rt.block_on(api.post("/v1/transfers", &key(), &body)).expect("answered").expect(202);
    let id = asked["id"].as_str().expect("an id").to_owned();
    world.until("the transfer has paid", |world| world.on_chain(1, "usd", &to) > 0);
    assert_eq!(world.on_chain(1, "usd", &to), 495 * WHOLE / 10);
    world.until("the transfer is done", |world| world.get(&format!("/v1/transfers/{id}"))["outcome"] == "done");
    assert_eq!(world.free("shop", "usd"), 4 * WHOLE / 10);
    // The address is swept, and nobody's balance changes by that.
    world.until("the deposit address is swept", |world| world.on_chain(0, "usd", &address) == 0);
    world.until("nothing is held", |world| world.balance("shop", "usd", "held") == 0);
    assert_eq!(world.free("shop", "usd"), 4 * WHOLE / 10);
    world.books_balance();
}

/// Cases A3, A4, A23 on a real network.
#[test]
fn what_nobody_in_particular_paid_is_credited_to_nobody() {
    let world = World::one();
    // A23: minted straight into the hot wallet, the log's sender is the zero address.
    world.mint(0, &world.hot(0), 5 * DOLLAR6);
    // A3, A4: a log of another contract, and one over nothing.
    let to = world.hot(0);
    let node = &world.nodes[0];
    let fake = tokengine_testkit::artifact("TestToken").expect("compiled");
    let args = ["Dollar".into(), "USD".into(), tokengine_testkit::Arg::Uint(6)];
    let fake_address = node.deploy(&fake, &args).expect("deployed");
    let mint = [world.customer(3).as_str().into(), tokengine_testkit::Arg::Uint(9 * DOLLAR6)];
    let minted = node.invoke(&world.customer(3), &fake_address, &fake, "mint(address,uint256)", &mint).expect("sent");
    node.wait_success(&minted).expect("minted");
    for (token, amount) in [(&fake_address, 9 * DOLLAR6), (&world.tokens[0], 0)] {
        let hash = node.erc20_transfer(token, &world.customer(3), &to, amount).expect("sent");
        node.wait_success(&hash).expect("it succeeds, for what it is");
        assert_eq!(world.deposits_of(0, &hash), [] as [Value; 0]);
    }
    world.deposited(0, 1, "usd", DOLLAR6);
    assert_eq!(world.get(&format!("/v1/accounts/{}", world.account(0, 3))).status, 404, "it was never heard of");
    let zero = caip10(world.setup.nets[0].chain, &format!("0x{:040}", 0));
    assert_eq!(world.free(&zero, "usd"), 0);
    world.books_balance();
}
