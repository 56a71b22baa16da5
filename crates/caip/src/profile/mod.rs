//! What each namespace asks for beyond the core grammar. One file each; this one sends to them.
//!
//! A namespace that is not known here gets the core grammar and nothing else. A namespace that is known is strict: an
//! id is either proven as far as its text allows, or refused. Nothing here asks a network.

pub(crate) mod eip155;

use std::borrow::Cow;

use crate::{error::Error, escape, grammar};

/// CAIP-20: a native coin by its SLIP-44 index, in every namespace.
pub(crate) const SLIP44: &str = "slip44";

/// Hardened derivation takes the top bit of 32.
const SLIP44_MAX: u64 = 0x7fff_ffff;

/// The parts of an asset id that follow the chain; core grammar holds.
#[derive(Clone, Copy)]
pub(crate) struct Asset<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) token_id: Option<&'a str>,
}

/// Canonical asset reference, and token id if there is one.
type CanonicalAsset<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// Checks the reference of a chain id.
pub(crate) fn check_reference(namespace: &str, reference: &str) -> Result<(), Error> {
    match namespace {
        eip155::NAMESPACE => eip155::check_reference(reference),
        _ => Ok(()),
    }
}

/// Checks an address on a chain and returns its canonical form.
pub(crate) fn canonical_address<'a>(
    namespace: &str,
    _reference: &str,
    address: &'a str,
) -> Result<Cow<'a, str>, Error> {
    match namespace {
        eip155::NAMESPACE => eip155::canonical_address(address),
        _ => escape::canonical(address),
    }
}

/// Checks an asset on a chain, given as namespace and reference, and returns its canonical form.
pub(crate) fn canonical_asset<'a>(chain: (&str, &str), asset: Asset<'a>) -> Result<CanonicalAsset<'a>, Error> {
    let (namespace, reference) = chain;
    if namespace == eip155::NAMESPACE {
        eip155::check_assets_exist(reference)?;
    }
    if asset.namespace == SLIP44 {
        return slip44(asset);
    }
    match namespace {
        eip155::NAMESPACE => eip155::canonical_asset(asset),
        _ => {
            let token_id = asset.token_id.map(escape::canonical).transpose()?;
            Ok((escape::canonical(asset.reference)?, token_id))
        }
    }
}

fn slip44(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    if grammar::plain_decimal(asset.reference, SLIP44_MAX).is_none() {
        return Err(Error::AssetReference("slip44 takes a decimal index below 2147483648 without leading zero"));
    }
    no_token_id(asset)?;
    Ok((asset.reference.into(), None))
}

fn no_token_id(asset: Asset<'_>) -> Result<(), Error> {
    match asset.token_id {
        None => Ok(()),
        Some(_) => Err(Error::TokenId("assets of this namespace have no token id")),
    }
}
