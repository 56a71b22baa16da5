//! Tokens that are one of their kind: minted once under an id, moved by the owner or by whom the owner approved.

use super::reference_ft::{NOT_ISSUER, NOT_OWNER};
use crate::Amount;
use crate::token::class::Standard;
use crate::token::operation::OperationKind;
use crate::token::program::{Context, Effect, Program, Refusal};

/// See the module.
pub(super) struct ReferenceNft;

impl Program for ReferenceNft {
    fn id(&self) -> &'static str {
        "reference-nft"
    }

    fn standards(&self) -> &'static [Standard] {
        &[Standard::Nft]
    }

    fn operations(&self) -> &'static [OperationKind] {
        use OperationKind::*;
        &[Mint, Transfer, Burn, Freeze, Unfreeze, UpdateMetadata, Approve]
    }

    fn validate(&self, context: &Context<'_>) -> Result<(), Refusal> {
        use OperationKind::*;
        let (allowed, otherwise) = match context.operation.kind {
            Mint | Freeze | Unfreeze | UpdateMetadata => (context.by_issuer(), NOT_ISSUER),
            Transfer => (context.by_owner || context.by_approved, NOT_OWNER),
            Burn | Approve => (context.by_owner, NOT_OWNER),
        };
        if allowed { Ok(()) } else { Err(otherwise) }
    }

    fn execute(&self, context: &Context<'_>) -> Result<Effect, Refusal> {
        use OperationKind::*;
        let one = Amount::new(1);
        Ok(match context.operation.kind {
            Mint => Effect::Mint(one),
            Transfer => Effect::Transfer(one),
            Burn => Effect::Burn(one),
            Freeze => Effect::Freeze(true),
            Unfreeze => Effect::Freeze(false),
            UpdateMetadata => Effect::Metadata,
            Approve => Effect::Approve,
        })
    }
}
