//! Backup and restore, rebuild and replay, and clean ends: what an operator does to the data folder.

use std::fs;

use serde_json::{Value, json};
use tokengine_keys::{LocalSigner, Secret};

use crate::world::{DOLLAR6, ETH_FEE, Net, Order, Setup, USD_FEE, WHOLE, World, caip10, key, units};

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

/// What the program said when the journal was open.
#[track_caller]
fn opened(world: &World) -> Value {
    let log = world.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["message"] == "Journal is open").unwrap_or_else(|| panic!("it is not told: {log}"))
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
    let opened = opened(&world);
    let (snapshot, replayed) = (opened["snapshot"].as_u64(), opened["replayed"].as_u64());
    assert!(snapshot.is_some_and(|position| position >= 20), "it began with a snapshot: {opened}");
    assert_eq!(snapshot.zip(replayed).map(|(from, more)| from + more), proof["position"].as_u64(), "{opened}");
    assert_eq!(balances(&world), before, "from a snapshot");
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
    let mut removed = 0;
    for entry in fs::read_dir(world.data().join("journal")).expect("readable").flatten() {
        if entry.file_name().to_string_lossy().starts_with("snapshot-") {
            fs::remove_file(entry.path()).expect("removed");
            removed += 1;
        }
    }
    assert!(removed > 0, "there was one");
    world.start();
    let opened = self::opened(&world);
    assert!(opened["snapshot"].is_null() && opened["replayed"] == opened["position"], "{opened}");
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

/// A second hot wallet, funded as the first one is. Returns its address.
fn second_hot_wallet(world: &mut World) -> String {
    let key = Secret::new([0x33; 32]);
    let address = LocalSigner::from_key(&key).expect("a key").evm_address().to_string();
    fs::write(world.path().join("secrets/hot-2.key"), format!("0x{}", "33".repeat(32))).expect("written");
    let network = world.network(0);
    let more = format!(
        "\n[[key]]\nname = \"hot-2\"\nprivate-key = {{ file = \"secrets/hot-2.key\" }}\n\
         [[wallet]]\nnetwork = \"{network}\"\nrole = \"hot\"\nkey = \"hot-2\"\n"
    );
    fs::write(world.path().join("tokengine.toml"), world.config_text() + &more).expect("written");
    address
}

/// Announced, and final by the books.
fn fund_second(world: &World, address: &str) {
    let sent = [world.pay(0, 0, "usd", address, 1_000 * DOLLAR6), world.pay(0, 0, "eth", address, 5 * WHOLE)];
    for transaction in sent {
        let body = json!({"network": world.network(0), "transaction": transaction, "reason": "the second wallet"});
        world.post("/v1/operator/funding", &body).expect(200);
    }
    let id = caip10(31_337, address);
    world.until("the second wallet's funds", |world| {
        let wallets = world.get("/v1/operator/wallets").expect(200);
        let items = wallets["items"].as_array().cloned().unwrap_or_default();
        let wallet = items.into_iter().find(|wallet| wallet["address"] == id.as_str()).unwrap_or_default();
        let holdings = wallet["holdings"].as_array().cloned().unwrap_or_default();
        holdings.len() == 2 && holdings.iter().all(|holding| units(&holding["amount"]) > 0)
    });
}

#[test]
fn what_was_sent_after_the_backup_by_either_of_two_wallets_is_not_sent_again() {
    let mut world = World::new(Setup::of(vec![Net::new(31_337, 6).behind(1, 1)]));
    let second = second_hot_wallet(&mut world);
    world.start();
    world.fund();
    fund_second(&world, &second);
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    world.deposited(0, 1, "eth", 3 * WHOLE);
    let order = |number: u32, token: &'static str, amount: u128| {
        let to = world.nobody(number);
        Order { customer: 1, home: 0, net: 0, token, amount, to }
    };
    let dollars = [order(1, "usd", 7 * DOLLAR6), order(2, "usd", 8 * DOLLAR6)];
    let coins = [order(3, "eth", WHOLE / 2), order(4, "eth", WHOLE / 4)];

    // All are asked for before the backup; while the node is silent nothing is signed.
    world.proxies[0][0].go_dark();
    world.until_still("it is noticed", |world| world.get("/v1/networks")["items"][0]["status"] == "unreachable");
    let ids: Vec<String> = dollars.iter().chain(&coins).map(|order| world.withdraw(order)).collect();
    world.cli_json(&["backup", "backups/one"]);
    let coin = json!({"asset": world.asset(0, "eth"), "reason": "one after the other"});
    world.post("/v1/operator/pause", &coin).expect(200);
    world.proxies[0][0].restore();

    // After it, two are paid, and two are sent and in no block when the disk is lost.
    for id in &ids[..2] {
        world.until_status(id, "committed");
    }
    world.nodes[0].set_automine(false).expect("set");
    world.post("/v1/operator/resume", &coin).expect(200);
    for id in &ids[2..] {
        world.until_still("it is sent", |world| world.withdrawal(id)["status"] == "sent");
    }
    world.kill();
    let hot = world.hot(0);
    let sent = [&hot, &second].map(|wallet| world.nodes[0].nonce(wallet, "pending").expect("asked"));
    assert!(sent.iter().all(|sent| *sent > 0) && sent.iter().sum::<u64>() == 4, "both wallets pay: {sent:?}");

    world.cli_json(&["restore", "backups/one", "--data", "other"]);
    let folder = world.path().join("other");
    world.launch(&[], &["--data", folder.to_str().expect("a path")]);
    world.wait_ready();
    world.until_still("it knows that something is missing", |world| {
        !world.get("/v1/operator/pauses").expect(200)["recovery"].is_null()
    });
    world.nodes[0].set_automine(true).expect("set");
    for id in &ids {
        world.until_status(id, "committed");
    }
    world.until("the search has ended", |world| world.get("/v1/operator/pauses").expect(200)["recovery"].is_null());
    // What would be sent now is sent before a further payment is over.
    let next = Order { amount: DOLLAR6, to: world.nobody(5), ..dollars[0].clone() };
    let last = world.withdraw(&next);
    world.until_status(&last, "committed");
    for order in dollars.iter().chain(&coins).chain([&next]) {
        assert_eq!(world.on_chain(0, order.token, &order.to), order.amount, "paid once: {order:?}");
    }
    let account = world.account(0, 1);
    assert_eq!(world.free(&account, "usd"), 84 * WHOLE - 3 * USD_FEE);
    assert_eq!(world.free(&account, "eth"), 3 * WHOLE - WHOLE / 2 - WHOLE / 4 - 2 * ETH_FEE);
    world.books_balance();
    assert_eq!(world.stop(), Some(0));
}

#[test]
fn what_was_paid_after_the_backup_is_paid_once_though_its_request_is_repeated_only_after_the_search() {
    let mut world = World::new(Setup::of(vec![Net::new(31_337, 6).behind(1, 1)]));
    let second = second_hot_wallet(&mut world);
    world.start();
    world.fund();
    fund_second(&world, &second);
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
    world.until("the search has ended", |world| world.get("/v1/operator/pauses").expect(200)["recovery"].is_null());
    // Only now the client repeats what the restored journal has never heard of. The wallet that had paid it is frozen,
    // and the other one could pay.
    let again = world.post_as("/v1/withdrawals", &same, &body).expect(202);
    let id = again["id"].as_str().expect("an id").to_owned();
    world.until_status(&id, "committed");
    // What would be sent now is sent before a further payment is over.
    let next = Order { amount: DOLLAR6, to: world.nobody(2), ..order.clone() };
    let last = world.withdraw(&next);
    world.until_status(&last, "committed");
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6, "it got it once");
    assert_eq!(world.free(&world.account(0, 1), "usd"), 92 * WHOLE - 2 * USD_FEE, "debited once");
    world.books_balance();
    assert_eq!(world.stop(), Some(0));
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
