//! The core grammar that CAIP-2, -10 and -19 share: which characters, how many. It knows no namespace.
//!
//! Checks run over bytes of the whole slice, so a trailing newline or a full-width digit is just a wrong byte.

/// Longest namespace of a chain or an asset.
pub(crate) const NAMESPACE_MAX: usize = 8;
/// Longest chain reference.
pub(crate) const REFERENCE_MAX: usize = 32;
/// Longest address, and longest asset reference.
pub(crate) const ADDRESS_MAX: usize = 128;
/// Longest token id.
pub(crate) const TOKEN_ID_MAX: usize = 78;

/// `[-a-z0-9]{3,8}`
pub(crate) fn is_namespace(text: &str) -> bool {
    (3..=NAMESPACE_MAX).contains(&text.len())
        && text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// `[-_a-zA-Z0-9]{1,32}`
pub(crate) fn is_chain_reference(text: &str) -> bool {
    (1..=REFERENCE_MAX).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'-' | b'_') || b.is_ascii_alphanumeric())
}

/// `[-.%a-zA-Z0-9]{1,max}`: addresses, asset references and token ids. No `_`.
pub(crate) fn is_part(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'-' | b'.' | b'%') || b.is_ascii_alphanumeric())
}

/// Only digits, at least one, and no leading zero but in `0` itself: one spelling for each number.
pub(crate) fn is_plain_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// The number written as a plain decimal, if it is at most `max`.
pub(crate) fn plain_decimal(text: &str, max: u64) -> Option<u64> {
    if !is_plain_decimal(text) {
        return None;
    }
    text.parse().ok().filter(|n| *n <= max)
}

/// Whether `text` is exactly `len` hexadecimal digits, all in lower case.
pub(crate) fn is_lower_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
