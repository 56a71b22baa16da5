//! One token's totals, and the equation that they keep.

use crate::Amount;
use crate::ids::TokenIx;
use crate::wire::wire_struct;

/// One token's books. Base units of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What all accounts have free.
    pub free: Amount,
    /// What all accounts have on hold.
    pub held: Amount,
    /// Fees taken.
    pub fees: Amount,
    /// What nobody owns yet.
    pub suspense: Amount,
    /// What the operator put in.
    pub equity_in: Amount,
    /// What the operator spent or lost: gas, reverts, reversals.
    pub equity_out: Amount,
    /// What the wallets hold on networks, scaled to the token.
    pub custody: Amount,
    /// Supply that was issued here, and did not come in from a network.
    pub issued: Amount,
}
wire_struct!(Totals { free, held, fees, suspense, equity_in, equity_out, custody, issued });

impl Totals {
    /// What the operator owes to others: accounts' free and held, and suspense.
    pub fn liabilities(&self) -> Option<Amount> {
        self.free.checked_add(self.held)?.checked_add(self.suspense)
    }

    /// Both sides of the equation; `None` when one does not fit, which `decide` never lets happen.
    fn sides(&self) -> Option<(Amount, Amount)> {
        let left = self.liabilities()?.checked_add(self.fees)?.checked_add(self.equity_in)?;
        Some((left, self.custody.checked_add(self.issued)?.checked_add(self.equity_out)?))
    }

    /// Whether the equation holds.
    pub fn balance(&self) -> bool {
        self.sides().is_some_and(|(left, right)| left == right)
    }

    pub(super) fn check(&self, token: TokenIx, free: Amount, held: Amount) -> Result<(), Imbalance> {
        if (free, held) != (self.free, self.held) {
            return Err(Imbalance { token, what: "the accounts do not add up to the token's total" });
        }
        if !self.balance() {
            return Err(Imbalance { token, what: "what is owed and what is held differ" });
        }
        Ok(())
    }
}

/// The books of a token do not balance: a defect of the engine, never of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {token}: {what}")]
pub struct Imbalance {
    /// Which token.
    pub token: TokenIx,
    /// In what way.
    pub what: &'static str,
}
