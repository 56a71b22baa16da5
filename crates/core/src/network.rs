//! What the core knows of a network outside: opaque ids that its adapter made, and how final a thing is. No protocol.

use std::fmt;

/// An address on a network, as the canonical text of the address part of its CAIP-10 id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Box<str>);

impl Address {
    /// The longest address CAIP-10 allows, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Wraps a canonical address; the adapter of its network has checked and canonicalised it.
    ///
    /// Returns `None` when it is empty or longer than CAIP-10 allows.
    pub fn new(canonical: &str) -> Option<Self> {
        (!canonical.is_empty() && canonical.len() <= Self::MAX_LEN).then(|| Self(canonical.into()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! hash32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseHashError;
            fn from_str(text: &str) -> Result<Self, ParseHashError> {
                let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
                if digits.len() != 64 {
                    return Err(ParseHashError);
                }
                let mut bytes = [0u8; 32];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(ParseHashError);
                    let (high, low) = (digit(pair[0])?, digit(pair[1])?);
                    *byte = high << 4 | low;
                }
                Ok(Self(bytes))
            }
        }
    };
}

/// A text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits, with or without 0x in front")]
pub struct ParseHashError;

hash32! {
    /// The id of a transaction on its network.
    TxId
}
hash32! {
    /// The hash of a block on its network.
    BlockHash
}

/// One block of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// Blocks before it.
    pub height: u64,
    /// Its hash; two blocks of one height differ in it.
    pub hash: BlockHash,
    /// The hash of the block before it.
    pub parent: BlockHash,
}

/// Where in its transaction a payment stands. Never anything that a reorg renumbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locator {
    /// The transaction's own top-level value.
    Value,
    /// An output, by its index (UTXO networks).
    Output(u32),
    /// A log, by its position within its own receipt.
    Log(u32),
    /// A transfer made by a contract, by its path in the call trace: child numbers from the outermost call.
    Trace(Box<[u32]>),
}

/// When a payment counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finality {
    /// That many blocks, the payment's own included.
    Confirmations(u32),
    /// The network's `safe` head has reached its block.
    Safe,
    /// The network's `finalized` head has reached its block.
    Finalized,
}

/// What the workers saw about how deep a block lies, agreed by `nodes` of the network's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Blocks from the payment's own block to the head, both included.
    pub confirmations: u64,
    /// The `safe` head has reached it.
    pub safe: bool,
    /// The `finalized` head has reached it.
    pub finalized: bool,
    /// How many of the configured nodes gave the same answer.
    pub nodes: u8,
}

impl Depth {
    /// Whether a block that lies this deep satisfies `policy`.
    pub fn satisfies(&self, policy: Finality) -> bool {
        match policy {
            Finality::Confirmations(n) => self.confirmations >= u64::from(n) || self.finalized,
            Finality::Safe => self.safe || self.finalized,
            Finality::Finalized => self.finalized,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_prints_as_it_reads() {
        let hash = TxId(std::array::from_fn(|i| u8::try_from(i * 7).expect("small")));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "0x", "0x12", &"g".repeat(64), &"０".repeat(64)] {
            assert_eq!(bad.parse::<TxId>(), Err(ParseHashError), "{bad}");
        }
    }
}
