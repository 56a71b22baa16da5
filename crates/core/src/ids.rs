//! Dense numbers given at creation: rows are found by them without a search, and one id passed for another does not compile.

use crate::wire::{Bytes, DecodeError, Wire};
use std::fmt;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            /// The row that the number stands for.
            #[inline]
            pub fn row(self) -> usize {
                usize::try_from(self.0).expect("an id of this engine fits the address space")
            }

            /// The id of a row.
            ///
            /// # Panics
            /// When there are more rows than ids; `decide` refuses before that.
            pub fn from_row(row: usize) -> Self {
                Self(<$int>::try_from(row).expect("decide refuses more rows than ids"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Wire for $name {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            #[inline]
            fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                Wire::get(bytes).map(Self)
            }
        }
    )*};
}

typed_id! {
    /// A network, in the order of listing.
    NetworkIx(u16);
    /// A token, in the order of listing.
    TokenIx(u32);
    /// A class of issued tokens, in the order of making.
    ClassIx(u32);
    /// An asset, in the order of listing.
    AssetIx(u32);
    /// An account, in the order of opening.
    AccountIx(u32);
    /// A wallet, in the order of listing.
    WalletIx(u32);
    /// An API key, in the order of adding.
    KeyIx(u32);
    /// A payout, in the order of asking.
    PayoutId(u64);
    /// One nonce (or other exclusive right to send) of a wallet in use for one purpose.
    DispatchId(u64);
    /// A transfer: a deposit and a payout asked for in one call.
    TransferId(u64);
    /// An amount without an owner.
    SuspenseId(u64);
}

/// The number of an event in the journal; the first is 1, and 0 is "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Wire for Position {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        u64::get(bytes).map(Self)
    }
}

/// Milliseconds since 1970-01-01 UTC. It comes in with a command and is kept in its event; nothing here reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// That many milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`; 0 when that is later.
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Wire for Time {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    #[inline]
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        u64::get(bytes).map(Self)
    }
}

/// 128 bits of a BLAKE3 hash over everything that makes a thing the same thing again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of `parts`, kept apart by their lengths, within one `domain`.
    pub fn of(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in std::iter::once(&domain.as_bytes()).chain(parts) {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        }
        let hash = hasher.finalize();
        let (half, _) = hash.as_bytes().split_first_chunk::<16>().expect("a BLAKE3 hash has 32 bytes");
        Self(u128::from_le_bytes(*half))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Wire for Fingerprint {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    #[inline]
    fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
        u128::get(bytes).map(Self)
    }
}
