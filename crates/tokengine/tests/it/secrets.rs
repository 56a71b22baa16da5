//! J12: passwords, keys and tokens are looked for wherever something is written, and are nowhere.

use std::fs;
use std::path::Path;

use serde_json::json;
use tokengine_testkit::Fault;

use crate::world::{DOLLAR6, Net, Order, Setup, World, canaries, key};

/// Everything below a folder, as text, but where secrets are kept on purpose.
fn all_text(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        let kept = path.ends_with("secrets") || path.ends_with("doors.secret");
        if path.is_dir() && !kept {
            all_text(&path, found);
        } else if !kept && path.is_file() {
            found.push_str(&String::from_utf8_lossy(&fs::read(&path).expect("readable")));
        }
    }
}

/// Case J12.
#[test]
fn no_secret_is_in_logs_errors_answers_or_the_printed_configuration() {
    let net = Net::new(31_337, 6).behind(1, 1);
    let mut world = World::running(Setup { level: "trace", ..Setup::of(vec![net]) });
    let mut told = String::new();
    let mut hear = |text: &str| told.push_str(text);
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to: world.nobody(1) };
    let id = world.withdraw(&order);
    world.until_status(&id, "committed");

    // Errors of all kinds: of nodes, of requests, of keys.
    let proxy = &world.proxies[0][0];
    for fault in [Fault::DropCall, Fault::Status(401), Fault::Garbage(b"?".to_vec())] {
        proxy.fault_times("*", 2, fault);
        world.until("the node was asked", |world| world.proxies[0][0].faults().is_empty());
    }
    proxy.go_dark();
    world.until("it is told", |world| world.get("/v1/networks")["items"][0]["status"] == "unreachable");
    hear(&world.get("/v1/networks").text);
    hear(&world.probe("/readyz").text);
    proxy.restore();
    let made = world.post("/v1/operator/keys", &json!({"name": "till", "scopes": ["accounts:read"]})).expect(201);
    let second = made["secret"].as_str().expect("shown once").to_owned();
    let wrong = format!("{}0", &second[..second.len() - 1]);
    for api_key in [&second, &wrong] {
        let client = world.client().with_key(Some(api_key));
        for path in ["/v1/operator/keys", "/v1/accounts/nobody", "/v1/no-such-route"] {
            hear(&world.rt.block_on(client.get(path)).expect("answered").text);
        }
        let (same, body) = (key(), json!({"token": api_key, "from": api_key}));
        world.rt.block_on(client.post("/v1/moves", &same, &body)).expect("answered");
    }
    for path in
        ["operator/keys", "operator/audit?limit=100", "operator/wallets", "operator/work", "withdrawals", "deposits"]
    {
        hear(&world.get(&format!("/v1/{path}")).text);
    }
    hear(&world.get(&format!("/v1/withdrawals/{id}")).text);
    hear(&world.rt.block_on(world.client().get("/")).expect("answered").text);
    hear(&world.probe("/metrics").text);
    assert_eq!(world.stop(), Some(0));

    for args in
        [&["config", "print"][..], &["config", "print", "--json"], &["config", "check"], &["keys", "list"], &["verify"]]
    {
        let output = world.cli(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        hear(&String::from_utf8_lossy(&output.stdout));
        hear(&String::from_utf8_lossy(&output.stderr));
    }
    // With a wrong password it says which key, and not what it tried.
    let wrong_password = "canary-wrong-password-77e0";
    let output = world.command(&["serve"]).env("DEPOSITS_PASSWORD", wrong_password).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("deposits"), "{said}");
    hear(&said);

    // The logs and the data folder: journal, snapshots, read model.
    all_text(world.path(), &mut told);
    let mut canaries = canaries(&world);
    canaries.push(("an API key made at the doors", second[17..].to_owned()));
    canaries.push(("a wrong password", wrong_password.to_owned()));
    for (what, secret) in canaries {
        for spelling in [secret.to_lowercase(), secret.to_uppercase(), secret.clone()] {
            if let Some(at) = told.find(&spelling) {
                let begin = told[..at].rfind('\n').map_or(0, |at| at + 1);
                panic!("{what} is told: {}", told[begin..].lines().next().unwrap_or_default());
            }
        }
    }
}
