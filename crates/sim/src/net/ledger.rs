//! What accounts and contracts hold after every block of the best chain.

use std::collections::BTreeMap;

use super::names::Addr;

/// One word of a network's state. All of them are zero in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Native coin.
    Coin(Addr),
    /// Nonces used.
    Nonce(Addr),
    /// What an address holds of a contract's token.
    Token(Addr, Addr),
    /// Not zero while a contract's token is paused.
    Paused(Addr),
    /// Not zero while a contract refuses to pay to an address.
    Blocked(Addr, Addr),
    /// Which code runs behind a contract.
    Code(Addr),
}

/// Every word after every block. Blocks are written in order, and taken back in the reverse order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    history: BTreeMap<Key, Vec<(u64, u128)>>,
}

impl Ledger {
    /// After the newest block.
    pub(super) fn now(&self, key: Key) -> u128 {
        self.history.get(&key).and_then(|versions| versions.last()).map_or(0, |(_, value)| *value)
    }

    /// After the block of the best chain at that height.
    pub(super) fn at(&self, key: Key, height: u64) -> u128 {
        let Some(versions) = self.history.get(&key) else { return 0 };
        let after = versions.partition_point(|(written, _)| *written <= height);
        after.checked_sub(1).map_or(0, |ix| versions[ix].1)
    }

    /// Writes in the block at that height, which is the newest.
    pub(super) fn set(&mut self, key: Key, height: u64, value: u128) {
        let versions = self.history.entry(key).or_default();
        match versions.last_mut() {
            Some((written, last)) if *written == height => *last = value,
            _ => versions.push((height, value)),
        }
    }

    /// Takes back what the newest block, at that height, wrote.
    pub(super) fn take_back(&mut self, keys: impl Iterator<Item = Key>, height: u64) {
        for key in keys {
            let Some(versions) = self.history.get_mut(&key) else { continue };
            if versions.last().is_some_and(|(written, _)| *written == height) {
                versions.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_height_keeps_its_own_value_until_it_is_taken_back() {
        let mut ledger = Ledger::default();
        let key = Key::Coin(1);
        for (height, value) in [(3, 10), (3, 11), (7, 20)] {
            ledger.set(key, height, value);
        }
        let told: Vec<u128> = [2, 3, 6, 7, 9].map(|height| ledger.at(key, height)).to_vec();
        assert_eq!(told, [0, 11, 11, 20, 20]);
        ledger.take_back([key].into_iter(), 7);
        assert_eq!((ledger.now(key), ledger.at(key, 9)), (11, 11));
        ledger.take_back([key].into_iter(), 5); // wrote nothing there
        assert_eq!(ledger.now(key), 11);
    }
}
