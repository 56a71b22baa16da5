//! The doors against their own document: what it describes answers as described, and what it forbids is refused.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tokengine_testkit::{Process, Schemathesis};

use crate::world::{DOLLAR6, Net, Order, Setup, World};

const PAUSE: &str = "/v1/operator/pause";

/// Its own time is bounded below; longer than this is a hang.
const WITHIN: Duration = Duration::from_secs(240);

/// A request that the document allows may still be refused: by what is there, or owned, or signed. And the tool leaves out
/// one header with fillers in the others, whose refusal comes first; keys that are missing have tests in `access.rs`.
const LEFT_OUT: &str = "positive_data_acceptance,missing_required_header";

/// What the tool is told besides the document: ids of what is there, so that routes are reached, and no long waiting.
fn settings(world: &World, ids: &[(&str, String)]) -> String {
    // 412: what is changed has changed meanwhile, which is told before anything else is looked at.
    let mut text = format!("headers = {{ Authorization = \"Bearer {}\" }}\n\n", world.admin);
    text += "[checks.negative_data_rejection]\nexpected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428]\n\n";
    text += "[parameters]\n\"query.wait\" = \"0s\"\n";
    for (path, id) in ids {
        text +=
            &format!("\n[[operations]]\ninclude-path-regex = \"{path}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n");
    }
    text
}

/// An engine on the network that the document's examples speak of, with their accounts, and something of everything.
fn lived_in() -> (World, Vec<(&'static str, String)>) {
    let world = World::running(Setup::of(vec![Net::new(1, 6)]));
    let paid = world.deposited(0, 1, "usd", 1_000 * DOLLAR6);
    for name in ["treasury", "alice"] {
        world.post("/v1/accounts", &json!({"id": name})).expect(201);
    }
    let body = json!({"network": world.network(0)});
    let asked = world.post("/v1/accounts/treasury/deposit-addresses", &body).expect(201);
    let address = asked["address"].as_str().expect("an id").rsplit(':').next().expect("three parts").to_owned();
    world.pay(0, 2, "usd", &address, 90_000 * DOLLAR6);
    world.until("the treasury's dollars", |world| world.free("treasury", "usd") > 0);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: world.nobody(1) };
    let withdrawal = world.withdraw(&order);
    world.until_status(&withdrawal, "committed");
    let text =
        |answer: &serde_json::Value| answer["id"].as_str().map_or_else(|| answer["id"].to_string(), str::to_owned);
    let claim = json!({"network": world.network(0), "transaction": paid});
    let claim = text(&world.post("/v1/deposits", &claim).expect(202));
    // The one that may be revoked: not the one that asks.
    let spare =
        text(&world.post("/v1/operator/keys", &json!({"name": "spare", "scopes": ["moves:create"]})).expect(201));
    let deposit = text(&world.get("/v1/deposits").expect(200)["items"][0]);
    let ids = vec![
        ("^/v1/(operator/)?withdrawals/", withdrawal),
        ("^/v1/deposits/", deposit),
        ("^/v1/claims/", claim),
        ("^/v1/(operator/)?accounts/", "treasury".to_owned()),
        ("^/v1/operator/keys/", spare),
        ("^/v1/operator/wallets/", "0".to_owned()),
    ];
    (world, ids)
}

/// Runs the tool on some of the routes, and fails with what it found.
fn run(world: &World, ids: &[(&str, String)], name: &str, which: [&str; 2]) {
    let folder = world.path().join(name);
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("schemathesis.toml"), settings(world, ids)).expect("written");
    fs::write(folder.join("hooks.py"), include_str!("schemathesis_hooks.py")).expect("written");
    let tool = Schemathesis::installed().expect("installed");
    let mut command = tool.command(&folder);
    command.args(["run", &format!("{}/v1/openapi.json", world.doors())]);
    command.args(["--seed", "1", "--max-examples", "10"]);
    command.args(["--exclude-checks", LEFT_OUT, "--continue-on-failure"]).args(which);
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &folder);
    let mut run = Process::spawn("schemathesis", &mut command, &folder.join("log")).expect("started");
    let ended = run.wait(WITHIN).unwrap_or_else(|error| panic!("{error}: {}", run.log()));
    assert!(ended.success(), "{}", run.log());
}

#[test]
fn the_api_keeps_to_its_own_document() {
    let (world, ids) = lived_in();
    let before = world.durable();
    // What is paused answers 503, which is a 5xx on purpose: so that is tried last.
    run(&world, &ids, "all", ["--exclude-path", PAUSE]);
    world.get("/v1/accounts/treasury").expect(200);
    assert!(world.durable() > before + 20, "nearly everything was refused: {before} and now {}", world.durable());
    run(&world, &ids, "pause", ["--include-path", PAUSE]);
    world.books_balance();
}
