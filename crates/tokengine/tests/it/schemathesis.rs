//! The doors against their own document: what it describes answers as described, and what it forbids is refused.

use std::fs;
use std::time::Duration;

use serde_json::json;
use tokengine_testkit::{Process, Schemathesis};

use crate::world::{DOLLAR6, Order, World};

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

#[test]
fn the_api_keeps_to_its_own_document() {
    let world = World::one();
    world.deposited(0, 1, "usd", 1_000 * DOLLAR6);
    world.post("/v1/accounts", &json!({"id": "shop"})).expect(201);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: world.nobody(1) };
    let withdrawal = world.withdraw(&order);
    world.until_status(&withdrawal, "committed");
    let deposits = world.get("/v1/deposits").expect(200);
    let deposit = deposits["items"][0]["id"].as_str().expect("an id").to_owned();

    let folder = world.path().join("schemathesis");
    fs::create_dir(&folder).expect("made");
    let ids = [("^/v1/withdrawals/", withdrawal), ("^/v1/deposits/", deposit), ("^/v1/accounts/", "shop".to_owned())];
    fs::write(folder.join("schemathesis.toml"), settings(&world, &ids)).expect("written");
    fs::write(folder.join("hooks.py"), include_str!("schemathesis_hooks.py")).expect("written");
    let tool = Schemathesis::installed().expect("installed");
    let mut command = tool.command(&folder);
    command.args(["run", &format!("{}/v1/openapi.json", world.doors())]);
    command.args(["--seed", "1", "--max-examples", "10"]);
    command.args(["--exclude-checks", LEFT_OUT, "--continue-on-failure"]);
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &folder);
    let mut run = Process::spawn("schemathesis", &mut command, &folder.join("log")).expect("started");
    let ended = run.wait(WITHIN).unwrap_or_else(|error| panic!("{error}: {}", run.log()));
    assert!(ended.success(), "{}", run.log());
}
