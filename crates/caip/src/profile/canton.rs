//! `canton`, not in the registry when this was written: networks by name, parties percent-encoded.
//!
//! A party id is `hint::fingerprint`. JavaScript's `encodeURIComponent`, which wallets use, leaves `_` bare; CAIP-10 has
//! no `_`, so it is escaped here. Party ids too long for CAIP-10 (a hint of more than 54 plain characters) have no
//! CAIP-10 id. There is no asset profile: beside `slip44`, assets get the core grammar only.

use crate::{error::Error, escape};

pub(crate) const NAMESPACE: &str = "canton";

/// A fingerprint is 1220, which says SHA-256, and its 64 hexadecimal digits.
const FINGERPRINT_LEN: usize = 68;

pub(super) fn canonical_address(address: &str) -> Result<String, Error> {
    let party = escape::unescape_bytes(address)?;
    let shape = Error::Address(
        "a canton party is hint%3A%3Afingerprint; the hint has letters, digits, '-', and escaped '_', ' ' and single \
         ':', the fingerprint is 1220 and 64 hexadecimal digits in lower case",
    );
    let start = party.len().checked_sub(FINGERPRINT_LEN).ok_or(shape)?;
    let (hint, fingerprint) = party.split_at_checked(start).ok_or(shape)?;
    let hint = hint.strip_suffix(b"::").filter(|hint| !hint.is_empty()).ok_or(shape)?;
    let hint_fits = hint.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_' | b' '))
        && !hint.windows(2).any(|pair| pair == b"::")
        && !hint.ends_with(b":");
    let is_sha256 =
        fingerprint.starts_with(b"1220") && fingerprint.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hint_fits || !is_sha256 {
        return Err(shape);
    }
    Ok(escape::escape_bytes(&party))
}
