//! Keys that grow from one secret: BIP-39 words, BIP-32 derivation, BIP-44 paths.

mod deposit;
mod mnemonic;
mod path;
mod seed;

pub use deposit::{DepositAddresses, DepositKeys};
pub use mnemonic::{Mnemonic, Words};
pub use path::DerivationPath;
pub use seed::SeedKeys;

use crate::Error;

/// The largest index of a derived key that is not hardened, and the largest account number: 2^31 - 1.
pub const MAX_INDEX: u32 = bip32::ChildNumber::HARDENED_FLAG - 1;

/// The largest index within a family of keys: 2^62 - 1. Beyond [`MAX_INDEX`] it takes two levels of derivation, 31 bits each,
/// so that an index can be a hash and two owners never meet.
pub const MAX_FAMILY_INDEX: u64 = (1 << 62) - 1;

/// The levels of derivation below a family that an index stands for.
fn levels(index: u64) -> Result<Vec<bip32::ChildNumber>, Error> {
    let refused = |_| Error::Index { index };
    let part = |bits: u64| child(u32::try_from(bits).map_err(refused)?, false).map_err(|_| Error::Index { index });
    let (high, low) = (index >> 31, index & u64::from(MAX_INDEX));
    if high == 0 { Ok(vec![part(low)?]) } else { Ok(vec![part(high)?, part(low)?]) }
}

fn child(index: u32, hardened: bool) -> Result<bip32::ChildNumber, Error> {
    bip32::ChildNumber::new(index, hardened).map_err(|_| Error::Index { index: index.into() })
}
