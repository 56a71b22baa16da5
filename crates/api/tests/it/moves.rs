//! Moves: one, and many with a result each.

use crate::world::*;
use serde_json::{Value, json};

fn of(from: &str, to: &str, dollars: &str) -> Value {
    json!({"token": "USD", "from": from, "to": to, "amount": {"decimal": dollars}})
}

/// Case D10: to itself, of nothing, of what is not there.
#[tokio::test]
async fn moves_are_made_once_and_refused_with_reasons() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let key = key();
    let first = world.post_as(Some(&world.desk), Some(&key), "/v1/moves", &of("treasury", "alice", "12.5")).await;
    assert_eq!(first.expect(201).json()["amount"]["base_units"], "12500000000000000000");
    let again = world.post_as(Some(&world.desk), Some(&key), "/v1/moves", &of("treasury", "alice", "12.5")).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    for (case, body, want) in [
        ("to itself", of("alice", "alice", "1"), (422, "same-account")),
        ("nothing", of("alice", "bob", "0"), (422, "amount-zero")),
        ("more than there is", of("alice", "bob", "13"), (422, "insufficient-funds")),
        ("from nobody", of("carol", "bob", "1"), (404, "unknown-account")),
        ("to nobody", of("alice", "carol", "1"), (404, "unknown-account")),
        (
            "of an unknown token",
            json!({"token": "EUR", "from": "alice", "to": "bob", "amount": {"decimal": "1"}}),
            (404, "unknown-token"),
        ),
        ("from a customer", of(&customer(200, "eip155:1"), "bob", "1"), (403, "not-authorized")),
    ] {
        let answer = world.post("/v1/moves", &body).await;
        assert_eq!(answer.refusal(), (want.0, want.1.to_owned()), "{case}");
    }
    assert_eq!((world.free("treasury").await, world.free("alice").await), ("87.5".into(), "12.5".into()));
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_move_and_repeats_as_a_whole() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let mut moves: Vec<Value> = (0..1000).map(|_| of("treasury", "alice", "0.05")).collect();
    moves[3] = of("treasury", "carol", "1");
    moves[5] = of("treasury", "alice", "1e3");
    moves[7] = json!({"token": "USD"});
    moves[9] = of("alice", "bob", "1000");
    let (key, body) = (key(), json!({ "moves": moves }));
    let first = world.post_as(Some(&world.desk), Some(&key), "/v1/moves/batch", &body).await.expect(200);
    let results = first.json();
    assert_eq!((&results["done"], &results["refused"]), (&json!(996), &json!(4)));
    let codes = [3, 5, 7, 9].map(|index| results["results"][index]["code"].as_str().unwrap().to_owned());
    assert_eq!(codes, ["unknown-account", "amount-not-a-number", "field-invalid", "insufficient-funds"]);
    assert_eq!(results["results"][4]["index"], 4);
    assert_eq!(world.free("alice").await, "49.8");
    let again = world.post_as(Some(&world.desk), Some(&key), "/v1/moves/batch", &body).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let repeated = again.json();
    for index in [0, 9, 999] {
        assert_eq!(repeated["results"][index]["position"], results["results"][index]["position"], "{index}");
        assert_eq!(repeated["results"][index]["at"], results["results"][index]["at"], "{index}");
    }
    assert_eq!(world.free("alice").await, "49.8", "nothing moved twice");
}

#[tokio::test]
async fn ten_thousand_moves_are_taken_and_one_more_is_not() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let body = |count: usize| json!({"moves": vec![of("treasury", "alice", "0.001"); count]});
    let all = world.post("/v1/moves/batch", &body(10_000)).await.expect(200).json();
    assert_eq!((&all["done"], all["results"].as_array().unwrap().len()), (&json!(10_000), 10_000));
    assert_eq!(world.free("alice").await, "10");
    for (case, body) in [("one too many", body(10_001)), ("none", body(0)), ("no list", json!({"moves": 1}))] {
        let answer = world.post("/v1/moves/batch", &body).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/moves", "{case}");
    }
}
