//! `xrpl`: networks by number, classic addresses with an optional destination tag, X-addresses, and issued assets.
//!
//! An X-address (XLS-5) is a classic address, a tag and a bit for the network in one; the canonical form is the classic
//! one, so that `r...-495` and its X-address are one account.

use std::borrow::Cow;

use super::{Asset, CanonicalAsset, base58, no_token_id};
use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "xrpl";
pub(super) const COIN: u64 = 144;

const U32_MAX: u64 = 0xffff_ffff;

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    match grammar::plain_decimal(reference, U32_MAX) {
        Some(_) => Ok(()),
        None => Err(Error::ChainReference("xrpl takes a decimal network id below 2^32 without leading zero")),
    }
}

pub(super) fn canonical_address<'a>(reference: &str, address: &'a str) -> Result<Cow<'a, str>, Error> {
    if address.starts_with(['X', 'T']) {
        return from_x_address(reference, address).map(Cow::Owned);
    }
    if let Some((account, tag)) = address.split_once('-') {
        if grammar::plain_decimal(tag, U32_MAX).is_none() {
            return Err(Error::Address("a destination tag is decimal, below 2^32, without leading zero"));
        }
        check_account(account)?;
    } else {
        check_account(address)?;
    }
    Ok(Cow::Borrowed(address))
}

/// Checks a classic address without a tag.
fn check_account(account: &str) -> Result<(), Error> {
    match base58::decode_check::<21>(account, base58::RIPPLE) {
        Ok([0, ..]) => Ok(()),
        Err(base58::Fault::Checksum) => {
            Err(Error::AddressChecksum("the Base58Check checksum does not match, so a character is wrong"))
        }
        _ => Err(Error::Address("a classic xrpl address is r and 24 to 34 more characters of Base58")),
    }
}

/// The classic address, and tag if there is one, in an X-address.
fn from_x_address(reference: &str, address: &str) -> Result<String, Error> {
    let bytes = base58::decode_check::<31>(address, base58::RIPPLE).map_err(|fault| match fault {
        base58::Fault::Checksum => {
            Error::AddressChecksum("the checksum of the X-address does not match, so a character is wrong")
        }
        base58::Fault::Shape => Error::Address("an X-address is Base58 of 31 bytes and a checksum"),
    })?;
    let shape = Error::Address("the prefix, flag or tag of this X-address is not one that XLS-5 defines");
    let (prefix, rest) = bytes.split_first_chunk::<2>().ok_or(shape)?;
    let (account, rest) = rest.split_first_chunk::<20>().ok_or(shape)?;
    // The page says that X-addresses start with X; on test networks they start with T. Other networks took either.
    match (prefix, reference) {
        ([0x05, 0x44], "1" | "2") | ([0x04, 0x93], "0") => {
            return Err(Error::AddressNetwork("X-addresses start with X on the main network and T on test networks"));
        }
        ([0x05, 0x44] | [0x04, 0x93], _) => {}
        _ => return Err(shape),
    }
    let account = base58::encode_check(&[&[0], account.as_slice()].concat(), base58::RIPPLE);
    match rest {
        [0, 0, 0, 0, 0, 0, 0, 0, 0] => Ok(account),
        [1, a, b, c, d, 0, 0, 0, 0] => Ok(format!("{account}-{}", u32::from_le_bytes([*a, *b, *c, *d]))),
        _ => Err(shape),
    }
}

pub(super) fn canonical_asset(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    match asset.namespace {
        "token" => check_issued(asset.reference, is_currency)?,
        // Shares in a pool: their currency code starts with 03, their issuer is the pool.
        "xls30" => check_issued(asset.reference, |code| is_hex(code, 40) && code.starts_with("03"))?,
        "xls20" if is_hex(asset.reference, 64) => {}
        "xls20" => return Err(Error::AssetReference("an NFTokenID is 64 hexadecimal digits in upper case")),
        // The page says 64 digits; an MPTokenIssuanceID as the ledger has it is 192 bits long.
        "xls33" if is_hex(asset.reference, 48) || is_hex(asset.reference, 64) => {}
        "xls33" => return Err(Error::AssetReference("an MPT id is 48 or 64 hexadecimal digits in upper case")),
        _ => return Err(Error::AssetNamespace("xrpl has slip44, token, xls20, xls30 and xls33")),
    }
    no_token_id(asset)?;
    Ok((Cow::Borrowed(asset.reference), None))
}

fn check_issued(reference: &str, is_currency: impl Fn(&str) -> bool) -> Result<(), Error> {
    let (currency, issuer) =
        reference.split_once('.').ok_or(Error::AssetReference("an issued asset is written CURRENCY.ISSUER"))?;
    if !is_currency(currency) {
        return Err(Error::AssetReference(
            "a currency is 3 letters or digits other than XRP, or 40 hexadecimal digits in upper case that do not \
             start with 00; that of a pool share starts with 03",
        ));
    }
    check_account(issuer)
}

/// The page allows more characters in the short form than CAIP-19 has. They are refused rather than escaped: the long
/// form can write every currency. Codes that start with 00 are the short form in hexadecimal, a second spelling.
fn is_currency(code: &str) -> bool {
    let short = code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphanumeric()) && code != "XRP";
    short || (is_hex(code, 40) && !code.starts_with("00"))
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'))
}
