//! A small blocking JSON-RPC client for loopback nodes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Error, http};

/// Asks one node, one question at a time, from any thread.
///
/// Not the product's way to talk to nodes: no retries, no limits, plain `http://` only. It blocks the calling thread for
/// a fraction of a millisecond on a healthy loopback node, which is fine inside an async test.
#[derive(Debug)]
pub struct Rpc {
    url: String,
    timeout: Duration,
    calls: AtomicU64,
}

impl Rpc {
    /// A client for a plain `http://host:port/path`. Every read and write may take up to 30 s.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), timeout: Duration::from_secs(30), calls: AtomicU64::new(0) }
    }

    /// The same with another bound for each read and write.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Where the questions go.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks one question; `params` is an array or an object.
    ///
    /// # Errors
    /// [`Error::Io`] when nobody answers, [`Error::Rpc`] when the answer is an error, [`Error::Unexpected`] when it is not
    /// JSON-RPC.
    pub fn call(&self, method: &str, params: Value) -> Result<Value, Error> {
        let id = self.calls.fetch_add(1, Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let (authority, path) = http::split_url(&self.url).ok_or_else(|| Error::Unexpected {
            what: "the address of a node (http://host:port)".to_owned(),
            got: self.url.clone(),
        })?;
        let answer = http::post(authority, path, body.as_bytes(), self.timeout)
            .map_err(Error::io(format!("calling {method} at {}", self.url)))?;
        let unexpected = || Error::Unexpected {
            what: format!("the answer to {method} (status {})", answer.status()),
            got: String::from_utf8_lossy(&answer.body).chars().take(400).collect(),
        };
        let mut value: Value = serde_json::from_slice(&answer.body).map_err(|_| unexpected())?;
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            return Err(Error::Rpc {
                method: method.to_owned(),
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            });
        }
        value.get_mut("result").map(Value::take).ok_or_else(unexpected)
    }
}

/// Reads a hexadecimal quantity (`0x1f4`), as nodes write numbers.
///
/// # Errors
/// [`Error::Unexpected`] when it is not one, or above `u128::MAX`.
pub fn quantity(value: &Value) -> Result<u128, Error> {
    value
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .and_then(|digits| u128::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Error::Unexpected { what: "a quantity".to_owned(), got: value.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_hexadecimal_with_its_prefix_and_fits() {
        assert_eq!(quantity(&json!("0x1f4")).expect("a quantity"), 500);
        assert_eq!(quantity(&json!(format!("0x{}", "f".repeat(32)))).expect("the largest"), u128::MAX);
        for refused in [json!("1f4"), json!("0x"), json!(500), json!(null), json!(format!("0x1{}", "0".repeat(32)))] {
            assert!(quantity(&refused).is_err(), "{refused}");
        }
    }
}
