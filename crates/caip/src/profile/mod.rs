//! What each namespace asks for beyond the core grammar. One file each; this one sends to them.
//!
//! A namespace that is not known here gets the core grammar and nothing else. A namespace that is known is strict: an
//! id is either proven as far as its text allows, or refused. Nothing here asks a network.

mod base58;
mod bip122;
mod canton;
mod convex;
mod cosmos;
pub(crate) mod eip155;
mod hedera;
mod solana;
mod stellar;
mod xrpl;

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
        bip122::NAMESPACE => bip122::check_reference(reference),
        solana::NAMESPACE => solana::check_reference(reference),
        cosmos::NAMESPACE => cosmos::check_reference(reference),
        hedera::NAMESPACE => hedera::check_reference(reference),
        stellar::NAMESPACE => stellar::check_reference(reference),
        xrpl::NAMESPACE => xrpl::check_reference(reference),
        // Canton and Convex have networks by name, and no list of the names that exist.
        _ => Ok(()),
    }
}

/// Checks an address on a chain, given as namespace and reference, and returns its canonical form.
pub(crate) fn canonical_address<'a>(chain: (&str, &str), address: &'a str) -> Result<Cow<'a, str>, Error> {
    let (namespace, reference) = chain;
    match namespace {
        eip155::NAMESPACE => eip155::canonical_address(address),
        bip122::NAMESPACE => bip122::canonical_address(reference, address),
        solana::NAMESPACE => solana::canonical_address(address),
        cosmos::NAMESPACE => cosmos::canonical_address(reference, address),
        hedera::NAMESPACE => hedera::canonical_address(reference, address),
        stellar::NAMESPACE => stellar::canonical_address(address),
        xrpl::NAMESPACE => xrpl::canonical_address(reference, address),
        canton::NAMESPACE => canton::canonical_address(address).map(Cow::Owned),
        convex::NAMESPACE => convex::canonical_address(address),
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
        return slip44(chain, asset);
    }
    match namespace {
        eip155::NAMESPACE => eip155::canonical_asset(asset),
        bip122::NAMESPACE => Err(Error::AssetNamespace("bip122 has slip44 only")),
        solana::NAMESPACE => solana::canonical_asset(asset),
        hedera::NAMESPACE => hedera::canonical_asset(reference, asset),
        stellar::NAMESPACE => stellar::canonical_asset(asset),
        xrpl::NAMESPACE => xrpl::canonical_asset(asset),
        convex::NAMESPACE => convex::canonical_asset(asset),
        // Cosmos and Canton have no asset profile either.
        _ => {
            let token_id = asset.token_id.map(escape::canonical).transpose()?;
            Ok((escape::canonical(asset.reference)?, token_id))
        }
    }
}

/// A namespace whose chains all have the same coin takes only that one. EVM and Cosmos chains have coins of their own,
/// which this crate has no list of.
fn slip44<'a>((namespace, reference): (&str, &str), asset: Asset<'a>) -> Result<CanonicalAsset<'a>, Error> {
    let index = grammar::plain_decimal(asset.reference, SLIP44_MAX)
        .ok_or(Error::AssetReference("slip44 takes a decimal index below 2147483648 without leading zero"))?;
    let is_coin = match namespace {
        bip122::NAMESPACE => bip122::is_coin(reference, index),
        solana::NAMESPACE => index == solana::COIN,
        hedera::NAMESPACE => index == hedera::COIN,
        stellar::NAMESPACE => index == stellar::COIN,
        xrpl::NAMESPACE => index == xrpl::COIN,
        convex::NAMESPACE => index == convex::COIN,
        _ => true,
    };
    if !is_coin {
        return Err(Error::AssetReference("this slip44 index is not that of the coin of this chain"));
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
