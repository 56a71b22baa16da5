//! No more than the class's maximum is ever there at once.

use crate::Amount;
use crate::token::class::Standard;
use crate::token::hook::{Hook, Verdict};
use crate::token::operation::OperationKind;
use crate::token::program::{Context, Refusal};

/// See the module.
pub(super) struct MaxSupply;

impl Hook for MaxSupply {
    fn id(&self) -> &'static str {
        "max-supply"
    }

    fn check(&self, context: &Context<'_>) -> Verdict {
        let Some(most) = context.class.rules.metadata.max_supply else { return Verdict::Allow };
        if context.operation.kind != OperationKind::Mint {
            return Verdict::Allow;
        }
        let more = match context.class.standard {
            Standard::Ft => context.operation.amount.unwrap_or_default(),
            Standard::Nft => Amount::new(1),
        };
        match context.supply.checked_add(more) {
            Some(sum) if sum <= most => Verdict::Allow,
            _ => Verdict::Block(Refusal {
                code: "max-supply-exceeded",
                message: "the class would have more than its maximum supply",
            }),
        }
    }
}
