//! Where a key stands in the tree that grows from a seed.

use std::{fmt, str::FromStr};

use super::child;
use crate::Error;

/// A BIP-32 path such as `m/44'/60'/0'/0/0`; `'` marks hardened steps. At most 10 steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivationPath(bip32::DerivationPath);

impl DerivationPath {
    const MAX_STEPS: usize = 10;

    /// `m/44'/60'/0'/0/index`: where wallets keep their Ethereum keys, one index each.
    ///
    /// # Errors
    /// [`Error::Index`] above [`crate::MAX_INDEX`].
    pub fn ethereum(index: u32) -> Result<Self, Error> {
        let mut path = Self::account(0)?.0;
        path.extend([child(0, false)?, child(index, false)?]);
        Ok(Self(path))
    }

    /// `m/44'/60'/account'`: the root of one BIP-44 account.
    ///
    /// # Errors
    /// [`Error::Index`] above [`crate::MAX_INDEX`].
    pub fn account(account: u32) -> Result<Self, Error> {
        let mut path = bip32::DerivationPath::default();
        path.extend([child(44, true)?, child(60, true)?, child(account, true)?]);
        Ok(Self(path))
    }

    pub(super) fn steps(&self) -> &bip32::DerivationPath {
        &self.0
    }
}

impl FromStr for DerivationPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let path: bip32::DerivationPath = text.parse().map_err(|_| Error::DerivationPath)?;
        // Printed again it must be the same, so that `m/044'` and `m/44'` cannot stand for one key in two spellings.
        if path.len() > Self::MAX_STEPS || path.to_string() != text {
            Err(Error::DerivationPath)
        } else {
            Ok(Self(path))
        }
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_spelling() {
        for good in ["m", "m/0", "m/44'/60'/0'/0/0", "m/2147483647'/1"] {
            assert_eq!(good.parse::<DerivationPath>().map(|p| p.to_string()).ok().as_deref(), Some(good));
        }
        for bad in [
            "",
            "44'/60'",
            "m/",
            "m//0",
            "M/0",
            "m/044'",
            "m/+1",
            "m/0h",
            "m/2147483648",
            "m/x",
            "m/0/0/0/0/0/0/0/0/0/0/0",
        ] {
            assert!(bad.parse::<DerivationPath>().is_err(), "{bad}");
        }
        assert_eq!(DerivationPath::ethereum(7).unwrap().to_string(), "m/44'/60'/0'/0/7");
        assert_eq!(DerivationPath::ethereum(1 << 31).unwrap_err().code(), "key-index-too-large");
    }
}
