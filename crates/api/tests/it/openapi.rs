//! The OpenAPI document: whole, valid, with examples that are what their schemas say, and as committed.

use crate::world::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(&tokengine_api::openapi_json()).unwrap()
}

/// Whether a value is what a schema says, as far as our schemas go.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let found =
            document.pointer(reference.trim_start_matches('#')).ok_or(format!("{at}: {reference} is not there"))?;
        return check(document, found, value, at);
    }
    for all in schema["allOf"].as_array().into_iter().flatten() {
        check(document, all, value, at)?;
    }
    if let Some(one) = schema["oneOf"].as_array() {
        let tries: Vec<_> = one.iter().map(|schema| check(document, schema, value, at)).collect();
        return if tries.iter().any(Result::is_ok) { Ok(()) } else { Err(format!("{at}: none of {tries:?}")) };
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{at}: {value} is not one of {words:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Err(format!("{at}: {kind} where {kinds:?} is said"));
    }
    if let (Value::Object(object), Some(properties)) = (value, schema["properties"].as_object()) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                return Err(format!("{at}/{name} is missing"));
            }
        }
        for (name, value) in object {
            let schema = properties.get(name).ok_or(format!("{at}/{name} is not in the schema"))?;
            check(document, schema, value, &format!("{at}/{name}"))?;
        }
    }
    if let Value::Array(list) = value {
        for (index, value) in list.iter().enumerate() {
            check(document, &schema["items"], value, &format!("{at}/{index}"))?;
        }
    }
    Ok(())
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut with = 0;
    for (name, schema) in schemas {
        if let Some(example) = schema.get("example") {
            let mut bare = schema.clone();
            bare.as_object_mut().unwrap().remove("example");
            check(&document, &bare, example, name).unwrap();
            with += 1;
        }
    }
    assert!(with >= 40, "{with} of {} schemas have an example", schemas.len());
}

#[test]
fn every_reference_is_there_and_every_operation_is_described() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/v1/"), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{at} has no summary");
            assert!(operation["responses"]["default"].is_object(), "{at} describes no problems");
            assert!(operation["tags"][0].is_string(), "{at} has no tag");
            let id = format!("{} {}", operation["tags"][0], operation["operationId"]);
            assert!(ids.insert(id.clone()), "{at}: {id} twice");
        }
    }
    assert!(ids.len() >= 45, "{}", ids.len());
}

#[test]
fn routes_that_move_money_need_a_key() {
    let document = document();
    for path in [
        "/v1/withdrawals",
        "/v1/withdrawals/{id}/cancel",
        "/v1/transfers",
        "/v1/moves",
        "/v1/moves/batch",
        "/v1/accounts/{id}/links",
        "/v1/deposits",
        "/v1/operator/suspense/{id}/assign",
        "/v1/operator/accounts/{id}/settle-owed",
        "/v1/operator/funding",
        "/v1/operator/withdrawals/{id}/cancel",
    ] {
        let parameters = document["paths"][path]["post"]["parameters"].as_array().unwrap();
        let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(key.unwrap_or_else(|| panic!("{path}"))["required"], true, "{path}");
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let now = tokengine_api::openapi_json();
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == now, "it has changed: run this test once with WRITE_OPENAPI=1 and read the difference");
}

#[tokio::test]
async fn the_document_is_served_and_answers_are_what_it_says() {
    let world = World::new().await;
    world.give("treasury", 100).await;
    let served = world.get("/v1/openapi.json").await.expect(200);
    assert_eq!(served.text, tokengine_api::openapi_json());
    let document = served.json();
    let made = world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    let path = made.header("location").unwrap().to_owned();
    let deposit = world.get("/v1/deposits").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    for (route, path) in [
        ("/v1/networks", "/v1/networks".to_owned()),
        ("/v1/tokens", "/v1/tokens".to_owned()),
        ("/v1/assets", "/v1/assets".to_owned()),
        ("/v1/accounts/{id}", "/v1/accounts/treasury".to_owned()),
        ("/v1/accounts/{id}/balances", "/v1/accounts/treasury/balances".to_owned()),
        ("/v1/accounts/{id}/history", "/v1/accounts/treasury/history".to_owned()),
        ("/v1/deposits", "/v1/deposits".to_owned()),
        ("/v1/deposits/{id}", format!("/v1/deposits/{deposit}")),
        ("/v1/withdrawals", "/v1/withdrawals".to_owned()),
        ("/v1/withdrawals/{id}", path),
        ("/v1/transfers", "/v1/transfers".to_owned()),
        ("/v1/events", "/v1/events?after=0&limit=200".to_owned()),
        ("/v1/operator/keys", "/v1/operator/keys".to_owned()),
        ("/v1/operator/pauses", "/v1/operator/pauses".to_owned()),
        ("/v1/operator/suspense", "/v1/operator/suspense".to_owned()),
        ("/v1/operator/work", "/v1/operator/work".to_owned()),
        ("/v1/operator/books", "/v1/operator/books".to_owned()),
        ("/v1/operator/wallets", "/v1/operator/wallets".to_owned()),
        ("/v1/operator/audit", "/v1/operator/audit".to_owned()),
    ] {
        let answer = world.get(&path).await.expect(200);
        let schema = &document["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{route} has no schema");
        check(&document, schema, &answer.json(), route).unwrap();
    }
    let problem = world.get("/v1/nothing").await.json();
    check(&document, &json!({"$ref": "#/components/schemas/ProblemBody"}), &problem, "problem").unwrap();
}

#[tokio::test]
async fn lists_that_did_not_change_are_not_sent_again() {
    let world = World::new().await;
    for path in ["/v1/tokens", "/v1/assets"] {
        let tag = world.get(path).await.expect(200).header("etag").unwrap().to_owned();
        let request = axum::http::Request::get(path).header("if-none-match", tag);
        let again = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{path}");
    }
}
