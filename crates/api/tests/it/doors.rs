//! The port itself: moves are answered there without the router, and nobody can tell.

use crate::world::*;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;
use tokengine_api::{Deps, Doors, Limits, Metrics, PageAccess, Rate, Server, Unanswered};
use tokengine_core::{Command, KeyIx};
use tokengine_keys::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A port over the engine of `world`.
fn open(world: &World) -> Server {
    let mut registry = prometheus_client::registry::Registry::default();
    let no_limit = Rate { per_second: 0, burst: 1 };
    let doors = Doors::new(Deps {
        engine: world.engine.clone(),
        store: world.store.clone(),
        networks: world.nodes.clone(),
        derive: std::sync::Arc::new(|_, _| None),
        instance: INSTANCE,
        secret: Secret::new([9; 32]),
        limits: Limits { per_key: no_limit, per_address: no_limit, ..Limits::default() },
        clock: std::sync::Arc::new(tokengine_engine::system_clock),
        reconcile: std::sync::Arc::new(|_| Box::pin(std::future::ready(Err(Unanswered)))),
        page: PageAccess::Off,
        secure_cookies: false,
        metrics: Metrics::new(&mut registry),
    });
    Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), 2, doors).unwrap()
}

/// Status, the names of its headers, and body.
type Told = (u16, BTreeSet<String>, Value);

async fn over_tcp(server: &Server, path: &str, headers: &BTreeMap<&str, String>, body: &str) -> Told {
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let text = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let names = lines.map(|line| line.split(':').next().unwrap().to_owned()).collect();
    (status, names, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn by_the_router(world: &World, path: &str, headers: &BTreeMap<&str, String>, body: &str) -> Told {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
    let names = answer.headers.keys().map(ToString::to_string).collect();
    (answer.status.as_u16(), names, serde_json::from_str(&answer.text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_move_is_answered_alike_with_and_without_the_router() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let server = open(&world);
    let of = |to: &str, amount: &str| {
        format!(r#"{{"token":"USD","from":"treasury","to":"{to}","amount":{{"decimal":"{amount}"}}}}"#)
    };
    let good = of("alice", "1");
    let batch = format!(r#"{{"moves":[{good},{},{{}}]}}"#, of("carol", "1"));
    let (moves, batches) = ("/v1/moves", "/v1/moves/batch");
    let mut made = 0;
    for (case, path, change, body) in [
        ("a move", moves, None, good.clone()),
        ("a move, spelt otherwise", moves, None, good.replace("alice", r"\u0061lice")),
        ("an amount that is none", moves, None, of("alice", "1e3")),
        ("to nobody", moves, None, of("carol", "1")),
        ("more than there is", moves, None, of("alice", "1000")),
        ("to a name that is none", moves, None, of("a b", "1")),
        ("a field that is not known", moves, None, good.replace("token", "tokens")),
        ("no JSON", moves, None, "{".to_owned()),
        ("nothing", moves, None, String::new()),
        ("too much", moves, None, format!("{}{good}", " ".repeat(70_000))),
        ("another kind of body", moves, Some(("content-type", Some("text/plain"))), good.clone()),
        ("no key for it", moves, Some(("idempotency-key", None)), good.clone()),
        ("a key that is none", moves, Some(("idempotency-key", Some("1"))), good.clone()),
        ("nobody in particular", moves, Some(("authorization", None)), good.clone()),
        ("somebody made up", moves, Some(("authorization", Some("Bearer tok_1"))), good.clone()),
        ("a batch", batches, None, batch.clone()),
        ("an empty batch", batches, None, r#"{"moves":[]}"#.to_owned()),
        ("a batch of nobody", batches, Some(("authorization", None)), batch.clone()),
        ("a broken batch of nobody", batches, Some(("authorization", None)), "{".to_owned()),
    ] {
        let mut headers = BTreeMap::from([
            ("authorization", format!("Bearer {}", world.desk)),
            ("idempotency-key", key()),
            ("content-type", "application/json".to_owned()),
        ]);
        if let Some((name, value)) = change {
            headers.remove(name);
            headers.extend(value.map(|value| (name, value.to_owned())));
        }
        let (status, mut names, mut told) = over_tcp(&server, path, &headers, &body).await;
        let (want_status, mut want_names, mut want) = by_the_router(&world, path, &headers, &body).await;
        // The port's own, and what tells an answer from its repetition or one request from the other.
        for name in ["connection", "content-length", "date", "idempotency-replayed"] {
            names.remove(name);
            want_names.remove(name);
        }
        for answer in [&mut told, &mut want] {
            for result in answer["results"].as_array_mut().into_iter().flatten() {
                result.as_object_mut().unwrap().remove("replayed");
            }
            if let Some(answer) = answer.as_object_mut() {
                answer.remove("trace_id");
            }
        }
        assert_eq!((status, &names, &told), (want_status, &want_names, &want), "{case}");
        assert!(told.is_object(), "{case}");
        made += u32::from(status < 300);
    }
    assert_eq!(made, 3, "the two moves and the batch");
    assert_eq!(world.free("alice").await, "3", "each was made once");
    server.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_key_that_was_good_a_moment_ago_is_refused_once_it_is_revoked() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let server = open(&world);
    let body = json!({"token": "USD", "from": "treasury", "to": "alice", "amount": {"decimal": "1"}}).to_string();
    let post = async || {
        let headers = BTreeMap::from([
            ("authorization", format!("Bearer {}", world.desk)),
            ("idempotency-key", key()),
            ("content-type", "application/json".to_owned()),
        ]);
        over_tcp(&server, "/v1/moves", &headers, &body).await.0
    };
    assert_eq!((post().await, post().await), (201, 201), "it is remembered");
    world.ok(Command::RevokeKey { key: KeyIx(1) }).await;
    assert_eq!(post().await, 401);
    assert_eq!(world.free("alice").await, "2");
    server.stop(Duration::from_secs(5)).await;
}
