//! The bytes on disk. Version 1, little-endian, all batches on 512-byte blocks.
//!
//! A segment file is one block of segment header, then batches, then zeros. A batch is a header, a payload of records
//! (each a `u32` length and that many bytes), the BLAKE3 hash of header and payload, and zeros up to the next block, so
//! that no block that was acknowledged is ever written again.
//!
//! | batch header | bytes | |
//! | --- | --- | --- |
//! | magic | 0..4 | `TKJB` |
//! | version | 4..6 | |
//! | zero | 6..8 | |
//! | first position | 8..16 | |
//! | time | 16..24 | Unix milliseconds |
//! | durable mark | 24..32 | the position that was durable when this was written |
//! | count | 32..36 | records, at least 1 |
//! | payload length | 36..40 | bytes |
//! | previous hash | 40..72 | of the batch before; of the first batch, the genesis hash |
//! | zero | 72..76 | |
//! | checksum | 76..80 | CRC-32 of the genesis hash and bytes 0..76 |
//!
//! The genesis hash goes into the checksum so that bytes inside a record, which a stranger may have chosen, or a
//! segment of another journal, do not pass for a header when damage makes us search for the next one.
//!
//! | segment header | bytes | |
//! | --- | --- | --- |
//! | magic | 0..4 | `TKJS` |
//! | version, zero | 4..8 | |
//! | first position | 8..16 | also the file's name |
//! | genesis hash | 16..48 | |
//! | previous hash | 48..80 | of the last batch of the segment before |
//! | checksum | 80..84 | CRC-32 of bytes 0..80 |

use std::fmt;

/// The version this release writes, and the newest it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Batches start on multiples of this many bytes.
pub const BLOCK_BYTES: u64 = 512;

pub(crate) const BLOCK: usize = 512;
pub(crate) const HEADER_LEN: usize = 80;
pub(crate) const HASH_LEN: usize = 32;
/// Length of a record's own length.
pub(crate) const PREFIX_LEN: usize = 4;

const BATCH_MAGIC: [u8; 4] = *b"TKJB";
const SEGMENT_MAGIC: [u8; 4] = *b"TKJS";
const MARKER_MAGIC: [u8; 4] = *b"TKJC";
const MARKER_LEN: usize = 52;

/// A link of the chain: BLAKE3 over a batch's header, which holds the link before, and its payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for ChainHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a journal ends: two journals with the same head have the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last record; 0 if there is none.
    pub position: u64,
    /// Hash of the last batch; the genesis hash if there is none.
    pub hash: ChainHash,
}

/// Bytes that a batch with so much payload takes on disk.
pub(crate) fn batch_disk_len(payload_len: usize) -> u64 {
    (HEADER_LEN + payload_len + HASH_LEN).next_multiple_of(BLOCK) as u64
}

/// Start value of every header checksum of a journal.
pub(crate) fn checksum_seed(genesis: &ChainHash) -> u32 {
    crc32fast::hash(&genesis.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) payload_len: u32,
    pub(crate) time_ms: u64,
    pub(crate) durable: u64,
    pub(crate) previous: ChainHash,
}

/// Why bytes are not a header we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Damaged(&'static str),
    /// Whole, but of a later release: never to be cut as if it were damage.
    Version(u16),
}

impl Header {
    pub(crate) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    pub(crate) fn disk_len(&self) -> u64 {
        batch_disk_len(self.payload_len as usize)
    }

    pub(crate) fn encode(&self, seed: u32) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0..4].copy_from_slice(&BATCH_MAGIC);
        out[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[8..16].copy_from_slice(&self.first.to_le_bytes());
        out[16..24].copy_from_slice(&self.time_ms.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable.to_le_bytes());
        out[32..36].copy_from_slice(&self.count.to_le_bytes());
        out[36..40].copy_from_slice(&self.payload_len.to_le_bytes());
        out[40..72].copy_from_slice(&self.previous.0);
        let sum = checksum(seed, &out[..76]);
        out[76..80].copy_from_slice(&sum.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8], seed: u32) -> Result<Self, Flaw> {
        if bytes.len() < HEADER_LEN || bytes[0..4] != BATCH_MAGIC {
            return Err(Flaw::Damaged("no batch starts here"));
        }
        if u32_at(bytes, 76) != checksum(seed, &bytes[..76]) {
            return Err(Flaw::Damaged("the checksum of the batch header does not match"));
        }
        let version = u16_at(bytes, 4);
        if version != FORMAT_VERSION {
            return Err(Flaw::Version(version));
        }
        let header = Self {
            first: u64_at(bytes, 8),
            time_ms: u64_at(bytes, 16),
            durable: u64_at(bytes, 24),
            count: u32_at(bytes, 32),
            payload_len: u32_at(bytes, 36),
            previous: hash_at(bytes, 40),
        };
        let sound = header.first > 0
            && header.count > 0
            && header.durable < header.first
            && header.first.checked_add(u64::from(header.count)).is_some()
            && bytes[6..8] == [0; 2]
            && bytes[72..76] == [0; 4];
        if sound { Ok(header) } else { Err(Flaw::Damaged("the batch header contradicts itself")) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) first: u64,
    pub(crate) genesis: ChainHash,
    pub(crate) previous: ChainHash,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        out[0..4].copy_from_slice(&SEGMENT_MAGIC);
        out[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[8..16].copy_from_slice(&self.first.to_le_bytes());
        out[16..48].copy_from_slice(&self.genesis.0);
        out[48..80].copy_from_slice(&self.previous.0);
        let sum = crc32fast::hash(&out[..80]);
        out[80..84].copy_from_slice(&sum.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        if bytes.len() < BLOCK || bytes[0..4] != SEGMENT_MAGIC {
            return Err(Flaw::Damaged("no segment header"));
        }
        if u32_at(bytes, 80) != crc32fast::hash(&bytes[..80]) {
            return Err(Flaw::Damaged("the checksum of the segment header does not match"));
        }
        let version = u16_at(bytes, 4);
        if version != FORMAT_VERSION {
            return Err(Flaw::Version(version));
        }
        if bytes[6..8] != [0; 2] || bytes[84..BLOCK].iter().any(|byte| *byte != 0) {
            return Err(Flaw::Damaged("the segment header is not followed by zeros"));
        }
        Ok(Self { first: u64_at(bytes, 8), genesis: hash_at(bytes, 16), previous: hash_at(bytes, 48) })
    }
}

/// What a marker file says about the journal: it was closed, or restored, at this head.
pub(crate) fn encode_marker(head: &Head) -> [u8; MARKER_LEN] {
    let mut out = [0; MARKER_LEN];
    out[0..4].copy_from_slice(&MARKER_MAGIC);
    out[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    out[8..16].copy_from_slice(&head.position.to_le_bytes());
    out[16..48].copy_from_slice(&head.hash.0);
    let sum = crc32fast::hash(&out[..48]);
    out[48..52].copy_from_slice(&sum.to_le_bytes());
    out
}

pub(crate) fn decode_marker(bytes: &[u8]) -> Option<Head> {
    let whole = bytes.len() == MARKER_LEN
        && bytes[0..4] == MARKER_MAGIC
        && u16_at(bytes, 4) == FORMAT_VERSION
        && u32_at(bytes, 48) == crc32fast::hash(&bytes[..48]);
    whole.then(|| Head { position: u64_at(bytes, 8), hash: hash_at(bytes, 16) })
}

/// Whether a payload is exactly `count` length-prefixed records.
pub(crate) fn payload_has(payload: &[u8], count: u32) -> bool {
    let mut rest = payload;
    for _ in 0..count {
        match split_record(rest) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

/// The first record of a payload, and what follows it.
pub(crate) fn split_record(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = payload.split_first_chunk::<PREFIX_LEN>()?;
    rest.split_at_checked(u32::from_le_bytes(*prefix) as usize)
}

fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn hash_at(bytes: &[u8], at: usize) -> ChainHash {
    ChainHash(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has the length of the array")
}
