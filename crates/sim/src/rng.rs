//! Numbers from one seed.

/// A generator with splits: what one part of the world draws does not change what another part sees.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of that seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for a part of the world.
    #[must_use]
    pub fn split(&mut self, part: u64) -> Self {
        Self(self.next() ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// The next 64 bits (SplitMix64: every seed is as good as another).
    #[expect(clippy::should_implement_trait, reason = "it never ends, and nobody iterates over it")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 when there is nothing below.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()).wrapping_mul(u128::from(end));
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// From `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from.saturating_add(self.below(to.saturating_sub(from).saturating_add(1)))
    }

    /// True `part` times in `of`.
    pub fn chance(&mut self, part: u64, of: u64) -> bool {
        self.below(of) < part
    }

    /// A place in a list of that length, which is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// One of a list, which is not empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// So many bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
        bytes
    }
}

/// A generator that several parts of one task draw from.
#[derive(Debug)]
pub(crate) struct Dice(std::cell::RefCell<Rng>);

impl Dice {
    pub(crate) fn new(rng: Rng) -> Self {
        Self(rng.into())
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.borrow_mut().next()
    }

    pub(crate) fn below(&self, end: u64) -> u64 {
        self.0.borrow_mut().below(end)
    }

    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        self.0.borrow_mut().between(from, to)
    }

    pub(crate) fn chance(&self, part: u64, of: u64) -> bool {
        self.0.borrow_mut().chance(part, of)
    }

    pub(crate) fn index(&self, len: usize) -> usize {
        self.0.borrow_mut().index(len)
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        self.0.borrow_mut().bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_is_a_sequence_and_bounds_hold() {
        let (mut one, mut two) = (Rng::new(7), Rng::new(7));
        for _ in 0..1_000 {
            let (a, b) = (one.between(3, 9), two.between(3, 9));
            assert_eq!(a, b);
            assert!((3..=9).contains(&a));
        }
        assert_ne!(one.split(1).next(), two.split(2).next());
        assert_eq!(one.below(0), 0);
    }
}
