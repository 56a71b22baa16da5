//! Idempotency: a keyed request has one answer for 24 hours, and none after that.
//!
//! Requests lie in one bucket for each hour of their keys' own times, so that a bucket is forgotten whole, and what is
//! older is refused by its time alone. A forgotten bucket's memory is given back in small steps.

use crate::Rejection;
use crate::event::Subject;
use crate::ids::*;
use crate::index::{Hasher, Index};
use crate::model::{Principal, Request};
use crate::rows::Rows;
use crate::wire::{Bytes, DecodeError, Wire, wire_enum, wire_struct};

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

/// A request and its answer in 56 bytes: there is one for every move of a day.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: [u64; 2],
    content: [u64; 2],
    position: Position,
    /// The principal's and the subject's numbers, and what they are numbers of.
    subject: u64,
    principal: u32,
    /// A rejection's number, or 0.
    refused: u16,
    principal_kind: u8,
    subject_kind: u8,
}

fn halves(value: u128) -> [u64; 2] {
    let half = |shift: u32| u64::try_from(value.wrapping_shr(shift) & u128::from(u64::MAX)).expect("64 bits");
    [half(64), half(0)]
}

fn whole([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

fn principal_parts(principal: Principal) -> (u8, u32) {
    match principal {
        Principal::Key(key) => (0, key.0),
        Principal::Account(account) => (1, account.0),
        Principal::Operator => (2, 0),
    }
}

fn subject_parts(subject: Subject) -> (u8, u64) {
    match subject {
        Subject::Event => (0, 0),
        Subject::Account(id) => (1, id.0.into()),
        Subject::Payout(id) => (2, id.0),
        Subject::Transfer(id) => (3, id.0),
        Subject::Wallet(id) => (4, id.0.into()),
    }
}

impl Row {
    fn new(request: &Request, answer: &Answer) -> Self {
        let (principal_kind, principal) = principal_parts(request.principal);
        let (subject_kind, subject) = subject_parts(answer.subject);
        Self {
            key: halves(request.key),
            content: halves(request.content.0),
            position: answer.position,
            subject,
            principal,
            refused: answer.refused.map_or(0, Rejection::number),
            principal_kind,
            subject_kind,
        }
    }

    fn request(&self) -> Request {
        let principal = match self.principal_kind {
            0 => Principal::Key(KeyIx(self.principal)),
            1 => Principal::Account(AccountIx(self.principal)),
            _ => Principal::Operator,
        };
        Request { principal, key: whole(self.key), content: Fingerprint(whole(self.content)) }
    }

    fn answer(&self) -> Answer {
        let row = || u32::try_from(self.subject).expect("made from 32 bits");
        let subject = match self.subject_kind {
            0 => Subject::Event,
            1 => Subject::Account(AccountIx(row())),
            2 => Subject::Payout(PayoutId(self.subject)),
            3 => Subject::Transfer(TransferId(self.subject)),
            _ => Subject::Wallet(WalletIx(row())),
        };
        Answer { position: self.position, subject, refused: Rejection::from_number(self.refused) }
    }

    #[inline]
    fn is(&self, request: &Request) -> bool {
        self.key == halves(request.key) && (self.principal_kind, self.principal) == principal_parts(request.principal)
    }
}

#[derive(Clone, Debug)]
struct Bucket {
    hour: u64,
    rows: Rows<Row>,
    index: Index,
}

/// Every keyed request of the last 24 hours with its answer.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// Of all buckets: a hash is good for any of them.
    hasher: Hasher,
    /// In the order of their hours. There are few, and almost every request is of the last one.
    buckets: Vec<Bucket>,
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
        Self { hasher: Hasher::new(seed), buckets: Vec::new(), forgotten: Vec::new() }
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
        let Some(row) =
            self.bucket(hour(request)).and_then(|bucket| bucket.find(bucket.index.hash(key(request)), request))
        else {
            return Ok(None);
        };
        if row.content == halves(request.content.0) { Ok(Some(row.answer())) } else { Err(Rejection::KeyReused) }
    }

    #[inline]
    pub(crate) fn hash(&self, request: &Request) -> u64 {
        self.hasher.hash(key(request))
    }

    /// Brings what look-ups of new requests need into the cache. What it gives means nothing.
    #[inline]
    pub(crate) fn touch(&self, hashes: &[u64]) -> u8 {
        // A request of another hour than the last is rare, and only takes longer.
        self.buckets.last().map_or(0, |bucket| hashes.iter().fold(0, |seen, hash| seen ^ bucket.index.touch(*hash)))
    }

    #[inline]
    pub(crate) fn remember(&mut self, request: Request, answer: Answer) {
        let hour = hour(&request);
        let after = self.buckets.iter().rposition(|bucket| bucket.hour <= hour);
        let at = match after {
            Some(at) if self.buckets[at].hour == hour => at,
            _ => {
                let at = after.map_or(0, |at| at.saturating_add(1));
                self.buckets
                    .insert(at, Bucket { hour, rows: Rows::default(), index: Index::with(self.hasher.clone()) });
                at
            }
        };
        let bucket = &mut self.buckets[at];
        let hash = bucket.index.hash(key(&request));
        bucket.push(hash, Row::new(&request, &answer));
    }

    #[inline]
    fn bucket(&self, hour: u64) -> Option<&Bucket> {
        self.buckets.iter().rev().find(|bucket| bucket.hour == hour)
    }

    /// Where a new request goes; nothing if it is not new, or its time is not good, or it is the first of its hour.
    #[inline]
    pub(crate) fn place_for(&self, request: &Request, now: Time) -> Option<Place> {
        let time = request.key_time();
        if now.ms_since(time) >= KEPT_MS || time.ms_since(now) > AHEAD_MS {
            return None;
        }
        let hour = hour(request);
        let bucket = self.bucket(hour)?;
        let hash = bucket.index.hash(key(request));
        bucket.find(hash, request).is_none().then_some(Place { hour, hash })
    }

    #[inline]
    pub(crate) fn remember_at(&mut self, place: Place, request: &Request, answer: &Answer) {
        let bucket = self.buckets.iter_mut().rev().find(|bucket| bucket.hour == place.hour);
        let bucket = bucket.expect("what is forgotten is older than any new request");
        bucket.push(place.hash, Row::new(request, answer));
    }

    /// Forgets what is too old to be repeated, and gives a little memory back.
    #[inline]
    pub(crate) fn forget(&mut self, now: Time) {
        while let Some(first) = self.buckets.first() {
            let end = first.hour.saturating_add(1).saturating_mul(HOUR_MS);
            if now.ms_since(Time(end)) < KEPT_MS {
                break;
            }
            self.forgotten.push(self.buckets.remove(0));
        }
        if let Some(bucket) = self.forgotten.last_mut()
            && bucket.rows.free_some().is_none()
            && bucket.index.free_some().is_none()
        {
            self.forgotten.pop();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.rows.len()))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.len()).expect("usize is at most 64 bits").put(out);
        self.buckets.iter().flat_map(|bucket| bucket.rows.iter()).for_each(|row| {
            row.request().put(out);
            row.answer().put(out);
        });
    }

    pub(crate) fn get(bytes: &mut Bytes<'_>, seed: u64) -> Result<Self, DecodeError> {
        let mut requests = Self::new(seed);
        for _ in 0..u64::get(bytes)? {
            requests.remember(Wire::get(bytes)?, Wire::get(bytes)?);
        }
        Ok(requests)
    }
}

/// Where a new request goes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    hour: u64,
    hash: u64,
}

impl Bucket {
    #[inline]
    fn find(&self, hash: u64, request: &Request) -> Option<&Row> {
        let row = |row: u32| usize::try_from(row).ok().and_then(|row| self.rows.get(row));
        self.index.find(hash, |at| row(at).is_some_and(|row| row.is(request))).and_then(row)
    }

    #[inline]
    fn push(&mut self, hash: u64, row: Row) {
        let row = u32::try_from(self.rows.push(row)).expect("2^32 requests an hour do not fit memory");
        let rows = &self.rows;
        self.index.insert(hash, row, |index, row| {
            let row = rows.get(usize::try_from(row).expect("32 bits")).expect("only rows are indexed");
            index.hash(key(&row.request()))
        });
    }
}
