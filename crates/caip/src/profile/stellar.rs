//! `stellar`: the two networks, strkeys with their checksum, memos, and the four kinds of asset.
//!
//! The registry's page calls addresses case-insensitive; strkeys and CAIP-10 are not. Its memo grammar forbids the `-`
//! of its own sample; since a strkey has a fixed length, what follows it is the memo, whatever it holds. A memo has no
//! type here: `123` may be a number or a text, and this crate does not guess.

use std::borrow::Cow;

use super::{Asset, CanonicalAsset, no_token_id};
use crate::{error::Error, escape, grammar};

pub(crate) const NAMESPACE: &str = "stellar";
pub(super) const COIN: u64 = 148;

/// What a strkey stands for, by its first byte, which is also its first letter.
#[derive(Clone, Copy)]
enum Key {
    /// `G`: an Ed25519 public key.
    Account = 6 << 3,
    /// `M`: the same with a 64-bit number.
    Muxed = 12 << 3,
    /// `C`: a contract.
    Contract = 2 << 3,
}

/// Letters in a strkey of 32 bytes, and of 40.
const KEY_LEN: usize = 56;
const MUXED_LEN: usize = 69;

/// Longest memo text in bytes; a longer memo can only be a hash.
const MEMO_TEXT_MAX: usize = 28;
const MEMO_HASH_LEN: usize = 64;

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if matches!(reference, "pubnet" | "testnet") {
        return Ok(());
    }
    Err(Error::ChainReference("stellar has pubnet and testnet"))
}

pub(super) fn canonical_address(address: &str) -> Result<Cow<'_, str>, Error> {
    if address.starts_with('M') {
        check_strkey(address, Key::Muxed, MUXED_LEN)?;
        return Ok(Cow::Borrowed(address));
    }
    let Some((key, rest)) = address.split_at_checked(KEY_LEN) else {
        return Err(Error::Address("a stellar address is G and 55, or M and 68 characters of A-Z and 2-7"));
    };
    check_strkey(key, Key::Account, KEY_LEN)?;
    if rest.is_empty() {
        return Ok(Cow::Borrowed(address));
    }
    let memo =
        rest.strip_prefix('-').ok_or(Error::Address("after the 56 characters of the key comes '-' and a memo"))?;
    Ok(Cow::Owned(format!("{key}-{}", canonical_memo(memo)?)))
}

/// One spelling for each memo: characters escaped only if they must be, a hash in lower case.
fn canonical_memo(memo: &str) -> Result<String, Error> {
    let mut bytes = escape::unescape_bytes(memo)?;
    if bytes.len() == MEMO_HASH_LEN && bytes.iter().all(u8::is_ascii_hexdigit) {
        bytes.make_ascii_lowercase();
    } else if bytes.is_empty() || bytes.len() > MEMO_TEXT_MAX {
        return Err(Error::Address("a memo is 1 to 28 bytes of text, a number, or 64 hexadecimal digits"));
    }
    Ok(escape::escape_bytes(&bytes))
}

pub(super) fn canonical_asset(asset: Asset<'_>) -> Result<CanonicalAsset<'_>, Error> {
    let reference = asset.reference;
    match asset.namespace {
        "asset" => check_issued(reference)?,
        "cap38" if grammar::is_lower_hex(reference, 64) => {}
        "cap38" => return Err(Error::AssetReference("a pool id is 64 hexadecimal digits in lower case")),
        "sep41" => check_strkey(reference, Key::Contract, KEY_LEN)?,
        _ => return Err(Error::AssetNamespace("stellar has slip44, asset, cap38 and sep41")),
    }
    no_token_id(asset)?;
    Ok((Cow::Borrowed(reference), None))
}

/// `CODE-ISSUER`. The ledger itself allows letters and digits only; what the page allows beyond that does not exist.
fn check_issued(reference: &str) -> Result<(), Error> {
    let (code, issuer) =
        reference.split_once('-').ok_or(Error::AssetReference("an issued asset is written CODE-ISSUER"))?;
    if !(1..=12).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Error::AssetReference("an asset code is 1 to 12 letters and digits"));
    }
    check_strkey(issuer, Key::Account, KEY_LEN)
}

/// Checks a strkey: Base32 of a version byte, the key, and a CRC16 of both with its low byte first.
fn check_strkey(text: &str, kind: Key, len: usize) -> Result<(), Error> {
    let shape = Error::Address(match kind {
        Key::Account => "a stellar account is G and 55 characters of A-Z and 2-7",
        Key::Muxed => "a muxed stellar account is M and 68 characters of A-Z and 2-7",
        Key::Contract => "a stellar contract is C and 55 characters of A-Z and 2-7",
    });
    let bytes = Some(text).filter(|text| text.len() == len).and_then(base32).ok_or(shape)?;
    let (body, check) = bytes.split_last_chunk().ok_or(shape)?;
    if body.first() != Some(&(kind as u8)) {
        return Err(shape);
    }
    if crc16(body).to_le_bytes() != *check {
        return Err(Error::AddressChecksum("the checksum of the strkey does not match, so a character is wrong"));
    }
    Ok(())
}

/// RFC 4648 without padding. Left-over bits must be zero, or one key would have several spellings.
fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'2'..=b'7' => byte.wrapping_sub(b'2').wrapping_add(26),
            _ => return None,
        };
        bits.extend([16, 8, 4, 2, 1].map(|bit| value & bit != 0));
    }
    let bytes = bits.chunks_exact(8);
    if bytes.remainder().iter().any(|bit| *bit) {
        return None;
    }
    Some(bytes.map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect())
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}
