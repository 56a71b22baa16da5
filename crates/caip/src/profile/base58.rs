//! Base58 and Base58Check, in Bitcoin's and the XRP Ledger's alphabets.

use bs58::Alphabet;
use sha2::{Digest, Sha256};

pub(super) const BITCOIN: &Alphabet = Alphabet::BITCOIN;
pub(super) const RIPPLE: &Alphabet = Alphabet::RIPPLE;

/// Length of the checksum at the end of Base58Check.
const CHECK_LEN: usize = 4;

/// How reading Base58Check can fail: worth telling apart, because only one of them says "you mistyped".
pub(super) enum Fault {
    /// A character outside the alphabet, or another length than asked for.
    Shape,
    /// All is well but for the checksum.
    Checksum,
}

/// The bytes behind Base58 text; `None` if it holds a character outside the alphabet.
pub(super) fn decode(text: &str, alphabet: &Alphabet) -> Option<Vec<u8>> {
    bs58::decode(text).with_alphabet(alphabet).into_vec().ok()
}

/// The payload, version bytes included, of Base58Check text with exactly `N` such bytes.
pub(super) fn decode_check<const N: usize>(text: &str, alphabet: &Alphabet) -> Result<[u8; N], Fault> {
    let bytes = decode(text, alphabet).ok_or(Fault::Shape)?;
    let (payload, check) = bytes.split_last_chunk::<CHECK_LEN>().ok_or(Fault::Shape)?;
    let payload: [u8; N] = payload.try_into().map_err(|_| Fault::Shape)?;
    if checksum(&payload) == *check { Ok(payload) } else { Err(Fault::Checksum) }
}

/// The inverse of [`decode_check`].
pub(super) fn encode_check(payload: &[u8], alphabet: &Alphabet) -> String {
    let bytes = [payload, &checksum(payload)].concat();
    bs58::encode(bytes).with_alphabet(alphabet).into_string()
}

fn checksum(payload: &[u8]) -> [u8; CHECK_LEN] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(Sha256::digest(payload)).into();
    [a, b, c, d]
}
