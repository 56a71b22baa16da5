//! An operation has what its kind needs, and nobody stands in it twice in one role.

use crate::token::hook::{Hook, Verdict};
use crate::token::operation::{IdentityRole, OperationKind};
use crate::token::program::{Context, Refusal};

/// See the module.
pub(super) struct Validation;

impl Hook for Validation {
    fn id(&self) -> &'static str {
        "validation"
    }

    fn check(&self, context: &Context<'_>) -> Verdict {
        let operation = context.operation;
        let needed = match operation.kind {
            OperationKind::Mint => Some(IdentityRole::Issuer),
            OperationKind::Transfer => Some(IdentityRole::Recipient),
            OperationKind::Burn
            | OperationKind::Freeze
            | OperationKind::Unfreeze
            | OperationKind::UpdateMetadata
            | OperationKind::Approve => None,
        };
        if needed.is_some_and(|role| operation.identity(role).is_none()) {
            return Verdict::Block(Refusal {
                code: "identity-missing",
                message: "the operation names nobody in a role that it needs",
            });
        }
        let single = |role: IdentityRole| operation.identities.iter().filter(|who| who.role == role).count() <= 1;
        if !IdentityRole::ALL.iter().all(|(role, _)| single(*role)) {
            return Verdict::Block(Refusal {
                code: "identity-twice",
                message: "the operation names two identities in one role",
            });
        }
        if operation.timestamp.is_none() {
            return Verdict::Warn(Refusal {
                code: "timestamp-missing",
                message: "the operation does not say when it was made",
            });
        }
        Verdict::Allow
    }
}
