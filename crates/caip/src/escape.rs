//! Percent escapes (RFC 3986, 2.1): what a chain writes with characters that CAIP-10 and CAIP-19 do not allow.
//!
//! Escaping is done to one part of an id before it is put in, and undone after the id was split, never before.

use std::borrow::Cow;

use crate::error::Error;

/// Escapes raw text for use as an address, asset reference or token id: everything but letters, digits, `-` and `.`.
///
/// This differs from JavaScript's `encodeURIComponent`, which leaves `_` (and others) bare although CAIP-10 forbids it.
///
/// ```
/// assert_eq!(tokengine_caip::escape("alice_1::12"), "alice%5F1%3A%3A12");
/// ```
pub fn escape(raw: &str) -> String {
    escape_bytes(raw.as_bytes())
}

/// Undoes [`escape`]; also accepts escapes of characters that need none, and lower-case ones.
///
/// # Errors
/// [`Error::Escape`] if a `%` does not start a two-digit escape, or the result is not UTF-8.
///
/// ```
/// assert_eq!(tokengine_caip::unescape("alice%5F1%3A%3A12")?, "alice_1::12");
/// # Ok::<(), tokengine_caip::Error>(())
/// ```
pub fn unescape(escaped: &str) -> Result<String, Error> {
    String::from_utf8(unescape_bytes(escaped)?).map_err(|_| Error::Escape("the escaped bytes are not UTF-8"))
}

/// The same escapes in upper case. What is escaped and what is not stays as it was.
pub(crate) fn canonical(part: &str) -> Result<Cow<'_, str>, Error> {
    if !part.contains('%') {
        return Ok(Cow::Borrowed(part));
    }
    let mut text = String::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        text.push(char::from(byte));
        if byte == b'%' {
            for digit in [rest.next(), rest.next()] {
                text.push(char::from(hex_digit(digit)?.to_ascii_uppercase()));
            }
        }
    }
    Ok(Cow::Owned(text))
}

pub(crate) fn escape_bytes(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for &byte in raw {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

pub(crate) fn unescape_bytes(escaped: &str) -> Result<Vec<u8>, Error> {
    let mut raw = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            raw.push(byte);
            continue;
        }
        let (high, low) = (hex_value(rest.next())?, hex_value(rest.next())?);
        raw.push(high << 4 | low);
    }
    Ok(raw)
}

fn hex_digit(byte: Option<u8>) -> Result<u8, Error> {
    byte.filter(u8::is_ascii_hexdigit).ok_or(Error::Escape("'%' must be followed by two hexadecimal digits"))
}

fn hex_value(byte: Option<u8>) -> Result<u8, Error> {
    let digit = char::from(hex_digit(byte)?).to_digit(16);
    digit.and_then(|n| u8::try_from(n).ok()).ok_or(Error::Escape("'%' must be followed by two hexadecimal digits"))
}
