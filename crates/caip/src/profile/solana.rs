//! `solana`: clusters by the first 32 characters of their genesis hash, accounts and mints by public key.

use std::borrow::Cow;

use super::{Asset, CanonicalAsset, base58, no_token_id};
use crate::error::Error;

pub(crate) const NAMESPACE: &str = "solana";
pub(super) const COIN: u64 = 501;

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if reference.len() == 32 && base58::decode(reference, base58::BITCOIN).is_some() {
        return Ok(());
    }
    Err(Error::ChainReference("solana takes the first 32 Base58 characters of the genesis hash"))
}

/// The registry's pattern also fits texts that are no public key; what counts is 32 bytes.
pub(super) fn canonical_address(address: &str) -> Result<Cow<'_, str>, Error> {
    match base58::decode(address, base58::BITCOIN) {
        Some(key) if key.len() == 32 => Ok(Cow::Borrowed(address)),
        Some(_) => Err(Error::Address("a solana address is Base58 of exactly 32 bytes; this has another length")),
        None => Err(Error::Address("a solana address is Base58, which has no 0, O, I and l")),
    }
}

pub(super) fn canonical_asset(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    if !matches!(asset.namespace, "token" | "nft") {
        return Err(Error::AssetNamespace("solana has slip44, token and nft"));
    }
    no_token_id(asset)?;
    Ok((canonical_address(asset.reference)?, None))
}
