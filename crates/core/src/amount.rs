//! Amounts of base units. The only arithmetic the engine knows: checked, whole, never negative.

use std::fmt;

/// Whole base units (satoshi, wei, cent) of one asset or token. Never negative, never a fraction.
///
/// There is no `+`: overflow and shortage are business answers, so the caller must take them.
///
/// ```
/// use tokengine_core::Amount;
/// let fee = Amount::new(1_000).commission(25).expect("fits");
/// assert_eq!(fee, Amount::new(3)); // 2.5 is rounded up, towards the house
/// assert_eq!(Amount::new(1).checked_sub(Amount::new(2)), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount there is; a chain value above it is refused at the edge, never truncated.
    pub const MAX: Self = Self(u128::MAX);

    /// That many base units.
    pub const fn new(base_units: u128) -> Self {
        Self(base_units)
    }

    /// The number of base units.
    pub const fn base_units(self) -> u128 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` when it does not fit 128 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` when there is not enough.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Commission of `bps` hundredths of a percent, rounded up so that no unit is left without an owner.
    #[must_use]
    pub fn commission(self, bps: u16) -> Option<Self> {
        Some(Self(self.0.checked_mul(bps.into())?.div_ceil(10_000)))
    }

    /// The same value with `places` more decimals: 1.5 with 1 decimal (15) and 2 more places is 1500.
    #[must_use]
    pub fn scale_up(self, places: u8) -> Option<Self> {
        Some(Self(self.0.checked_mul(10u128.checked_pow(places.into())?)?))
    }

    /// The same value with `places` fewer decimals, or `None` when that cannot express it exactly.
    #[must_use]
    pub fn scale_down_exact(self, places: u8) -> Option<Self> {
        let unit = 10u128.checked_pow(places.into())?;
        (self.0.checked_rem(unit)? == 0).then_some(Self(self.0.checked_div(unit)?))
    }

    /// Reads a decimal number ("12.5") of a unit with `decimals` places.
    ///
    /// # Errors
    /// [`ParseAmountError`]: not a plain decimal number, finer than `decimals`, or too large.
    pub fn parse_decimal(text: &str, decimals: u8) -> Result<Self, ParseAmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty()
            || leading_zero
            || !plain(whole)
            || !plain(fraction)
            || (text.contains('.') && fraction.is_empty())
        {
            return Err(ParseAmountError::NotANumber);
        }
        let places = u8::try_from(fraction.len()).map_err(|_| ParseAmountError::TooFine { decimals })?;
        let missing = decimals.checked_sub(places).ok_or(ParseAmountError::TooFine { decimals })?;
        let digits = format!("{whole}{fraction}");
        let value: u128 = digits.parse().map_err(|_| ParseAmountError::TooLarge)?;
        Self(value).scale_up(missing).ok_or(ParseAmountError::TooLarge)
    }

    /// Reads whole base units: ASCII digits without sign, exponent or leading zero.
    ///
    /// # Errors
    /// [`ParseAmountError`]: not such a number, or too large.
    pub fn parse_base_units(text: &str) -> Result<Self, ParseAmountError> {
        Self::parse_decimal(text, 0)
    }

    /// The decimal number with `decimals` places, without trailing zeros: 1500 with 3 is "1.5".
    pub fn to_decimal(self, decimals: u8) -> String {
        let digits = format!("{:0>width$}", self.0, width = usize::from(decimals).saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals.into()));
        match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseAmountError {
    /// Sign, exponent, leading zero, other digits than 0-9, or nothing at all.
    #[error("not a plain decimal number (digits, and at most one point between digits)")]
    NotANumber,
    /// More decimal places than the unit has.
    #[error("finer than the {decimals} decimals of the unit")]
    TooFine {
        /// The unit's decimals.
        decimals: u8,
    },
    /// Above 2^128 - 1 base units.
    #[error("too large: an amount is at most 2^128 - 1 base units")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        use ParseAmountError::*;
        for (text, decimals, want) in [
            ("1", 6, Ok(1_000_000)),
            ("0", 0, Ok(0)),
            ("0.000001", 6, Ok(1)),
            ("1.50", 2, Ok(150)),
            ("0.0000001", 6, Err(TooFine { decimals: 6 })),
            ("1.0000000", 6, Err(TooFine { decimals: 6 })),
            ("", 6, Err(NotANumber)),
            (".5", 6, Err(NotANumber)),
            ("5.", 6, Err(NotANumber)),
            ("01", 6, Err(NotANumber)),
            ("-1", 6, Err(NotANumber)),
            ("+1", 6, Err(NotANumber)),
            ("1e3", 6, Err(NotANumber)),
            ("NaN", 6, Err(NotANumber)),
            ("1_000", 6, Err(NotANumber)),
            ("１", 6, Err(NotANumber)),
            ("1.2.3", 6, Err(NotANumber)),
            ("340282366920938463463374607431768211455", 0, Ok(u128::MAX)),
            ("340282366920938463463374607431768211456", 0, Err(TooLarge)),
            ("340282366920938463463374607431768211455", 1, Err(TooLarge)),
        ] {
            assert_eq!(Amount::parse_decimal(text, decimals).map(Amount::base_units), want, "{text} with {decimals}");
        }
    }

    #[test]
    fn decimals_are_printed_without_padding() {
        for (units, decimals, want) in
            [(1_500_000, 6, "1.5"), (0, 18, "0"), (1, 18, "0.000000000000000001"), (7, 0, "7"), (70, 1, "7")]
        {
            assert_eq!(Amount::new(units).to_decimal(decimals), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn printing_and_reading_agree(units: u128, decimals in 0u8..40) {
            let amount = Amount::new(units);
            proptest::prop_assert_eq!(Amount::parse_decimal(&amount.to_decimal(decimals), decimals), Ok(amount));
        }

        #[test]
        fn scaling_down_never_rounds(units in 0u128..1 << 90, places in 0u8..10) {
            let amount = Amount::new(units);
            proptest::prop_assert_eq!(amount.scale_up(places).and_then(|a| a.scale_down_exact(places)), Some(amount));
            if let Some(down) = amount.scale_down_exact(places) {
                proptest::prop_assert_eq!(down.scale_up(places), Some(amount));
            }
        }
    }
}
