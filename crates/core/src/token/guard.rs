//! What every posting of an issued token passes, whichever door it comes through. For a plain token it is one look at a flag.
//!
//! What a network has done already (a final payment, a reversal) and what only ends a hold is not asked: it happened.

use super::class::Class;
use super::hooks::min_balance;
use crate::ids::*;
use crate::{Amount, Rejection, State};

impl State {
    /// Before `amount` of what `account` has free is moved, locked or taken. In this order: the class runs, the token is not
    /// frozen, what stays is enough.
    #[inline]
    pub(crate) fn guard_out(&self, token: TokenIx, account: AccountIx, amount: Amount) -> Result<(), Rejection> {
        if self.ledger.is_guarded(token) { self.guard_issued_out(token, account, amount) } else { Ok(()) }
    }

    /// Before `account` is given something. In this order: the class runs, the token is not frozen.
    #[inline]
    pub(crate) fn guard_in(&self, token: TokenIx, account: AccountIx) -> Result<(), Rejection> {
        if self.ledger.is_guarded(token) { self.guard_issued(token, account).map(drop) } else { Ok(()) }
    }

    fn guard_issued(&self, token: TokenIx, account: AccountIx) -> Result<&Class, Rejection> {
        let class = self.issued.class_of(token).ok_or(Rejection::UnknownClass)?;
        let row = self.class(class).ok_or(Rejection::UnknownClass)?;
        if row.paused {
            return Err(Rejection::ClassPaused);
        }
        if self.issued.owned(class, account).is_some_and(|state| state.frozen || state.stopped) {
            return Err(Rejection::TokenFrozen);
        }
        Ok(row)
    }

    fn guard_issued_out(&self, token: TokenIx, account: AccountIx, amount: Amount) -> Result<(), Rejection> {
        let class = self.guard_issued(token, account)?;
        let left = self.ledger.book(account, token).free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
        let rules = &class.spec.rules;
        let lessens = !amount.is_zero() && rules.has_hook(min_balance::ID);
        if lessens && !min_balance::leaves_enough(rules, left) { Err(Rejection::BelowMinBalance) } else { Ok(()) }
    }
}
