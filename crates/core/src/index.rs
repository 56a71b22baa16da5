//! A hash index over rows that grows without a pause: when a segment is full, that segment alone splits in two.
//!
//! This is extendible hashing. The rows hold the keys; the index holds row numbers and eight bits of each hash, so it costs
//! about eight bytes a row, and looks at a row that is not the one asked for once in 256 probes: rows lie far apart in
//! memory, and a look at one costs more than all the rest.
//! The hash is seeded by the caller: what a client sends as a key cannot be made to collide.

use std::hash::{BuildHasher, Hash};

const SLOTS: usize = 2048;
const FULL: usize = 1638; // 80 %: beyond it, probes grow long
const FREE: u32 = u32::MAX;
/// Beyond this many hash bits a split cannot help: it would take 2^20 full segments, or equal hashes.
const MAX_BITS: u32 = 40;

#[derive(Clone, Debug)]
struct Segment {
    slots: Box<[u32]>,
    /// Eight bits of the hash for each slot.
    tags: Box<[u8]>,
    used: usize,
    /// How many leading bits of the hash all its rows share.
    bits: u32,
}

impl Segment {
    fn new(bits: u32) -> Self {
        Self { slots: vec![FREE; SLOTS].into_boxed_slice(), tags: vec![0; SLOTS].into_boxed_slice(), used: 0, bits }
    }

    fn insert(&mut self, hash: u64, row: u32) {
        let mut at = start(hash);
        while self.slots[at] != FREE {
            at = next(at);
        }
        self.slots[at] = row;
        self.tags[at] = tag(hash);
        self.used = self.used.saturating_add(1);
    }
}

fn start(hash: u64) -> usize {
    usize::try_from(hash & 0x7ff).expect("11 bits")
}

/// Bits that neither choose the segment nor the first slot.
fn tag(hash: u64) -> u8 {
    u8::try_from((hash >> 11) & 0xff).expect("8 bits")
}

fn next(at: usize) -> usize {
    at.wrapping_add(1) & (SLOTS - 1)
}

/// Finds rows by a hash of their key.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    hasher: foldhash::quality::SeedableRandomState,
    /// Which segment serves each value of the leading `bits` of the hash.
    directory: Vec<u32>,
    segments: Vec<Segment>,
    bits: u32,
}

impl Index {
    pub(crate) fn new(seed: u64) -> Self {
        let hasher = foldhash::quality::SeedableRandomState::with_seed(seed, foldhash::SharedSeed::global_fixed());
        Self { hasher, directory: vec![0], segments: vec![Segment::new(0)], bits: 0 }
    }

    #[inline]
    pub(crate) fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        let at = hash.checked_shr(64u32.saturating_sub(self.bits)).unwrap_or(0);
        usize::try_from(self.directory[usize::try_from(at).expect("at most 40 bits")]).expect("32 bits")
    }

    /// The row with that hash for which `is` says yes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let Segment { slots, tags, .. } = &self.segments[self.segment_of(hash)];
        let (mut at, tag) = (start(hash), tag(hash));
        loop {
            match slots[at] {
                FREE => return None,
                row if tags[at] == tag && is(row) => return Some(row),
                _ => at = next(at),
            }
        }
    }

    /// Adds a row. `hash_of` gives the hash of a row that is already there, for a split.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(&Self, u32) -> u64) {
        let mut at = self.segment_of(hash);
        while self.segments[at].used >= FULL && self.segments[at].bits < MAX_BITS {
            self.split(at, hash, &hash_of);
            at = self.segment_of(hash);
        }
        assert!(self.segments[at].used < SLOTS.saturating_sub(1), "the hash is seeded, so rows spread over segments");
        self.segments[at].insert(hash, row);
    }

    fn split(&mut self, at: usize, hash: u64, hash_of: &impl Fn(&Self, u32) -> u64) {
        let shared = self.segments[at].bits;
        if shared == self.bits {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.bits = self.bits.saturating_add(1);
        }
        let bits = shared.saturating_add(1);
        let (mut zero, mut one) = (Segment::new(bits), Segment::new(bits));
        for &row in self.segments[at].slots.iter().filter(|&&row| row != FREE) {
            let hash = hash_of(self, row);
            let side =
                if hash.checked_shr(64u32.saturating_sub(bits)).unwrap_or(0) & 1 == 0 { &mut zero } else { &mut one };
            side.insert(hash, row);
        }
        let new = u32::try_from(self.segments.len()).expect("fewer segments than rows");
        // The entries of the old segment stand together; the upper half of them is the new one's.
        let span = 1usize << self.bits.saturating_sub(shared);
        let prefix =
            usize::try_from(hash.checked_shr(64u32.saturating_sub(shared)).unwrap_or(0)).expect("at most 40 bits");
        let first = prefix.saturating_mul(span);
        let half = first.saturating_add(span / 2);
        self.directory[half..first.saturating_add(span)].fill(new);
        self.segments[at] = zero;
        self.segments.push(one);
    }

    /// Gives one segment's memory back; the index is of no use afterwards. Nothing when none is left.
    pub(crate) fn free_some(&mut self) -> Option<()> {
        self.segments.pop().map(drop)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let segments = self.segments.len().saturating_mul(SLOTS.saturating_mul(5).saturating_add(size_of::<Segment>()));
        segments.saturating_add(self.directory.capacity().saturating_mul(4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_while_the_index_grows() {
        let mut index = Index::new(7);
        let key = |row: u32| u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for row in 0..200_000 {
            let hash = index.hash(key(row));
            assert_eq!(index.find(hash, |r| key(r) == key(row)), None);
            index.insert(hash, row, |index, r| index.hash(key(r)));
            if row % 1009 == 0 {
                for seen in (0..=row).step_by(997) {
                    assert_eq!(index.find(index.hash(key(seen)), |r| key(r) == key(seen)), Some(seen));
                }
            }
        }
        assert!(index.heap_bytes() / 200_000 < 12, "{} bytes a row", index.heap_bytes() / 200_000);
    }
}
