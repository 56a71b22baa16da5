//! Following what happens: page by page and as a stream.

use crate::world::*;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// Opens a stream and reads `count` events of it.
async fn stream(world: &World, path: &str, last: Option<&str>, count: usize) -> Vec<Value> {
    let mut request = Request::get(path)
        .header("authorization", format!("Bearer {}", world.desk))
        .header("accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, mut text, mut events) = (response.into_body(), String::new(), Vec::new());
    while events.len() < count {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n").map(|(event, rest)| (event.to_owned(), rest.to_owned()))
        {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            events.extend(data.map(|data| serde_json::from_str::<Value>(data).unwrap()));
            text = rest;
        }
    }
    events
}

#[tokio::test]
async fn the_stream_has_no_gaps_and_begins_where_it_is_told() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let made = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202).json();
    let cancel = format!("/v1/withdrawals/{}/cancel", made["id"].as_str().unwrap());
    world.post(&cancel, &json!({})).await.expect(200);
    let last = world.engine.health().durable.0;
    let all = stream(&world, "/v1/events?after=0", None, last.try_into().unwrap()).await;
    let ids: Vec<u64> = all.iter().map(|event| event["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (1..=last).collect::<Vec<_>>());
    let held = all.iter().find(|event| event["type"] == "payout-held").unwrap();
    assert_eq!(held["data"]["withdrawal"], made["id"]);
    assert_eq!(held["data"]["order"]["account"], "treasury");
    let cancelled = all.iter().find(|event| event["type"] == "payout-cancelled").unwrap();
    assert_eq!(cancelled["data"]["withdrawal"], made["id"]);
    let moved = all.iter().find(|event| event["type"] == "moved").unwrap();
    assert_eq!((&moved["data"]["to"], &moved["data"]["amount"]["decimal"]), (&json!("treasury"), &json!("100")));
    let rest = stream(&world, "/v1/events", Some(&(last - 1).to_string()), 1).await;
    assert_eq!(rest[0], all[all.len() - 1]);

    // The withdrawal's time is not on this page: it is found elsewhere.
    let page = world.get(&format!("/v1/events?after={}", last - 1)).await.expect(200).json();
    assert_eq!(page["events"][0]["data"]["withdrawal"], made["id"]);
    assert_eq!(page["next"], last.to_string());
}

#[tokio::test]
async fn a_page_waits_for_what_comes_and_a_cursor_of_the_future_is_refused() {
    let world = World::new().await;
    let last = world.engine.health().durable;
    let waiting = format!("/v1/events?after={last}&wait=30s");
    let carol = json!({"id": "carol"});
    let (page, _) = tokio::join!(world.get(&waiting), world.post("/v1/accounts", &carol));
    let page = page.expect(200).json();
    assert_eq!(
        (&page["events"][0]["type"], &page["events"][0]["data"]["account"]),
        (&json!("account-opened"), &json!("carol"))
    );
    let empty = world.get(&format!("/v1/events?after={}&wait=10ms", page["next"].as_str().unwrap())).await.expect(200);
    assert_eq!(empty.json()["events"], json!([]));
    for bad in ["after=999999", "after=-1", "after=x", "limit=0", "limit=201"] {
        assert_eq!(world.get(&format!("/v1/events?{bad}")).await.status.as_u16(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_revoked_key_sees_nothing_more() {
    let world = World::new().await;
    let last = world.engine.health().durable;
    let request = Request::get(format!("/v1/events?after={last}"))
        .header("authorization", format!("Bearer {}", world.desk))
        .header("accept", "text/event-stream");
    let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let desk = world.get("/v1/operator/keys").await.json()["items"][1]["id"].clone();
    world.administer(&format!("/v1/operator/keys/{desk}/revoke"), &json!({})).await.expect(200);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.unwrap();
        let text = std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        assert!(!text.contains("key-revoked"), "{text}");
    }
    assert_eq!(world.get_as(&world.desk, "/v1/events").await.refusal(), (401, "unauthenticated".into()));
}
