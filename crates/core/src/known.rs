//! What is remembered for ever in few bytes: the fingerprint of a deposit or of a payout's nonce, and what became of it.

use crate::ids::{AccountIx, Fingerprint};
use crate::index::Index;
use crate::rows::Rows;
use crate::wire::{Bytes, DecodeError, Wire};

/// 28 bytes, and about 8 in the index: fingerprint, a number of 64 bits, an account.
#[derive(Clone, Copy, Debug)]
struct Row([u32; 7]);

fn words(value: u128) -> [u32; 4] {
    let part = |shift: u32| u32::try_from(value.checked_shr(shift).unwrap_or(0) & 0xffff_ffff).expect("32 bits");
    [part(0), part(32), part(64), part(96)]
}

impl Row {
    fn new(of: Fingerprint, value: u64, account: AccountIx) -> Self {
        let ([a, b, c, d], [low, high, ..]) = (words(of.0), words(value.into()));
        Self([a, b, c, d, low, high, account.0])
    }
    fn is(&self, of: Fingerprint) -> bool {
        self.0[..4] == words(of.0)
    }
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.0[..4].iter().rev().fold(0, |sum, &word| sum << 32 | u128::from(word)))
    }
    fn value(&self) -> u64 {
        u64::from(self.0[5]) << 32 | u64::from(self.0[4])
    }
}

/// Fingerprints, each with a number and an account.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    rows: Rows<Row>,
    index: Index,
}

impl Known {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rows: Rows::default(), index: Index::new(seed) }
    }

    fn row(&self, of: Fingerprint) -> Option<usize> {
        let is = |row: u32| usize::try_from(row).ok().and_then(|row| self.rows.get(row)).is_some_and(|row| row.is(of));
        self.index.find(self.index.hash(of), is).and_then(|row| usize::try_from(row).ok())
    }

    pub(crate) fn get(&self, of: Fingerprint) -> Option<(u64, AccountIx)> {
        let row = self.rows.get(self.row(of)?)?;
        Some((row.value(), AccountIx(row.0[6])))
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Remembers, or changes what is remembered.
    pub(crate) fn set(&mut self, of: Fingerprint, value: u64, account: AccountIx) {
        let new = Row::new(of, value, account);
        if let Some(row) = self.row(of) {
            *self.rows.get_mut(row).expect("was found") = new;
            return;
        }
        let row = u32::try_from(self.rows.push(new)).expect("decide refuses more rows than ids");
        let rows = &self.rows;
        self.index.insert(self.index.hash(of), row, |index, row| {
            index.hash(rows.get(usize::try_from(row).expect("32 bits")).expect("only rows are indexed").fingerprint())
        });
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes().saturating_add(self.index.heap_bytes())
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.rows.len()).expect("usize is at most 64 bits").put(out);
        self.rows.iter().flat_map(|row| row.0).for_each(|word| word.put(out));
    }

    pub(crate) fn get_from(bytes: &mut Bytes<'_>, seed: u64) -> Result<Self, DecodeError> {
        let mut known = Self::new(seed);
        let rows = u64::get(bytes)?;
        known.index.expect(bytes.rows(rows, 28));
        for _ in 0..rows {
            let mut row = Row([0; 7]);
            for word in &mut row.0 {
                *word = u32::get(bytes)?;
            }
            known.set(row.fingerprint(), row.value(), AccountIx(row.0[6]));
        }
        Ok(known)
    }
}
