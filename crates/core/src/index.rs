//! A hash index over rows that grows without a pause: when a segment is full, that segment alone grows or splits in two.
//!
//! This is extendible hashing. The rows hold the keys; the index holds row numbers and sixteen bits of each hash, ten to a
//! cache line, so that a look-up of something new takes one line from memory, and no row. Growing and most splits need no
//! row either: rows lie far apart in memory, and a look at one costs more than all the rest. It costs 7 to 11 bytes a row.
//! The hash is seeded by the caller: what a client sends as a key cannot be made to collide.

use std::hash::{BuildHasher, Hash};

/// Rows in one cache line.
const SLOTS: usize = 10;
/// Groups of a new segment, and those of one that has grown and will split next.
const SMALL: usize = 32;
const GROWN: usize = 48;
/// A tag serves so many splits before it has to be made anew from the rows' keys.
const SPLITS: u32 = 3;
/// A directory so many times as long as there are segments means equal hashes: a split cannot help then.
const SPARSE: usize = 64;

/// One cache line.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
struct Group {
    rows: [u32; SLOTS],
    tags: [u16; SLOTS],
    used: u8,
    /// Of each row that belongs here and found no room: it is in a group after this one. A bit stands for every 16th tag.
    passed: u16,
}

fn bit(tag: u16) -> u16 {
    1u16.wrapping_shl(u32::from(tag))
}

impl Group {
    #[inline]
    fn entries(&self) -> impl Iterator<Item = (u16, u32)> {
        self.tags.iter().copied().zip(self.rows.iter().copied()).take(self.used.into())
    }
}

#[derive(Clone, Debug)]
struct Segment {
    groups: Box<[Group]>,
    used: u32,
    /// How many leading bits of the hash all its rows share.
    bits: u8,
    /// The bit of the hash with which the tags begin.
    base: u8,
}

impl Segment {
    fn new(groups: usize, bits: u8, base: u8) -> Self {
        Self { groups: vec![Group::default(); groups].into_boxed_slice(), used: 0, bits, base }
    }

    /// Sixteen bits of the hash, the first of which choose the group.
    #[inline]
    fn tag(&self, hash: u64) -> u16 {
        u16::try_from(hash.wrapping_shl(self.base.into()) >> 48).expect("16 bits")
    }

    /// Where a row with that tag belongs: the bits that all rows share say nothing.
    #[inline]
    fn home(&self, tag: u16) -> usize {
        let own = u64::from(tag.wrapping_shl(u32::from(self.bits.wrapping_sub(self.base))));
        usize::try_from(own.wrapping_mul(self.groups.len() as u64) >> 16).expect("below the number of groups")
    }

    #[inline]
    fn next(&self, group: usize) -> usize {
        let next = group.wrapping_add(1);
        if next == self.groups.len() { 0 } else { next }
    }

    #[inline]
    fn is_full(&self) -> bool {
        // 90 %: beyond it, too many rows lie in a group after their own.
        self.used as usize >= self.groups.len().saturating_mul(SLOTS * 9 / 10)
    }

    /// There must be room: see [`Self::is_full`].
    #[inline]
    fn insert(&mut self, tag: u16, row: u32) {
        let mut at = self.home(tag);
        loop {
            let group = &mut self.groups[at];
            let used = usize::from(group.used);
            if used < SLOTS {
                (group.rows[used], group.tags[used]) = (row, tag);
                group.used = group.used.wrapping_add(1);
                self.used = self.used.saturating_add(1);
                return;
            }
            group.passed |= bit(tag);
            at = self.next(at);
        }
    }

    fn grow(&mut self) {
        let groups = self.groups.len().saturating_add(GROWN - SMALL);
        let old = std::mem::replace(self, Self::new(groups, self.bits, self.base));
        for group in &old.groups {
            group.entries().for_each(|(tag, row)| self.insert(tag, row));
        }
    }

    /// As [`Self::insert`], when it is not known that there is room.
    #[inline]
    fn insert_growing(&mut self, tag: u16, row: u32) {
        if self.is_full() {
            self.grow();
        }
        self.insert(tag, row);
    }

    /// Two segments for the two values of the next bit.
    fn split(&self, hash_of: impl Fn(u32) -> u64) -> [Self; 2] {
        let shift = u32::from(self.bits.wrapping_sub(self.base));
        let bits = self.bits.saturating_add(1);
        let anew = shift >= SPLITS;
        let mut halves = [0, 1].map(|_| Self::new(SMALL, bits, if anew { bits } else { self.base }));
        for group in &self.groups {
            for (tag, row) in group.entries() {
                if anew {
                    let hash = hash_of(row);
                    let half = &mut halves[usize::from(hash.wrapping_shl(self.bits.into()) >> 63 == 1)];
                    half.insert_growing(half.tag(hash), row);
                } else {
                    halves[usize::from(tag.wrapping_shl(shift) >> 15)].insert_growing(tag, row);
                }
            }
        }
        halves
    }
}

/// Hashes keys, with a seed.
#[derive(Clone, Debug)]
pub(crate) struct Hasher(foldhash::quality::SeedableRandomState);

impl Hasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(foldhash::quality::SeedableRandomState::with_seed(seed, foldhash::SharedSeed::global_fixed()))
    }

    #[inline]
    pub(crate) fn hash(&self, key: impl Hash) -> u64 {
        self.0.hash_one(key)
    }
}

/// Finds rows by a hash of their key.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    hasher: Hasher,
    /// Which segment serves each value of the leading `bits` of the hash.
    directory: Vec<u32>,
    segments: Vec<Segment>,
    bits: u32,
}

impl Index {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(Hasher::new(seed))
    }

    pub(crate) fn with(hasher: Hasher) -> Self {
        Self { hasher, directory: vec![0], segments: vec![Segment::new(SMALL, 0, 0)], bits: 0 }
    }

    /// Makes room for so many rows at once, if there are none yet: to read a snapshot, where no pause matters.
    pub(crate) fn expect(&mut self, rows: usize) {
        let segments = rows.checked_div(SMALL * SLOTS * 3 / 4).unwrap_or(0).max(1).next_power_of_two();
        let count = u32::try_from(segments).expect("fewer segments than rows");
        if self.segments.iter().all(|segment| segment.used == 0) {
            let bits = u8::try_from(count.trailing_zeros()).expect("a directory fits memory");
            *self = Self {
                hasher: self.hasher.clone(),
                directory: (0..count).collect(),
                segments: (0..count).map(|_| Segment::new(SMALL, bits, bits)).collect(),
                bits: bits.into(),
            };
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash(key)
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> usize {
        let at = hash.checked_shr(64u32.saturating_sub(self.bits)).unwrap_or(0);
        self.directory[usize::try_from(at).expect("a directory fits memory")] as usize
    }

    /// Brings what a look-up of that hash needs into the cache. What it gives means nothing.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u8 {
        let segment = &self.segments[self.segment_of(hash)];
        segment.groups[segment.home(segment.tag(hash))].used
    }

    /// The row with that hash for which `is` says yes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let segment = &self.segments[self.segment_of(hash)];
        let tag = segment.tag(hash);
        let mut at = segment.home(tag);
        for _ in 0..segment.groups.len() {
            let group = &segment.groups[at];
            for (found, row) in group.entries() {
                if found == tag && is(row) {
                    return Some(row);
                }
            }
            if group.passed & bit(tag) == 0 {
                break;
            }
            at = segment.next(at);
        }
        None
    }

    /// Adds a row. `hash_of` gives the hash of a row that is already there, for a split.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(&Self, u32) -> u64) {
        let mut at = self.segment_of(hash);
        while self.segments[at].is_full() {
            self.make_room(at, hash, &hash_of);
            at = self.segment_of(hash);
        }
        let tag = self.segments[at].tag(hash);
        self.segments[at].insert(tag, row);
    }

    #[cold]
    fn make_room(&mut self, at: usize, hash: u64, hash_of: &impl Fn(&Self, u32) -> u64) {
        let segment = &self.segments[at];
        let (groups, shared) = (segment.groups.len(), u32::from(segment.bits));
        let sparse = shared == self.bits && self.directory.len() / SPARSE >= self.segments.len();
        if groups < GROWN || sparse {
            return self.segments[at].grow();
        }
        let [zero, one] = segment.split(|row| hash_of(self, row));
        if shared == self.bits {
            self.double();
        }
        let new = u32::try_from(self.segments.len()).expect("fewer segments than rows");
        // The entries of the old segment stand together; the upper half of them is the new one's.
        let span = 1usize << self.bits.saturating_sub(shared);
        let prefix = usize::try_from(hash.checked_shr(64u32.saturating_sub(shared)).unwrap_or(0))
            .expect("a directory fits memory");
        let first = prefix.saturating_mul(span);
        let half = first.saturating_add(span / 2);
        self.directory[half..first.saturating_add(span)].fill(new);
        self.segments[at] = zero;
        self.segments.push(one);
    }

    /// In place and from the end, so that no second copy of a large directory is touched.
    fn double(&mut self) {
        let old = self.directory.len();
        self.directory.resize(old.saturating_mul(2), 0);
        for at in (0..old).rev() {
            let segment = self.directory[at];
            self.directory[at.saturating_mul(2)] = segment;
            self.directory[at.saturating_mul(2).saturating_add(1)] = segment;
        }
        self.bits = self.bits.saturating_add(1);
    }

    /// Gives one segment's memory back; the index is of no use afterwards. Nothing when none is left.
    pub(crate) fn free_some(&mut self) -> Option<()> {
        self.segments.pop().map(drop)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let groups = self.segments.iter().fold(0usize, |sum, segment| sum.saturating_add(segment.groups.len()));
        let segments = self.segments.len().saturating_mul(size_of::<Segment>());
        let directory = self.directory.capacity().saturating_mul(4);
        groups.saturating_mul(size_of::<Group>()).saturating_add(segments).saturating_add(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(row: u32) -> u64 {
        u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn every_row_is_found_while_the_index_grows() {
        let mut index = Index::new(7);
        let mut worst = 0;
        for row in 0..400_000 {
            let hash = index.hash(key(row));
            assert_eq!(index.find(hash, |r| key(r) == key(row)), None);
            index.insert(hash, row, |index, r| index.hash(key(r)));
            if row % 1009 == 0 {
                for seen in (0..=row).step_by(997) {
                    assert_eq!(index.find(index.hash(key(seen)), |r| key(r) == key(seen)), Some(seen));
                }
                if row > 20_000 {
                    worst = worst.max(index.heap_bytes() / row as usize);
                }
            }
        }
        assert!(worst < 12, "{worst} bytes a row");
        assert_eq!(size_of::<Group>(), 64);
    }

    #[test]
    fn rows_are_found_in_an_index_that_expected_another_number_of_them() {
        for expected in [0, 1, 300, 5_000, 100_000] {
            let mut index = Index::new(7);
            index.expect(expected);
            for row in 0..20_000 {
                index.insert(index.hash(key(row)), row, |index, r| index.hash(key(r)));
            }
            for row in 0..20_000 {
                assert_eq!(index.find(index.hash(key(row)), |r| key(r) == key(row)), Some(row));
            }
            assert_eq!(index.find(index.hash(key(20_000)), |r| key(r) == key(20_000)), None);
        }
    }

    #[test]
    fn rows_with_one_hash_are_told_apart_by_their_keys() {
        let mut index = Index::new(7);
        for row in 0..2_000 {
            index.insert(0x1234, row, |_, _| 0x1234);
        }
        for row in 0..2_000 {
            assert_eq!(index.find(0x1234, |r| r == row), Some(row));
        }
        assert_eq!(index.find(0x1234, |r| r == 2_000), None);
        assert_eq!(index.find(0xffff_ffff_ffff_0000, |_| true), None);
    }
}
