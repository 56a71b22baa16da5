//! One deposit address for each account of the ledger, by its index: a small number, or a hash of 62 bits.

use std::fmt;

use alloy::primitives::Address;
use bip32::{ExtendedKey, Prefix, XPrv, XPub};

use super::{child, levels};
use crate::{Error, EvmAddress, LocalSigner};

/// Deposit addresses by index, from public keys alone: it can be asked by the program that faces the internet, and nothing
/// in it can spend. An address takes about 0.1 ms to derive.
#[derive(Clone)]
pub struct DepositAddresses {
    account: XPub,
    /// The account's external chain, `account/0`.
    external: XPub,
}

impl DepositAddresses {
    /// From the extended public key of a BIP-44 account (`m/44'/60'/account'`), which wallets export and
    /// [`DepositAddresses::xpub`] prints.
    ///
    /// # Errors
    /// [`Error::ExtendedKey`]: a mistake in it, not of an account, or (a secret in the wrong place) a private one.
    pub fn from_xpub(text: &str) -> Result<Self, Error> {
        let refused = |why| Error::ExtendedKey { why };
        let key: ExtendedKey = text.trim().parse().map_err(|_| refused("a mistake in it, or nothing of the kind"))?;
        if key.prefix.is_private() {
            return Err(refused("it is a private key and must not be here; take its public half"));
        }
        if key.prefix != Prefix::XPUB {
            return Err(refused("it does not start with xpub"));
        }
        if key.attrs.depth != 3 || !key.attrs.child_number.is_hardened() {
            return Err(refused("it is not that of an account, m/44'/60'/account'"));
        }
        Self::below(XPub::try_from(key).map_err(|_| refused("its point is not on the curve"))?)
    }

    fn below(account: XPub) -> Result<Self, Error> {
        let external =
            account.derive_child(child(0, false)?).map_err(|_| Error::Derivation { at: "account/0".into() })?;
        Ok(Self { account, external })
    }

    /// The extended public key it was made of.
    pub fn xpub(&self) -> String {
        self.account.to_string(Prefix::XPUB)
    }

    /// The address `index`, at `m/44'/60'/account'/0/index`; an index above [`crate::MAX_INDEX`] takes two levels,
    /// `0/(index >> 31)/(index & MAX_INDEX)`.
    ///
    /// # Errors
    /// [`Error::Index`] above [`crate::MAX_FAMILY_INDEX`]; [`Error::Derivation`] once in 2^127.
    pub fn address(&self, index: u64) -> Result<EvmAddress, Error> {
        let mut key = self.external.clone();
        for level in levels(index)? {
            key = key.derive_child(level).map_err(|_| no_key(index))?;
        }
        Ok(Address::from_public_key(key.public_key()))
    }
}

impl fmt::Debug for DepositAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DepositAddresses").finish_non_exhaustive()
    }
}

/// The keys of deposit addresses, for sweeping them. One hardened account of a seed, and nothing above it.
#[derive(Clone)]
pub struct DepositKeys {
    external: XPrv,
    watch: DepositAddresses,
}

impl DepositKeys {
    pub(super) fn below(account: &XPrv) -> Result<Self, Error> {
        let external =
            account.derive_child(child(0, false)?).map_err(|_| Error::Derivation { at: "account/0".into() })?;
        Ok(Self { external, watch: DepositAddresses::below(account.public_key())? })
    }

    /// The addresses without the keys.
    pub fn watch(&self) -> DepositAddresses {
        self.watch.clone()
    }

    /// The address `index`.
    ///
    /// # Errors
    /// As [`DepositAddresses::address`].
    pub fn address(&self, index: u64) -> Result<EvmAddress, Error> {
        self.watch.address(index)
    }

    /// The signer of the address `index`.
    ///
    /// # Errors
    /// As [`DepositAddresses::address`].
    pub fn signer(&self, index: u64) -> Result<LocalSigner, Error> {
        let mut key = self.external.clone();
        for level in levels(index)? {
            key = key.derive_child(level).map_err(|_| no_key(index))?;
        }
        Ok(LocalSigner::new(key.private_key().clone()))
    }
}

impl fmt::Debug for DepositKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DepositKeys(..)")
    }
}

fn no_key(index: u64) -> Error {
    Error::Derivation { at: format!("index {index}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DerivationPath, Mnemonic, SeedKeys};

    fn junk() -> SeedKeys {
        Mnemonic::parse("test test test test test test test test test test test junk").unwrap().keys("")
    }

    #[test]
    fn the_well_known_accounts_of_development_nodes_come_out() {
        for (index, address) in [
            (0, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
            (1, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            (2, "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
            (9, "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"),
        ] {
            let signer = junk().signer(&DerivationPath::ethereum(index).unwrap()).unwrap();
            assert_eq!(signer.evm_address().to_string(), address);
            assert_eq!(junk().deposit_addresses(0).unwrap().address(index.into()).unwrap().to_string(), address);
        }
    }

    #[test]
    fn addresses_without_the_seed_are_those_of_the_keys() {
        let keys = junk().deposit_keys(1).unwrap();
        let watch = DepositAddresses::from_xpub(&keys.watch().xpub()).unwrap();
        assert_eq!(keys.watch().xpub(), junk().xpub(&"m/44'/60'/1'".parse().unwrap()).unwrap());
        let largest = u64::from(crate::MAX_INDEX);
        for index in [0, 1, 17, 1_000_000, largest, largest + 1, 1 << 61, crate::MAX_FAMILY_INDEX] {
            assert_eq!(watch.address(index).unwrap(), keys.signer(index).unwrap().evm_address(), "{index}");
        }
        assert_ne!(watch.address(largest + 1).unwrap(), watch.address(1).unwrap(), "two levels are not one");
        assert_eq!(watch.address(1 << 62).unwrap_err().code(), "key-index-too-large");
        let other = junk().deposit_addresses(2).unwrap();
        assert_ne!(other.address(0).unwrap(), watch.address(0).unwrap(), "accounts do not share addresses");
    }

    #[test]
    fn only_the_public_key_of_an_account_is_taken() {
        let of = |path: &str| junk().xpub(&path.parse().unwrap()).unwrap();
        let mut mistyped = of("m/44'/60'/1'");
        mistyped.pop();
        // The root private key of vector 1 of BIP-32.
        let xprv = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
        for bad in ["", "xpub", &mistyped, &of("m"), &of("m/44'/60'"), &of("m/44'/60'/1"), &of("m/44'/60'/1'/0"), xprv]
        {
            let refusal = DepositAddresses::from_xpub(bad).unwrap_err();
            assert_eq!(refusal.code(), "extended-key-invalid", "{bad}");
            assert!(bad.len() < 20 || !format!("{refusal:?} {refusal}").contains(&bad[bad.len() / 2..]));
        }
    }
}
