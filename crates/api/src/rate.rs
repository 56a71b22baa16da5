//! How much one caller may ask: a bucket of tokens for each API key and for each address that calls.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many requests a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second on average; 0 sets no limit.
    pub per_second: u32,
    /// Requests at once after a quiet time.
    pub burst: u32,
}

/// Beyond this many buckets those that are full again are forgotten.
const MANY: usize = 20_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request that are left.
    left: u64,
    at: Instant,
}

/// What a request was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// Requests that are left now.
    pub(crate) remaining: u64,
    /// Seconds until the bucket is full again, or until the next request is allowed.
    pub(crate) reset_s: u64,
}

/// Buckets for callers of one kind.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Hash + Eq> Limiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate: Rate { burst: rate.burst.max(1), ..rate }, buckets: Mutex::default() }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes one request from the caller's bucket; `None` when there is no limit.
    pub(crate) fn take(&self, caller: K, now: Instant) -> Option<Verdict> {
        if self.rate.per_second == 0 {
            return None;
        }
        let (full, speed) = (u64::from(self.rate.burst) * 1000, u64::from(self.rate.per_second));
        let mut buckets = self.buckets.lock().expect("nobody panics while holding it");
        if buckets.len() >= MANY {
            let refilled = Duration::from_millis(full / speed + 1);
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < refilled);
        }
        let bucket = buckets.entry(caller).or_insert(Bucket { left: full, at: now });
        let passed = u64::try_from(now.saturating_duration_since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        // A request a second is a thousandth of a request a millisecond.
        bucket.left = bucket.left.saturating_add(passed.saturating_mul(speed)).min(full);
        bucket.at = now;
        let allowed = bucket.left >= 1000;
        if allowed {
            bucket.left -= 1000;
        }
        let missing = if allowed { full - bucket.left } else { 1000 - bucket.left };
        Some(Verdict { allowed, remaining: bucket.left / 1000, reset_s: missing.div_ceil(speed * 1000) })
    }
}

/// What counts as one caller: an IPv4 address, or a /64 of IPv6, which one machine commonly has for itself.
pub(crate) fn caller_of(ip: IpAddr) -> [u8; 8] {
    let mut caller = [0; 8];
    match ip.to_canonical() {
        IpAddr::V4(v4) => caller[4..].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => caller.copy_from_slice(&v6.octets()[..8]),
    }
    caller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let limiter = Limiter::new(Rate { per_second: 2, burst: 3 });
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let allowed = |ms| limiter.take("a", at(ms)).unwrap().allowed;
        assert!(allowed(0) && allowed(0) && allowed(0));
        assert_eq!(limiter.take("a", at(0)), Some(Verdict { allowed: false, remaining: 0, reset_s: 1 }));
        assert!(limiter.take("b", at(0)).unwrap().allowed, "callers do not share");
        assert!(!allowed(499) && allowed(500) && !allowed(500) && allowed(1000));
        assert!(allowed(60_000) && allowed(60_000) && allowed(60_000) && !allowed(60_000), "not more than a burst");
    }

    #[test]
    fn zero_sets_no_limit_and_a_v6_neighbour_is_the_same_caller() {
        assert_eq!(Limiter::new(Rate { per_second: 0, burst: 0 }).take(1, Instant::now()), None);
        let of = |text: &str| caller_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
