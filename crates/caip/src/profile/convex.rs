//! `convex`, not in the registry: networks by name, accounts by number without the `#`, CAD-29 tokens.

use std::borrow::Cow;

use super::{Asset, CanonicalAsset, no_token_id};
use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "convex";
pub(super) const COIN: u64 = 864;

/// Account numbers are non-negative signed 64-bit integers.
const NUMBER_MAX: u64 = 0x7fff_ffff_ffff_ffff;

pub(super) fn canonical_address(address: &str) -> Result<Cow<'_, str>, Error> {
    match grammar::plain_decimal(address, NUMBER_MAX) {
        Some(_) => Ok(Cow::Borrowed(address)),
        None => Err(Error::Address("a convex address is a decimal number without # and leading zero")),
    }
}

/// A token is the account of its actor, or `actor-scope` if the actor has several.
pub(super) fn canonical_asset(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    if asset.namespace != "cad29" {
        return Err(Error::AssetNamespace("convex has slip44 and cad29"));
    }
    no_token_id(asset)?;
    let (actor, scope) = asset.reference.split_once('-').unwrap_or((asset.reference, "0"));
    if [actor, scope].iter().any(|number| grammar::plain_decimal(number, NUMBER_MAX).is_none()) {
        return Err(Error::AssetReference("a convex token is the number of its actor, or actor-scope, both decimal"));
    }
    Ok((Cow::Borrowed(asset.reference), None))
}
