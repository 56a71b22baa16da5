//! `cosmos`: Tendermint chains by chain id, or by a hash of it if it does not fit; bech32 addresses.
//!
//! The registry has no asset profile: beside `slip44`, assets get the core grammar only.

use std::borrow::Cow;

use bech32::primitives::decode::CheckedHrpstring;

use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "cosmos";

/// Starts a reference that is a hash, so no chain id may be written as it is if it starts like this.
const HASHED: &str = "hashed-";

/// Address prefixes of chains, by the start of the chain id: an upgrade may raise the number that ends it.
const PREFIXES: [(&str, &str); 3] = [("cosmoshub-", "cosmos"), ("osmosis-", "osmo"), ("Binance-Chain-Tigris", "bnb")];

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if reference.contains('_') {
        return Err(Error::ChainReference("a cosmos chain id with characters outside -a-zA-Z0-9 is written hashed"));
    }
    match reference.strip_prefix(HASHED) {
        Some(hash) if !grammar::is_lower_hex(hash, 16) => {
            Err(Error::ChainReference("hashed- is followed by the first 16 hexadecimal digits of the SHA-256"))
        }
        _ => Ok(()),
    }
}

/// The registry's pattern asks for hexadecimal digits, which no address of the ecosystem has; they are bech32.
pub(super) fn canonical_address<'a>(reference: &str, address: &'a str) -> Result<Cow<'a, str>, Error> {
    let address = match address.bytes().any(|b| b.is_ascii_lowercase()) {
        true => Cow::Borrowed(address),
        false => Cow::Owned(address.to_ascii_lowercase()),
    };
    check_address(reference, &address)?;
    Ok(address)
}

fn check_address(reference: &str, address: &str) -> Result<(), Error> {
    let checked = CheckedHrpstring::new::<bech32::Bech32>(address).map_err(|_| {
        // Enough to tell a typing error from something else altogether.
        match address.rsplit_once('1') {
            Some((prefix, data)) if !prefix.is_empty() && data.len() >= 38 => {
                Error::AddressChecksum("the bech32 checksum does not match, so a character is wrong")
            }
            _ => Error::Address("a cosmos address is bech32, such as cosmos1..."),
        }
    })?;
    let prefix = checked.hrp();
    let known = PREFIXES.iter().find(|(chain, _)| reference.starts_with(chain));
    if known.is_some_and(|(_, known)| *known != prefix.as_str()) {
        return Err(Error::AddressNetwork("the prefix of this bech32 address is not that of this chain"));
    }
    if checked.validate_segwit_padding().is_err() || !matches!(checked.byte_iter().count(), 20 | 32) {
        return Err(Error::Address("a cosmos address holds 20 or 32 bytes"));
    }
    Ok(())
}
