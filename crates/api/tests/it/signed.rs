//! Requests that customers sign: what the signature covers, and what it is good for.

use crate::world::*;
use serde_json::{Value, json};
use tokengine_api::Scheme;
use tokengine_keys::LocalSigner;
use tokengine_keys::signature::personal_message_hash;
use tokengine_keys::typed::{Domain, Message, Withdrawal};

const CAROL: u8 = 3;

fn sign_message(signer: &LocalSigner, account: &str, message: &Message) -> String {
    let domain = Domain::of(&account.parse().unwrap(), INSTANCE).unwrap();
    let signature = signer.sign_now(&message.hash(&domain));
    format!("0x{}", signature.to_bytes().iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn sign_text(signer: &LocalSigner, text: &str) -> String {
    let signature = signer.sign_now(&personal_message_hash(text.as_bytes()));
    format!("0x{}", signature.to_bytes().iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn seconds(text: &str) -> u64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second().try_into().unwrap()
}

/// A withdrawal of Carol's, signed as it stands.
fn signed(nonce: &str, expiry: &str, dollars: u128) -> Value {
    let account = customer(CAROL, "eip155:1");
    let message = Message::Withdrawal(Withdrawal {
        network: "eip155:1".parse().unwrap(),
        asset: USD.parse().unwrap(),
        amount: tokengine_core::Amount::new(dollars * 1_000_000),
        max_fee: tokengine_core::Amount::new(1_000_000_000_000_000_000),
        destination: BOB.parse().unwrap(),
        account: account.clone(),
        nonce: nonce.parse().unwrap(),
        expiry: seconds(expiry),
    });
    let value = sign_message(&signer(CAROL), &account, &message);
    json!({"account": account, "asset": USD, "amount": {"base_units": (dollars * 1_000_000).to_string()},
        "destination": BOB, "max_fee": {"decimal": "1"}, "nonce": nonce, "expiry": expiry,
        "signature": {"signer": account, "value": value}})
}

#[tokio::test]
async fn a_customer_withdraws_by_signature_and_each_signature_is_good_once() {
    let world = World::new().await;
    world.customer_pays(CAROL, USD_IX, 50_000_000).await;
    let body = signed("1", &in_seconds(600), 10);
    let first = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await.expect(202);
    assert_eq!(first.json()["account"], customer(CAROL, "eip155:1"));
    let replayed = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
    assert_eq!(replayed.refusal(), (409, "nonce-used".into()), "the same message under another key");
    assert_eq!(world.open_payouts().await, 1);
}

#[tokio::test]
async fn a_signature_covers_everything() {
    let world = World::new().await;
    world.customer_pays(CAROL, USD_IX, 50_000_000).await;
    world.customer_pays(4, USD_IX, 50_000_000).await;
    let expiry = in_seconds(600);
    let good = signed("1", &expiry, 10);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let of = |signer: String, value: &str| json!({"signer": signer, "value": value});
    let value = good["signature"]["value"].as_str().unwrap();
    let other = customer(4, "eip155:1");
    for (case, body, want) in [
        ("another amount", with("amount", json!({"decimal": "11"})), "signature-invalid"),
        ("another asset", with("asset", json!(ETH)), "signature-invalid"),
        ("another fee", with("max_fee", json!({"decimal": "2"})), "signature-invalid"),
        ("another destination", with("destination", json!(other)), "signature-invalid"),
        ("another nonce", with("nonce", json!("2")), "signature-invalid"),
        ("another expiry", with("expiry", json!(in_seconds(1200))), "signature-invalid"),
        ("another account", with("account", json!(other)), "not-authorized"),
        ("an account that is not there", with("account", json!("nobody")), "not-authorized"),
        ("another signer", with("signature", of(other.clone(), value)), "not-authorized"),
        ("the same address elsewhere", with("signature", of(customer(CAROL, "eip155:10"), value)), "not-authorized"),
        (
            "no signature worth the name",
            with("signature", of(customer(CAROL, "eip155:1"), "0x00")),
            "signature-invalid",
        ),
    ] {
        let answer = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
        assert_eq!(answer.refusal(), (403, want.to_owned()), "{case}: {}", answer.text);
    }
    for (case, nonce, expiry, want) in [
        ("expired", "5", in_seconds(0), (422, "signature-expired")),
        ("good for longer than keys are kept", "6", in_seconds(3 * 86_400), (422, "signature-expired")),
    ] {
        let body = signed(nonce, &expiry, 10);
        let answer = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
        assert_eq!(answer.refusal(), (want.0, want.1.to_owned()), "{case}");
    }
    for (field, pointer) in [("nonce", "/nonce"), ("expiry", "/expiry")] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let answer = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    assert_eq!(world.open_payouts().await, 0);
    world.post_as(None, Some(&key()), "/v1/withdrawals", &good).await.expect(202);
}

#[tokio::test]
async fn what_is_to_be_signed_can_be_asked_for_in_both_forms() {
    let world = World::new().await;
    world.customer_pays(CAROL, USD_IX, 50_000_000).await;
    let account = customer(CAROL, "eip155:1");
    let expiry = in_seconds(600);
    let asked = json!({"account": account, "asset": USD, "amount": {"decimal": "10"}, "destination": BOB,
        "max_fee": {"decimal": "1"}, "nonce": "9", "expiry": expiry});
    let to_sign = json!({"kind": "withdrawal", "signer": account, "request": asked});
    let view = world.post_as(None, None, "/v1/to-sign", &to_sign).await.expect(200).json();
    assert_eq!(view["typed_data"]["primaryType"], "Withdrawal");
    assert_eq!(view["typed_data"]["message"]["amount"], "10000000");
    let query: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("signer", account.as_str()), ("account", &account), ("asset", USD), ("amount", "10000000")])
        .extend_pairs([("destination", BOB), ("max_fee", "1000000000000000000"), ("nonce", "9"), ("expiry", &expiry)])
        .finish();
    let same = world.get(&format!("/v1/withdrawals/typed-data?{query}")).await.expect(200).json();
    assert_eq!(same, view);

    let text = view["text"].as_str().unwrap();
    assert!(text.contains("\namount: 10000000\n") && text.contains(&format!("signer: {account}")), "{text}");
    let mut body = asked;
    body["signature"] = json!({"signer": account, "scheme": "eip191", "value": sign_text(&signer(CAROL), text)});
    assert_eq!(serde_json::to_value(Scheme::Eip191).unwrap(), "eip191");
    world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await.expect(202);
}

#[tokio::test]
async fn a_contract_account_is_asked_for_its_word_but_not_for_strangers() {
    let world = World::new().await;
    world.customer_pays(CAROL, USD_IX, 50_000_000).await;
    let account = customer(CAROL, "eip155:1");
    let asks = || world.nodes.questions.load(std::sync::atomic::Ordering::Relaxed);
    let mut body = signed("1", &in_seconds(600), 10);
    body["signature"]["value"] = json!("0x0102");
    let refused = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
    assert_eq!((refused.refusal(), asks()), ((403, "signature-invalid".into()), 1));
    world.nodes.silent.store(true, std::sync::atomic::Ordering::Relaxed);
    let silent = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
    assert_eq!(silent.refusal(), (503, "network-unavailable".into()));
    world.nodes.silent.store(false, std::sync::atomic::Ordering::Relaxed);
    world.nodes.contracts.lock().unwrap().insert(account.clone(), true);
    world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await.expect(202);
    let before = asks();
    body["signature"]["signer"] = json!(customer(7, "eip155:1"));
    let stranger = world.post_as(None, Some(&key()), "/v1/withdrawals", &body).await;
    assert_eq!((stranger.refusal(), asks()), ((403, "not-authorized".into()), before));
}

#[tokio::test]
async fn customers_move_and_cancel_by_a_signed_text() {
    let world = World::new().await;
    world.customer_pays(CAROL, USD_IX, 50_000_000).await;
    let account = customer(CAROL, "eip155:1");
    let move_key = key();
    let mut body = json!({"token": "USD", "from": account, "to": "alice", "amount": {"decimal": "5"}});
    let asked = json!({"kind": "move", "signer": account, "request": body});
    let view = world.post_as(None, Some(&move_key), "/v1/to-sign", &asked).await.expect(200).json();
    assert_eq!(view.get("typed_data"), None);
    let value = sign_text(&signer(CAROL), view["text"].as_str().unwrap());
    body["signature"] = json!({"signer": account, "scheme": "eip191", "value": value});
    assert_eq!(
        world.post_as(None, Some(&key()), "/v1/moves", &body).await.refusal(),
        (403, "signature-invalid".into()),
        "it is good for its own key only"
    );
    world.post_as(None, Some(&move_key), "/v1/moves", &body).await.expect(201);
    let again = world.post_as(None, Some(&move_key), "/v1/moves", &body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((world.free("alice").await, world.free(&account).await), ("5".into(), "45".into()));

    let made = world.post_as(None, Some(&key()), "/v1/withdrawals", &signed("1", &in_seconds(600), 10)).await;
    let made = made.expect(202).json();
    let cancel_key = key();
    let id = made["id"].as_str().unwrap();
    let asked = json!({"kind": "cancel", "signer": account, "request": {"withdrawal": id}});
    let view = world.post_as(None, Some(&cancel_key), "/v1/to-sign", &asked).await.expect(200).json();
    let text = view["text"].as_str().unwrap();
    let path = format!("/v1/withdrawals/{id}/cancel");
    for (case, by, of) in [("a stranger", 7, customer(7, "eip155:1")), ("a stranger's key", 7, account.clone())] {
        let signature = json!({"signer": of, "scheme": "eip191", "value": sign_text(&signer(by), text)});
        let answer = world.post_as(None, Some(&cancel_key), &path, &json!({"signature": signature})).await;
        assert_eq!(answer.status.as_u16(), 403, "{case}");
    }
    let signature = json!({"signer": account, "scheme": "eip191", "value": sign_text(&signer(CAROL), text)});
    world.post_as(None, Some(&cancel_key), &path, &json!({"signature": signature})).await.expect(200);
    assert_eq!(world.free(&account).await, "45");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_even_where_none_is_needed() {
    let world = World::new().await;
    let body = json!({"kind": "withdrawal", "signer": BOB, "request": {}});
    let answer = world.post_as(None, Some("order-17"), "/v1/to-sign", &body).await;
    assert_eq!(answer.refusal(), (400, "idempotency-key-invalid".to_owned()));
}
