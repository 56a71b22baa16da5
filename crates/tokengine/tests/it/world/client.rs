//! Requests as a client makes them.

use std::ops::Deref;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// A new `Idempotency-Key`.
pub fn key() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// An answer; it reads as its JSON body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    body: Value,
}

impl Answer {
    /// The body of an answer with that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The answer's code, if it is a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Deref for Answer {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.body
    }
}

/// Asks the doors. A copy shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    doors: String,
    api_key: Option<String>,
    traceparent: Option<String>,
}

impl Client {
    pub fn new(doors: &str, api_key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { http, doors: doors.to_owned(), api_key: Some(api_key.to_owned()), traceparent: None }
    }

    /// The same client with another API key, or with none.
    pub fn with_key(&self, api_key: Option<&str>) -> Self {
        Self { api_key: api_key.map(str::to_owned), ..self.clone() }
    }

    /// The same client, asking within a trace of its own (W3C `traceparent`).
    pub fn traced(&self, traceparent: &str) -> Self {
        Self { traceparent: Some(traceparent.to_owned()), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<Answer> {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> reqwest::Result<Answer> {
        self.send(Method::POST, path, Some(key), Some(body)).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.doors));
        if let Some(api_key) = &self.api_key {
            request = request.bearer_auth(api_key);
        }
        if let Some(traceparent) = &self.traceparent {
            request = request.header("traceparent", traceparent);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await?).await
    }

    /// Any address, without a key.
    pub async fn plain(&self, url: &str) -> reqwest::Result<Answer> {
        read(self.http.get(url).send().await?).await
    }
}

async fn read(response: reqwest::Response) -> reqwest::Result<Answer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}
