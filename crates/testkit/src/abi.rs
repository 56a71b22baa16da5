//! Arguments of contract calls and constructors, encoded as the Solidity ABI says.

use crate::Error;

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// `uint8` to `uint256`; also enums.
    Uint(u128),
    /// An address, 20 bytes in hexadecimal with `0x`.
    Address(String),
    /// `bool`.
    Bool(bool),
    /// `string`.
    Text(String),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `bytes32`.
    Word([u8; 32]),
    /// An array of any length, of elements of one type.
    List(Vec<Arg>),
}

impl From<u128> for Arg {
    fn from(value: u128) -> Self {
        Self::Uint(value)
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A text that is an address in form becomes one; any other is a `string`.
impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        match address_bytes(text) {
            Some(_) => Self::Address(text.to_owned()),
            None => Self::Text(text.to_owned()),
        }
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl<T: Into<Arg>> From<Vec<T>> for Arg {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// Encodes arguments one after another: fixed ones in place, others by their offset and then at the end.
///
/// # Errors
/// [`Error::Unexpected`] when an [`Arg::Address`] is not an address.
pub fn encode(args: &[Arg]) -> Result<Vec<u8>, Error> {
    let mut head = Vec::with_capacity(args.len() * 32);
    let mut tail = Vec::new();
    for arg in args {
        match arg {
            Arg::Uint(value) => head.extend(word(*value)),
            Arg::Bool(value) => head.extend(word(u128::from(*value))),
            Arg::Word(bytes) => head.extend(bytes),
            Arg::Address(text) => {
                let bytes = address_bytes(text)
                    .ok_or_else(|| Error::Unexpected { what: "an address".to_owned(), got: text.clone() })?;
                head.extend([0; 12]);
                head.extend(bytes);
            }
            Arg::Text(_) | Arg::Bytes(_) | Arg::List(_) => {
                head.extend(length_word(args.len() * 32 + tail.len()));
                match arg {
                    Arg::Text(text) => append_bytes(&mut tail, text.as_bytes()),
                    Arg::Bytes(bytes) => append_bytes(&mut tail, bytes),
                    Arg::List(items) => {
                        tail.extend(length_word(items.len()));
                        tail.extend(encode(items)?);
                    }
                    Arg::Uint(_) | Arg::Bool(_) | Arg::Word(_) | Arg::Address(_) => {}
                }
            }
        }
    }
    head.extend(tail);
    Ok(head)
}

/// Lower-case hexadecimal with `0x`.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of a hexadecimal text, with or without `0x`; `None` when it is not one.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(pair[1])?)).collect()
}

fn address_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.starts_with("0x") {
        return None;
    }
    from_hex(text).filter(|bytes| bytes.len() == 20)
}

fn append_bytes(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend(length_word(bytes.len()));
    tail.extend(bytes);
    tail.resize(tail.len().next_multiple_of(32), 0);
}

fn word(value: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&value.to_be_bytes());
    word
}

fn length_word(value: usize) -> [u8; 32] {
    word(u128::try_from(value).expect("a length fits in 128 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the ABI specification: `f(uint256,uint32[],bytes10,bytes)` without the `bytes10`.
    #[test]
    fn fixed_arguments_stand_in_place_and_others_at_the_end() {
        let encoded =
            encode(&[Arg::Uint(0x123), Arg::from(vec![0x456_u128, 0x789]), Arg::Bytes(b"Hello, world!".to_vec())])
                .expect("encodes");
        let words: Vec<String> = encoded.chunks(32).map(|w| to_hex(w).trim_start_matches("0x").to_owned()).collect();
        let number = |n: u32| format!("{n:064x}");
        assert_eq!(
            words,
            [
                number(0x123),
                number(0x60),
                number(0xc0),
                number(2),
                number(0x456),
                number(0x789),
                number(13),
                format!("{:0<64}", "48656c6c6f2c20776f726c6421"),
            ]
        );
    }

    #[test]
    fn an_address_is_twenty_bytes_and_anything_else_is_text() {
        let address = format!("0x{}", "Ab".repeat(20));
        assert_eq!(Arg::from(address.as_str()), Arg::Address(address.clone()));
        assert_eq!(Arg::from("0xab"), Arg::Text("0xab".to_owned()));
        assert!(encode(&[Arg::Address("0xab".to_owned())]).is_err());
        assert_eq!(encode(&[Arg::from(&address)]).expect("encodes")[11..13], [0, 0xab]);
    }

    #[test]
    fn hexadecimal_reads_back_what_it_wrote() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        for refused in ["0x1", "0xzz", "+1", "é"] {
            assert_eq!(from_hex(refused), None, "{refused}");
        }
    }
}
