//! The binary form of everything that is kept: events in the journal and rows in a snapshot.
//!
//! Little-endian, fixed widths, no padding; texts and lists carry a `u32` length in front. A type's form never changes:
//! a new form is a new tag or a new version, so that a journal of any age reads the same for ever.

use crate::{Address, Amount, BlockHash, BlockRef, Depth, Finality, Locator, TxId};

/// Bytes that are not the binary form of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the bytes end inside a value")]
    Short,
    /// A tag that this version of the engine does not know; a newer one wrote it.
    #[error("unknown tag {tag} of {what}")]
    UnknownTag {
        /// The type that was read.
        what: &'static str,
        /// The tag found, with the version in the high half for events.
        tag: u32,
    },
    /// A value that its type does not allow.
    #[error("{what} is not valid")]
    Invalid {
        /// The type that was read.
        what: &'static str,
    },
    /// A whole value was read and bytes are left over.
    #[error("{0} bytes are left over")]
    Trailing(usize),
}

impl DecodeError {
    /// Stable; clients and alerts match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Short | Self::Invalid { .. } | Self::Trailing(_) => "event-malformed",
            Self::UnknownTag { .. } => "event-unknown",
        }
    }
}

/// A cursor over bytes that are being decoded.
#[derive(Clone, Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes the next `n` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] when fewer are left; nothing is taken then.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (front, rest) = self.0.split_at_checked(n).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(front)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (front, rest) = self.0.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*front)
    }

    /// A text, without a copy of it.
    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = get_len(self)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Invalid { what: "a text" })
    }

    /// As many of `rows` as there can be in what is left, if each takes at least so many bytes: a lie takes no memory.
    pub(crate) fn rows(&self, rows: u64, bytes: usize) -> usize {
        usize::try_from(rows).unwrap_or(usize::MAX).min(self.0.len().checked_div(bytes).unwrap_or(0))
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] with the number of bytes left.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.0.len())) }
    }
}

/// A type with a binary form that never changes.
pub trait Wire: Sized {
    /// Appends the binary form.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not such a form.
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError>;
}

macro_rules! wire_int {
    ($($int:ty),*) => {$(
        impl Wire for $int {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_le_bytes(bytes.array()?))
            }
        }
    )*};
}
wire_int!(u8, u16, u32, u64, u128);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        match u8::get(bytes)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid { what: "a flag" }),
        }
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        bytes.array()
    }
}

impl Wire for Amount {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.base_units().put(out);
    }
    #[inline]
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        u128::get(bytes).map(Self::new)
    }
}

fn put_len(len: usize, out: &mut Vec<u8>) {
    u32::try_from(len).expect("nothing that is kept has 2^32 parts").put(out);
}

fn get_len(bytes: &mut Bytes<'_>) -> Result<usize, DecodeError> {
    usize::try_from(u32::get(bytes)?).map_err(|_| DecodeError::Invalid { what: "a length" })
}

impl Wire for Box<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        bytes.text().map(Into::into)
    }
}

impl Wire for Address {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.as_str().len(), out);
        out.extend_from_slice(self.as_str().as_bytes());
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        Self::new(&Box::<str>::get(bytes)?).ok_or(DecodeError::Invalid { what: "an address" })
    }
}

impl Wire for Box<crate::token::Operation> {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_ref().put(out);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        Wire::get(bytes).map(Self::new)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.len(), out);
        self.iter().for_each(|item| item.put(out));
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        // No reservation from a length that was read: a lie would take the memory.
        (0..get_len(bytes)?).map(|_| T::get(bytes)).collect()
    }
}

impl<T: Wire> Wire for Box<[T]> {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.len(), out);
        self.iter().for_each(|item| item.put(out));
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        Vec::get(bytes).map(Vec::into_boxed_slice)
    }
}

impl<T: Wire> Wire for std::collections::VecDeque<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.len(), out);
        self.iter().for_each(|item| item.put(out));
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        Vec::get(bytes).map(Into::into)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for std::collections::BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        put_len(self.len(), out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        (0..get_len(bytes)?).map(|_| Ok((K::get(bytes)?, V::get(bytes)?))).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        if bool::get(bytes)? { T::get(bytes).map(Some) } else { Ok(None) }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        Ok((A::get(bytes)?, B::get(bytes)?))
    }
}

impl Wire for TxId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        bytes.array().map(Self)
    }
}

impl Wire for BlockHash {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        bytes.array().map(Self)
    }
}

/// Gives a struct its binary form: its fields in the order written.
macro_rules! wire_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                $( $crate::wire::Wire::put(&self.$field, out); )*
            }
            #[inline]
            fn get(bytes: &mut $crate::wire::Bytes<'_>) -> Result<Self, $crate::wire::DecodeError> {
                Ok(Self { $( $field: $crate::wire::Wire::get(bytes)? ),* })
            }
        }
    };
}

/// Gives an enum its binary form: a tag byte that is its variant's for ever, then the fields.
macro_rules! wire_enum {
    ($name:ident { $( $tag:literal => $variant:ident $( ( $($inner:ident),* ) )? $( { $($field:ident),* $(,)? } )? ),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $( Self::$variant $( ( $($inner),* ) )? $( { $($field),* } )? => {
                        out.push($tag);
                        $( $( $crate::wire::Wire::put($inner, out); )* )?
                        $( $( $crate::wire::Wire::put($field, out); )* )?
                    } )*
                }
            }
            fn get(bytes: &mut $crate::wire::Bytes<'_>) -> Result<Self, $crate::wire::DecodeError> {
                match <u8 as $crate::wire::Wire>::get(bytes)? {
                    $( $tag => Ok(Self::$variant
                        $( ( $( { let $inner = $crate::wire::Wire::get(bytes)?; $inner } ),* ) )?
                        $( { $( $field: $crate::wire::Wire::get(bytes)? ),* } )? ), )*
                    tag => Err($crate::wire::DecodeError::UnknownTag { what: stringify!($name), tag: tag.into() }),
                }
            }
        }
    };
}
pub(crate) use {wire_enum, wire_struct};

wire_struct!(BlockRef { height, hash, parent });
wire_struct!(Depth { confirmations, safe, finalized, nodes });
wire_enum!(Locator { 0 => Value, 1 => Output(index), 2 => Log(position), 3 => Trace(path) });
wire_enum!(Finality { 0 => Confirmations(n), 1 => Safe, 2 => Finalized });
