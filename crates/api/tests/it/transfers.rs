//! Transfers: a deposit and a withdrawal in one call.

use crate::world::*;
use serde_json::json;
use tokengine_core::*;

#[tokio::test]
async fn a_transfer_pays_out_what_its_deposit_brings() {
    let world = World::new().await;
    world.give("treasury", 1).await;
    world.fund(AssetIx(1), 1_000_000_000_000_000_000_000).await;
    let address = world.post("/v1/accounts/treasury/deposit-addresses", &json!({"network": "eip155:1"})).await;
    let address = address.expect(201).json()["address"].as_str().unwrap().to_owned();
    let tx = world.next_tx();
    let body = json!({"deposit_network": "eip155:1", "deposit_transaction": tx.to_string(), "account": "treasury",
        "asset": USD_10, "amount": {"decimal": "40"}, "max_fee": {"decimal": "1"},
        "destination": "eip155:10:0x22227A31dd842196A246d8f3b775998560eAa61d"});
    let transfer_key = key();
    let made = world.post_as(Some(&world.desk), Some(&transfer_key), "/v1/transfers", &body).await.expect(202);
    let path = made.header("location").unwrap().to_owned();
    assert_eq!((&made.json()["status"], &made.json()["sub_status"]), (&json!("waiting"), &json!("waiting: deposit")));
    assert_eq!(world.get(&path).await.expect(200).json(), made.json());

    let to = address.rsplit(':').next().unwrap().to_owned();
    let wallet = world.engine.query(move |state| state.wallet_at(ONE, &crate::world::address(&to))).await.unwrap();
    let deposit = DepositKey { network: ONE, tx, locator: Locator::Log(0) };
    let incoming = Incoming {
        key: deposit.clone(),
        asset: USD_IX,
        wallet: wallet.unwrap(),
        from: crate::world::address("0x00000000000000000000000000000000000F00d5"),
        from_contract: false,
        amount: Amount::new(50_000_000),
        block: block(100),
    };
    world.ok(Command::SeeDeposit { deposit: incoming }).await;
    world.credit(deposit.clone()).await;
    let transfer = world.engine.query(|state| state.transfers().next().unwrap().0).await.unwrap();
    let waiting = format!("{path}?wait=30s");
    let tag = world.get(&path).await.header("etag").unwrap().to_owned();
    let (answer, ()) = tokio::join!(world.get_after(&waiting, &tag), async {
        world.ok(Command::HoldTransfer { transfer, deposit }).await;
    });
    let held = answer.expect(200).json();
    assert_eq!((&held["status"], &held["outcome"]), (&json!("held"), &json!("unknown")));
    assert_eq!(held["withdrawal"]["amount"]["decimal"], "40");
    assert_eq!(held["withdrawal"]["transfer"], held["id"]);
    let again = world.post_as(Some(&world.desk), Some(&transfer_key), "/v1/transfers", &body).await.expect(202);
    assert_eq!((&again.text, again.header("idempotency-replayed")), (&made.text, Some("true")));
    assert_eq!(world.get("/v1/transfers?account=treasury").await.expect(200).json()["items"][0]["id"], held["id"]);
}

#[tokio::test]
async fn a_transfer_that_fails_says_why_and_the_deposit_stays() {
    let world = World::new().await;
    world.give("treasury", 1).await;
    let body = json!({"deposit_network": "eip155:1", "deposit_transaction": world.next_tx().to_string(),
        "account": "treasury", "asset": USD, "amount": {"decimal": "40"}, "max_fee": {"decimal": "1"}, "destination": BOB});
    let path = world.post("/v1/transfers", &body).await.expect(202).header("location").unwrap().to_owned();
    let transfer = world.engine.query(|state| state.transfers().next().unwrap().0).await.unwrap();
    world.ok(Command::FailTransfer { transfer, why: Rejection::DepositElsewhere }).await;
    let failed = world.get(&path).await.expect(200).json();
    assert_eq!((&failed["status"], &failed["outcome"]), (&json!("failed"), &json!("not_done")));
    assert_eq!(failed["refusal"], "deposit-elsewhere");
}
