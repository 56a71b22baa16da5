//! The operator's hand from the command line: every command does what its route does, once, and ends with its code.

use serde_json::{Value, json};

use crate::world::{DOLLAR6, Setup, World, key};

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
    world.refused(&settle, 1, "above-maximum");
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
