//! Withdrawals with an API key: what one costs, what is refused, how it is followed to its end.

use crate::world::*;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tokengine_core::*;

/// Opens a slot for the only payout and signs one attempt.
async fn sign(world: &World, payout: PayoutId) -> (DispatchId, TxId) {
    let (wallet, purpose) = (HOT_IX, Purpose::Payout(payout));
    world.ok(Command::OpenDispatch { wallet, nonce: 0, purpose, gas_reserve: Amount::new(1_000_000) }).await;
    let dispatch = world.engine.query(|state| state.dispatches().next().unwrap().0).await.unwrap();
    let tx = world.next_tx();
    let attempt = Attempt {
        tx,
        raw: vec![0xca, 0xfe].into(),
        kind: AttemptKind::Act,
        max_gas_cost: Amount::new(900_000),
        fee_cap: Amount::new(9),
        tip: Amount::new(1),
        signed_at: Time(1_800_000_000_000),
        sent_at: None,
    };
    world.ok(Command::SignAttempt { dispatch, attempt }).await;
    (dispatch, tx)
}

async fn only_payout(world: &World) -> PayoutId {
    world.engine.query(|state| state.payouts().next().unwrap().0).await.unwrap()
}

#[tokio::test]
async fn a_withdrawal_is_followed_from_its_hold_to_its_proof() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.fund(ETH_IX, 1_000_000_000_000_000_000).await;
    world.give("treasury", 100).await;
    let mut body = withdrawal("treasury", "12.5");
    body["external_id"] = json!("order-17");
    let asked = world.post("/v1/withdrawals", &body).await.expect(202);
    let made = asked.json();
    assert_eq!(made["status"], "waiting");
    assert_eq!((&made["outcome"], &made["sub_status"]), (&json!("unknown"), &json!("waiting: turn")));
    assert_eq!(made["amount"]["base_units"], "12500000");
    assert_eq!(made["success_fee"]["decimal"], "0.0135", "the fixed part, and ten hundredths of a percent");
    assert_eq!(made["destination"], BOB);
    let path = asked.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/withdrawals/{}", made["id"].as_str().unwrap()));
    assert_eq!(world.free("treasury").await, "87.4865");

    let payout = only_payout(&world).await;
    let (dispatch, tx) = sign(&world, payout).await;
    world.ok(Command::MarkSent { dispatch, attempt: 0 }).await;
    let sent = world.get(&path).await.expect(200).json();
    assert_eq!((&sent["status"], &sent["outcome"]), (&json!("sent"), &json!("unknown")));
    assert!(sent["unknown_until"].is_string(), "{sent}");
    assert_eq!(sent["attempts"][0]["transaction"], tx.to_string());
    assert!(!sent.to_string().contains("cafe"), "signed bytes go to nobody but the network");

    let sighting = Sighting { attempt: 0, block: block(100), success: true };
    world.ok(Command::SeeDispatch { dispatch, sighting: sighting.clone() }).await;
    let seen = world.get(&path).await.expect(200).json();
    assert_eq!((&seen["status"], &seen["sub_status"]), (&json!("seen"), &json!("confirming 1 of 12")));

    let depth = Depth { confirmations: 12, safe: true, finalized: true, nodes: 1 };
    world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(800_000), depth }).await;
    let done = world.get(&path).await.expect(200).json();
    assert_eq!((&done["status"], &done["outcome"]), (&json!("committed"), &json!("done")));
    assert_eq!(done["proof"]["transaction"], tx.to_string());
    assert_eq!(done["fee_taken"]["decimal"], "0.0135");
    let steps: Vec<_> = done["history"].as_array().unwrap().iter().map(|step| step["status"].clone()).collect();
    assert_eq!(steps.first(), Some(&json!("held")));
    assert!(steps.len() >= 5, "{steps:?}");

    let listed = world.get("/v1/withdrawals?account=treasury&external_id=order-17").await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert!(world.get("/v1/withdrawals?open=true").await.json()["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_final_payment_that_a_reorg_took_is_listed_for_a_person_until_it_is_back() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.fund(ETH_IX, 1_000_000_000_000_000_000).await;
    world.give("treasury", 100).await;
    world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let (dispatch, tx) = sign(&world, only_payout(&world).await).await;
    world.ok(Command::MarkSent { dispatch, attempt: 0 }).await;
    world.ok(Command::ScanBlocks { network: ONE, blocks: vec![block(101)] }).await;
    let sighting = Sighting { attempt: 0, block: block(101), success: true };
    let depth = Depth { confirmations: 12, safe: true, finalized: true, nodes: 1 };
    world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(800_000), depth }).await;
    assert!(world.get("/v1/operator/work").await.json()["items"].as_array().unwrap().is_empty());
    world.ok(Command::RewindScan { network: ONE, to: block(100) }).await;
    let work = world.get("/v1/operator/work").await.expect(200).json();
    let item = &work["items"][0];
    assert_eq!((&item["kind"], &item["subject"]), (&json!("final-orphaned"), &json!(format!("eip155:1 {tx}"))));
    assert!(item["detail"].as_str().unwrap().contains("moved 10 eip155:1/erc20:"), "{item}");
    let clear = format!("tokengine operator clear-final eip155:1 {tx} --reason");
    assert!(item["action"].as_str().unwrap().contains("POST /v1/operator/finals/clear"), "{item}");
    assert!(item["command"].as_str().unwrap().contains(&clear), "{item}");
    world.too_early.store(true, Ordering::Relaxed);
    let compared = "/v1/operator/reconcile?network=eip155:1";
    let why = world.administer(compared, &json!({})).await.expect(200).json();
    assert_eq!((&why["status"], &why["compared"]), (&json!("final-orphaned"), &json!(0)), "{why}");
    world.ok(Command::ScanBlocks { network: ONE, blocks: vec![block(101)] }).await;
    let see = Command::SeeFinal { network: ONE, tx, block: block(101), success: true, gas: Amount::new(900_000) };
    world.ok(see).await;
    assert_eq!(world.administer(compared, &json!({})).await.expect(200).json()["status"], "too-early");
    assert!(world.get("/v1/operator/work").await.json()["items"].as_array().unwrap().is_empty());
    let newest = world.get("/v1/operator/audit?limit=1").await.expect(200).json();
    let event = &newest["items"][0]["event"];
    assert_eq!((&event["type"], &event["data"]["gas"]), (&json!("final-reblocked"), &json!("900000")));
    assert_eq!(event["data"]["transaction"], tx.to_string());
}

#[tokio::test]
async fn d7_a_final_payment_that_a_reorg_took_for_good_is_cleared_by_a_person() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.fund(ETH_IX, 1_000_000_000_000_000_000).await;
    world.give("treasury", 100).await;
    world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let (dispatch, tx) = sign(&world, only_payout(&world).await).await;
    world.ok(Command::MarkSent { dispatch, attempt: 0 }).await;
    world.ok(Command::ScanBlocks { network: ONE, blocks: vec![block(101)] }).await;
    let sighting = Sighting { attempt: 0, block: block(101), success: true };
    let depth = Depth { confirmations: 12, safe: true, finalized: true, nodes: 1 };
    world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(800_000), depth }).await;
    let clear =
        json!({"network": "eip155:1", "transaction": tx.to_string(), "paid": false, "reason": "0x51 has its nonce"});
    let path = "/v1/operator/finals/clear";
    assert_eq!(world.administer(path, &clear).await.refusal(), (404, "unknown-final".into()), "it is where it was");
    world.ok(Command::RewindScan { network: ONE, to: block(100) }).await;
    let lost = world.get("/v1/operator/finals").await.expect(200).json()["items"][0].clone();
    assert_eq!((&lost["transaction"], &lost["network"]), (&json!(tx.to_string()), &json!("eip155:1")));
    assert_eq!(
        (&lost["moved"]["decimal"], &lost["success"], &lost["height"]),
        (&json!("10"), &json!(true), &json!("101"))
    );
    assert_eq!(world.post(path, &clear).await.refusal(), (403, "scope-missing".into()), "a desk's key may not");
    let mute = json!({"network": "eip155:1", "transaction": tx.to_string(), "paid": false, "reason": ""});
    assert_eq!(world.administer(path, &mute).await.expect(400).json()["errors"][0]["pointer"], "/reason");
    world.administer(path, &clear).await.expect(200);
    assert_eq!(world.get("/v1/operator/finals").await.json()["items"], json!([]));
    let work = world.get("/v1/operator/work").await.json();
    assert_eq!(work["items"][0]["kind"], "suspense", "what it moved is there, and waits for a person: {work}");
    let suspense = world.get("/v1/operator/suspense").await.expect(200).json();
    assert_eq!(suspense["items"][0]["amount"]["decimal"], "10");
    let newest = world.get("/v1/operator/audit?limit=1").await.expect(200).json();
    let row = &newest["items"][0];
    assert_eq!((&row["event"]["type"], &row["principal"]), (&json!("final-cleared"), &json!("key admin")));
    assert_eq!(row["event"]["data"]["reason"], "0x51 has its nonce");
    world.get("/v1/operator/books?prove=true").await.expect(200);
}

#[tokio::test]
async fn a_failed_payment_is_not_done_and_says_why() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.fund(ETH_IX, 1_000_000_000_000_000_000).await;
    world.give("treasury", 100).await;
    let path = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let path = path.header("location").unwrap().to_owned();
    let (dispatch, tx) = sign(&world, only_payout(&world).await).await;
    world.ok(Command::MarkSent { dispatch, attempt: 0 }).await;
    let sighting = Sighting { attempt: 0, block: block(100), success: false };
    world.ok(Command::SeeDispatch { dispatch, sighting: sighting.clone() }).await;
    let depth = Depth { confirmations: 12, safe: true, finalized: true, nodes: 1 };
    world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(800_000), depth }).await;
    let failed = world.get(&path).await.expect(200).json();
    assert_eq!((&failed["status"], &failed["outcome"]), (&json!("failed"), &json!("not_done")));
    assert_eq!(failed["proof"]["kind"], "reverted-transaction");
    assert_eq!(failed["proof"]["transaction"], tx.to_string());
    assert_eq!(failed["fee_taken"]["decimal"], "0.0005");
    assert_eq!(world.free("treasury").await, "99.9995");
}

/// Cases D10, E22, E23: amounts, destinations that lose what they get, addresses and networks that are misspelt.
#[tokio::test]
async fn what_is_not_as_it_must_be_is_refused_with_its_place() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let changed = |field: &str, value: Value| {
        let mut body = withdrawal("treasury", "10");
        body[field] = value;
        body
    };
    let amount = |text: &str| changed("amount", json!({ "decimal": text }));
    let to = |text: &str| changed("destination", json!(text));
    for (case, body, status, pointer, code) in [
        ("zero", amount("0"), 422, "", "amount-zero"),
        ("negative", amount("-1"), 400, "/amount/decimal", "amount-not-a-number"),
        ("scientific", amount("1e3"), 400, "/amount/decimal", "amount-not-a-number"),
        ("not a number", amount("NaN"), 400, "/amount/decimal", "amount-not-a-number"),
        ("leading zeros", amount("007"), 400, "/amount/decimal", "amount-not-a-number"),
        ("digits of another script", amount("１２"), 400, "/amount/decimal", "amount-not-a-number"),
        ("finer than the asset", amount("0.0000001"), 400, "/amount/decimal", "amount-not-representable"),
        ("overflow", amount(&"9".repeat(60)), 400, "/amount/decimal", "amount-too-large"),
        ("a JSON number", changed("amount", json!({"decimal": 10})), 400, "/amount/decimal", "field-invalid"),
        ("a bare number", changed("amount", json!("10")), 400, "/amount", "field-invalid"),
        ("an unknown field", changed("memo", json!("x")), 400, "/memo", "field-invalid"),
        ("more than there is", amount("1000"), 422, "", "insufficient-funds"),
        ("below the minimum", amount("0.001"), 422, "", "below-minimum"),
        ("a fee above the maximum", changed("max_fee", json!({"decimal": "0.001"})), 422, "", "fee-above-maximum"),
        ("an unknown asset", changed("asset", json!("eip155:1/slip44:61")), 404, "", "unknown-asset"),
        ("no asset at all", changed("asset", json!("USD")), 400, "/asset", "caip-asset-syntax"),
        ("an unknown account", changed("account", json!("carol")), 404, "", "unknown-account"),
        (
            "a wrong checksum",
            to("eip155:1:0x22227A31dd842196A246d8f3b775998560eAa61D"),
            400,
            "/destination",
            "caip-address-checksum",
        ),
        (
            "another network",
            to("eip155:10:0x22227A31dd842196A246d8f3b775998560eAa61d"),
            400,
            "/destination",
            "destination-network",
        ),
        (
            "a bare address",
            to("0x22227A31dd842196A246d8f3b775998560eAa61d"),
            400,
            "/destination",
            "caip-account-syntax",
        ),
        (
            "the zero address",
            to("eip155:1:0x0000000000000000000000000000000000000000"),
            400,
            "/destination",
            "destination-invalid",
        ),
        (
            "the burn address",
            to("eip155:1:0x000000000000000000000000000000000000dead"),
            400,
            "/destination",
            "destination-invalid",
        ),
        (
            "the asset's contract",
            to("eip155:1:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
            400,
            "/destination",
            "destination-is-asset",
        ),
        ("another face of the coin", to(&format!("eip155:1:{FACE}")), 400, "/destination", "destination-is-asset"),
        ("our own hot wallet", to(&format!("eip155:1:{HOT}")), 422, "", "destination-is-house"),
        ("an empty external id", changed("external_id", json!("")), 400, "/external_id", "external-id-invalid"),
    ] {
        let answer = world.post("/v1/withdrawals", &body).await;
        let problem = answer.json();
        let (got_pointer, got_code) = match problem["errors"].get(0) {
            Some(error) => (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()),
            None => ("", problem["code"].as_str().unwrap()),
        };
        assert_eq!((answer.status.as_u16(), got_pointer, got_code), (status, pointer, code), "{case}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{case}");
        assert_eq!(problem["outcome"], "none", "{case}");
        assert_eq!(problem["retryable"], false, "{case}");
        assert_eq!(problem["instance"], "/v1/withdrawals");
        assert_eq!(problem["type"], format!("/problems/{}", problem["code"].as_str().unwrap()));
    }
    assert_eq!(world.open_payouts().await, 0);
    assert_eq!(world.free("treasury").await, "100");
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_only_for_accounts_that_the_operator_named() {
    let world = World::new().await;
    world.customer_pays(1, USD_IX, 50_000_000).await;
    let customers = withdrawal(&customer(1, "eip155:1"), "10");
    assert_eq!(world.post("/v1/withdrawals", &customers).await.refusal(), (403, "not-authorized".into()));
    let made = world.administer("/v1/operator/keys", &json!({"name": "reader", "scopes": ["withdrawals:read"]})).await;
    let reader = made.expect(201).json()["secret"].as_str().unwrap().to_owned();
    world.get_as(&reader, "/v1/withdrawals").await.expect(200);
    let body = withdrawal("treasury", "10");
    for (case, secret, path, want) in [
        ("no key", None, "/v1/withdrawals", (401, "unauthenticated")),
        ("a key that is none", Some("tok_nonsense"), "/v1/withdrawals", (401, "unauthenticated")),
        ("a key that may only read", Some(reader.as_str()), "/v1/withdrawals", (403, "scope-missing")),
    ] {
        let answer = world.post_as(secret, Some(&key()), path, &body).await;
        assert_eq!(answer.refusal(), (want.0, want.1.to_owned()), "{case}");
    }
    for path in ["/v1/accounts/alice", "/v1/deposits", "/v1/transfers", "/v1/events", "/v1/operator/books"] {
        assert_eq!(world.get_as(&reader, path).await.refusal(), (403, "scope-missing".into()), "{path}");
    }
    world.get("/v1/operator/books?prove=true").await.expect(200);
}

#[tokio::test]
async fn a_quote_says_what_a_withdrawal_would_take() {
    let world = World::new().await;
    let body = json!({"asset": USD, "amount": {"decimal": "12.5"}});
    let quote = world.post_as(None, None, "/v1/withdrawals/quote", &body).await.expect(200).json();
    assert_eq!(quote["max_fee"]["decimal"], "0.0135");
    assert_eq!(quote["held"]["decimal"], "12.5135");
    assert_eq!(quote["available"], true);
    let large = json!({"asset": USD, "amount": {"decimal": "1000000"}});
    let quote = world.post_as(None, None, "/v1/withdrawals/quote", &large).await.expect(200).json();
    assert_eq!((&quote["available"], &quote["unavailable"]), (&json!(false), &json!("above-maximum")));
    world.ok(Command::StopAsset { asset: USD_IX, reason: "its code has changed".into() }).await;
    let quote = world.post_as(None, None, "/v1/withdrawals/quote", &body).await.expect(200).json();
    assert_eq!(quote["unavailable"], "paused");
    world.administer("/v1/operator/assets/resume", &json!({"asset": USD, "reason": "x"})).await.expect(200);
    let quote = world.post_as(None, None, "/v1/withdrawals/quote", &body).await.expect(200).json();
    assert_eq!(quote["unavailable"], "asset-not-probed", "it is looked at again first");
}

/// Case E18: to try again beside what may still be final is refused, with the earliest time.
#[tokio::test]
async fn what_waits_can_be_taken_back_and_what_is_signed_only_asked_for() {
    let world = World::new().await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.fund(ETH_IX, 1_000_000_000_000_000_000).await;
    world.give("treasury", 100).await;
    let path = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let cancel = format!("{}/cancel", path.header("location").unwrap());
    let cancel_key = key();
    let first = world.post_as(Some(&world.desk), Some(&cancel_key), &cancel, &json!({})).await.expect(200);
    assert_eq!(first.json()["status"], "cancelled");
    assert_eq!(world.free("treasury").await, "100");
    let again = world.post_as(Some(&world.desk), Some(&cancel_key), &cancel, &json!({})).await.expect(200);
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), Some("true")));
    assert_eq!(world.post(&cancel, &json!({})).await.refusal(), (409, "already-final".into()));
    let shown = world.get(path.header("location").unwrap()).await.expect(200).json();
    assert_eq!((&shown["outcome"], &shown["proof"]["kind"]), (&json!("not_done"), &json!("never-signed")));

    let path = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let path = path.header("location").unwrap().to_owned();
    let id = path.rsplit('/').next().unwrap().to_owned();
    sign(&world, only_payout(&world).await).await;
    let asked = world.post(&format!("{path}/cancel"), &json!({})).await.expect(202);
    assert_eq!(asked.json()["status"], "cancel-requested");
    assert_eq!(world.get(&path).await.json()["cancel_requested"], true);
    assert_ne!(world.free("treasury").await, "100", "only proof unlocks");
    let retry = world.administer(&format!("/v1/operator/withdrawals/{id}/retry"), &json!({})).await;
    assert_eq!(retry.refusal(), (409, "outcome-unknown".into()));
    assert!(retry.json()["detail"].as_str().unwrap().starts_with("not before 20"), "{}", retry.text);
}

#[tokio::test]
async fn a_wait_ends_with_the_change_it_waits_for() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let path = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let path = path.header("location").unwrap().to_owned();
    let still = world.get(&format!("{path}?wait=50ms")).await.expect(200);
    assert_eq!(still.json()["sub_status"], "waiting: turn");
    let tag = still.header("etag").unwrap().to_owned();
    let payout = only_payout(&world).await;
    let waiting = format!("{path}?wait=30s");
    let (seen, ()) = tokio::join!(world.get_after(&waiting, &tag), async {
        world.ok(Command::WaitPayout { payout, why: Wait::Liquidity }).await;
    });
    let status = seen.expect(200).json()["sub_status"].clone();
    assert_eq!(status, "waiting: liquidity");
    // A change that came before the question is an answer at once.
    let late = world.get_after(&waiting, &tag).await.expect(200).json();
    assert_eq!(late["sub_status"], "waiting: liquidity");
    assert_eq!(world.get(&format!("{path}?wait=10")).await.refusal(), (400, "invalid-request".into()));
}

#[tokio::test]
async fn pages_of_a_list_follow_on_each_other_and_their_cursors_are_sealed() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    for _ in 0..5 {
        world.post("/v1/withdrawals", &withdrawal("treasury", "1")).await.expect(202);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/withdrawals?account=treasury&limit=2".to_owned();
    loop {
        let page = world.get(&path).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/withdrawals?account=treasury&limit=2&cursor={cursor}");
        let other = world.get(&format!("/v1/withdrawals?limit=2&cursor={cursor}")).await;
        assert_eq!(other.refusal(), (400, "cursor-invalid".into()), "a cursor of another list");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, each once: {seen:?}");
    for bad in ["limit=0", "limit=201", "limit=x", "cursor=00", "cursor=zz", "status=lost", "unknown=1"] {
        assert_eq!(world.get(&format!("/v1/withdrawals?{bad}")).await.status.as_u16(), 400, "{bad}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let made = world.post("/v1/withdrawals", &withdrawal("treasury", "1")).await.expect(202).json();
    let id = made["id"].as_str().unwrap();
    // The same number at another time.
    let other = format!("{}{}", if id.starts_with('0') { "1" } else { "0" }, &id[1..]);
    for path in [
        format!("/v1/withdrawals/{other}"),
        "/v1/withdrawals/7".to_owned(),
        format!("/v1/transfers/{id}"),
        format!("/v1/claims/{id}"),
        "/v1/deposits/00000000000000000000000000000000".to_owned(),
        "/v1/accounts/carol".to_owned(),
        "/v1/accounts/carol/history".to_owned(),
    ] {
        assert_eq!(world.get(&path).await.refusal(), (404, "not-found".into()), "{path}");
    }
    assert_eq!(world.get("/v1/nothing").await.refusal(), (404, "no-such-route".into()));
    assert_eq!(world.post("/v1/networks", &json!({})).await.refusal(), (405, "method-not-allowed".into()));
}
