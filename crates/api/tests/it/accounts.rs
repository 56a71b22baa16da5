//! Accounts: opening, linking, addresses of their own, and every change of a balance.

use crate::world::*;
use serde_json::json;
use tokengine_keys::typed::{Domain, LinkAccount, Message};

fn link_signature(byte: u8, network: &str, message: &Message) -> String {
    let domain = Domain::of(&customer(byte, network).parse().unwrap(), INSTANCE).unwrap();
    let signature = signer(byte).sign_now(&message.hash(&domain));
    format!("0x{}", signature.to_bytes().iter().map(|b| format!("{b:02x}")).collect::<String>())
}

#[tokio::test]
async fn accounts_open_once_under_names_that_are_names() {
    let world = World::new().await;
    let open = |id: &str| {
        let body = json!({ "id": id });
        let world = &world;
        async move { world.post("/v1/accounts", &body).await }
    };
    let made = open("shop/till-1").await.expect(201);
    assert_eq!(made.header("location"), Some("/v1/accounts/shop%2Ftill-1"));
    assert_eq!(made.json()["operator_named"], true);
    assert_eq!(world.get("/v1/accounts/shop%2Ftill-1").await.expect(200).json()["id"], "shop/till-1");
    let again = open("shop/till-1").await;
    assert_eq!(again.refusal(), (409, "already-listed".into()));
    assert_eq!(again.header("location"), Some("/v1/accounts/shop%2Ftill-1"));
    // Lower case is taken, and is the same account.
    let id = "eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb";
    let made = open(id).await.expect(201).json();
    assert_eq!(made["id"], "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb");
    assert_eq!(made["operator_named"], false);
    world.get(&format!("/v1/accounts/{id}")).await.expect(200);
    for bad in ["", "two words", "line\nbreak", "ümlaut", &"x".repeat(65)] {
        assert_eq!(open(bad).await.json()["errors"][0]["pointer"], "/id", "{bad:?}");
    }
}

#[tokio::test]
async fn an_accounts_address_is_its_own_and_stays() {
    let world = World::new().await;
    let path = "/v1/accounts/alice/deposit-addresses";
    let first = world.post(path, &json!({"network": "eip155:1"})).await.expect(201).json();
    let again = world.post(path, &json!({"network": "eip155:1"})).await.expect(200).json();
    assert_eq!(first, again);
    let other = world.post("/v1/accounts/bob/deposit-addresses", &json!({"network": "eip155:1"})).await.expect(201);
    assert_ne!(other.json()["address"], first["address"]);
    let answer = world.post(path, &json!({"network": "eip155:5"})).await;
    assert_eq!(answer.refusal(), (404, "unknown-network".into()));

    // A withdrawal to it settles inside, at once.
    world.give("treasury", 100).await;
    let mut body = withdrawal("treasury", "10");
    body["destination"] = first["address"].clone();
    let settled = world.post("/v1/withdrawals", &body).await.expect(202).json();
    assert_eq!((&settled["status"], &settled["outcome"]), (&json!("settled"), &json!("done")));
    assert_eq!(world.free("alice").await, "10");
}

#[tokio::test]
async fn every_change_of_a_balance_is_in_the_history() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let made = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202).json();
    let cancel = format!("/v1/withdrawals/{}/cancel", made["id"].as_str().unwrap());
    world.post(&cancel, &json!({})).await.expect(200);
    let first = world.get("/v1/accounts/treasury/history?limit=2").await.expect(200).json();
    let rest = format!("/v1/accounts/treasury/history?cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = world.get(&rest).await.expect(200).json();
    let entries: Vec<_> = [&first, &rest].iter().flat_map(|page| page["items"].as_array().unwrap()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["payout-cancelled", "payout-held", "move"]);
    assert_eq!(entries[0]["reference"], made["id"]);
    assert_eq!(entries[1]["held"]["decimal"], "10.011");
    assert_eq!(entries[2]["reference"], customer(200, "eip155:1"));
    assert_eq!(
        (&entries[2]["free_change"], &entries[2]["free"]["decimal"]),
        (&json!("100000000000000000000"), &json!("100"))
    );
    let others = format!("/v1/accounts/alice/history?cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(world.get(&others).await.refusal(), (400, "cursor-invalid".into()));
}

#[tokio::test]
async fn an_id_is_linked_when_both_sides_sign() {
    let world = World::new().await;
    world.customer_pays(3, USD_IX, 50_000_000).await;
    let (account, linked) = (customer(3, "eip155:1"), customer(4, "eip155:10"));
    let expiry = in_seconds(600);
    let message = Message::LinkAccount(LinkAccount {
        account: account.clone(),
        linked: linked.parse().unwrap(),
        nonce: 1,
        expiry: expiry.parse::<jiff::Timestamp>().unwrap().as_second().try_into().unwrap(),
    });
    let (of_linked, of_owner) = (link_signature(4, "eip155:10", &message), link_signature(3, "eip155:1", &message));
    let body = |by: &str, value: &str, owner: &str, owners: &str| {
        json!({"id": linked, "nonce": "1", "expiry": expiry, "signature": {"signer": by, "value": value},
            "authority": {"signer": owner, "value": owners}})
    };
    let path = format!("/v1/accounts/{account}/links");
    for (case, body, want) in [
        ("the owner's signature in both places", body(&linked, &of_owner, &account, &of_owner), "signature-invalid"),
        ("the new id's signature in both places", body(&linked, &of_linked, &account, &of_linked), "signature-invalid"),
        ("an owner who is none", body(&linked, &of_linked, &linked, &of_linked), "not-authorized"),
    ] {
        let answer = world.post_as(None, Some(&key()), &path, &body).await;
        assert_eq!(answer.refusal(), (403, want.to_owned()), "{case}");
    }
    let good = body(&linked, &of_linked, &account, &of_owner);
    let key = key();
    world.post_as(None, Some(&key), &path, &good).await.expect(201);
    let again = world.post_as(None, Some(&key), &path, &good).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let ids = world.get(&format!("/v1/accounts/{linked}")).await.expect(200).json()["ids"].clone();
    assert_eq!(ids, json!([account, linked]));
}

#[tokio::test]
async fn an_expired_consent_links_nothing() {
    let world = World::new().await;
    let (linked, expiry) = (customer(5, "eip155:1"), in_seconds(0));
    let message = Message::LinkAccount(LinkAccount {
        account: "treasury".into(),
        linked: linked.parse().unwrap(),
        nonce: 1,
        expiry: expiry.parse::<jiff::Timestamp>().unwrap().as_second().try_into().unwrap(),
    });
    let value = link_signature(5, "eip155:1", &message);
    let body = json!({"id": linked, "nonce": "1", "expiry": expiry, "signature": {"signer": linked, "value": value}});
    let answer = world.post("/v1/accounts/treasury/links", &body).await;
    assert_eq!(answer.refusal(), (422, "signature-expired".into()));
}

#[tokio::test]
async fn a_key_links_only_to_accounts_that_the_operator_named() {
    let world = World::new().await;
    world.customer_pays(3, USD_IX, 50_000_000).await;
    let expiry = in_seconds(600);
    for (account, status) in [("treasury".to_owned(), 201), (customer(3, "eip155:1"), 403)] {
        let linked = customer(if status == 201 { 5 } else { 6 }, "eip155:1");
        let message = Message::LinkAccount(LinkAccount {
            account: account.clone(),
            linked: linked.parse().unwrap(),
            nonce: 1,
            expiry: expiry.parse::<jiff::Timestamp>().unwrap().as_second().try_into().unwrap(),
        });
        let value = link_signature(if status == 201 { 5 } else { 6 }, "eip155:1", &message);
        let body =
            json!({"id": linked, "nonce": "1", "expiry": expiry, "signature": {"signer": linked, "value": value}});
        world.post(&format!("/v1/accounts/{account}/links"), &body).await.expect(status);
    }
}
