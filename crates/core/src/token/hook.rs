//! Hooks: what is asked before an operation is executed. Pure and synchronous, by priority; the first that blocks ends it.

use super::hooks::HOOKS;
use super::program::{Context, Refusal};

/// What a hook says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Go on, and keep the remark.
    Warn(Refusal),
    /// It does not happen.
    Block(Refusal),
}

/// A hook that runs before an operation is executed.
pub trait Hook: Sync {
    /// Its name for ever.
    fn id(&self) -> &'static str;
    /// What it says to an operation.
    fn check(&self, context: &Context<'_>) -> Verdict;
}

/// The hook of that id.
pub(super) fn by_id(id: &str) -> Option<&'static dyn Hook> {
    HOOKS.iter().copied().find(|hook| hook.id() == id)
}

pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    HOOKS.iter().map(|hook| hook.id())
}
