//! Programs: what an operation comes to. Pure and synchronous; the core checks and posts what they ask for, so that no
//! program can make its token's books wrong.

use super::class::{ClassSpec, Standard};
use super::hook;
use super::operation::{Operation, OperationKind};
use super::programs::PROGRAMS;
use crate::Amount;

/// A token as programs and hooks see it.
#[derive(Clone, Copy, Debug)]
pub struct TokenView<'a> {
    /// Its id within its class.
    pub id: &'a str,
    /// Whose it is; nobody's when it was burned.
    pub owner: Option<&'a str>,
    /// What its owner may move; nothing for a token that is one of its kind.
    pub free: Amount,
    /// What is locked.
    pub held: Amount,
    /// It does not move.
    pub frozen: bool,
    /// How many states it had.
    pub version: u64,
    /// What is known of it.
    pub metadata: &'a [(Box<str>, Box<str>)],
}

/// Everything that a program or a hook may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The class, with its rules of today.
    pub class: &'a ClassSpec,
    /// What is asked.
    pub operation: &'a Operation,
    /// How much there is: base units, or tokens.
    pub supply: Amount,
    /// The token that changes; nothing when a mint makes it.
    pub token: Option<TokenView<'a>>,
    /// The initiator owns that token.
    pub by_owner: bool,
    /// The initiator was approved to transfer it.
    pub by_approved: bool,
}

impl Context<'_> {
    /// The class names no issuer, or the initiator is it.
    pub fn by_issuer(&self) -> bool {
        self.class.rules.metadata.issuer.as_ref().is_none_or(|issuer| *issuer == self.operation.initiator)
    }

    /// The amount of the operation.
    ///
    /// # Errors
    /// It has none, or nothing.
    pub fn amount(&self) -> Result<Amount, Refusal> {
        let amount = self.operation.amount.filter(|amount| !amount.is_zero());
        amount.ok_or(Refusal { code: "amount-zero", message: "the operation needs an amount above zero" })
    }
}

/// Why a program or a hook does not let an operation happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: &'static str,
}

/// What a program makes of an operation. Who owns, receives and is approved is said by the operation's identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// So much new supply for the issuer; of a token that is one of its kind, the token itself.
    Mint(Amount),
    /// So much from the initiator to the recipient; of a token that is one of its kind, the token itself.
    Transfer(Amount),
    /// So much less supply; of a token that is one of its kind, its end.
    Burn(Amount),
    /// It does not move from now on, or moves again.
    Freeze(bool),
    /// The operation's metadata replaces the token's.
    Metadata,
    /// The operation's approved identity may transfer it once.
    Approve,
}

/// A token program.
pub trait Program: Sync {
    /// Its name for ever.
    fn id(&self) -> &'static str;
    /// The standards it runs.
    fn standards(&self) -> &'static [Standard];
    /// The operations it knows.
    fn operations(&self) -> &'static [OperationKind];
    /// Whether the operation is good for the state as it is.
    ///
    /// # Errors
    /// Why it is not.
    fn validate(&self, context: &Context<'_>) -> Result<(), Refusal>;
    /// What it comes to.
    ///
    /// # Errors
    /// Why it comes to nothing.
    fn execute(&self, context: &Context<'_>) -> Result<Effect, Refusal>;
}

/// The program of that id.
pub(super) fn by_id(id: &str) -> Option<&'static dyn Program> {
    PROGRAMS.iter().copied().find(|program| program.id() == id)
}

/// The tables of programs and hooks contradict themselves: a mistake of whoever built this engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two programs say they are the same.
    #[error("two programs are called {0}")]
    Program(&'static str),
    /// Two hooks say they are the same.
    #[error("two hooks are called {0}")]
    Hook(&'static str),
}

impl RegistryError {
    /// Stable; clients and alerts match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Program(_) => "program-registered-twice",
            Self::Hook(_) => "hook-registered-twice",
        }
    }
}

fn twice<'a>(ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    ids.into_iter().find(|id| !seen.insert(*id))
}

/// Whether every program and every hook has a name of its own. The engine asks before it starts.
///
/// # Errors
/// The first name that stands twice.
pub fn check_registry() -> Result<(), RegistryError> {
    check(PROGRAMS, hook::ids())
}

fn check(programs: &[&'static dyn Program], hooks: impl Iterator<Item = &'static str>) -> Result<(), RegistryError> {
    if let Some(id) = twice(programs.iter().map(|program| program.id())) {
        return Err(RegistryError::Program(id));
    }
    twice(hooks).map_or(Ok(()), |id| Err(RegistryError::Hook(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_or_hooks_of_one_name_do_not_start() {
        assert_eq!(check_registry(), Ok(()));
        let first = PROGRAMS[0];
        assert_eq!(check(&[first, first], hook::ids()), Err(RegistryError::Program(first.id())));
        let hooks = ["a", "b", "a"].into_iter();
        assert_eq!(check(PROGRAMS, hooks), Err(RegistryError::Hook("a")));
    }
}
