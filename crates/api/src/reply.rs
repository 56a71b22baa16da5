//! Answers that are a success.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::body::Query;
use crate::hub::Patience;
use crate::{Problem, seal};
use std::time::Duration;

/// 200 with a body.
pub(crate) fn ok(body: &impl Serialize) -> Result<Response, Problem> {
    with(StatusCode::OK, body)
}

/// Any status with a body.
pub(crate) fn with(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((status, json, bytes).into_response())
}

/// The answer to a request that made something: where it is, and whether this is an earlier answer again.
pub(crate) fn made(
    status: StatusCode,
    body: &impl Serialize,
    location: Option<String>,
    replayed: bool,
) -> Result<Response, Problem> {
    let mut response = with(status, body)?;
    let headers = response.headers_mut();
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// 200 with a body and its ETag; 304 when the caller has it already.
pub(crate) fn tagged(headers: &HeaderMap, body: &impl Serialize) -> Result<Response, Problem> {
    let tag = etag(body)?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = match known {
        Some(known) if matches(known, &tag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => ok(body)?,
    };
    response.headers_mut().insert(header::ETAG, HeaderValue::try_from(tag).map_err(|e| Problem::internal(&e))?);
    Ok(response)
}

/// 200 with a body and the stamp of what was seen, for those who wait for the next change of it.
pub(crate) fn stamped(body: &impl Serialize, stamp: u64) -> Result<Response, Problem> {
    let mut response = ok(body)?;
    let tag = HeaderValue::try_from(format!("W/\"{stamp:016x}\"")).map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// How long the caller would wait, and what they have seen already (`If-None-Match`).
pub(crate) fn patience(headers: &HeaderMap, query: &mut Query, longest: Duration) -> Result<Patience, Problem> {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let digits = known.and_then(|tag| tag.trim().strip_prefix("W/\"")?.strip_suffix('"'));
    let known = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    Ok(Patience { wait: query.wait(longest)?, known })
}

/// A short hash of a body.
pub(crate) fn etag(body: &impl Serialize) -> Result<String, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    Ok(format!("\"{}\"", seal::hex(&blake3::hash(&bytes).as_bytes()[..12])))
}

/// Whether the caller's `If-Match`, if there is one, still holds for `body`.
pub(crate) fn if_match(headers: &HeaderMap, body: &impl Serialize) -> Result<(), Problem> {
    let Some(known) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let known = known.to_str().map_err(|_| Problem::precondition_failed())?;
    if matches(known, &etag(body)?) { Ok(()) } else { Err(Problem::precondition_failed()) }
}

fn matches(known: &str, tag: &str) -> bool {
    known.trim() == "*" || known.split(',').any(|known| known.trim() == tag)
}
