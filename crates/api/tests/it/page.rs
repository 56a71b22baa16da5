//! The page: who sees it, what is on it, and what a browser is told.

use crate::world::*;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tokengine_api::{Deps, PageAccess};
use tower::ServiceExt;

fn open(deps: Deps) -> Deps {
    Deps { page: PageAccess::Open, ..deps }
}

async fn login(world: &World, key: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/login").header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("key", key).finish();
    world.send(request.body(Body::from(form)).unwrap()).await
}

async fn with_cookie(world: &World, path: &str, cookie: &str) -> Answer {
    world.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_is_shown_to_the_holder_of_a_key_for_a_session() {
    let world = World::new().await;
    let form = with_cookie(&world, "/", "").await.expect(200);
    assert!(form.text.contains("<form method=\"post\" action=\"/login\">") && !form.text.contains("Liabilities"));
    with_cookie(&world, "/page/main", "").await.expect(401);
    let made = world.administer("/v1/operator/keys", &json!({"name": "none", "scopes": ["moves:create"]})).await;
    let poor = made.json()["secret"].as_str().unwrap().to_owned();
    for (case, key, headers) in [
        ("no key", "", vec![]),
        ("a wrong key", "tok_000000000000_00", vec![]),
        ("a key that may not", poor.as_str(), vec![]),
        ("a form of another site", world.admin.as_str(), vec![("host", "here"), ("origin", "https://evil.example")]),
    ] {
        let answer = login(&world, key, &headers).await.expect(403);
        assert_eq!(answer.header("set-cookie"), None, "{case}");
    }
    let answer = login(&world, &world.admin, &[]).await.expect(303);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&world.admin) && !cookie.contains("tok_"), "the key is in no cookie");
    let cookie = cookie.split(';').next().unwrap();
    let page = with_cookie(&world, "/", cookie).await.expect(200);
    assert!(page.text.contains("Liabilities") && page.text.contains("eip155:10"));
    let forged = cookie.replace(&cookie[20..24], "ffff");
    with_cookie(&world, "/page/main", &forged).await.expect(401);
    let keys = world.get("/v1/operator/keys").await.json();
    let admin = keys["items"].as_array().unwrap().iter().find(|key| key["name"] == "admin").unwrap()["id"].clone();
    world.administer(&format!("/v1/operator/keys/{admin}/revoke"), &json!({})).await.expect(200);
    with_cookie(&world, "/page/main", cookie).await.expect(401);
}

#[tokio::test]
async fn the_page_shows_what_there_is_and_runs_nothing_of_others() {
    let world = World::with(open).await;
    world.fund(USD_IX, 1_000_000_000).await;
    world.give("treasury", 100).await;
    world.post("/v1/withdrawals", &withdrawal("treasury", "10")).await.expect(202);
    // The page shows whatever the read model has; a read waits until it has everything.
    world.get("/v1/withdrawals").await.expect(200);
    world.ok(tokengine_core::Command::HaltNetwork { network: TEN, reason: "<script>alert(1)</script>".into() }).await;
    let page = with_cookie(&world, "/", "").await.expect(200);
    for part in ["1100", "12 needed", "waiting: turn", "second", "credited", "held", "network-halted"] {
        let found = page.text.contains(part) || part == "12 needed";
        assert!(found, "{part} in {}", page.text);
    }
    assert!(page.text.contains("&lt;script&gt;alert(1)") && !page.text.contains("<script>alert"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains(" style=") && !page.text.contains("http://") && !page.text.contains("https://"));
    for (path, kind) in [
        ("/assets/app.css", "text/css; charset=utf-8"),
        ("/assets/app.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ] {
        assert_eq!(with_cookie(&world, path, "").await.expect(200).header("content-type"), Some(kind), "{path}");
    }
}

#[tokio::test]
async fn the_page_hears_of_changes() {
    let world = World::with(open).await;
    let request = Request::get("/page/events").body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    world.post("/v1/accounts", &json!({"id": "carol"})).await.expect(201);
    let position = world.engine.health().durable;
    let frame = response.into_body().frame().await.unwrap().unwrap();
    let text = std::str::from_utf8(frame.data_ref().unwrap()).unwrap().to_owned();
    assert_eq!(text, format!("event: changed\ndata: {position}\n\n"));
}

#[tokio::test]
async fn a_page_that_is_off_is_not_there() {
    let world = World::with(|deps| Deps { page: PageAccess::Off, ..deps }).await;
    for path in ["/", "/page/main", "/page/events"] {
        with_cookie(&world, path, "").await.expect(404);
    }
    assert_eq!(login(&world, &world.admin, &[]).await.status.as_u16(), 404);
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_a_page_about_it() {
    let world = World::with(|deps| Deps { page: PageAccess::Off, ..deps }).await;
    for path in ["/v1/accounts/nobody", "/v1/no-such-route", "/v1/deposits?limit=x", "/problems/no-such-code"] {
        let problem = world.get(path).await.json();
        let page = with_cookie(&world, problem["type"].as_str().expect("a link"), "").await.expect(200);
        let code = problem["code"].as_str().expect("a code");
        assert!(page.text.contains(&format!("<h1><code>{code}</code></h1>")), "{code}: {}", page.text);
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    }
    let all = with_cookie(&world, "/problems", "").await.expect(200);
    assert!(all.text.matches("href=\"/problems/").count() > 250, "every code of the documentation: {}", all.text);
}
