//! Who sees the page: the holder of a key with `page:read`, for some hours, by a cookie that only this engine can make.
//! The key itself is in the form once and in no cookie.

use super::{html, parts};
use crate::app::{App, Shared};
use crate::{PageAccess, Problem, Scope, Scopes, auth, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokengine_core::KeyIx;

const COOKIE: &str = "tokengine_session";
const FORM_BYTES: usize = 4096;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visitor {
    /// Somebody who has to sign in first.
    Nobody,
    /// Somebody who has.
    SignedIn,
    /// Anybody: the page is open.
    Anybody,
}

/// Who looks, by the cookie. A page that is off is not there.
pub(super) async fn visitor(app: &App, headers: &HeaderMap) -> Result<Visitor, Problem> {
    match app.page {
        PageAccess::Off => return Err(Problem::no_route()),
        PageAccess::Open => return Ok(Visitor::Anybody),
        PageAccess::Login => {}
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut all = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let Some((_, sealed)) = all.find(|(name, _)| *name == COOKIE) else { return Ok(Visitor::Nobody) };
    let Some(content) = app.sessions.open(sealed) else { return Ok(Visitor::Nobody) };
    let Some((until, key)) = content.split_first_chunk::<8>() else { return Ok(Visitor::Nobody) };
    let Ok(key) = <[u8; 4]>::try_from(key) else { return Ok(Visitor::Nobody) };
    if u64::from_be_bytes(*until) <= (app.clock)().0 {
        return Ok(Visitor::Nobody);
    }
    let key = KeyIx(u32::from_be_bytes(key));
    let ask = move |state: &tokengine_core::State| {
        state.key(key).is_some_and(|row| !row.revoked && Scopes::from_bits(row.scopes).allow(Scope::PAGE_READ))
    };
    Ok(if app.engine.query(ask).await? { Visitor::SignedIn } else { Visitor::Nobody })
}

/// Whether a browser says that a form of ours was sent, and not one of another site.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let same_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let host = text(header::HOST).unwrap_or_default();
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    same_site && origin.is_none_or(|(_, origin)| origin == host)
}

fn cookie(app: &App, value: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).map_err(|error| Problem::internal(&error))
}

fn to_page(cookie: HeaderValue) -> Response {
    let headers = [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, cookie)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Takes a key from the form and gives a session for it.
pub(super) async fn login(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    if app.page != PageAccess::Login {
        return Err(Problem::no_route());
    }
    let refused = |why: &str| Ok(html(StatusCode::FORBIDDEN, parts::login(Some(why))));
    if !is_ours(request.headers()) {
        return refused("The form came from another site.");
    }
    let form = body::bytes(request, &app, FORM_BYTES).await?;
    let key = form_urlencoded::parse(&form).find(|(name, _)| name == "key").map(|(_, key)| key.trim().to_owned());
    let found = auth::find(&app, &key.unwrap_or_default()).await?;
    match found {
        None => refused("That is not a key that is good here."),
        Some(key) if !key.scopes.allow(Scope::PAGE_READ) => refused("That key may not see the page."),
        Some(key) => {
            let seconds = app.limits.session.as_secs();
            let until = (app.clock)().plus_ms(seconds.saturating_mul(1000)).0;
            let sealed = app.sessions.close(&[&until.to_be_bytes()[..], &key.ix.0.to_be_bytes()].concat());
            Ok(to_page(cookie(&app, &sealed, seconds)?))
        }
    }
}

/// Ends the session of this browser.
pub(super) async fn logout(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    if !is_ours(&headers) {
        return Ok(html(StatusCode::FORBIDDEN, parts::login(Some("The form came from another site."))));
    }
    Ok(to_page(cookie(&app, "", 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            is_ours(&headers)
        };
        assert!(of(&[("host", "localhost:8080")]), "no browser");
        assert!(of(&[
            ("host", "localhost:8080"),
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!of(&[("host", "localhost:8080"), ("origin", "https://evil.example")]));
        assert!(!of(&[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("host", "localhost:8080"), ("origin", "http://localhost:8081")]));
    }
}
