//! No secret in any answer but the one that makes it, nor in the log.

use crate::world::*;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn keys_and_bodies_stay_out_of_answers_and_logs() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || sink.clone());
    // With one subscriber alone, a line that another test's thread meets first is taken to interest nobody.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    // Of this thread: the runtime of this test has only this one.
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let world = World::new().await;
    world.give("treasury", 100).await;
    let made = world.administer("/v1/operator/keys", &json!({"name": "canary", "scopes": ["moves:create"]})).await;
    let made = made.expect(201).json()["secret"].as_str().unwrap().to_owned();
    let mut body = withdrawal("treasury", "10");
    body["external_id"] = json!("canary-in-a-body");
    world.post("/v1/withdrawals", &body).await.expect(202);
    let mut answers = String::new();
    for secret in [&made, &world.admin, &format!("{}0", &world.admin[..world.admin.len() - 1])] {
        for path in [
            "/v1/operator/keys",
            "/v1/operator/audit?limit=200",
            "/v1/events?limit=200",
            "/v1/withdrawals",
            "/v1/nothing",
        ] {
            answers.push_str(&world.get_as(secret, path).await.text);
        }
        let wrong = json!({"key": secret, "name": secret});
        answers.push_str(
            &world
                .post_as(Some(secret), Some(secret), "/v1/accounts", &wrong)
                .await
                .text
                .replace(secret.as_str(), "(sent)"),
        );
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("Request answered") && log.contains("admin"), "no log with the names of keys: {log}");
    let tail = |secret: &str| secret.rsplit('_').next().unwrap().to_owned();
    for secret in [&made, &world.admin, &world.desk] {
        assert!(!log.contains(&tail(secret)), "a secret is in the log");
        assert!(!answers.contains(&tail(secret)), "a secret is in an answer");
    }
    assert!(!log.contains("canary-in-a-body"), "a body is in the log");
    assert!(answers.contains("canary-in-a-body"), "the events do tell it");
}
