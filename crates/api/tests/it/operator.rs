//! The operator's own routes.

use crate::world::*;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::sync::atomic::Ordering;
use tokengine_core::*;

#[tokio::test]
async fn keys_are_made_with_no_more_than_the_maker_has_and_their_secret_is_shown_once() {
    let world = World::new().await;
    let body = json!({"name": "shop", "scopes": ["withdrawals:create", "admin:keys"]});
    let made = world.administer("/v1/operator/keys", &body).await.expect(201).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with(&format!("tok_{}_", made["key"]["prefix"].as_str().unwrap())));
    let list = world.get("/v1/operator/keys").await.expect(200);
    assert!(!list.text.contains(&secret) && list.text.contains(made["key"]["prefix"].as_str().unwrap()));
    let more = json!({"name": "more", "scopes": ["moves:create"]});
    let refused = world.post_as(Some(&secret), Some(&key()), "/v1/operator/keys", &more).await;
    assert_eq!(refused.refusal(), (403, "scope-missing".into()));
    for (bad, pointer) in [
        (json!({"name": "", "scopes": []}), "/name"),
        (json!({"name": "a#b", "scopes": []}), "/name"),
        (json!({"name": "x", "scopes": ["moves:create", "moves:*"]}), "/scopes/1"),
    ] {
        let answer = world.administer("/v1/operator/keys", &bad).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    // Revoked by somebody who has seen an older list: refused. Then with what is true now.
    let id = made["key"]["id"].clone();
    let revoke = |tag: String| {
        let request = Request::post(format!("/v1/operator/keys/{id}/revoke"))
            .header("idempotency-key", key())
            .header("authorization", format!("Bearer {}", world.admin))
            .header("if-match", tag);
        world.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(revoke("\"old\"".into()).await.refusal(), (412, "precondition-failed".into()));
    let tag = world.get("/v1/operator/keys").await.header("etag").unwrap().to_owned();
    assert_eq!(revoke(tag).await.expect(200).json()["revoked"], true);
    assert_eq!(world.get_as(&secret, "/v1/withdrawals").await.refusal(), (401, "unauthenticated".into()));
}

#[tokio::test]
async fn the_operator_pauses_freezes_and_assigns() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let pause = json!({"asset": USD, "reason": "looking"});
    world.administer("/v1/operator/pause", &pause).await.expect(200);
    assert_eq!(world.get("/v1/operator/pauses").await.json()["assets"], json!([USD]));
    assert_eq!(world.post("/v1/withdrawals", &withdrawal("treasury", "1")).await.refusal(), (503, "paused".into()));
    assert_eq!(world.administer("/v1/operator/pause", &pause).await.refusal(), (409, "already-paused".into()));
    world.administer("/v1/operator/resume", &pause).await.expect(200);
    for (bad, pointer) in [
        (json!({"reason": "x"}), ""),
        (json!({"everything": true, "asset": USD, "reason": "x"}), ""),
        (json!({"everything": true, "reason": " "}), "/reason"),
    ] {
        let answer = world.administer("/v1/operator/pause", &bad).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }

    let why = json!({"reason": "court order"});
    world.administer("/v1/operator/accounts/treasury/freeze", &why).await.expect(200);
    assert_eq!(
        world.post("/v1/withdrawals", &withdrawal("treasury", "1")).await.refusal(),
        (403, "account-frozen".into())
    );
    assert_eq!(world.get("/v1/accounts/treasury").await.json()["frozen"], true);
    world.administer("/v1/operator/accounts/treasury/unfreeze", &why).await.expect(200);

    let tx = world.next_tx();
    let key = DepositKey { network: ONE, tx, locator: Locator::Log(0) };
    let deposit = Incoming {
        key: key.clone(),
        asset: USD_IX,
        wallet: HOT_IX,
        from: address("0x00000000000000000000000000000000000C0de5"),
        from_contract: true,
        amount: Amount::new(7_000_000),
        block: block(100),
    };
    world.ok(Command::SeeDeposit { deposit }).await;
    world.credit(key).await;
    let listed = world.get("/v1/operator/suspense").await.expect(200).json();
    let item = &listed["items"][0];
    assert_eq!((&item["reason"], &item["amount"]["decimal"]), (&json!("sender-is-contract"), &json!("7")));
    let deposit = world.get(&format!("/v1/deposits/{}", item["deposit"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((&deposit["status"], &deposit["sub_status"]), (&json!("suspense"), &json!("sender-is-contract")));
    let work = world.get("/v1/operator/work").await.expect(200).json();
    assert_eq!((&work["items"][0]["kind"], &work["items"][0]["subject"]), (&json!("suspense"), &item["id"]));
    let path = format!("/v1/operator/suspense/{}/assign", item["id"].as_str().unwrap());
    for bad in [json!({"reason": "x"}), json!({"account": "alice", "equity": true, "reason": "x"})] {
        world.administer(&path, &bad).await.expect(400);
    }
    let to = json!({"account": "alice", "reason": "proved that the contract is hers"});
    world.administer(&path, &to).await.expect(200);
    assert_eq!(world.free("alice").await, "7");
    assert_eq!(world.administer(&path, &to).await.refusal(), (404, "unknown-suspense".into()));
    assert!(world.get("/v1/operator/work").await.json()["items"].as_array().unwrap().is_empty());

    let audit = world.get("/v1/operator/audit?limit=5").await.expect(200).json();
    let newest = &audit["items"].as_array().unwrap().iter().find(|row| row["event"]["type"] == "suspense-assigned");
    let newest = newest.unwrap();
    assert_eq!(newest["principal"], "key admin");
    assert_eq!(newest["event"]["data"]["reason"], "proved that the contract is hers");
    let next = format!("/v1/operator/audit?limit=5&cursor={}", audit["next_cursor"].as_str().unwrap());
    let older = world.get(&next).await.expect(200).json();
    let id = |row: &serde_json::Value| row["event"]["id"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(id(&older["items"][0]) + 1, id(audit["items"].as_array().unwrap().last().unwrap()), "no gap");
}

#[tokio::test]
async fn books_put_liabilities_beside_holdings() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.give("treasury", 100).await;
    let books = world.get("/v1/operator/books?prove=true").await.expect(200).json();
    let usd = &books["items"][0];
    assert_eq!((&usd["token"], &usd["balanced"]), (&json!("USD"), &json!(true)));
    assert_eq!((&usd["liabilities"]["decimal"], &usd["holdings"]["decimal"]), (&json!("100"), &json!("1100")));
    assert_eq!(usd["equity_in"]["decimal"], "1000");
    let wallets = world.get("/v1/operator/wallets").await.expect(200).json();
    assert_eq!(wallets["items"][0]["holdings"][0]["amount"]["decimal"], "1100");
    let begun = world.administer("/v1/operator/reconcile", &json!({})).await.expect(202).json();
    let networks = begun["items"].as_array().expect("a list").len();
    assert!(networks > 1 && begun["items"][0]["status"] == "under-way", "{begun}");
    assert_eq!(world.reconciled.load(Ordering::Relaxed), networks);
    let path = "/v1/operator/reconcile?network=";
    let found = world.administer(&format!("{path}eip155:1"), &json!({})).await.expect(200).json();
    assert_eq!((&found["status"], &found["differing"], &found["height"]), (&json!("differs"), &json!(1), &json!("9")));
    let mut other =
        begun["items"].as_array().into_iter().flatten().map(|item| item["network"].as_str().expect("its id"));
    let other = other.find(|id| *id != "eip155:1").expect("another network").to_owned();
    let silent = world.administer(&format!("{path}{other}"), &json!({})).await.expect(503).json();
    assert_eq!(silent["code"], "network-unavailable");
    world.administer(&format!("{path}eip155:404"), &json!({})).await.expect(404);
}

#[tokio::test]
async fn what_the_engine_stopped_is_listed_and_resumed_by_a_person() {
    let world = World::new().await;
    world.ok(Command::HaltNetwork { network: ONE, reason: "a reorg of 70 blocks".into() }).await;
    world.ok(Command::FreezeWallet { wallet: HOT_IX, reason: "a foreign transaction".into() }).await;
    world.ok(Command::StopAsset { asset: USD_IX, reason: "its code has changed".into() }).await;
    let work = world.get("/v1/operator/work").await.expect(200).json();
    let kinds: Vec<_> = work["items"].as_array().unwrap().iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, [json!("network-halted"), json!("asset-stopped"), json!("wallet-frozen")]);
    assert_eq!(world.get("/v1/networks").await.json()["items"][0]["status"], "halted");
    assert_eq!(world.get("/v1/assets").await.json()["items"][0]["status"], "stopped");
    let seen = json!({"reason": "seen"});
    world.administer("/v1/operator/wallets/0/thaw", &seen).await.expect(200);
    let network = json!({"network": "eip155:1", "reason": "settled"});
    world.administer("/v1/operator/networks/resume", &network).await.expect(200);
    world
        .administer("/v1/operator/assets/resume", &json!({"asset": USD, "reason": "the same token"}))
        .await
        .expect(200);
    assert!(world.get("/v1/operator/work").await.json()["items"].as_array().unwrap().is_empty());
    assert_eq!(world.administer("/v1/operator/wallets/99/thaw", &seen).await.refusal(), (404, "unknown-wallet".into()));
    let audit = world.get("/v1/operator/audit?limit=4").await.json();
    let items = audit["items"].as_array().expect("a list");
    assert!(items.iter().all(|item| item["principal"] == "key admin"), "who did it is kept: {audit}");
    assert_eq!(items[3]["event"]["data"]["reason"], "seen", "{audit}");
}

#[tokio::test]
async fn what_is_missing_is_listed_and_written_off_once_with_a_reason() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    let missing = Amount::new(40_000_000);
    world.ok(Command::FindShortage { wallet: HOT_IX, asset: USD_IX, missing, block: block(100) }).await;
    let listed = world.get("/v1/operator/shortages").await.expect(200).json();
    let short = &listed["items"][0];
    assert_eq!((&short["asset"], &short["wallet"], &short["height"]), (&json!(USD), &json!(0), &json!("100")));
    assert_eq!((&short["missing"]["decimal"], &short["booked"]["decimal"]), (&json!("40"), &json!("1000")));
    let item = world.get("/v1/operator/work").await.json()["items"][0].clone();
    assert_eq!(item["kind"], "asset-short");
    let write_off = format!("tokengine operator write-off {USD} --wallet 0 --amount 40 --reason");
    assert!(item["command"].as_str().is_some_and(|command| command.contains(&write_off)), "{item}");
    assert!(item["action"].as_str().is_some_and(|action| !action.contains("resume")), "{item}");
    let resume = json!({"asset": USD, "reason": "it will be brought"});
    let refused = world.administer("/v1/operator/assets/resume", &resume).await.refusal();
    assert_eq!(refused, (503, "asset-short".into()), "the money is missing still");
    assert_eq!(world.get("/v1/operator/shortages").await.json(), listed, "and can be written off");
    let body = |amount: &str, wallet: u32| json!({"wallet": wallet, "asset": USD, "amount": {"decimal": amount}, "reason": "seized by its issuer"});
    let of_coin = json!({"wallet": 0, "asset": ETH, "amount": {"decimal": "1"}, "reason": "x"});
    let path = "/v1/operator/shortages/write-off";
    for (case, body, want) in [
        ("more than is missing", body("40.000001", 0), (422, "above-shortage")),
        ("nothing", body("0", 0), (422, "amount-zero")),
        ("of what nothing is missing", of_coin, (404, "no-shortage")),
        ("no wallet", body("1", 99), (404, "unknown-wallet")),
        (
            "without a reason",
            json!({"wallet": 0, "asset": USD, "amount": {"decimal": "1"}, "reason": " "}),
            (400, "invalid-request"),
        ),
    ] {
        assert_eq!(world.administer(path, &body).await.refusal(), (want.0, want.1.to_owned()), "{case}");
    }
    assert_eq!(world.post(path, &body("40", 0)).await.refusal(), (403, "scope-missing".into()), "a desk's key may not");
    let key = key();
    let once = || async { world.post_as(Some(&world.admin), Some(&key), path, &body("40", 0)).await.expect(200) };
    let (first, again) = (once().await, once().await);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), Some("true")));
    assert_eq!(world.get("/v1/operator/shortages").await.json()["items"], json!([]));
    assert_eq!(world.get("/v1/operator/work").await.json()["items"], json!([]));
    let books = world.get("/v1/operator/books?prove=true").await.expect(200).json();
    let usd = &books["items"][0];
    assert_eq!((&usd["equity_out"]["decimal"], &usd["holdings"]["decimal"]), (&json!("40"), &json!("960")));
}
