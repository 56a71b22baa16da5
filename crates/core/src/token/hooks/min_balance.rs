//! What stays with an owner is the class's minimum at least, or nothing.

use crate::Amount;
use crate::token::class::{ClassRules, Standard};
use crate::token::hook::{Hook, Verdict};
use crate::token::operation::OperationKind;
use crate::token::program::{Context, Refusal};

/// See the module.
pub(super) struct MinBalance;

pub(in crate::token) const ID: &str = "min-balance";

/// Whether a free balance that was lessened to `left` is good under the rules of its class.
pub(in crate::token) fn leaves_enough(rules: &ClassRules, left: Amount) -> bool {
    left.is_zero() || rules.metadata.min_balance.is_none_or(|least| left >= least)
}

impl Hook for MinBalance {
    fn id(&self) -> &'static str {
        ID
    }

    fn check(&self, context: &Context<'_>) -> Verdict {
        let lessens = matches!(context.operation.kind, OperationKind::Transfer | OperationKind::Burn);
        let (Some(token), true) = (context.token, lessens && context.class.standard == Standard::Ft) else {
            return Verdict::Allow;
        };
        match token.free.checked_sub(context.operation.amount.unwrap_or_default()) {
            Some(left) if !leaves_enough(&context.class.rules, left) => Verdict::Block(Refusal {
                code: "below-min-balance",
                message: "what stays would be below the class's minimum balance",
            }),
            // That there is too little is said by whoever posts it.
            _ => Verdict::Allow,
        }
    }
}
