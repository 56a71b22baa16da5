//! Deposits: seen, confirming, credited, claimed; and what other people may learn of them.

use crate::world::*;
use serde_json::json;
use tokengine_core::{ClaimOutcome, ClaimRefusal, Command};

#[tokio::test]
async fn a_deposit_is_shown_as_it_gets_deeper_and_is_credited() {
    let world = World::new().await;
    let from = signer(3).evm_address().to_string();
    let tx = world.next_tx();
    let key = world.pay_in(USD_IX, tx, &from, 25_000_000).await;
    let listed = world.get("/v1/deposits?status=confirming").await.expect(200).json();
    let seen = &listed["items"][0];
    assert_eq!((&seen["sub_status"], &seen["outcome"]), (&json!("confirming 1 of 12"), &json!("unknown")));
    assert_eq!(seen["locator"], json!({"kind": "log", "position": 0}));
    assert_eq!(seen["wallet"], format!("eip155:1:{HOT}"));
    let path = format!("/v1/deposits/{}", seen["id"].as_str().unwrap());
    world.ok(Command::ScanBlocks { network: ONE, blocks: (101..104).map(block).collect() }).await;
    assert_eq!(world.get(&path).await.expect(200).json()["sub_status"], "confirming 4 of 12");
    let pause = json!({"network": "eip155:1", "reason": "looking"});
    world.administer("/v1/operator/pause", &pause).await.expect(200);
    assert_eq!(world.get(&path).await.expect(200).json()["sub_status"], "held: paused by the operator");
    world.administer("/v1/operator/resume", &pause).await.expect(200);

    let waiting = format!("{path}?wait=30s");
    let tag = world.get(&path).await.header("etag").unwrap().to_owned();
    let (answer, ()) = tokio::join!(world.get_after(&waiting, &tag), async {
        world.ok(Command::CreditDeposit { key: key.clone(), block: block(100), depth: deep() }).await;
    });
    let credited = answer.expect(200).json();
    assert_eq!((&credited["status"], &credited["outcome"]), (&json!("credited"), &json!("done")));
    assert_eq!(credited["account"], customer(3, "eip155:1"));
    assert_eq!(credited["credited"]["decimal"], "25");
    let steps: Vec<_> = credited["history"].as_array().unwrap().iter().map(|step| step["status"].clone()).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    let by_tx = world.get(&format!("/v1/deposits?network=eip155:1&transaction={tx}")).await.expect(200).json();
    assert_eq!(by_tx["items"][0]["id"], credited["id"]);
}

fn deep() -> tokengine_core::Depth {
    tokengine_core::Depth { confirmations: 20, safe: true, finalized: true, nodes: 1 }
}

#[tokio::test]
async fn a_claim_is_answered_with_the_deposits_it_found() {
    let world = World::new().await;
    let tx = world.next_tx();
    let claim = json!({"network": "eip155:1", "transaction": tx.to_string()});
    let claim_key = key();
    let made = world.post_as(Some(&world.desk), Some(&claim_key), "/v1/deposits", &claim).await.expect(202);
    assert_eq!(made.json()["status"], "open");
    let again = world.post_as(Some(&world.desk), Some(&claim_key), "/v1/deposits", &claim).await.expect(202);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&made.text, Some("true")));
    let path = made.header("location").unwrap().to_owned();
    assert_eq!(world.get(&path).await.expect(200).json(), made.json());

    let from = signer(3).evm_address().to_string();
    let deposit = world.pay_in(USD_IX, tx, &from, 25_000_000).await;
    world.ok(Command::CloseClaim { network: ONE, tx, outcome: ClaimOutcome::Found }).await;
    world.credit(deposit).await;
    let found = world.get(&format!("{path}?wait=30s")).await.expect(200).json();
    assert_eq!((&found["status"], &found["deposits"][0]["status"]), (&json!("found"), &json!("credited")));
}

#[tokio::test]
async fn a_claim_of_somebody_elses_deposit_says_nothing_about_it() {
    let world = World::new().await;
    world.customer_pays(3, USD_IX, 50_000_000).await;
    let tx = world.next_tx();
    let mut claim = json!({"network": "eip155:1", "transaction": tx.to_string(), "account": "alice"});
    let made = world.post("/v1/deposits", &claim).await.expect(202);
    let from = signer(3).evm_address().to_string();
    let deposit = world.pay_in(USD_IX, tx, &from, 25_000_000).await;
    world.credit(deposit).await;
    let outcome = ClaimOutcome::Refused(ClaimRefusal::NotYours);
    world.ok(Command::CloseClaim { network: ONE, tx, outcome }).await;
    let answer = world.get(made.header("location").unwrap()).await.expect(200).json();
    assert_eq!((&answer["status"], &answer["refusal"]), (&json!("refused"), &json!("not-yours")));
    assert_eq!(answer["deposits"], json!([]));
    assert_eq!(world.free("alice").await, "0");
    claim["account"] = json!("carol");
    assert_eq!(world.post("/v1/deposits", &claim).await.refusal(), (404, "unknown-account".into()));
    for (case, bad) in [("no hash", "0x12"), ("no prefix", &"1".repeat(64)), ("empty", "")] {
        claim["transaction"] = json!(bad);
        let answer = world.post("/v1/deposits", &claim).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/transaction", "{case}");
    }
}

#[tokio::test]
async fn one_transaction_claimed_a_thousand_times_is_one_credit() {
    let world = World::new().await;
    let tx = world.next_tx();
    let claim = json!({"network": "eip155:1", "transaction": tx.to_string()});
    for _ in 0..100 {
        world.post("/v1/deposits", &claim).await.expect(202);
    }
    let from = signer(3).evm_address().to_string();
    let deposit = world.pay_in(USD_IX, tx, &from, 25_000_000).await;
    world.credit(deposit).await;
    assert_eq!(world.free(&customer(3, "eip155:1")).await, "25");
    assert_eq!(world.engine.query(|state| state.claims().count()).await.unwrap(), 1);
}

#[tokio::test]
async fn d8_a_deposit_that_waits_for_finality_says_how_far_its_network_is() {
    let world = World::new().await;
    world.ok(Command::ScanBlocks { network: ONE, blocks: (101..111).map(block).collect() }).await;
    let from = signer(3).evm_address().to_string();
    let tx = world.next_tx();
    world.pay_in(USD_IX, tx, &from, 5_000_000_000).await;
    let listed = world.get("/v1/deposits?status=confirming").await.expect(200).json();
    let why = "confirming: block 110 is not finalized yet, the newest finalized block is 104";
    assert_eq!((&listed["items"][0]["sub_status"], &listed["items"][0]["outcome"]), (&json!(why), &json!("unknown")));
}
