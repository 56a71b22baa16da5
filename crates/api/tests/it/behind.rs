//! A read model that does not follow takes no money down, and nothing that is there is said to be missing.

use crate::world::*;
use std::time::Duration;
use tokengine_api::{Deps, Limits};
use tokengine_store::Store;

#[tokio::test]
async fn without_a_read_model_withdrawals_are_taken_and_reads_say_that_they_lag() {
    // Nothing feeds this one.
    let (idle, folder) = (Store::open_in_memory().unwrap(), tempfile::tempdir().unwrap());
    let reader = idle.reader().unwrap();
    let deaf = |deps: Deps| {
        let limits = Limits { read_patience: Duration::from_millis(20), ..deps.limits };
        Deps { store: reader, limits, ..deps }
    };
    let world = World::with(deaf).await;
    world.give("treasury", 100).await;
    let (key, body) = (key(), withdrawal("treasury", "10"));
    let made = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await.expect(202);
    let again = world.post_as(Some(&world.desk), Some(&key), "/v1/withdrawals", &body).await.expect(202);
    assert_eq!(made.text, again.text);
    let answer = world.get(made.header("location").unwrap()).await;
    assert_eq!(answer.refusal(), (503, "read-model-behind".into()));
    assert_eq!(answer.json()["retryable"], true);
    assert_eq!(world.get("/v1/withdrawals").await.expect(200).json()["items"], serde_json::json!([]));
    assert_eq!(world.free("treasury").await, "89.989", "balances come from the engine itself");
    drop((idle, folder));
}
