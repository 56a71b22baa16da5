//! Public ids: a UUIDv7 that says by itself what it names, so that no table is needed to find it again.
//!
//! The first 48 bits are the time of asking in milliseconds, as in every UUIDv7. The 12 bits after the version are the
//! kind, the last 62 the engine's own number of it. The time must match as well, so numbers cannot be walked through.
//! A deposit has no such id: it is named by the 128 bits it is remembered by, in hexadecimal.

use tokengine_core::{Fingerprint, PayoutId, Position, SuspenseId, Time, TransferId};
use uuid::Uuid;

const NUMBER_BITS: u32 = 62;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Payout(PayoutId),
    Transfer(TransferId),
    Claim(Position),
    Suspense(SuspenseId),
}

impl Named {
    fn parts(self) -> (u128, u64) {
        match self {
            Self::Payout(id) => (1, id.0),
            Self::Transfer(id) => (2, id.0),
            Self::Claim(position) => (3, position.0),
            Self::Suspense(id) => (4, id.0),
        }
    }
}

/// The id of something that was asked for at that time.
pub(crate) fn public(at: Time, named: Named) -> String {
    let (kind, number) = named.parts();
    let time = u128::from(at.0 & ((1 << 48) - 1));
    let number = u128::from(number) & ((1 << NUMBER_BITS) - 1);
    Uuid::from_u128(time << 80 | 7 << 76 | kind << 64 | 0b10 << NUMBER_BITS | number).to_string()
}

/// What an id names, and from when it must be.
pub(crate) fn parse(text: &str) -> Option<(Time, Named)> {
    let bits = Uuid::try_parse(text).ok()?.as_u128();
    let number = u64::try_from(bits & ((1 << NUMBER_BITS) - 1)).ok()?;
    let time = Time(u64::try_from(bits >> 80).ok()?);
    let named = match bits >> 64 & 0xfff {
        1 => Named::Payout(PayoutId(number)),
        2 => Named::Transfer(TransferId(number)),
        3 => Named::Claim(Position(number)),
        4 => Named::Suspense(SuspenseId(number)),
        _ => return None,
    };
    // One spelling of each id: what does not print the same is not ours.
    (public(time, named) == text).then_some((time, named))
}

pub(crate) fn payout(at: Time, id: PayoutId) -> String {
    public(at, Named::Payout(id))
}

pub(crate) fn transfer(at: Time, id: TransferId) -> String {
    public(at, Named::Transfer(id))
}

/// A deposit's id.
pub(crate) fn deposit(fingerprint: Fingerprint) -> String {
    format!("{:032x}", fingerprint.0)
}

/// Reads a deposit's id.
pub(crate) fn parse_deposit(text: &str) -> Option<Fingerprint> {
    let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let whole = text.len() == 32 && text.bytes().all(lower_hex);
    whole.then(|| u128::from_str_radix(text, 16).ok().map(Fingerprint)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_names() {
        for named in [
            Named::Payout(PayoutId(1)),
            Named::Transfer(TransferId(u64::MAX >> 2)),
            Named::Claim(Position(77)),
            Named::Suspense(SuspenseId(0)),
        ] {
            let text = public(Time(1_772_366_400_250), named);
            let uuid = Uuid::try_parse(&text).unwrap();
            assert_eq!(uuid.get_version_num(), 7);
            assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(parse(&text), Some((Time(1_772_366_400_250), named)));
            assert_eq!(parse(&text.to_uppercase()), None, "one spelling");
        }
        for bad in ["", "1", "00000000-0000-0000-0000-000000000000", "0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_deposit_id_has_one_spelling() {
        let of = Fingerprint(0xab);
        assert_eq!(parse_deposit(&deposit(of)), Some(of));
        for bad in ["ab", "000000000000000000000000000000AB", "+00000000000000000000000000000ab"] {
            assert_eq!(parse_deposit(bad), None, "{bad}");
        }
    }
}
