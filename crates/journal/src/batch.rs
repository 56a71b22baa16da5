//! A batch in the making: one buffer that becomes, in place, exactly the bytes that go to disk.

use crate::{
    error::Error,
    format::{self, BLOCK, ChainHash, HEADER_LEN, Header, PREFIX_LEN},
};

/// Records that become durable together or not at all. Keep it and use it again: the buffer keeps its memory.
#[derive(Debug)]
pub struct Batch {
    /// Room for the header, then the payload.
    buf: Vec<u8>,
    count: u32,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty batch with room for so many bytes of records.
    pub fn with_capacity(payload_bytes: usize) -> Self {
        let mut buf = Vec::with_capacity(HEADER_LEN + payload_bytes + BLOCK);
        buf.resize(HEADER_LEN, 0);
        Self { buf, count: 0 }
    }

    /// Adds a record.
    ///
    /// # Panics
    /// If the record is larger than 4 GiB, far above what a segment takes.
    pub fn push(&mut self, record: &[u8]) {
        self.push_with(|buf| buf.extend_from_slice(record));
    }

    /// Adds a record that `encode` appends to the buffer, without a copy. It must not touch what is there already.
    ///
    /// # Panics
    /// If `encode` shortens the buffer, or appends more than 4 GiB.
    #[inline]
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        self.try_push_with(|buf| {
            encode(buf);
            Some(())
        });
    }

    /// As [`Batch::push_with`], if `encode` gives something; if not, the batch is as before.
    ///
    /// # Panics
    /// As [`Batch::push_with`].
    #[inline]
    pub fn try_push_with<T>(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> Option<T>) -> Option<T> {
        let prefix = self.buf.len();
        let start = prefix + PREFIX_LEN;
        self.buf.extend_from_slice(&[0; PREFIX_LEN]);
        let Some(given) = encode(&mut self.buf) else {
            self.buf.truncate(prefix);
            return None;
        };
        let len = self.buf.len().checked_sub(start).expect("an encoder only appends");
        let len = u32::try_from(len).expect("a record is below 4 GiB");
        self.buf[prefix..start].copy_from_slice(&len.to_le_bytes());
        self.count = self.count.checked_add(1).expect("a batch fits into a segment");
        Some(given)
    }

    /// Adds records that are encoded already: each a little-endian `u32` length and that many bytes.
    ///
    /// # Errors
    /// [`Error::PayloadMismatch`] if they are not exactly `count`; the batch is as before.
    pub fn push_encoded(&mut self, count: u32, payload: &[u8]) -> Result<(), Error> {
        let total = self.count.checked_add(count).filter(|_| format::payload_has(payload, count));
        self.count = total.ok_or(Error::PayloadMismatch { count })?;
        self.buf.extend_from_slice(payload);
        Ok(())
    }

    /// Number of records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the records with their length prefixes.
    pub fn payload_bytes(&self) -> usize {
        self.buf.len() - HEADER_LEN
    }

    /// Bytes it takes on disk, with header, hash and padding.
    pub fn disk_bytes(&self) -> u64 {
        format::batch_disk_len(self.payload_bytes())
    }

    /// Bytes on disk of a batch with so many bytes of records, their 4-byte lengths included.
    pub fn disk_bytes_for(payload_bytes: usize) -> u64 {
        format::batch_disk_len(payload_bytes)
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.buf.truncate(HEADER_LEN);
        self.count = 0;
    }

    /// Completes the bytes for disk and returns the new end of the chain. Only [`Batch::clear`] may follow.
    pub(crate) fn seal(&mut self, first: u64, time_ms: u64, durable: u64, previous: ChainHash, seed: u32) -> ChainHash {
        let payload_len = u32::try_from(self.payload_bytes()).expect("a batch that fits into a segment is below 4 GiB");
        let header = Header { first, count: self.count, payload_len, time_ms, durable, previous };
        self.buf[..HEADER_LEN].copy_from_slice(&header.encode(seed));
        let hash = *blake3::hash(&self.buf).as_bytes();
        self.buf.extend_from_slice(&hash);
        self.buf.resize(self.buf.len().next_multiple_of(BLOCK), 0);
        ChainHash::from(hash)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// The bytes for disk, once sealed.
    pub(crate) fn sealed_bytes(&self) -> &[u8] {
        &self.buf
    }
}
