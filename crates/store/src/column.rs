//! How the engine's types lie in columns, one way for every table.

use crate::Error;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tokengine_core::*;

/// A type that one column holds. What comes back is what went in, or an error.
pub(crate) trait Column: Sized {
    /// What it is called in an error.
    const WHAT: &'static str;
    fn to_column(&self) -> ToSqlOutput<'_>;
    fn from_column(value: ValueRef<'_>) -> Option<Self>;
}

/// A value on its way into a statement.
pub(crate) struct Bind<'a, T>(pub(crate) &'a T);

impl<T: Column> rusqlite::ToSql for Bind<'_, T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_column())
    }
}

/// The parameters of a statement, in the order of their numbers.
macro_rules! bind {
    ($($value:expr),* $(,)?) => { rusqlite::params![ $( $crate::column::Bind(&$value) ),* ] };
}
pub(crate) use bind;

/// Takes a row's columns from left to right.
pub(crate) struct Columns<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(crate) fn new(row: &'r rusqlite::Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn take<T: Column>(&mut self) -> Result<T, Error> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        T::from_column(value).ok_or(Error::Row { what: T::WHAT })
    }
}

impl<T: Column> Column for Option<T> {
    const WHAT: &'static str = T::WHAT;
    fn to_column(&self) -> ToSqlOutput<'_> {
        self.as_ref().map_or(ToSqlOutput::Owned(Value::Null), T::to_column)
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            value => T::from_column(value).map(Some),
        }
    }
}

impl<T: Column> Column for &T {
    const WHAT: &'static str = T::WHAT;
    fn to_column(&self) -> ToSqlOutput<'_> {
        (*self).to_column()
    }
    fn from_column(_: ValueRef<'_>) -> Option<Self> {
        None // a reference is only ever bound
    }
}

/// SQL integers end at 2^63 - 1. No number of ours and no block height gets there, and an expiry beyond it is as good as
/// "never", so what lies above is kept as that.
fn integer(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}

pub(crate) fn borrowed(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

pub(crate) fn owned(text: String) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Text(text))
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Column for $int {
            const WHAT: &'static str = "a number";
            fn to_column(&self) -> ToSqlOutput<'_> {
                integer(u64::from(*self))
            }
            fn from_column(value: ValueRef<'_>) -> Option<Self> {
                value.as_i64().ok()?.try_into().ok()
            }
        }
    )*};
}
integers!(u8, u16, u32, u64);

macro_rules! wrapped {
    ($($id:ident($int:ty)),*) => {$(
        impl Column for $id {
            const WHAT: &'static str = stringify!($id);
            fn to_column(&self) -> ToSqlOutput<'_> {
                self.0.to_column()
            }
            fn from_column(value: ValueRef<'_>) -> Option<Self> {
                <$int>::from_column(value).map(Self)
            }
        }
    )*};
}
wrapped!(
    NetworkIx(u16),
    TokenIx(u32),
    AssetIx(u32),
    AccountIx(u32),
    WalletIx(u32),
    PayoutId(u64),
    DispatchId(u64),
    TransferId(u64),
    SuspenseId(u64),
    Position(u64),
    Time(u64)
);

impl Column for bool {
    const WHAT: &'static str = "a flag";
    fn to_column(&self) -> ToSqlOutput<'_> {
        integer(u64::from(*self))
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        match value.as_i64().ok()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Column for Amount {
    const WHAT: &'static str = "an amount";
    fn to_column(&self) -> ToSqlOutput<'_> {
        owned(self.to_string())
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok()?.parse().ok().map(Self::new)
    }
}

macro_rules! hashes {
    ($($hash:ident),*) => {$(
        impl Column for $hash {
            const WHAT: &'static str = stringify!($hash);
            fn to_column(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Blob(&self.0))
            }
            fn from_column(value: ValueRef<'_>) -> Option<Self> {
                value.as_blob().ok()?.try_into().ok().map(Self)
            }
        }
    )*};
}
hashes!(TxId, BlockHash);

/// 16 bytes, largest first.
impl Column for u128 {
    const WHAT: &'static str = "a 128-bit number";
    fn to_column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Blob(self.to_be_bytes().to_vec()))
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        value.as_blob().ok()?.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Column for Fingerprint {
    const WHAT: &'static str = "a fingerprint";
    fn to_column(&self) -> ToSqlOutput<'_> {
        self.0.to_column()
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        u128::from_column(value).map(Self)
    }
}

impl Column for Box<str> {
    const WHAT: &'static str = "a text";
    fn to_column(&self) -> ToSqlOutput<'_> {
        borrowed(self)
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok().map(Into::into)
    }
}

impl Column for String {
    const WHAT: &'static str = "a text";
    fn to_column(&self) -> ToSqlOutput<'_> {
        borrowed(self)
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok().map(Into::into)
    }
}

/// Only ever bound: what is read is owned.
impl Column for &str {
    const WHAT: &'static str = "a text";
    fn to_column(&self) -> ToSqlOutput<'_> {
        borrowed(self)
    }
    fn from_column(_: ValueRef<'_>) -> Option<Self> {
        None
    }
}

impl Column for Vec<u8> {
    const WHAT: &'static str = "bytes";
    fn to_column(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        value.as_blob().ok().map(Into::into)
    }
}

impl Column for Address {
    const WHAT: &'static str = "an address";
    fn to_column(&self) -> ToSqlOutput<'_> {
        borrowed(self.as_str())
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        Self::new(value.as_str().ok()?)
    }
}

impl Column for Locator {
    const WHAT: &'static str = "a locator";
    fn to_column(&self) -> ToSqlOutput<'_> {
        owned(match self {
            Self::Value => "value".to_owned(),
            Self::Output(index) => format!("output:{index}"),
            Self::Log(position) => format!("log:{position}"),
            Self::Trace(path) => {
                format!("trace:{}", path.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
            }
        })
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        let text = value.as_str().ok()?;
        match text.split_once(':') {
            None if text == "value" => Some(Self::Value),
            Some(("output", index)) => index.parse().ok().map(Self::Output),
            Some(("log", position)) => position.parse().ok().map(Self::Log),
            Some(("trace", "")) => Some(Self::Trace([].into())),
            Some(("trace", path)) => path.split('.').map(str::parse).collect::<Result<_, _>>().ok().map(Self::Trace),
            _ => None,
        }
    }
}

impl Column for Rejection {
    const WHAT: &'static str = "a refusal";
    fn to_column(&self) -> ToSqlOutput<'_> {
        borrowed(self.code())
    }
    fn from_column(value: ValueRef<'_>) -> Option<Self> {
        let code = value.as_str().ok()?;
        Self::ALL.iter().copied().find(|rejection| rejection.code() == code)
    }
}

macro_rules! by_name {
    ($name:ident: $($text:literal => $variant:ident),* $(,)?) => {
        impl Column for $name {
            const WHAT: &'static str = stringify!($name);
            fn to_column(&self) -> ToSqlOutput<'_> {
                $crate::column::borrowed(match self { $( Self::$variant => $text ),* })
            }
            fn from_column(value: ValueRef<'_>) -> Option<Self> {
                match value.as_str().ok()? { $( $text => Some(Self::$variant), )* _ => None }
            }
        }
    };
}
pub(crate) use by_name;

by_name!(Wait:
    "turn" => Turn,
    "liquidity" => Liquidity,
    "gas" => Gas,
    "signer" => Signer,
    "paused" => Paused,
    "fee" => Fee,
    "token" => Token,
    "network" => Network,
    "authority" => Authority,
);
by_name!(SuspenseReason:
    "sender-is-contract" => SenderIsContract,
    "below-minimum" => BelowMinimum,
    "above-maximum" => AboveMaximum,
    "deposits-off" => DepositsOff,
    "surplus" => Surplus,
    "not-for-accounts" => NotForAccounts,
    "unpaid" => Unpaid,
    "already-booked" => AlreadyBooked,
    "no-room" => NoRoom,
);
by_name!(ClaimRefusal:
    "transaction-not-found" => NotFound,
    "transaction-reverted" => Reverted,
    "nothing-for-us" => NothingForUs,
    "not-yours" => NotYours,
    "amount-too-large" => TooLarge,
);
by_name!(AttemptKind: "act" => Act, "cancel" => Cancel);

/// An enum of ours whose variants have a word each, in columns as in answers.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $( $(#[$variant_doc:meta])* $variant:ident $text:literal ),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$variant_doc])* $variant, )* }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The word that clients, pages and columns have for it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $text ),* }
            }
        }
        $crate::column::by_name!($name: $( $text => $variant ),*);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;

    fn reference<'a>(column: &'a ToSqlOutput<'_>) -> ValueRef<'a> {
        match column {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => value.into(),
            _ => panic!("no other kind is made"),
        }
    }

    fn there_and_back<T: Column + PartialEq + std::fmt::Debug>(value: T) {
        assert_eq!(T::from_column(reference(&value.to_column())).as_ref(), Some(&value));
    }

    #[test]
    fn what_goes_into_a_column_comes_back() {
        for locator in [
            Locator::Value,
            Locator::Output(7),
            Locator::Log(u32::MAX),
            Locator::Trace([].into()),
            Locator::Trace([0, 12, 3].into()),
        ] {
            there_and_back(locator);
        }
        there_and_back(Amount::MAX);
        there_and_back(Fingerprint(u128::MAX - 5));
        there_and_back(Some(TxId([9; 32])));
        there_and_back(None::<PayoutId>);
        there_and_back(true);
        for &rejection in Rejection::ALL {
            there_and_back(rejection);
        }
        use ClaimRefusal::*;
        for refusal in [NotFound, Reverted, NothingForUs, NotYours, TooLarge] {
            there_and_back(refusal);
            assert_eq!(refusal.to_column(), borrowed(refusal.code()));
        }
        for wait in [Wait::Turn, Wait::Liquidity, Wait::Authority] {
            assert_eq!(wait.to_column(), borrowed(wait.name()));
        }
    }

    #[test]
    fn what_is_no_such_value_is_an_error_and_no_guess() {
        for text in ["", "-1", "1.5", "340282366920938463463374607431768211456"] {
            assert_eq!(Amount::from_column(ValueRef::Text(text.as_bytes())), None, "{text}");
        }
        assert_eq!(bool::from_column(ValueRef::Integer(2)), None);
        assert_eq!(AccountIx::from_column(ValueRef::Integer(-1)), None);
        assert_eq!(TxId::from_column(ValueRef::Blob(&[1; 31])), None);
        assert_eq!(Locator::from_column(ValueRef::Text(b"log:x")), None);
        assert_eq!(u64::MAX.to_column(), ToSqlOutput::Owned(Value::Integer(i64::MAX)));
    }
}
