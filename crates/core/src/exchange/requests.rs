//! Idempotency: a keyed request has one answer for 24 hours, and none after that.
//!
//! Requests lie in one bucket for each hour of their keys' own times, so that a bucket is forgotten whole, and what is
//! older is refused by its time alone. A forgotten bucket's memory is given back in small steps.

use crate::Rejection;
use crate::event::Subject;
use crate::ids::*;
use crate::index::Index;
use crate::model::{Principal, Request};
use crate::rows::Rows;
use crate::wire::{Bytes, DecodeError, Wire, wire_enum, wire_struct};
use std::collections::BTreeMap;

/// How long an answer is kept, in milliseconds.
pub const KEPT_MS: u64 = 24 * HOUR_MS;
/// How far ahead of our clock a key's time may lie, in milliseconds.
pub const AHEAD_MS: u64 = 5 * 60 * 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;

/// What a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The event that is the answer.
    pub position: Position,
    /// What it is about.
    pub subject: Subject,
    /// Why it was refused, if it was.
    pub refused: Option<Rejection>,
}

wire_enum!(Subject { 0 => Event, 1 => Account(id), 2 => Payout(id), 3 => Transfer(id), 4 => Wallet(id) });
wire_struct!(Answer { position, subject, refused });

#[derive(Clone, Debug)]
struct Row {
    request: Request,
    answer: Answer,
}
wire_struct!(Row { request, answer });

#[derive(Clone, Debug)]
struct Bucket {
    rows: Rows<Row>,
    index: Index,
}

/// Every keyed request of the last 24 hours with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    seed: u64,
    buckets: BTreeMap<u64, Bucket>,
    forgotten: Vec<Bucket>,
}

fn hour(request: &Request) -> u64 {
    request.key_time().0 / HOUR_MS
}

fn key(request: &Request) -> (u128, Principal) {
    (request.key, request.principal)
}

impl Requests {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, buckets: BTreeMap::new(), forgotten: Vec::new() }
    }

    /// The stored answer, `None` for a new request.
    ///
    /// # Errors
    /// The key was used with other content, is too old, or lies in the future.
    #[inline]
    pub(crate) fn look_up(&self, request: &Request, now: Time) -> Result<Option<Answer>, Rejection> {
        if now.ms_since(request.key_time()) >= KEPT_MS {
            return Err(Rejection::KeyExpired);
        }
        if request.key_time().ms_since(now) > AHEAD_MS {
            return Err(Rejection::KeyFromFuture);
        }
        let Some(row) = self.buckets.get(&hour(request)).and_then(|bucket| bucket.find(request)) else {
            return Ok(None);
        };
        if row.request.content == request.content { Ok(Some(row.answer)) } else { Err(Rejection::KeyReused) }
    }

    #[inline]
    pub(crate) fn remember(&mut self, request: Request, answer: Answer) {
        let seed = self.seed;
        let bucket = self
            .buckets
            .entry(hour(&request))
            .or_insert_with(|| Bucket { rows: Rows::default(), index: Index::new(seed) });
        let hash = bucket.index.hash(key(&request));
        let row =
            u32::try_from(bucket.rows.push(Row { request, answer })).expect("2^32 requests an hour do not fit memory");
        let rows = &bucket.rows;
        bucket.index.insert(hash, row, |index, row| {
            index.hash(key(&rows.get(usize::try_from(row).expect("32 bits")).expect("only rows are indexed").request))
        });
    }

    /// Forgets what is too old to be repeated, and gives a little memory back.
    #[inline]
    pub(crate) fn forget(&mut self, now: Time) {
        while let Some(first) = self.buckets.first_entry() {
            let end = first.key().saturating_add(1).saturating_mul(HOUR_MS);
            if now.ms_since(Time(end)) < KEPT_MS {
                break;
            }
            self.forgotten.push(first.remove());
        }
        if let Some(bucket) = self.forgotten.last_mut()
            && bucket.rows.free_some().is_none()
            && bucket.index.free_some().is_none()
        {
            self.forgotten.pop();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets.values().fold(0, |sum, bucket| sum.saturating_add(bucket.rows.len()))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.len()).expect("usize is at most 64 bits").put(out);
        self.buckets.values().flat_map(|bucket| bucket.rows.iter()).for_each(|row| row.put(out));
    }

    pub(crate) fn get(bytes: &mut Bytes<'_>, seed: u64) -> Result<Self, DecodeError> {
        let mut requests = Self::new(seed);
        for _ in 0..u64::get(bytes)? {
            let row = Row::get(bytes)?;
            requests.remember(row.request, row.answer);
        }
        Ok(requests)
    }
}

impl Bucket {
    #[inline]
    fn find(&self, request: &Request) -> Option<&Row> {
        let row = |row: u32| usize::try_from(row).ok().and_then(|row| self.rows.get(row));
        let is = |at: u32| row(at).is_some_and(|row| key(&row.request) == key(request));
        self.index.find(self.index.hash(key(request)), is).and_then(row)
    }
}
