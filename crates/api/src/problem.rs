//! Every way a request ends badly, and the only place where HTTP numbers are chosen (RFC 9457).
//!
//! What a client reads here never names a node, a file or a query: text for us goes to the log.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokengine_core::Rejection;
use tokengine_keys::SignatureError;
use utoipa::ToSchema;

/// What is known about the effect of a request that ended with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing happened.
    None,
    /// It had happened already, by an earlier request.
    Applied,
    /// It may have happened: send the same request with the same key again to learn which.
    Unknown,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"pointer": "/amount/decimal", "code": "amount-not-a-number",
    "detail": "not a plain decimal number (digits, and at most one point between digits)"}))]
pub struct FieldError {
    /// Where: a JSON Pointer into the body, or `?name` for a query parameter, or the name of a header.
    pub pointer: String,
    /// Stable; clients match on it.
    pub code: String,
    /// For a person.
    pub detail: String,
}

/// The body of every answer that is not a success (`application/problem+json`, RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/insufficient-funds",
    "title": "the account's free balance does not cover the amount and its fee",
    "status": 422, "detail": "the account's free balance does not cover the amount and its fee",
    "instance": "/v1/withdrawals", "code": "insufficient-funds", "retryable": false, "outcome": "none", "errors": [],
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
}))]
pub struct ProblemBody {
    /// The kind of problem: a stable URI, relative to the engine's address, where a page says what it means and what to do.
    pub r#type: String,
    /// The kind of problem in words; the same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The path that was asked.
    pub instance: String,
    /// Stable; clients match on it.
    pub code: String,
    /// The same request may succeed later without any change.
    pub retryable: bool,
    /// What is known about the request's effect.
    pub outcome: Effect,
    /// The fields that are wrong, if fields are.
    pub errors: Vec<FieldError>,
    /// The thing that is in the way, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// Names the request in our log.
    pub trace_id: String,
}

/// A request that ends badly. It becomes a [`ProblemBody`] on its way out, where path and trace are known.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

/// In a box, so that what may fail stays small.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    title: String,
    detail: String,
    retryable: bool,
    outcome: Effect,
    errors: Vec<FieldError>,
    existing: Option<String>,
    retry_after_s: Option<u64>,
    replayed: bool,
}

impl Problem {
    fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            title: title.into(),
            detail: title.into(),
            retryable: false,
            outcome: Effect::None,
            errors: Vec::new(),
            existing: None,
            retry_after_s: None,
            replayed: false,
        }))
    }

    /// Stable; clients match on it.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// The resource that stands in the way, as a path under `/v1`.
    pub(crate) fn existing(mut self, link: String) -> Self {
        self.0.existing = Some(link);
        self
    }

    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.0.replayed = replayed;
        self
    }

    /// Points into a part of the body.
    pub(crate) fn within(mut self, prefix: &str) -> Self {
        for error in self.0.errors.iter_mut().filter(|error| error.pointer.starts_with('/')) {
            error.pointer.insert_str(0, prefix);
        }
        self
    }

    /// Code and words, for a result within a larger answer: a field's own, if a field is wrong.
    pub(crate) fn told(&self) -> (String, String) {
        match self.0.errors.first() {
            Some(error) => (error.code.clone(), self.0.detail.clone()),
            None => (self.0.code.clone(), self.0.detail.clone()),
        }
    }

    #[cfg(test)]
    pub(crate) fn first_code(&self) -> String {
        self.0.errors.first().map(|error| error.code.clone()).unwrap_or_default()
    }

    fn transient(mut self, retry_after_s: u64) -> Self {
        self.0.retryable = true;
        self.0.retry_after_s = Some(retry_after_s);
        self
    }

    /// One field is wrong.
    pub(crate) fn field(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        let error = FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() };
        let detail = format!("{}: {}", error.pointer, error.detail);
        let mut problem =
            Self::new(StatusCode::BAD_REQUEST, "invalid-request", "a part of the request is not as it must be");
        problem.0.errors.push(error);
        problem.detail(detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such thing here").detail(format!("no such {what}"))
    }

    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-route", "nothing answers at this path")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this path does not take that method")
    }

    pub(crate) fn json(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "json-invalid", "the body is not JSON as we take it").detail(detail)
    }

    pub(crate) fn media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "the body must be application/json")
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "the body is larger than this route takes")
            .detail(format!("the body may have {limit} bytes"))
    }

    pub(crate) fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "the body did not arrive in time").transient(1)
    }

    pub(crate) fn body_broken() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "body-broken", "the body ended before it was whole")
    }

    pub(crate) fn unauthenticated() -> Self {
        let text = "an API key is needed: Authorization: Bearer tok_...";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", text)
    }

    pub(crate) fn scope_missing(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "scope-missing", "the API key may not do this")
            .detail(format!("the API key has no scope {scope}"))
    }

    pub(crate) fn key_required() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency-key-required", "an Idempotency-Key header (a UUIDv7) is needed")
    }

    pub(crate) fn key_invalid() -> Self {
        let text = "the Idempotency-Key must be one UUIDv7, such as 0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
        Self::new(StatusCode::BAD_REQUEST, "idempotency-key-invalid", text)
    }

    pub(crate) fn cursor_invalid() -> Self {
        let text = "the cursor is not one of ours, or not of this list; begin without one";
        Self::new(StatusCode::BAD_REQUEST, "cursor-invalid", text)
    }

    pub(crate) fn precondition_failed() -> Self {
        let text = "it has changed since the ETag in If-Match was given";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", text)
    }

    pub(crate) fn rate_limited(retry_after_s: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "too many requests; wait for Retry-After seconds")
            .transient(retry_after_s)
    }

    pub(crate) fn outcome_unknown(detail: String) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "outcome-unknown",
            "its transaction may still be final, so nothing else may be sent in its place",
        )
        .detail(detail)
    }

    /// A customer's signature that is not good.
    pub(crate) fn signature(pointer: &str, error: &SignatureError) -> Self {
        let mut problem = Self::new(StatusCode::FORBIDDEN, "signature-invalid", "the signature is not good for this");
        problem.0.errors.push(FieldError {
            pointer: pointer.into(),
            code: error.code().into(),
            detail: error.to_string(),
        });
        problem.detail(error.to_string())
    }

    pub(crate) fn network_unavailable(detail: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "network-unavailable",
            "the network's nodes give no agreed answer now",
        )
        .detail(detail)
        .transient(5)
    }

    pub(crate) fn read_model_behind() -> Self {
        let text = "the read model has not caught up with the engine yet";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "read-model-behind", text).transient(1)
    }

    pub(crate) fn unsupported(code: &str, title: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
    }

    pub(crate) fn unbalanced(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "books-unbalanced", "the books do not balance").detail(detail)
    }

    /// A fault of ours. Its cause is logged here and told to nobody.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "Request failed by a fault of ours");
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the engine has a fault");
        problem.0.outcome = Effect::Unknown;
        problem
    }
}

/// The HTTP status of an answer that refuses. Every rejection must choose.
pub fn status_of(rejection: Rejection) -> StatusCode {
    use Rejection::*;
    match rejection {
        AmountZero | Overflow | NameInvalid | RuleInvalid | DestinationInvalid | DestinationIsAsset
        | DestinationIsHouse | DestinationIsOurs | PaidBefore => StatusCode::UNPROCESSABLE_ENTITY,
        InsufficientFunds
        | AmountNotRepresentable
        | BelowMinimum
        | AboveMaximum
        | AboveOwed
        | AboveShortage
        | FeeAboveMaximum
        | SameAccount
        | AssetFinerThanToken
        | TooMany
        | KeyReused
        | KeyExpired
        | KeyFromFuture
        | SignatureExpired
        | DepositsOff
        | PayoutsOff
        | SenderNotLinked
        | DepositElsewhere
        | BeforeStart
        | OwnPayment
        | UnknownProgram
        | UnknownHook
        | UnsupportedStandard
        | BelowMinBalance
        | OperationInvalid => StatusCode::UNPROCESSABLE_ENTITY,
        UnknownNetwork | UnknownToken | UnknownAsset | UnknownAccount | UnknownWallet | UnknownDeposit
        | UnknownPayout | UnknownDispatch | UnknownSuspense | UnknownKey | UnknownTransfer | UnknownFinal
        | NoShortage | UnknownClass => StatusCode::NOT_FOUND,
        AlreadyListed | ConfigInUse | AlreadyLinked | AccountHasHolds | NonceUsed | ExternalIdUsed | DepositKnown
        | DepositSettled | NotCancellable | WrongConflict | NotProven | NotPaused | AlreadyFinal | AlreadyPaused
        | ResumeTooHigh | Stale | TokenFrozen | OperationReused => StatusCode::CONFLICT,
        AccountFrozen | NotAuthorized => StatusCode::FORBIDDEN,
        Paused | NetworkHalted | AssetShort | Recovery | NotFinal | WaitLiquidity | WalletFrozen | TooManyInFlight => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        AssetNotProbed | TopUpLimit | ClassPaused => StatusCode::SERVICE_UNAVAILABLE,
        TooManyOpen => StatusCode::TOO_MANY_REQUESTS,
        DiskFull => StatusCode::INSUFFICIENT_STORAGE,
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let mut problem = Self::new(status_of(rejection), rejection.code(), &rejection.to_string());
        if rejection == Rejection::ExternalIdUsed || rejection == Rejection::NonceUsed {
            problem.0.outcome = Effect::Applied;
        }
        if rejection.is_transient() { problem.transient(5) } else { problem }
    }
}

impl From<tokengine_engine::Refused> for Problem {
    fn from(refused: tokengine_engine::Refused) -> Self {
        Self::from(refused.rejection).replayed(refused.replayed)
    }
}

impl From<tokengine_engine::Error> for Problem {
    fn from(error: tokengine_engine::Error) -> Self {
        match error {
            tokengine_engine::Error::Refused(refused) => refused.into(),
            tokengine_engine::Error::Busy => {
                let text = "the engine takes no more work at this moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), text).transient(1)
            }
            error if error.is_transient() => {
                tracing::warn!(error = %error, error.code = error.code(), "Engine gave no answer");
                let text = "the engine stopped before it could answer; ask again with the same key";
                let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), text).transient(5);
                problem.0.outcome = Effect::Unknown;
                problem
            }
            error => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a problem its body: path and trace are known only on the way out.
/// Returns its code.
pub(crate) fn render(response: &mut Response, instance: &str, trace_id: &str) -> Option<String> {
    let Problem(problem) = response.extensions_mut().remove::<Problem>()?;
    let code = problem.code.clone();
    let body = ProblemBody {
        r#type: format!("/problems/{}", problem.code),
        title: problem.title,
        status: problem.status.as_u16(),
        detail: problem.detail,
        instance: instance.to_owned(),
        code: problem.code,
        retryable: problem.retryable,
        outcome: problem.outcome,
        errors: problem.errors,
        existing: problem.existing.clone(),
        trace_id: trace_id.to_owned(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(link) = problem.existing.and_then(|link| HeaderValue::try_from(link).ok()) {
        headers.insert(header::LOCATION, link);
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if problem.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    match serde_json::to_vec(&body) {
        Ok(bytes) => *response.body_mut() = Body::from(bytes),
        Err(error) => tracing::error!(%error, "Problem could not be written"),
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_is_a_client_or_an_availability_answer() {
        for &rejection in Rejection::ALL {
            let problem = Problem::from(rejection);
            assert!(problem.0.status.is_client_error() || problem.0.status.is_server_error(), "{}", rejection.code());
            assert_eq!(problem.0.retryable, rejection.is_transient(), "{}", rejection.code());
            assert_ne!(problem.0.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", rejection.code());
        }
    }
}
