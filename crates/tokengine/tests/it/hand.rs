//! The operator's hand from the command line: every command does what its route does, once, and ends with its code.

use serde_json::{Value, json};

use crate::world::{DOLLAR6, Order, Setup, World, key, units};

impl World {
    /// A client's command, with the operator's key.
    fn hand(&self, words: &[&str]) -> (Option<i32>, Value) {
        let words: Vec<&str> = words.iter().copied().chain(["--url", self.doors(), "--json"]).collect();
        let output = self.command(&words).env("TOKENGINE_API_KEY", &self.admin).output().expect("it runs");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&out);
        (output.status.code(), value.unwrap_or_else(|error| panic!("{words:?}: {error}: {out}{output:?}")))
    }

    #[track_caller]
    fn done(&self, words: &[&str]) -> Value {
        let (code, value) = self.hand(words);
        assert_eq!(code, Some(0), "{words:?}: {value}");
        value
    }

    #[track_caller]
    fn refused(&self, words: &[&str], exit: i32, code: &str) {
        let (exit_code, value) = self.hand(words);
        assert_eq!((exit_code, value["error"]["code"].as_str()), (Some(exit), Some(code)), "{words:?}: {value}");
    }
}

#[test]
fn what_the_operator_does_at_the_doors_can_be_done_from_the_command_line() {
    let mut world = World::running(Setup::one());
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    world.post("/v1/accounts", &json!({"id": "till"})).expect(201);
    let why = ["--reason", "looked at it"];
    let with = |words: &[&'static str]| -> Vec<&str> { words.iter().chain(&why).copied().collect() };

    assert_eq!(world.done(&["operator", "work"])["items"], json!([]));
    for (words, held) in [(["operator", "freeze", "till"], true), (["operator", "unfreeze", "till"], false)] {
        world.done(&with(&words));
        assert_eq!(world.get("/v1/accounts/till")["frozen"], held, "{words:?}");
    }
    world.refused(&with(&["operator", "freeze", "nobody"]), 1, "not-found");

    world.done(&with(&["operator", "pause", "all"]));
    assert_eq!(world.get("/v1/operator/pauses")["everything"], true);
    world.done(&with(&["operator", "resume", "all"]));
    assert_eq!(world.get("/v1/operator/pauses")["everything"], false);
    world.refused(&with(&["operator", "pause", "eip155:404"]), 1, "unknown-network");

    // One key is one request, however often it is made.
    let same = key();
    let pause = ["operator", "pause", "eip155:31337", "--reason", "tonight", "--key", &same];
    assert_eq!(world.done(&pause)["position"], world.done(&pause)["position"]);
    world.refused(
        &["operator", "pause", "eip155:31337", "--reason", "other", "--key", &same],
        1,
        "idempotency-key-reused",
    );
    world.done(&with(&["operator", "resume", "eip155:31337"]));

    let wallets = world.done(&["operator", "wallets"]);
    let hot = wallets["items"][0]["address"].as_str().expect("an address").to_owned();
    for wallet in ["0", hot.as_str(), hot.rsplit(':').next().expect("its address")] {
        let words = ["operator", "thaw", wallet, "--reason", "it is not frozen"];
        world.refused(&words, 1, "not-halted");
    }
    world.refused(&with(&["operator", "thaw", "0x0000000000000000000000000000000000000001"]), 1, "unknown-wallet");
    world.refused(&with(&["operator", "resume-network", "eip155:31337"]), 1, "not-halted");
    let coin = world.asset(0, "eth");
    world.refused(&["operator", "resume-asset", &coin, "--reason", "x"], 1, "not-halted");
    world.refused(&["operator", "resume-network", "eip155:31337", "--height", "5", "--reason", "x"], 2, "usage");

    // A payment that nobody announced, and that nobody's account can be credited with.
    let gas = wallets["items"].as_array().into_iter().flatten().find(|wallet| wallet["role"] == "gas").expect("listed");
    let gas = gas["address"].as_str().and_then(|id| id.rsplit(':').next()).expect("its address").to_owned();
    let house = world.nodes[0].accounts()[0].clone();
    world.nodes[0].send(&house, &gas, 1_000_000).expect("sent");
    world.until("it lies in suspense", |world| world.get("/v1/operator/suspense")["items"][0]["id"].is_string());
    let suspense = world.done(&["operator", "suspense", "list"]);
    let id = suspense["items"][0]["id"].as_str().expect("an id").to_owned();
    world.refused(&["operator", "suspense", "assign", &id, "--reason", "x"], 2, "usage");
    world.done(&["operator", "suspense", "assign", &id, "--equity", "--reason", "our own"]);
    world.refused(
        &["operator", "suspense", "assign", &id, "--account", "till", "--reason", "x"],
        1,
        "unknown-suspense",
    );

    let transaction = world.nodes[0].send(&house, &gas, 2_000_000).expect("sent");
    let words = ["operator", "funding", "--network", "eip155:31337", "--transaction", &transaction, "--reason", "gas"];
    world.done(&words);
    let settle = ["operator", "settle-owed", "till", "--token", "usd", "--amount", "1"];
    world.refused(&settle, 1, "above-owed");
    world.refused(&["operator", "cancel", &key()], 1, "not-found");
    let books = world.done(&["operator", "books", "--prove"]);
    assert!(
        books["items"].as_array().is_some_and(|items| items.iter().all(|book| book["balanced"] == true)),
        "{books}"
    );
    assert_eq!(world.stop(), Some(0));
}

#[test]
fn reconcile_tells_what_it_found_and_ends_with_its_code() {
    let mut world = World::running(Setup::one());
    let even = world.done(&["reconcile"]);
    let compared = &even["items"][0];
    assert_eq!((&compared["network"], &compared["status"]), (&json!("eip155:31337"), &json!("even")), "{even}");
    // Somebody with our key took a coin: books and wallet differ.
    let hot = world.hot(0);
    let held = world.nodes[0].balance(&hot).expect("told");
    world.nodes[0].set_balance(&hot, held - 1).expect("set");
    world.until("a shortage is found", |world| world.hand(&["reconcile"]).0 == Some(5));
    world.refused(&["reconcile"], 5, "wallets-differ");
    assert_eq!(world.done(&["operator", "work"])["items"][0]["kind"], "asset-short");
    assert_eq!(world.stop(), Some(0));
    world.refused(&["reconcile"], 3, "unreachable");
}

#[test]
fn a9_what_the_issuer_took_back_is_written_off_by_a_person_and_payouts_go_on() {
    let mut world = World::one();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    let (hot, usd) = (world.hot(0), world.asset(0, "usd"));
    world.seize(0, &hot, 40 * DOLLAR6);
    world.until("the shortage is found", |world| world.hand(&["reconcile"]).0 == Some(5));
    let short = world.done(&["operator", "shortages"])["items"][0].clone();
    assert_eq!((&short["asset"], &short["missing"]["decimal"]), (&json!(usd), &json!("40")), "{short}");
    assert!(short["address"].as_str().is_some_and(|id| id.ends_with(&hot)), "{short}");
    let work = world.done(&["operator", "work"])["items"].clone();
    assert_eq!((work.as_array().map(Vec::len), &work[0]["kind"]), (Some(1), &json!("asset-short")), "{work}");
    assert!(work[0]["action"].as_str().is_some_and(|action| action.contains("/shortages/write-off")), "{work}");
    let told =
        world.command(&["operator", "work", "--url", world.doors()]).env("TOKENGINE_API_KEY", &world.admin).output();
    let told = String::from_utf8_lossy(&told.expect("it runs").stdout).into_owned();
    assert!(told.contains(&format!("tokengine operator write-off {usd} --wallet 0 --amount 40 --reason")), "{told}");
    assert!(!told.contains("/v1/") && !told.contains("{id}"), "commands, and whole ones: {told}");
    world.refused(&["operator", "resume-asset", &usd, "--reason", "x"], 1, "asset-short");
    assert_eq!(world.done(&["operator", "shortages"])["items"][0], short, "nothing is forgotten");

    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: world.nobody(1) };
    let refused = world.post("/v1/withdrawals", &world.signed(&order));
    assert_eq!((refused.status, refused.code()), (503, "asset-short"), "{}", refused.text);

    let write_off = |amount: &'static str| {
        ["operator", "write-off", &usd, "--wallet", &hot, "--amount", amount, "--reason", "seized by its issuer"]
    };
    world.refused(&write_off("40.000001"), 1, "above-shortage");
    world.refused(&write_off("0"), 1, "amount-zero");
    let key = key();
    let same = [&write_off("15")[..], &["--key", &key]].concat();
    assert_eq!(world.done(&same)["position"], world.done(&same)["position"], "once for one key");
    assert_eq!(world.done(&["operator", "shortages"])["items"][0]["missing"]["decimal"], "25");
    assert_eq!(world.get("/v1/assets").expect(200)["items"][1]["status"], "short", "some is missing still");
    world.done(&write_off("25"));
    world.refused(&write_off("1"), 1, "unknown-wallet");
    assert_eq!(world.done(&["operator", "work"])["items"], json!([]));

    let id = world.withdraw(&order);
    world.until_status(&id, "committed");
    assert_eq!(world.on_chain(0, "usd", &order.to), order.amount);
    world.until("wallets are as in the books", |world| world.hand(&["reconcile"]).0 == Some(0));
    let wallets = world.done(&["operator", "wallets"]);
    let holdings = wallets["items"][0]["holdings"].as_array().cloned().unwrap_or_default();
    let booked =
        holdings.iter().find(|holding| holding["amount"]["asset"] == json!(usd)).map(|it| units(&it["amount"]));
    assert_eq!(booked, Some(world.on_chain(0, "usd", &hot)));
    let audit = world.get("/v1/operator/audit?limit=200").expect(200);
    let events = audit["items"].as_array().cloned().unwrap_or_default();
    let losses: Vec<_> = events.iter().filter(|row| row["event"]["type"] == "shortage-written-off").collect();
    assert_eq!(losses.len(), 2, "{audit}");
    assert!(losses.iter().all(|row| row["event"]["data"]["reason"] == "seized by its issuer"), "{losses:?}");
    world.books_balance();
    assert_eq!(world.stop(), Some(0));
    world.verify_journal();
}
