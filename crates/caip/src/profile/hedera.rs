//! `hedera`: networks by name, entities as `shard.realm.number`, with the checksum of HIP-15 if it is given.
//!
//! The checksum is checked and left out of the canonical form, so that an account has one id.

use std::borrow::Cow;

use super::{Asset, CanonicalAsset, no_token_id};
use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "hedera";
pub(super) const COIN: u64 = 3030;

/// Entity numbers are non-negative signed 64-bit integers.
const NUMBER_MAX: u64 = 0x7fff_ffff_ffff_ffff;

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if matches!(reference, "mainnet" | "testnet" | "previewnet" | "devnet") {
        return Ok(());
    }
    Err(Error::ChainReference("hedera has mainnet, testnet, previewnet and devnet"))
}

pub(super) fn canonical_address<'a>(reference: &str, address: &'a str) -> Result<Cow<'a, str>, Error> {
    let (entity, given) = match address.split_once('-') {
        Some((entity, given)) => (entity, Some(given)),
        None => (address, None),
    };
    let mut numbers = entity.split('.').map(|number| grammar::plain_decimal(number, NUMBER_MAX));
    let three = [numbers.next(), numbers.next(), numbers.next()];
    if numbers.next().is_some() || three.iter().any(|number| number.flatten().is_none()) {
        return Err(Error::Address(
            "a hedera id is shard.realm.number, each decimal below 2^63 without leading zero, and may end in - and a \
             checksum of five letters",
        ));
    }
    if let Some(given) = given {
        check_checksum(reference, entity, given)?;
    }
    Ok(Cow::Borrowed(entity))
}

fn check_checksum(reference: &str, entity: &str, given: &str) -> Result<(), Error> {
    let ledger = match reference {
        "mainnet" => 0,
        "testnet" => 1,
        "previewnet" => 2,
        _ => return Err(Error::AddressChecksum("HIP-15 gives this network no number; leave the checksum out")),
    };
    if hip15(ledger, entity).as_bytes() == given.as_bytes() {
        return Ok(());
    }
    Err(Error::AddressChecksum("the HIP-15 checksum is not that of this id on this network"))
}

/// The five letters that HIP-15 computes for `shard.realm.number` on a ledger with a one-byte id.
fn hip15(ledger: u8, entity: &str) -> String {
    const P3: u64 = 26 * 26 * 26;
    const P5: u64 = P3 * 26 * 26;
    // All values stay below P5 * 1,000,003, far from the end of u64: nothing wraps.
    let digits = || entity.bytes().map(|b| if b == b'.' { 10 } else { u64::from(b.wrapping_sub(b'0')) });
    let every_second = |skip| digits().skip(skip).step_by(2).fold(0, |sum: u64, d| sum.wrapping_add(d) % 11);

    let ledger = [ledger, 0, 0, 0, 0, 0, 0];
    let of_ledger = ledger.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)) % P5);
    let of_digits = digits().fold(0, |sum: u64, digit| sum.wrapping_mul(31).wrapping_add(digit) % P3);
    let length = digits().fold(0u64, |count, _| count.wrapping_add(1)) % 5;

    let mut sum = length.wrapping_mul(11).wrapping_add(every_second(0));
    sum = sum.wrapping_mul(11).wrapping_add(every_second(1));
    sum = sum.wrapping_mul(P3).wrapping_add(of_digits).wrapping_add(of_ledger) % P5;
    sum = sum.wrapping_mul(1_000_003) % P5;

    let mut letters = ['a'; 5];
    for letter in letters.iter_mut().rev() {
        *letter = u8::try_from(sum % 26).map_or('a', |n| char::from(b'a'.wrapping_add(n)));
        sum /= 26;
    }
    letters.iter().collect()
}

pub(super) fn canonical_asset<'a>(reference: &str, asset: Asset<'a>) -> Result<CanonicalAsset<'a>, Error> {
    match asset.namespace {
        "token" => no_token_id(asset)?,
        "nft" => asset.token_id.map_or(Ok(()), check_serial)?,
        _ => return Err(Error::AssetNamespace("hedera has slip44, token and nft")),
    }
    Ok((canonical_address(reference, asset.reference)?, asset.token_id.map(Cow::Borrowed)))
}

fn check_serial(serial: &str) -> Result<(), Error> {
    match grammar::plain_decimal(serial, NUMBER_MAX) {
        Some(1..) => Ok(()),
        _ => Err(Error::TokenId("a serial number is decimal, from 1, below 2^63, without leading zero")),
    }
}

#[cfg(test)]
mod tests {
    use super::hip15;

    #[test]
    fn checksums_are_those_of_the_proposal() {
        for (entity, letters) in [
            ("0.0.1", "dfkxr"),
            ("0.0.4", "cjcuq"),
            ("0.0.5", "ktach"),
            ("0.0.6", "tcxjy"),
            ("0.0.12", "uuuup"),
            ("0.0.123", "vfmkw"),
            ("0.0.1234567890", "zbhlt"),
            ("12.345.6789", "aoyyt"),
            ("1.23.456", "adpbr"),
        ] {
            assert_eq!(hip15(0, entity), letters, "{entity}");
        }
    }
}
