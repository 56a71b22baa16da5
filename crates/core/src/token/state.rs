//! The rows of issued tokens: a state each, and what an operation does to them.

use super::class::Class;
use super::merkle::Tree;
use super::operation::Operation;
use crate::ids::*;
use crate::known::Known;
use crate::rows::Rows;
use crate::wire::{Bytes, DecodeError, Wire, wire_enum, wire_struct};
use crate::{Amount, State};
use std::collections::BTreeMap;

/// A token of a class: all of a fungible class that one account has, or one of its kind. What a fungible one has stands in
/// the ledger's books alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenState {
    /// Of which class.
    pub class: ClassIx,
    /// Its id within the class; empty for a fungible one, which goes by its owner's name.
    pub id: Box<str>,
    /// Whose it is; nobody's when it was burned.
    pub owner: Option<AccountIx>,
    /// Who may transfer it once besides the owner.
    pub approved: Option<AccountIx>,
    /// It does not move.
    pub frozen: bool,
    /// Its commitment was found wrong; it does not move either. No commitment covers this.
    pub stopped: bool,
    /// How many states it had, this one included.
    pub version: u64,
    /// Under which of its class's configurations it was committed to, in their order.
    pub config: u32,
    /// What is known of it, in the order of the names.
    pub metadata: Vec<(Box<str>, Box<str>)>,
    /// The commitment of the state before.
    pub previous: [u8; 32],
    /// The commitment of this state.
    pub commitment: [u8; 32],
}
wire_struct!(TokenState {
    class,
    id,
    owner,
    approved,
    frozen,
    stopped,
    version,
    config,
    metadata,
    previous,
    commitment,
});

/// A token after an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenChange {
    /// Its new state.
    pub state: TokenState,
    /// What its owner may move then, of a fungible one.
    pub free: Amount,
    /// What is locked then, of a fungible one.
    pub held: Amount,
}
wire_struct!(TokenChange { state, free, held });

/// What an operation does to the ledger's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    /// Nothing.
    Nothing,
    /// New supply.
    Minted {
        /// Of which token of the ledger.
        token: TokenIx,
        /// For whom.
        to: AccountIx,
        /// How much, in base units.
        amount: Amount,
    },
    /// From one account to another.
    Moved {
        /// Of which token of the ledger.
        token: TokenIx,
        /// Who had it.
        from: AccountIx,
        /// Who has it.
        to: AccountIx,
        /// How much, in base units.
        amount: Amount,
    },
    /// Supply ended.
    Burned {
        /// Of which token of the ledger.
        token: TokenIx,
        /// Whose it was.
        from: AccountIx,
        /// How much, in base units.
        amount: Amount,
    },
}
wire_enum!(Posting { 0 => Nothing, 1 => Minted { token, to, amount }, 2 => Moved { token, from, to, amount }, 3 => Burned { token, from, amount } });

/// What a failed operation leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing.
    Plain,
    /// The commitment of a token was found wrong: it does not move until a person has looked.
    Tampered {
        /// Of which class.
        class: ClassIx,
        /// Its id within the class.
        token: Box<str>,
    },
    /// The program or a hook panicked: the class runs no program until a person has looked.
    Quarantined {
        /// Which class.
        class: ClassIx,
    },
}
wire_enum!(Failure { 0 => Plain, 1 => Tampered { class, token }, 2 => Quarantined { class } });

/// Where an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationOutcome {
    /// Its last event.
    pub position: Position,
    /// It was executed; otherwise it failed and did nothing.
    pub completed: bool,
}

/// Everything of token programs.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(super) classes: Vec<Class>,
    pub(super) tokens: Rows<TokenState>,
    by_owner: BTreeMap<(ClassIx, AccountIx), u32>,
    by_id: BTreeMap<(ClassIx, Box<str>), u32>,
    of_token: BTreeMap<TokenIx, ClassIx>,
    by_name: BTreeMap<Box<str>, ClassIx>,
    operations: Known,
    pub(super) tree: Tree,
}

const COMPLETED: AccountIx = AccountIx(1);
const FAILED: AccountIx = AccountIx(0);

impl Issued {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            classes: Vec::new(),
            tokens: Rows::default(),
            by_owner: BTreeMap::new(),
            by_id: BTreeMap::new(),
            of_token: BTreeMap::new(),
            by_name: BTreeMap::new(),
            operations: Known::new(seed),
            tree: Tree::default(),
        }
    }

    pub(super) fn add_class(&mut self, class: Class) {
        let ix = ClassIx::from_row(self.classes.len());
        if let Some(token) = class.token {
            self.of_token.insert(token, ix);
        }
        self.by_name.insert(class.spec.id.clone(), ix);
        self.classes.push(class);
    }

    pub(super) fn class_of(&self, token: TokenIx) -> Option<ClassIx> {
        self.of_token.get(&token).copied()
    }

    fn row(&self, at: Option<&u32>) -> Option<&TokenState> {
        self.tokens.get(usize::try_from(*at?).ok()?)
    }

    /// An account's token of a fungible class.
    pub(super) fn owned(&self, class: ClassIx, owner: AccountIx) -> Option<&TokenState> {
        self.row(self.by_owner.get(&(class, owner)))
    }

    /// A token that is one of its kind.
    pub(super) fn single(&self, class: ClassIx, id: &str) -> Option<&TokenState> {
        self.row(self.by_id.get(&(class, id.into())))
    }

    /// Where a token's row is.
    pub(super) fn place(&self, state: &TokenState) -> Option<usize> {
        let at = match state.owner {
            Some(owner) if state.id.is_empty() => self.by_owner.get(&(state.class, owner)),
            _ => self.by_id.get(&(state.class, state.id.clone())),
        };
        at.and_then(|at| usize::try_from(*at).ok())
    }

    /// A token's state from now on; gives where its row is.
    pub(super) fn set(&mut self, state: TokenState) -> usize {
        match self.place(&state).and_then(|at| Some((at, self.tokens.get_mut(at)?))) {
            Some((at, row)) => {
                *row = state;
                at
            }
            None => self.add(state),
        }
    }

    fn add(&mut self, state: TokenState) -> usize {
        let at = u32::try_from(self.tokens.len()).expect("decide refuses more rows than ids");
        match state.owner {
            Some(owner) if state.id.is_empty() => self.by_owner.insert((state.class, owner), at),
            _ => self.by_id.insert((state.class, state.id.clone()), at),
        };
        self.tokens.push(state)
    }

    pub(super) fn operation(&self, tx_id: &str) -> Option<OperationOutcome> {
        let (position, outcome) = self.operations.get(Operation::id_fingerprint(tx_id))?;
        Some(OperationOutcome { position: Position(position), completed: outcome == COMPLETED })
    }

    /// Whether an operation of that id had this content.
    pub(super) fn has_content(&self, operation: &Operation) -> bool {
        self.operations.get(operation.content_fingerprint()).is_some()
    }

    pub(super) fn remember(&mut self, operation: &Operation, position: Position, completed: bool) {
        let outcome = if completed { COMPLETED } else { FAILED };
        self.operations.set(Operation::id_fingerprint(&operation.tx_id), position.0, outcome);
        self.operations.set(operation.content_fingerprint(), position.0, outcome);
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.classes.put(out);
        self.tokens.put(out);
        self.operations.put(out);
    }

    pub(crate) fn get(bytes: &mut Bytes<'_>, seed: u64) -> Result<Self, DecodeError> {
        let mut issued = Self::new(seed);
        let classes: Vec<Class> = Wire::get(bytes)?;
        classes.into_iter().for_each(|class| issued.add_class(class));
        let tokens: Rows<TokenState> = Wire::get(bytes)?;
        for state in tokens.iter().cloned() {
            issued.add(state);
        }
        issued.operations = Known::get_from(bytes, seed)?;
        Ok(issued)
    }
}

impl State {
    /// A class of issued tokens by its number.
    pub fn class(&self, class: ClassIx) -> Option<&Class> {
        self.issued.classes.get(class.row())
    }

    /// All classes, in the order of their making.
    pub fn classes(&self) -> impl Iterator<Item = (ClassIx, &Class)> {
        self.issued.classes.iter().enumerate().map(|(row, class)| (ClassIx::from_row(row), class))
    }

    /// A class by the operator's name.
    pub fn class_by_id(&self, id: &str) -> Option<ClassIx> {
        self.issued.by_name.get(id).copied()
    }

    /// The class whose token that is in the ledger.
    pub fn class_of_token(&self, token: TokenIx) -> Option<ClassIx> {
        self.issued.class_of(token)
    }

    /// How much of a class there is: base units, or tokens.
    pub fn supply(&self, class: ClassIx) -> Amount {
        let Some(class) = self.class(class) else { return Amount::ZERO };
        match class.token {
            Some(token) => self.ledger.totals(token).map(|totals| totals.issued).unwrap_or_default(),
            None => Amount::new(class.count.into()),
        }
    }

    /// A token of a class by its id: of a fungible class, by a name of its owner.
    pub fn issued_token(&self, class: ClassIx, id: &str) -> Option<&TokenState> {
        match self.class(class)?.token {
            Some(_) => self.issued.owned(class, self.ledger.account_by_name(id)?),
            None => self.issued.single(class, id),
        }
    }

    /// All tokens of all classes, in the order of their making.
    pub fn issued_tokens(&self) -> impl Iterator<Item = &TokenState> {
        self.issued.tokens.iter()
    }

    /// Where the operation of that id ended, however long ago.
    pub fn operation(&self, tx_id: &str) -> Option<OperationOutcome> {
        self.issued.operation(tx_id)
    }
}
