//! Rows that are only ever added to, in chunks: growing never copies what is there, so it never pauses.

use crate::wire::{Bytes, DecodeError, Wire};

const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

/// A list whose rows keep their number for ever and whose growth costs one small allocation at a time.
#[derive(Clone, Debug)]
pub(crate) struct Rows<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Rows<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&T> {
        self.chunks.get(row >> CHUNK_BITS)?.get(row & (CHUNK - 1))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, row: usize) -> Option<&mut T> {
        self.chunks.get_mut(row >> CHUNK_BITS)?.get_mut(row & (CHUNK - 1))
    }

    /// Adds a row and gives its number.
    pub(crate) fn push(&mut self, row: T) -> usize {
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push(row),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(row);
                self.chunks.push(chunk);
            }
        }
        let number = self.len;
        self.len = self.len.saturating_add(1);
        number
    }

    /// Gives one chunk of memory back, so that a long list is freed in small steps. Nothing when it is empty.
    pub(crate) fn free_some(&mut self) -> Option<()> {
        let chunk = self.chunks.pop()?;
        self.len = self.len.saturating_sub(chunk.len());
        Some(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Bytes taken from the heap by the rows themselves, spare room included.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.chunks.iter().fold(0, |sum, chunk| sum.saturating_add(chunk.capacity().saturating_mul(size_of::<T>())))
    }
}

impl<T: Wire> Wire for Rows<T> {
    fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.len).expect("usize is at most 64 bits").put(out);
        self.iter().for_each(|row| row.put(out));
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        let mut rows = Self::default();
        for _ in 0..u64::get(bytes)? {
            rows.push(T::get(bytes)?);
        }
        Ok(rows)
    }
}

/// Texts laid end to end, each found by where it starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    pages: Vec<Vec<u8>>,
}

const PAGE_BITS: u32 = 18;
const PAGE: usize = 1 << PAGE_BITS;

/// Where a text lies: page and offset in the high part, length in the low 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextRef(u64);

impl Texts {
    /// Keeps a text of at most 65,535 bytes.
    pub(crate) fn push(&mut self, text: &str) -> TextRef {
        if self.pages.last().is_none_or(|page| page.len().saturating_add(text.len()) > PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let number = self.pages.len().saturating_sub(1);
        let page = self.pages.last_mut().expect("one was just added when there was none");
        let place = (number << PAGE_BITS) | page.len();
        page.extend_from_slice(text.as_bytes());
        let len = u16::try_from(text.len()).expect("names are refused above 170 bytes");
        TextRef(u64::try_from(place).expect("usize is at most 64 bits") << 16 | u64::from(len))
    }

    #[inline]
    pub(crate) fn get(&self, text: TextRef) -> &str {
        std::str::from_utf8(self.bytes(text)).expect("only whole texts are kept")
    }

    /// The same as bytes: to compare it, without a look at what they mean.
    #[inline]
    pub(crate) fn bytes(&self, text: TextRef) -> &[u8] {
        let len = usize::try_from(text.0 & 0xffff).expect("16 bits");
        let place = usize::try_from(text.0 >> 16).expect("made from a usize");
        let start = place & (PAGE - 1);
        &self.pages[place >> PAGE_BITS][start..start.saturating_add(len)]
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.pages.iter().fold(0, |sum, page| sum.saturating_add(page.capacity()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_texts_are_found_again_across_chunks() {
        let (mut rows, mut texts) = (Rows::default(), Texts::default());
        for i in 0..(CHUNK * 3 + 1) {
            let text = texts.push(&format!("eip155:1:account-{i}-{}", "x".repeat(i % 90)));
            assert_eq!(rows.push((i, text)), i);
        }
        for i in 0..(CHUNK * 3 + 1) {
            let (n, text) = rows.get(i).expect("was added");
            assert_eq!((*n, texts.get(*text)), (i, format!("eip155:1:account-{i}-{}", "x".repeat(i % 90)).as_str()));
        }
        assert!(rows.get(CHUNK * 3 + 1).is_none());
    }
}
