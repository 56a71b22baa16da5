//! Who may do what: nothing that moves money works without a signature or a key, and neither counts for anything else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{DOLLAR6, Order, WHOLE, World, caip10, key};

/// Asking these changes nothing.
const ASK_ONLY: &[&str] = &["/v1/withdrawals/quote", "/v1/to-sign"];

/// A body of the kind that a route describes: its own example.
fn example(document: &Value, operation: &Value) -> Value {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let schema = &document["components"]["schemas"][name];
    if schema["example"].is_null() { json!({}) } else { schema["example"].clone() }
}

#[test]
fn no_route_that_changes_anything_works_without_signature_or_key() {
    let world = World::one();
    let document = world.get("/v1/openapi.json").expect(200);
    let (nobody, stranger) = (world.client().with_key(None), format!("tok_{}_{}", "0".repeat(12), "0".repeat(64)));
    let stranger = world.client().with_key(Some(&stranger));
    let before = world.durable();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            if method == Method::GET || ASK_ONLY.contains(&path.as_str()) {
                continue;
            }
            tried += 1;
            let filled = path.replace("{id}", "treasury");
            let body = example(&document, operation);
            for (who, client) in [("nobody", &nobody), ("a stranger", &stranger)] {
                let same = key();
                let sent = client.send(method.clone(), &filled, Some(&same), Some(&body));
                let answer = world.rt.block_on(sent).expect("answered");
                let refused = matches!(answer.status, 401 | 403);
                assert!(refused, "{who}: {method} {path}: {} {}", answer.status, answer.text);
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
            }
        }
    }
    assert!(tried > 15, "{tried} routes");
    assert_eq!(world.durable(), before, "nothing was written");
}

#[test]
fn what_only_the_operator_sees_is_shown_to_nobody_else() {
    let mut world = World::one();
    assert_eq!(world.stop(), Some(0));
    let weak = world.new_api_key("shop", "accounts:read");
    world.start();
    let document = world.get("/v1/openapi.json").expect(200);
    let open = ["/v1/networks", "/v1/tokens", "/v1/assets", "/v1/withdrawals/typed-data"];
    for (path, item) in document["paths"].as_object().expect("paths") {
        if item["get"].is_null() || open.contains(&path.as_str()) {
            continue;
        }
        let filled = path.replace("{id}", "treasury");
        let ask = |client: crate::world::Client| world.rt.block_on(client.get(&filled)).expect("answered");
        assert_eq!(ask(world.client().with_key(None)).status, 401, "{path}");
        if path.starts_with("/v1/operator") {
            let answer = ask(world.client().with_key(Some(&weak)));
            assert_eq!((answer.status, answer.code()), (403, "scope-missing"), "{path}");
        }
    }
}

#[test]
fn a_signature_covers_every_field_and_counts_for_its_account_only() {
    let world = World::two();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    world.deposited(0, 2, "usd", 100 * DOLLAR6);
    let (alice, bob) = (world.account(0, 1), world.account(0, 2));
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 5 * DOLLAR6, to: world.nobody(1) };
    let good = world.signed(&order);
    let set = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("it is there") = value;
        body
    };
    let chain = world.setup.nets[0].chain;
    let far = caip10(world.setup.nets[1].chain, &world.nobody(1));
    let mut elsewhere = set("/asset", json!(world.asset(1, "usd")));
    elsewhere["destination"] = json!(far);
    elsewhere["amount"] = json!({"base_units": (5 * WHOLE).to_string()});
    let by_bob = world.sign(2, &bob, good.clone());
    let mut as_alice = by_bob.clone();
    as_alice["signature"]["signer"] = json!(alice);
    for (case, body) in [
        ("amount", set("/amount/base_units", json!("5000001"))),
        ("maximum fee", set("/max_fee/base_units", json!("200000000000000000"))),
        ("destination", set("/destination", json!(caip10(chain, &world.nobody(2))))),
        ("asset", set("/asset", json!(world.asset(0, "eth")))),
        ("network", elsewhere),
        ("account", set("/account", json!(bob))),
        ("nonce", set("/nonce", json!("1"))),
        ("expiry", set("/expiry", json!("2099-01-01T00:00:00Z"))),
        ("another customer's signature", by_bob),
        ("another customer's signature under the owner's name", as_alice),
        ("no signature", set("/signature", Value::Null)),
    ] {
        let answer = world.post("/v1/withdrawals", &body);
        assert_eq!(answer.status, 403, "{case}: {}", answer.text);
        assert_eq!(answer["outcome"], "none", "{case}");
    }
    for account in [&alice, &bob] {
        assert_eq!(world.free(account, "usd"), 100 * WHOLE);
    }
    // And the one that was signed is good, without any key.
    let sent = world.client().with_key(None);
    let answer = world.rt.block_on(sent.post("/v1/withdrawals", &key(), &good)).expect("answered").expect(202);
    world.until_status(answer["id"].as_str().expect("an id"), "committed");
    assert_eq!(world.free(&bob, "usd"), 100 * WHOLE);
    world.books_balance();
}

#[test]
fn a_claim_of_somebody_elses_deposit_is_refused_and_the_owner_is_credited() {
    let world = World::one();
    world.deposited(0, 2, "usd", DOLLAR6);
    let transaction = world.deposit(0, 1, "usd", 9 * DOLLAR6);
    let body = json!({"network": world.network(0), "transaction": transaction, "account": world.account(0, 2)});
    let claim = world.post("/v1/deposits", &body).expect(202);
    let id = claim["id"].as_str().expect("an id").to_owned();
    world.until("the claim is refused", |world| world.get(&format!("/v1/claims/{id}"))["status"] == "refused");
    let told = world.get(&format!("/v1/claims/{id}"));
    assert!(!told.text.contains(&world.account(0, 1)), "A27: whose it is is not told: {}", told.text);
    world.until("the credit", |world| world.free(&world.account(0, 1), "usd") == 9 * WHOLE);
    assert_eq!(world.free(&world.account(0, 2), "usd"), WHOLE);
}
