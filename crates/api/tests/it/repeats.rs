//! The same request again: the same answer, once.

use crate::world::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokengine_core::Command;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_a_thousand_times_at_once_is_one_withdrawal() {
    let world = Arc::new(World::new().await);
    world.give("treasury", 100).await;
    let (key, body) = (key(), withdrawal("treasury", "10"));
    let tasks = (0..1000).map(|_| {
        let (world, key, body) = (world.clone(), key.clone(), body.clone());
        tokio::spawn(async move { world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await })
    });
    let mut bodies = BTreeSet::new();
    let mut fresh = 0;
    for task in tasks.collect::<Vec<_>>() {
        let answer = task.await.unwrap().expect(202);
        fresh += usize::from(answer.header("idempotency-replayed").is_none());
        bodies.insert(answer.text);
    }
    assert_eq!((bodies.len(), fresh), (1, 1), "one answer, of which one is the first");
    assert_eq!(world.open_payouts().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn withdrawals_that_race_for_one_balance_take_what_it_covers() {
    let world = Arc::new(World::new().await);
    world.give("treasury", 100).await;
    // 12 dollars and 0.013 of fees each: 100 dollars are enough for eight.
    let body = withdrawal("treasury", "12");
    let tasks = (0..50).map(|_| {
        let (world, body) = (world.clone(), body.clone());
        tokio::spawn(async move { world.post("/v1/withdrawals", &body).await })
    });
    let mut taken = 0;
    for task in tasks.collect::<Vec<_>>() {
        let answer = task.await.unwrap();
        match answer.status.as_u16() {
            202 => taken += 1,
            _ => assert_eq!(answer.refusal(), (422, "insufficient-funds".into())),
        }
    }
    assert_eq!(taken, 8);
    assert_eq!(world.free("treasury").await, "3.896");
}

#[tokio::test]
async fn keys_that_cannot_be_good_are_refused() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let body = withdrawal("treasury", "10");
    let (old, ahead) = (1_700_000_000_000_u128, u128::from(tokengine_engine::system_clock().0) + 3_600_000);
    let at = |ms: u128| Uuid::from_u128(ms << 80 | 7 << 76 | 0b10 << 62 | 5).to_string();
    for (case, key, want) in [
        ("none", None, (400, "idempotency-key-required")),
        ("no UUID", Some("order-17".to_owned()), (400, "idempotency-key-invalid")),
        ("version 4", Some("936da01f-9abd-4d9d-80c7-02af85c822a8".to_owned()), (400, "idempotency-key-invalid")),
        ("older than a day", Some(at(old)), (422, "idempotency-key-expired")),
        ("from the future", Some(at(ahead)), (422, "idempotency-key-from-future")),
    ] {
        let answer = world.post_as(Some(&world.desk), key.as_deref(), "/v1/withdrawals", &body).await;
        assert_eq!(answer.refusal(), (want.0, want.1.to_owned()), "{case}");
    }
    assert_eq!(world.open_payouts().await, 0);
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused_and_a_refusal_is_repeated() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let key = key();
    let post = |body| {
        let (world, key) = (&world, key.clone());
        async move { world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await }
    };
    post(withdrawal("treasury", "10")).await.expect(202);
    assert_eq!(post(withdrawal("treasury", "11")).await.refusal(), (422, "idempotency-key-reused".into()));
    // Written otherwise, it is the same.
    let again = json!({"max_fee": {"decimal": "10"}, "destination": BOB, "amount": {"decimal": "10"}, "asset": USD,
        "account": "treasury"});
    assert_eq!(post(again).await.expect(202).header("idempotency-replayed"), Some("true"));

    let (key, body) = (self::key(), withdrawal("treasury", "5000"));
    let first = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await;
    assert_eq!(first.refusal(), (422, "insufficient-funds".into()));
    assert_eq!(first.header("idempotency-replayed"), None);
    world.give("treasury", 10_000).await;
    let second = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await;
    assert_eq!(second.refusal(), (422, "insufficient-funds".into()), "a stored answer");
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn an_answer_is_the_same_after_the_withdrawal_has_moved_on() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let (key, body) = (key(), withdrawal("treasury", "10"));
    let first = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await.expect(202);
    let cancel = format!("{}/cancel", first.header("location").unwrap());
    world.post(&cancel, &json!({})).await.expect(200);
    let again = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await.expect(202);
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("location"), first.header("location"));
}

#[tokio::test]
async fn an_external_id_stands_for_one_withdrawal_for_ever() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let mut body = withdrawal("treasury", "10");
    body["external_id"] = json!("order-17");
    let first = world.post("/v1/withdrawals", &body).await.expect(202);
    let second = world.post("/v1/withdrawals", &body).await;
    assert_eq!(second.refusal(), (409, "external-id-used".into()));
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(second.json()["existing"].as_str(), first.header("location"));
    assert_eq!(second.json()["outcome"], "applied");
    assert_eq!(world.open_payouts().await, 1);
}

#[tokio::test]
async fn transient_refusals_are_not_stored() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let pause = json!({"everything": true, "reason": "maintenance"});
    world.administer("/v1/operator/pause", &pause).await.expect(200);
    let (key, body) = (key(), withdrawal("treasury", "10"));
    let refused = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await;
    assert_eq!(refused.refusal(), (503, "paused".into()));
    assert_eq!((refused.json()["retryable"].clone(), refused.header("retry-after")), (json!(true), Some("5")));
    world.administer("/v1/operator/resume", &pause).await.expect(200);
    world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await.expect(202);
}

#[tokio::test]
async fn what_the_operator_does_is_done_once_for_a_key() {
    let world = World::new().await;
    world.post("/v1/accounts", &json!({"id": "till"})).await;
    world.ok(Command::FreezeWallet { wallet: HOT_IX, reason: "a foreign transaction".into() }).await;
    world.ok(Command::HaltNetwork { network: ONE, reason: "a reorg of 70 blocks".into() }).await;
    world.ok(Command::StopAsset { asset: USD_IX, reason: "its code has changed".into() }).await;
    let reason = json!({"reason": "looked at it"});
    let admin = Some(world.admin.as_str());
    for (path, body) in [
        ("/v1/operator/accounts/till/freeze", reason.clone()),
        ("/v1/operator/accounts/till/unfreeze", reason.clone()),
        ("/v1/operator/wallets/0/thaw", reason.clone()),
        ("/v1/operator/networks/resume", json!({"network": "eip155:1", "reason": "settled"})),
        ("/v1/operator/assets/resume", json!({"asset": USD, "reason": "read the new code"})),
    ] {
        let same = key();
        let first = world.post_as(admin, Some(&same), path, &body).await.expect(200);
        let again = world.post_as(admin, Some(&same), path, &body).await.expect(200);
        assert_eq!((&first.text, again.header("idempotency-replayed")), (&again.text, Some("true")), "{path}");
        let mut other = body.clone();
        other["reason"] = json!("another");
        let refused = world.post_as(admin, Some(&same), path, &other).await;
        assert_eq!(refused.refusal(), (422, "idempotency-key-reused".into()), "{path}");
        assert_eq!(world.post_as(admin, None, path, &body).await.refusal().1, "idempotency-key-required", "{path}");
    }
    // An API key's text is told once, and repeating the request makes no second key.
    let (same, body) = (key(), json!({"name": "shop", "scopes": ["moves:create"]}));
    let made = world.post_as(admin, Some(&same), "/v1/operator/keys", &body).await.expect(201).json();
    let again = world.post_as(admin, Some(&same), "/v1/operator/keys", &body).await.expect(201).json();
    assert_eq!((&made["key"], again["secret"].is_null()), (&again["key"], true), "{again}");
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("tok_")), "{made}");
    let revoke = format!("/v1/operator/keys/{}/revoke", made["key"]["id"]);
    let same = key();
    let first = world.post_as(admin, Some(&same), &revoke, &json!({})).await.expect(200).json();
    let again = world.post_as(admin, Some(&same), &revoke, &json!({})).await.expect(200).json();
    assert_eq!((&first["revoked"], &first), (&json!(true), &again));
}
