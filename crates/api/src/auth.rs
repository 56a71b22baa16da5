//! Who calls: the holder of an API key, or nobody in particular. Customers are known by the signature in the body.

use crate::app::{App, Shared};
use crate::layer::Trace;
use crate::{Problem, Scope, Scopes};
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Instant;
use tokengine_core::KeyIx;
use tokengine_keys::api_key::ApiKeySecret;
use uuid::Uuid;

/// The active API key behind a request.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) ix: KeyIx,
    pub(crate) name: Arc<str>,
    pub(crate) scopes: Scopes,
}

/// Who calls, if a key says so. A key that is wrong is refused even where none is needed.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Option<Key>);

impl Caller {
    /// The key, which must have `scope`.
    pub(crate) fn need(&self, scope: Scope) -> Result<&Key, Problem> {
        let key = self.0.as_ref().ok_or_else(Problem::unauthenticated)?;
        if key.scopes.allow(scope) { Ok(key) } else { Err(Problem::scope_missing(scope.name())) }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        Self::of(&parts.headers, app, parts.extensions.get::<Trace>()).await
    }
}

impl Caller {
    /// Reads the header, and takes the request from the key's rate.
    pub(crate) async fn of(headers: &HeaderMap, app: &App, trace: Option<&Trace>) -> Result<Self, Problem> {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = given.next() else { return Ok(Self(None)) };
        let text = value.to_str().ok().filter(|_| given.next().is_none());
        let text = text.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(Problem::unauthenticated)?;
        let key = find(app, text).await?.ok_or_else(Problem::unauthenticated)?;
        if let Some(trace) = trace {
            trace.tell_key(Arc::clone(&key.name));
        }
        if let Some(verdict) = app.per_key.take(key.ix, Instant::now()) {
            if let Some(trace) = trace {
                trace.tell_limit(verdict, app.per_key.rate().per_second);
            }
            if !verdict.allowed {
                app.metrics.limited.inc();
                return Err(Problem::rate_limited(verdict.reset_s));
            }
        }
        Ok(Self(Some(key)))
    }
}

/// The active key of that secret. The secret is hashed before anything is compared, so that time tells nothing about it.
pub(crate) async fn find(app: &App, text: &str) -> Result<Option<Key>, Problem> {
    let Ok(secret) = ApiKeySecret::parse(text) else { return Ok(None) };
    let hash = secret.hash();
    // Read before anything is asked: what is learned then holds as long as no key was revoked since.
    let revoked = app.engine.keys_revoked();
    if let Some(key) = app.keys.known(&hash, revoked) {
        return Ok(Some(key));
    }
    let found = app.engine.query(move |state| {
        let ix = state.key_by_hash(&hash)?;
        let row = state.key(ix)?;
        Some(Key { ix, name: (*row.name).into(), scopes: Scopes::from_bits(row.scopes) })
    });
    let found = found.await?;
    if let Some(key) = &found {
        app.keys.keep(hash, revoked, key.clone());
    }
    Ok(found)
}

/// Beyond this many keys they are forgotten and asked for again.
const MANY: usize = 10_000;

/// Active keys by the hash of their secret. All are forgotten when one is revoked. A secret that is no key's is never
/// remembered, so that nobody fills this by guessing.
#[derive(Default)]
pub(crate) struct Keys(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// As of so many revocations.
    revoked: u64,
    keys: HashMap<[u8; 32], Key>,
}

impl Keys {
    fn known(&self, hash: &[u8; 32], revoked: u64) -> Option<Key> {
        let known = self.0.read().expect("nobody panics while holding it");
        if known.revoked == revoked { known.keys.get(hash).cloned() } else { None }
    }

    fn keep(&self, hash: [u8; 32], revoked: u64, key: Key) {
        let mut known = self.0.write().expect("nobody panics while holding it");
        if known.revoked > revoked {
            return; // it may be the one that was revoked meanwhile
        }
        if known.revoked < revoked || known.keys.len() >= MANY {
            known.keys.clear();
        }
        known.revoked = revoked;
        known.keys.insert(hash, key);
    }
}

/// The `Idempotency-Key` of a request that moves money.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdempotencyKey(pub(crate) u128);

impl IdempotencyKey {
    /// Reads the header: exactly one, a UUIDv7, with or without the quotes of a structured field.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut given = headers.get_all("idempotency-key").iter();
        let value = given.next().ok_or_else(Problem::key_required)?;
        let text = value.to_str().ok().filter(|_| given.next().is_none()).ok_or_else(Problem::key_invalid)?;
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let hyphenated = text.len() == 36;
        let uuid = Uuid::try_parse(text).ok().filter(|_| hyphenated).ok_or_else(Problem::key_invalid)?;
        let v7 = uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122;
        if v7 { Ok(Self(uuid.as_u128())) } else { Err(Problem::key_invalid()) }
    }
}

impl FromRequestParts<Shared> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn an_idempotency_key_is_one_uuid_of_version_7() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("idempotency-key", HeaderValue::from_static(value));
            }
            IdempotencyKey::of(&headers).map(|key| key.0).map_err(|problem| problem.code().to_owned())
        };
        let good = "0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
        assert_eq!(of(&[good]), Ok(0x0199_a1b2_c3d4_7e5f_8a6b_7c8d_9e0f_1a2b));
        assert_eq!(of(&["\"0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b\""]), of(&[good]));
        assert_eq!(of(&[]), Err("idempotency-key-required".into()));
        for bad in [
            vec![good, good],
            vec!["0199a1b2c3d47e5f8a6b7c8d9e0f1a2b"],
            vec!["0199a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b"],
            vec!["0199a1b2-c3d4-7e5f-0a6b-7c8d9e0f1a2b"],
            vec!["order-17"],
            vec![""],
        ] {
            assert_eq!(of(&bad), Err("idempotency-key-invalid".into()), "{bad:?}");
        }
    }
}
