//! Everybody at once: what may happen once happens once, and a balance covers what it covers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{Answer, DOLLAR6, Order, WHOLE, World, key};

/// Sends all of them at the same moment, each on a task of its own.
fn at_once(world: &World, path: &str, requests: Vec<(String, Value)>) -> Vec<Answer> {
    let client = world.client();
    let path: &str = path;
    world.rt.block_on(async {
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(requests.len()));
        let tasks: Vec<_> = requests
            .into_iter()
            .map(|(key, body)| {
                let (client, start, path) = (client.clone(), start.clone(), path.to_owned());
                tokio::spawn(async move {
                    start.wait().await;
                    client.post(&path, &key, &body).await
                })
            })
            .collect();
        let mut answers = Vec::with_capacity(tasks.len());
        for task in tasks {
            answers.push(task.await.expect("no panic").expect("answered"));
        }
        answers
    })
}

/// How many answers there were of each status and code.
fn count(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry((answer.status, answer.code().to_owned())).or_default() += 1;
    }
    counts
}

#[test]
fn one_claim_sent_a_thousand_times_at_once_is_one_credit() {
    let world = World::one();
    let transaction = world.deposit(0, 1, "usd", 42 * DOLLAR6);
    let body = json!({"network": world.network(0), "transaction": transaction, "account": Value::Null});
    let same = key();
    // Half of them repeat one request, half are requests of their own.
    let keys = (0..1_000).map(|number| if number % 2 == 0 { same.clone() } else { key() });
    let answers = at_once(&world, "/v1/deposits", keys.map(|key| (key, body.clone())).collect());
    let counts = count(&answers);
    let refused: usize =
        counts.iter().filter(|((status, _), _)| *status != 202 && *status != 409).map(|(_, n)| n).sum();
    assert_eq!(refused, 0, "{counts:?}");
    let account = world.account(0, 1);
    world.until("the credit", |world| world.free(&account, "usd") == 42 * WHOLE);
    world.mine(8);
    let head = world.nodes[0].block_number().expect("asked");
    world.until_still("all of it is searched", |world| {
        world.get("/v1/networks")["items"][0]["scanned"].as_u64().is_some_and(|scanned| scanned >= head)
    });
    assert_eq!(world.free(&account, "usd"), 42 * WHOLE);
    assert_eq!(world.deposits_of(0, &transaction).len(), 1);
    world.books_balance();
}

#[test]
fn one_withdrawal_key_a_thousand_times_at_once_is_one_payout() {
    let world = World::one();
    world.deposited(0, 1, "usd", 1_000 * DOLLAR6);
    let to = world.nobody(1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: to.clone() };
    let (body, same) = (world.signed(&order), key());
    let answers = at_once(&world, "/v1/withdrawals", vec![(same, body); 1_000]);
    assert_eq!(count(&answers), BTreeMap::from([((202, String::new()), 1_000)]));
    let id = answers[0]["id"].as_str().expect("an id").to_owned();
    assert!(answers.iter().all(|answer| answer.text == answers[0].text), "one answer");
    let first = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count();
    assert_eq!(first, 1, "all others are told that it is a repetition");
    world.until_status(&id, "committed");
    assert_eq!(world.on_chain(0, "usd", &to), 7 * DOLLAR6);
    assert_eq!(world.get("/v1/withdrawals").expect(200)["items"].as_array().map(Vec::len), Some(1));
    world.books_balance();
}

#[test]
fn d11_withdrawals_racing_for_one_balance_get_exactly_what_it_covers() {
    let world = World::one();
    // Ten withdrawals of ten dollars and a fee of 10 cents each, and nothing more.
    world.deposited(0, 1, "usd", 101 * DOLLAR6);
    let order = |number: u32| {
        let to = world.nobody(number);
        Order { customer: 1, home: 0, net: 0, token: "usd", amount: 10 * DOLLAR6, to }
    };
    let requests: Vec<_> = (0..50).map(|number| (key(), world.signed(&order(number)))).collect();
    let answers = at_once(&world, "/v1/withdrawals", requests);
    let expected = [((202, String::new()), 10), ((422, "insufficient-funds".to_owned()), 40)];
    assert_eq!(count(&answers), BTreeMap::from(expected));
    let account = world.account(0, 1);
    assert_eq!(world.free(&account, "usd"), 0);
    world.until("all ten are paid", |world| {
        world.get("/v1/withdrawals?open=true")["items"].as_array().is_some_and(Vec::is_empty)
    });
    let paid: u128 = (0..50).map(|number| world.on_chain(0, "usd", &world.nobody(number))).sum();
    assert_eq!((paid, world.free(&account, "usd")), (100 * DOLLAR6, 0));
    world.books_balance();
}
