//! Backup and restore, rebuild and replay, and clean ends: what an operator does to the data folder.

use std::fs;

use serde_json::{Value, json};

use crate::world::{DOLLAR6, Order, Setup, USD_FEE, WHOLE, World, key};

/// What every account and every book has.
fn balances(world: &World) -> Vec<Value> {
    let accounts = [world.account(0, 1), world.account(0, 2), "shop".to_owned()];
    let mut all: Vec<Value> =
        accounts.iter().map(|id| world.get(&format!("/v1/accounts/{id}/balances")).expect(200)).collect();
    all.extend(accounts.iter().map(|id| world.get(&format!("/v1/accounts/{id}/history?limit=100")).expect(200)));
    all.push(world.get("/v1/operator/books?prove=true").expect(200));
    all.push(world.get("/v1/withdrawals").expect(200)["items"][0]["history"].clone());
    all
}

#[test]
fn mistakes_in_the_configuration_are_told_all_at_once_before_anything_starts() {
    let world = World::new(Setup::one());
    fs::remove_dir_all(world.data()).expect("the API key's journal goes");
    let text = world.config_text();
    let wrong = text
        .replace("reorg_depth = 6", "reorg_depth = \"six\"")
        .replace("log = \"json\"", "log = \"xml\"")
        .replace("poll_ms = 50", "pol_ms = 50")
        .replace("token = \"usd\"", "token = \"eur\"")
        // References beside what cannot be read: the wallet's network and the coin's token are named all the same.
        .replace("key = \"gas-1\"", "key = \"nobody\"")
        .replace("id = \"eth\"\ndecimals = 18", "id = \"eth\"\ndecimals = \"many\"")
        .replace(&world.asset(0, "usd"), &world.asset(0, "usd").replace(&world.network(0), "eip155:404"));
    fs::write(world.path().join("tokengine.toml"), &wrong).expect("written");
    let output = world.cli(&["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["\"six\"", "\"xml\"", "pol_ms", "\"eur\"", "\"nobody\"", "\"many\"", "eip155:404/"] {
        let line = 1 + wrong.lines().position(|line| line.contains(part)).expect("it is there");
        assert!(said.contains(&format!("tokengine.toml:{line}:")), "{part}, line {line}: {said}");
    }
    assert!(said.contains("7 mistakes"), "{said}");
    assert!(!world.data().exists(), "nothing was made");
}

#[test]
fn a_snapshot_a_rebuild_and_a_replay_from_the_first_event_give_the_same_balances() {
    let mut world = World::new(Setup::one());
    let text = world.config_text().replace("[engine]", "[engine]\nsnapshot_every = 20");
    fs::write(world.path().join("tokengine.toml"), text).expect("written");
    world.start();
    world.fund();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    world.deposited(0, 2, "usd", 30 * DOLLAR6);
    world.post("/v1/accounts", &json!({"id": "shop"})).expect(201);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 5 * DOLLAR6, to: world.nobody(1) };
    let id = world.withdraw(&order);
    world.until_status(&id, "committed");
    let before = balances(&world);
    assert_eq!(world.stop(), Some(0));
    let proof = world.verify_journal();

    world.start();
    assert_eq!(balances(&world), before, "from a snapshot, if there was one");
    assert_eq!(world.stop(), Some(0));

    let rebuilt = world.cli_json(&["rebuild"]);
    assert!(rebuilt["position"].as_u64() >= proof["position"].as_u64(), "{rebuilt}");
    world.start();
    assert_eq!(balances(&world), before, "with a read model built anew");
    assert_eq!(world.stop(), Some(0));

    // Without any snapshot, and without a read model, the journal is enough.
    for entry in fs::read_dir(world.data()).expect("readable").flatten() {
        if entry.file_name().to_string_lossy().starts_with("read-model") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    for entry in fs::read_dir(world.data().join("journal")).expect("readable").flatten() {
        if entry.file_name().to_string_lossy().contains("snapshot") {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
        }
    }
    world.start();
    assert_eq!(balances(&world), before, "from the first event");
    world.books_balance();
}

#[test]
fn a_backup_made_while_running_is_restored_elsewhere_and_pays_nothing_twice() {
    let mut world = World::one();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    let account = world.account(0, 1);
    let to = world.nobody(1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: to.clone() };
    let (body, same) = (world.signed(&order), key());
    // No block comes, so that it is signed and sent, and not final, when the backup is made.
    world.nodes[0].set_automine(false).expect("set");
    let asked = world.post_as("/v1/withdrawals", &same, &body).expect(202);
    let id = asked["id"].as_str().expect("an id").to_owned();
    world.until_still("it is sent", |world| world.withdrawal(&id)["status"] == "sent");
    let copied = world.cli_json(&["backup", "backups/one"]);
    assert!(copied["position"].as_u64().is_some_and(|position| position > 0), "{copied}");
    // Then it is paid, and then the disk is lost.
    world.nodes[0].set_automine(true).expect("set");
    world.until_status(&id, "committed");
    world.kill();

    let folder = world.path().join("other");
    let restored = world.cli_json(&["restore", "backups/one", "--data", "other"]);
    assert_eq!(restored["position"], copied["position"]);
    assert_eq!(world.cli_json(&["verify", "--data", "other"])["ok"], true);
    world.launch(&[], &["--data", folder.to_str().expect("a path")]);
    world.wait_ready();
    world.until_status(&id, "committed");
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6, "paid once");
    let again = world.post_as("/v1/withdrawals", &same, &body).expect(202);
    assert_eq!(again["id"], asked["id"], "the request is remembered too");
    world.until("the books are as before", |world| world.free(&account, "usd") == 93 * WHOLE - USD_FEE);
    world.until("the search has ended", |world| world.get("/v1/operator/pauses").expect(200)["recovery"].is_null());
    world.books_balance();
    let next = Order { amount: DOLLAR6, ..order };
    let next = world.withdraw(&next);
    world.until_status(&next, "committed");
    assert_eq!(world.on_chain(0, "usd", &to), 8 * DOLLAR6);
    assert_eq!(world.stop(), Some(0));
}

#[test]
fn what_was_paid_after_the_backup_is_not_paid_again_when_its_request_is_repeated() {
    let mut world = World::one();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    world.cli_json(&["backup", "backups/one"]);
    let to = world.nobody(1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: to.clone() };
    let (body, same) = (world.signed(&order), key());
    let asked = world.post_as("/v1/withdrawals", &same, &body).expect(202);
    world.until_status(asked["id"].as_str().expect("an id"), "committed");
    world.kill();
    world.cli_json(&["restore", "backups/one", "--data", "other"]);
    let folder = world.path().join("other");
    world.launch(&[], &["--data", folder.to_str().expect("a path")]);
    world.wait_ready();
    // The client repeats its request, which the restored journal has never heard of. Its nonce is used already, by a
    // transaction of ours that does the very same.
    let client = world.client();
    let mut id = String::new();
    world.until("the request is taken", |world| {
        let answer = world.rt.block_on(client.post("/v1/withdrawals", &same, &body)).expect("answered");
        id = answer["id"].as_str().unwrap_or_default().to_owned();
        answer.status == 202
    });
    world.until_status(&id, "committed");
    let end = world.nodes[0].block_number().expect("asked") + 12;
    world.until("blocks have come", |world| world.nodes[0].block_number().expect("asked") >= end);
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6, "paid once");
    assert_eq!(world.free(&world.account(0, 1), "usd"), 93 * WHOLE - USD_FEE);
    // The other nonces that may have been signed for behind the backup were taken by what moves nothing.
    world.until("the search has ended", |world| world.get("/v1/operator/pauses").expect(200)["recovery"].is_null());
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6, "paid once");
    world.books_balance();
}

#[test]
fn a_termination_under_load_is_clean_and_loses_no_answer() {
    let mut world = World::one();
    world.deposited(0, 1, "usd", 1_000 * DOLLAR6);
    let orders: Vec<_> = (0..20)
        .map(|number| {
            let to = world.nobody(number);
            let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: DOLLAR6, to };
            (key(), world.signed(&order), order)
        })
        .collect();
    let client = world.client();
    let tasks: Vec<_> = orders
        .iter()
        .map(|(key, body, _)| {
            let (client, key, body) = (client.clone(), key.clone(), body.clone());
            world.rt.spawn(async move { client.post("/v1/withdrawals", &key, &body).await })
        })
        .collect();
    world.until("some are taken", |world| {
        world.get("/v1/withdrawals")["items"].as_array().is_some_and(|items| !items.is_empty())
    });
    assert_eq!(world.stop(), Some(0), "{}", world.log());
    let mut taken = Vec::new();
    for task in tasks {
        let answer = world.rt.block_on(task).expect("no panic");
        taken.push(answer.ok().filter(|answer| answer.status == 202).map(|answer| answer["id"].clone()));
    }
    world.verify_journal();
    world.start();
    for ((key, body, _), taken) in orders.iter().zip(taken) {
        let answer = world.post_as("/v1/withdrawals", key, body).expect(202);
        if let Some(id) = taken {
            assert_eq!(answer["id"], id, "what was promised is kept");
        }
    }
    world.until("everything is paid", |world| {
        world.get("/v1/withdrawals?open=true")["items"].as_array().is_some_and(Vec::is_empty)
    });
    for (_, _, order) in &orders {
        assert_eq!(world.on_chain(0, "usd", &order.to), DOLLAR6);
    }
    assert_eq!(world.free(&world.account(0, 1), "usd"), 1_000 * WHOLE - 20 * (WHOLE + USD_FEE));
    world.books_balance();
}
