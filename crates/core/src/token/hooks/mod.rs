//! Every hook there is: a file each, and a line in the table.

mod max_supply;
pub(super) mod min_balance;
mod validation;

use super::hook::Hook;

/// The table.
pub(super) const HOOKS: &[&dyn Hook] = &[&validation::Validation, &max_supply::MaxSupply, &min_balance::MinBalance];
