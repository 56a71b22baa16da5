//! The root of the tree.

use std::fmt;

use bip32::{Prefix, XPrv};

use super::{DepositAddresses, DepositKeys, DerivationPath};
use crate::{Error, LocalSigner};

/// Every key of a seed. Keep it no longer than needed: what runs all day needs a [`LocalSigner`] or [`DepositKeys`].
#[derive(Clone)]
pub struct SeedKeys {
    root: XPrv,
}

impl SeedKeys {
    /// The root key of a BIP-32 seed of 16, 32 or 64 bytes. From words: [`crate::Mnemonic::keys`].
    ///
    /// # Errors
    /// [`Error::Derivation`] for another length, or a seed that gives no key (one in 2^127).
    pub fn from_seed(seed: &[u8]) -> Result<Self, Error> {
        XPrv::new(seed).map(|root| Self { root }).map_err(|_| Error::Derivation { at: "m".into() })
    }

    /// The signer at `path`.
    ///
    /// # Errors
    /// [`Error::Derivation`], once in 2^127.
    pub fn signer(&self, path: &DerivationPath) -> Result<LocalSigner, Error> {
        Ok(LocalSigner::new(self.at(path)?.private_key().clone()))
    }

    /// The keys of the deposit addresses below `m/44'/60'/account'/0`.
    ///
    /// Use an account of its own for them, not 0 where the hot wallets are: who holds the xpub of an account and any one of
    /// its private keys can work out all of its keys, and accounts are what keeps that from spreading.
    ///
    /// # Errors
    /// [`Error::Index`] or, once in 2^127, [`Error::Derivation`].
    pub fn deposit_keys(&self, account: u32) -> Result<DepositKeys, Error> {
        DepositKeys::below(&self.at(&DerivationPath::account(account)?)?)
    }

    /// The public half of [`SeedKeys::deposit_keys`], for a process that hands out addresses and must not hold keys.
    ///
    /// # Errors
    /// As [`SeedKeys::deposit_keys`].
    pub fn deposit_addresses(&self, account: u32) -> Result<DepositAddresses, Error> {
        Ok(self.deposit_keys(account)?.watch())
    }

    /// The extended public key at `path`, as other wallets import it. It cannot spend, and it shows every address below it:
    /// private, if not secret.
    ///
    /// # Errors
    /// [`Error::Derivation`], once in 2^127.
    pub fn xpub(&self, path: &DerivationPath) -> Result<String, Error> {
        Ok(self.at(path)?.public_key().to_string(Prefix::XPUB))
    }

    fn at(&self, path: &DerivationPath) -> Result<XPrv, Error> {
        let found = path.steps().iter().try_fold(self.root.clone(), |key, step| key.derive_child(step));
        found.map_err(|_| Error::Derivation { at: path.to_string() })
    }
}

impl fmt::Debug for SeedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::hex;

    use super::*;

    #[test]
    fn the_vectors_of_bip32_hold() {
        // Vectors 1 to 4 of the BIP; 3 and 4 are there for leading zeros that implementations lost.
        for (seed, path, xpub) in [
            (
                "000102030405060708090a0b0c0d0e0f",
                "m",
                "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
            ),
            (
                "000102030405060708090a0b0c0d0e0f",
                "m/0'",
                "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
            ),
            (
                "000102030405060708090a0b0c0d0e0f",
                "m/0'/1/2'/2/1000000000",
                "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
            ),
            (
                "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
                "m/0/2147483647'/1/2147483646'/2",
                "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt",
            ),
            (
                "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be",
                "m/0'",
                "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y",
            ),
            (
                "3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678",
                "m/0'/1'",
                "xpub6BJA1jSqiukeaesWfxe6sNK9CCGaujFFSJLomWHprUL9DePQ4JDkM5d88n49sMGJxrhpjazuXYWdMf17C9T5XnxkopaeS7jGk1GyyVziaMt",
            ),
        ] {
            let keys = SeedKeys::from_seed(&hex::decode(seed).unwrap()).unwrap();
            assert_eq!(keys.xpub(&path.parse().unwrap()).unwrap(), xpub, "{path}");
        }
    }
}
