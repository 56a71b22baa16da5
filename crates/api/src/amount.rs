//! Amounts at the doors: texts, never numbers; base units and decimal side by side.

use crate::Problem;
use serde::{Deserialize, Serialize};
use tokengine_core::{Amount, ParseAmountError};
use utoipa::ToSchema;

/// An amount with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"}))]
pub struct Money {
    /// Whole base units.
    pub base_units: String,
    /// The same as a decimal number.
    pub decimal: String,
    /// Decimal places of the unit.
    pub decimals: u8,
    /// The unit, if it is an asset on a network: its CAIP-19 id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// The unit, if it is a token of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Money {
    pub(crate) fn of_token(amount: Amount, token: &str, decimals: u8) -> Self {
        Self { token: Some(token.to_owned()), asset: None, ..Self::bare(amount, decimals) }
    }

    pub(crate) fn of_asset(amount: Amount, asset: &str, decimals: u8) -> Self {
        Self { asset: Some(asset.to_owned()), token: None, ..Self::bare(amount, decimals) }
    }

    fn bare(amount: Amount, decimals: u8) -> Self {
        let (base_units, decimal) = (amount.to_string(), amount.to_decimal(decimals));
        Self { base_units, decimal, decimals, asset: None, token: None }
    }
}

/// An amount in a request: base units, or a decimal number, or both if they agree.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decimal": "12.5"}))]
pub struct AmountIn {
    /// Whole base units: ASCII digits without sign or leading zero.
    #[schema(pattern = r"^(0|[1-9][0-9]{0,38})$")]
    pub base_units: Option<String>,
    /// A decimal number: ASCII digits, and at most one point between digits.
    #[schema(pattern = r"^(0|[1-9][0-9]{0,38})(\.[0-9]{1,38})?$")]
    pub decimal: Option<String>,
}

impl AmountIn {
    /// The amount, of a unit with `decimals` places.
    ///
    /// # Errors
    /// `invalid-request` that points to what is wrong.
    pub(crate) fn read(&self, pointer: &str, decimals: u8) -> Result<Amount, Problem> {
        AmountText { base_units: self.base_units.as_deref(), decimal: self.decimal.as_deref() }.read(pointer, decimals)
    }
}

/// The same, borrowed from the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AmountText<'a> {
    pub(crate) base_units: Option<&'a str>,
    pub(crate) decimal: Option<&'a str>,
}

impl AmountText<'_> {
    pub(crate) fn read(self, pointer: &str, decimals: u8) -> Result<Amount, Problem> {
        let wrong = |field: &str, error: ParseAmountError| {
            let code = match error {
                ParseAmountError::NotANumber => "amount-not-a-number",
                ParseAmountError::TooFine { .. } => "amount-not-representable",
                ParseAmountError::TooLarge => "amount-too-large",
            };
            Problem::field(format!("{pointer}/{field}"), code, error.to_string())
        };
        let units = self.base_units.map(Amount::parse_base_units).transpose();
        let decimal = self.decimal.map(|text| Amount::parse_decimal(text, decimals)).transpose();
        let units = units.map_err(|error| wrong("base_units", error))?;
        match (units, decimal.map_err(|error| wrong("decimal", error))?) {
            (Some(units), Some(decimal)) if units != decimal => {
                Err(Problem::field(pointer, "amount-contradicts", "base_units and decimal name different amounts"))
            }
            (Some(amount), _) | (None, Some(amount)) => Ok(amount),
            (None, None) => Err(Problem::field(pointer, "amount-missing", "base_units or decimal is needed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_refused_with_their_place() {
        fn units(text: &str) -> (Option<&str>, Option<&str>) {
            (Some(text), None)
        }
        fn decimal(text: &str) -> (Option<&str>, Option<&str>) {
            (None, Some(text))
        }
        for ((base_units, decimals), want) in [
            (units("1500000"), Ok(1_500_000)),
            (decimal("1.5"), Ok(1_500_000)),
            ((Some("1500000"), Some("1.50")), Ok(1_500_000)),
            (units("0"), Ok(0)),
            ((Some("1"), Some("1")), Err("amount-contradicts")),
            ((None, None), Err("amount-missing")),
            (units("-1"), Err("amount-not-a-number")),
            (units("1e6"), Err("amount-not-a-number")),
            (units("007"), Err("amount-not-a-number")),
            (units("1.0"), Err("amount-not-representable")),
            (units("１"), Err("amount-not-a-number")),
            (decimal("NaN"), Err("amount-not-a-number")),
            (decimal("+1"), Err("amount-not-a-number")),
            (decimal("1."), Err("amount-not-a-number")),
            (decimal(""), Err("amount-not-a-number")),
            (decimal("0.0000001"), Err("amount-not-representable")),
            (units("340282366920938463463374607431768211456"), Err("amount-too-large")),
        ] {
            let amount = AmountIn { base_units: base_units.map(Into::into), decimal: decimals.map(Into::into) };
            let got = amount.read("/amount", 6).map(Amount::base_units).map_err(|problem| problem.first_code());
            assert_eq!(got, want.map_err(str::to_owned), "{base_units:?} {decimals:?}");
        }
    }
}
