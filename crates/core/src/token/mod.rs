//! Token programs: classes of issued tokens, the programs and hooks that run their operations, and the commitment that every
//! state of a token carries.
//!
//! An issued fungible token is an ordinary token of the ledger: its balances stand in the ledger's books, against the issued
//! supply. It promises that no posting of such a token, whichever door it comes through, goes past its class's guard or
//! leaves its commitment behind. **The ledger knows none of this**; it only notes which guarded balances an event changed.

mod class;
mod commitment;
mod decide;
mod evolve;
mod guard;
mod hook;
mod hooks;
mod merkle;
mod operation;
mod program;
mod programs;
mod state;
mod verify;

pub use class::{Class, ClassMetadata, ClassRules, ClassSpec, HookUse, Standard};
pub use commitment::{Algorithm, CommitmentConfig, Field, Sealed};
pub use hook::{Hook, Verdict};
pub use merkle::TokenProof;
pub use operation::{Identity, IdentityRole, Operation, OperationKind, Warning};
pub use program::{Context, Effect, Program, Refusal, RegistryError, TokenView, check_registry};
pub(crate) use state::Issued;
pub use state::{Failure, OperationOutcome, Posting, TokenChange, TokenState};
pub use verify::Tampered;
