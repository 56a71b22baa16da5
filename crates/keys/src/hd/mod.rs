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

fn child(index: u32, hardened: bool) -> Result<bip32::ChildNumber, Error> {
    bip32::ChildNumber::new(index, hardened).map_err(|_| Error::Index { index })
}
