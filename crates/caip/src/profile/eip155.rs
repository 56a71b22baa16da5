//! `eip155`: EVM chains by `eth_chainId`, addresses with the EIP-55 checksum, contracts and their token ids.

use std::borrow::Cow;

use sha3::{Digest, Keccak256};

use super::{Asset, CanonicalAsset, no_token_id};
use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "eip155";

/// 2^256 - 1, the largest token id; 78 digits, as the grammar allows, can exceed it.
const TOKEN_ID_LIMIT: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if grammar::is_plain_decimal(reference) {
        return Ok(());
    }
    Err(Error::ChainReference("eip155 takes the decimal chain id without leading zero, not hexadecimal"))
}

/// `eip155:0` stands for a key with no chain; it has accounts, but nothing can be owned there.
pub(super) fn check_assets_exist(reference: &str) -> Result<(), Error> {
    if reference == "0" {
        return Err(Error::ChainReference("eip155:0 is for accounts only, it has no assets"));
    }
    Ok(())
}

/// Accepts the EIP-55 spelling and all lower case; returns the former.
pub(super) fn canonical_address(address: &str) -> Result<Cow<'_, str>, Error> {
    let bytes = address_bytes(address).ok_or(Error::Address("an eip155 address is 0x and 40 hexadecimal digits"))?;
    let canonical = eip55(&bytes);
    if address == canonical {
        return Ok(Cow::Borrowed(address));
    }
    if address.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Error::AddressChecksum(
            "upper and lower case do not match the EIP-55 checksum, so a digit may be wrong; if you are sure of the \
             address, write it all in lower case",
        ));
    }
    Ok(Cow::Owned(canonical))
}

pub(super) fn canonical_asset(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    match asset.namespace {
        "erc20" => no_token_id(asset)?,
        "erc721" | "erc1155" => asset.token_id.map_or(Ok(()), check_token_id)?,
        _ => return Err(Error::AssetNamespace("eip155 has slip44, erc20, erc721 and erc1155")),
    }
    Ok((canonical_address(asset.reference)?, asset.token_id.map(Cow::Borrowed)))
}

fn check_token_id(token_id: &str) -> Result<(), Error> {
    // Among plain decimals of one length, the order of the texts is the order of the numbers.
    let too_large = token_id.len() == TOKEN_ID_LIMIT.len() && token_id > TOKEN_ID_LIMIT;
    if !grammar::is_plain_decimal(token_id) || too_large {
        return Err(Error::TokenId("a token id is a decimal number below 2^256 without leading zero"));
    }
    Ok(())
}

/// The bytes of `0x` and 40 hexadecimal digits in any case. The checksum is not looked at.
pub(crate) fn address_bytes(address: &str) -> Option<[u8; 20]> {
    let digits = address.strip_prefix("0x")?.as_bytes();
    let mut bytes = [0; 20];
    if digits.len() != 40 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok())
}

/// Prints an EVM address as `0x` and 40 digits whose case carries the EIP-55 checksum.
///
/// ```
/// let address = [
///     0x6b, 0x17, 0x54, 0x74, 0xe8, 0x90, 0x94, 0xc4, 0x4d, 0xa9,
///     0x8b, 0x95, 0x4e, 0xed, 0xea, 0xc4, 0x95, 0x27, 0x1d, 0x0f,
/// ];
/// assert_eq!(tokengine_caip::eip55(&address), "0x6B175474E89094C44Da98b954EedeAC495271d0F");
/// ```
pub fn eip55(address: &[u8; 20]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let lower: Vec<u8> = nibbles(address).map(|n| DIGITS[usize::from(n)]).collect();
    let hash = Keccak256::digest(&lower);
    let mut text = String::with_capacity(42);
    text.push_str("0x");
    for (digit, n) in lower.into_iter().zip(nibbles(&hash)) {
        text.push(char::from(if n >= 8 { digit.to_ascii_uppercase() } else { digit }));
    }
    text
}

fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf])
}
