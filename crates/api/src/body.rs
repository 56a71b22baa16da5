//! What comes in: bodies within their limits, and query parameters that nobody ignores.

use crate::app::{App, Shared};
use crate::{Problem, json};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

/// The bytes of a JSON body of ordinary size, still to be read.
pub(crate) struct RawBody(pub(crate) Bytes);

/// The bytes of a batch, still to be read.
pub(crate) struct RawBatchBody(pub(crate) Bytes);

impl FromRequest<Shared> for RawBody {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        json_bytes(request, app, app.limits.body_bytes).await.map(Self)
    }
}

impl FromRequest<Shared> for RawBatchBody {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        json_bytes(request, app, app.limits.batch_body_bytes).await.map(Self)
    }
}

/// A JSON body of ordinary size.
pub(crate) struct Body(pub(crate) Value);

impl FromRequest<Shared> for Body {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Shared) -> Result<Self, Problem> {
        read(request, app, app.limits.body_bytes).await.map(Self)
    }
}

async fn read(request: Request, app: &Shared, limit: usize) -> Result<Value, Problem> {
    json::read(&json_bytes(request, app, limit).await?)
}

/// The bytes of a body that says it is JSON.
pub(crate) async fn json_bytes<B>(request: hyper::Request<B>, app: &App, limit: usize) -> Result<Bytes, Problem>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::media_type());
    }
    bytes(request, app, limit).await
}

/// The bytes of a body, if there are not too many and they come in time.
pub(crate) async fn bytes<B>(request: hyper::Request<B>, app: &App, limit: usize) -> Result<Bytes, Problem>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Said beforehand: refused before a byte of it is read.
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if said.is_some_and(|said: usize| said > limit) {
        return Err(Problem::body_too_large(limit));
    }
    let body = Limited::new(request.into_body(), limit);
    match tokio::time::timeout(app.limits.body_time, body.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(limit)),
        Ok(Err(_)) => Err(Problem::body_broken()),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// The part of the path that is an id.
pub(crate) struct Path<T>(pub(crate) T);

impl FromRequestParts<Shared> for Path<String> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        // Refused in the words of the framework it would be no problem document.
        let read = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        let wrong = |_| Problem::field("{id}", "parameter-invalid", "must be UTF-8");
        read.map(|path| Self(path.0)).map_err(wrong)
    }
}

/// Query parameters, each taken once. What is left over in the end was misspelt.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequestParts<Shared> for Query {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    /// Takes a parameter out.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(at) = self.0.iter().position(|(key, _)| key == name) else { return Ok(None) };
        let (_, value) = self.0.swap_remove(at);
        if self.0.iter().any(|(key, _)| key == name) {
            return Err(Problem::field(format!("?{name}"), "parameter-repeated", "stands more than once"));
        }
        Ok(Some(value))
    }

    /// Takes a parameter out and reads it.
    pub(crate) fn parse<T: FromStr>(&mut self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        let value = self.take(name)?;
        let read = |text: String| {
            let wrong = || Problem::field(format!("?{name}"), "parameter-invalid", format!("must be {what}"));
            // The language reads +5 as 5; a number has one spelling here.
            if text.starts_with('+') { Err(wrong()) } else { text.parse().map_err(|_| wrong()) }
        };
        value.map(read).transpose()
    }

    /// Takes a parameter out that must be there.
    pub(crate) fn need(&mut self, name: &str) -> Result<String, Problem> {
        let missing = || Problem::field(format!("?{name}"), "parameter-missing", "is needed");
        self.take(name)?.ok_or_else(missing)
    }

    /// `wait=10s`: how long the caller would wait for a change.
    pub(crate) fn wait(&mut self, longest: Duration) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.take("wait")? else { return Ok(None) };
        let wrong = || Problem::field("?wait", "parameter-invalid", "must be a time such as 10s or 500ms");
        let (digits, unit): (&str, fn(u64) -> Duration) = match text.strip_suffix("ms") {
            Some(digits) => (digits, Duration::from_millis),
            None => (text.strip_suffix('s').ok_or_else(wrong)?, Duration::from_secs),
        };
        let plain = !digits.is_empty() && digits.len() <= 7 && digits.bytes().all(|b| b.is_ascii_digit());
        let time = plain.then(|| digits.parse().ok()).flatten().map(unit).ok_or_else(wrong)?;
        Ok(Some(time.min(longest)))
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::field(format!("?{name}"), "parameter-unknown", "is not known here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    #[test]
    fn a_wait_is_a_time_within_bounds() {
        let longest = Duration::from_secs(60);
        for (text, want) in [
            ("", Ok(None)),
            ("wait=10s", Ok(Some(10_000))),
            ("wait=250ms", Ok(Some(250))),
            ("wait=0s", Ok(Some(0))),
            ("wait=3600s", Ok(Some(60_000))),
            ("wait=10", Err(())),
            ("wait=s", Err(())),
            ("wait=-1s", Err(())),
            ("wait=99999999s", Err(())),
            ("wait=1s&wait=2s", Err(())),
        ] {
            let got = query(text).wait(longest).map(|wait| wait.map(|wait| wait.as_millis())).map_err(|_| ());
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn a_number_has_no_sign() {
        for (text, fine) in [("limit=5", true), ("limit=%2B5", false), ("limit=-5", false), ("limit=", false)] {
            assert_eq!(query(text).parse::<u16>("limit", "a number").is_ok(), fine, "{text}");
        }
    }

    #[test]
    fn a_misspelt_parameter_is_refused() {
        let mut query = query("limit=5&acount=alice");
        assert_eq!(query.parse::<u16>("limit", "a number").unwrap(), Some(5));
        assert_eq!(query.finish().unwrap_err().code(), "invalid-request");
    }
}
