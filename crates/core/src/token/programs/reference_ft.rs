//! A fungible token: the issuer mints to itself, owners transfer and burn, the issuer freezes.

use crate::token::class::Standard;
use crate::token::operation::OperationKind;
use crate::token::program::{Context, Effect, Program, Refusal};

/// See the module.
pub(super) struct ReferenceFt;

pub(super) const NOT_ISSUER: Refusal =
    Refusal { code: "initiator-not-issuer", message: "only the class's issuer may do this" };
pub(super) const NOT_OWNER: Refusal =
    Refusal { code: "initiator-not-owner", message: "only the token's owner may do this" };
pub(super) const UNKNOWN: Refusal =
    Refusal { code: "unsupported-operation", message: "the class's program does not know this operation" };

impl Program for ReferenceFt {
    fn id(&self) -> &'static str {
        "reference-ft"
    }

    fn standards(&self) -> &'static [Standard] {
        &[Standard::Ft]
    }

    fn operations(&self) -> &'static [OperationKind] {
        use OperationKind::*;
        &[Mint, Transfer, Burn, Freeze, Unfreeze, UpdateMetadata]
    }

    fn validate(&self, context: &Context<'_>) -> Result<(), Refusal> {
        use OperationKind::*;
        match context.operation.kind {
            Mint => {
                context.amount()?;
                if context.by_issuer() { Ok(()) } else { Err(NOT_ISSUER) }
            }
            Transfer | Burn => {
                context.amount()?;
                if context.by_owner { Ok(()) } else { Err(NOT_OWNER) }
            }
            Freeze | Unfreeze | UpdateMetadata if context.by_issuer() => Ok(()),
            Freeze | Unfreeze | UpdateMetadata => Err(NOT_ISSUER),
            Approve => Err(UNKNOWN),
        }
    }

    fn execute(&self, context: &Context<'_>) -> Result<Effect, Refusal> {
        use OperationKind::*;
        Ok(match context.operation.kind {
            Mint => Effect::Mint(context.amount()?),
            Transfer => Effect::Transfer(context.amount()?),
            Burn => Effect::Burn(context.amount()?),
            Freeze => Effect::Freeze(true),
            Unfreeze => Effect::Freeze(false),
            UpdateMetadata => Effect::Metadata,
            Approve => return Err(UNKNOWN),
        })
    }
}
