//! Token classes: what the operator lays down for all tokens of one kind.

use super::commitment::CommitmentConfig;
use crate::ids::*;
use crate::model::Stop;
use crate::wire::{wire_enum, wire_struct};
use crate::{Amount, Rejection};

/// What kind of tokens a class has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standard {
    /// Fungible: amounts of a token of the ledger.
    Ft,
    /// Each token is one of its kind and has one owner.
    Nft,
}
wire_enum!(Standard { 0 => Ft, 1 => Nft });

/// A hook of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookUse {
    /// The hook's id.
    pub hook: Box<str>,
    /// The lower runs first; of equal ones, the one that is named first.
    pub priority: u16,
}
wire_struct!(HookUse { hook, priority });

/// What programs and hooks are told of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassMetadata {
    /// The most there may ever be at once: base units, or tokens. For the hook `max-supply`.
    pub max_supply: Option<Amount>,
    /// The least that may stay free, unless nothing stays. For the hook `min-balance`.
    pub min_balance: Option<Amount>,
    /// The one who may mint and freeze; whoever may submit operations when nobody is named.
    pub issuer: Option<Box<str>>,
    /// Free fields.
    pub fields: Vec<(Box<str>, Box<str>)>,
}
wire_struct!(ClassMetadata { max_supply, min_balance, issuer, fields });

/// What of a class may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRules {
    /// What programs and hooks are told.
    pub metadata: ClassMetadata,
    /// What is asked before an operation is executed.
    pub hooks: Vec<HookUse>,
    /// How states are committed to from now on; older states keep theirs.
    pub commitment: CommitmentConfig,
}
wire_struct!(ClassRules { metadata, hooks, commitment });

/// What a class is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    /// The operator's name for it; of a fungible class, its token's too.
    pub id: Box<str>,
    /// The program that runs its operations.
    pub program: Box<str>,
    /// What kind of tokens it has.
    pub standard: Standard,
    /// The ledger precision of its token; none for tokens that are one of their kind.
    pub decimals: u8,
    /// What may change later.
    pub rules: ClassRules,
}
wire_struct!(ClassSpec { id, program, standard, decimals, rules });

/// A class as it stands.
#[derive(Clone, Debug)]
pub struct Class {
    /// What it was made from, with the rules of today.
    pub spec: ClassSpec,
    /// Its token in the ledger, if it is fungible.
    pub token: Option<TokenIx>,
    /// Every commitment configuration it ever had, the last one in force.
    pub configs: Vec<CommitmentConfig>,
    /// The operator paused it.
    pub paused: bool,
    /// Its program panicked: nothing runs until a person has resumed it.
    pub quarantined: Option<Stop>,
    /// How many tokens that are one of their kind there are.
    pub count: u64,
    /// Where in the journal it was made and changed, and when.
    pub history: Vec<(Position, Time)>,
}
wire_struct!(Class { spec, token, configs, paused, quarantined, count, history });

const MAX_FIELDS: usize = 64;
const MAX_HOOKS: usize = 16;

/// Names and values that are shown: not too many, not too long, none twice, in the order of their names.
pub(super) fn fields_ok(fields: &[(Box<str>, Box<str>)]) -> bool {
    let text = |text: &str, least: usize| (least..=300).contains(&text.len()) && !text.chars().any(char::is_control);
    let ordered = fields.iter().zip(fields.iter().skip(1)).all(|((a, _), (b, _))| a < b);
    fields.len() <= MAX_FIELDS && ordered && fields.iter().all(|(name, value)| text(name, 1) && text(value, 0))
}

impl ClassSpec {
    /// A name that fits into a path: what an operator names anything by.
    pub(super) fn name_ok(&self) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=64).contains(&self.id.len()) && self.id.bytes().all(plain)
    }
}

impl ClassRules {
    /// In this order: fields that can be shown, known hooks, a commitment that covers what it must.
    pub(super) fn check(&self, standard: Standard) -> Result<(), Rejection> {
        if !fields_ok(&self.metadata.fields) || self.hooks.len() > MAX_HOOKS {
            return Err(Rejection::RuleInvalid);
        }
        if self.hooks.iter().any(|used| super::hook::by_id(&used.hook).is_none()) {
            return Err(Rejection::UnknownHook);
        }
        let twice = |at: usize, used: &HookUse| self.hooks.iter().take(at).any(|other| other.hook == used.hook);
        if self.hooks.iter().enumerate().any(|(at, used)| twice(at, used)) || !self.commitment.is_valid(standard) {
            return Err(Rejection::RuleInvalid);
        }
        Ok(())
    }

    /// The hooks in the order they run in.
    pub(super) fn ordered_hooks(&self) -> Vec<&HookUse> {
        let mut hooks: Vec<&HookUse> = self.hooks.iter().collect();
        hooks.sort_by_key(|used| used.priority);
        hooks
    }

    pub(super) fn has_hook(&self, id: &str) -> bool {
        self.hooks.iter().any(|used| *used.hook == *id)
    }
}
