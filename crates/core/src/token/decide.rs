//! What an operation comes to. It is checked in the order of its steps; the first that fails is its answer.

use super::class::{Class, ClassRules, ClassSpec, Standard};
use super::hook::{self, Verdict};
use super::operation::{IdentityRole, Operation, OperationKind, Warning};
use super::program::{self, Context, Effect, Program, Refusal, TokenView};
use super::state::{Failure, Posting, TokenChange, TokenState};
use crate::decide::Decision;
use crate::event::{Event, Subject};
use crate::exchange::Answer;
use crate::ids::*;
use crate::{Amount, Rejection, State};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why an operation failed, and what it leaves behind.
struct Failed {
    code: Box<str>,
    message: Box<str>,
    failure: Failure,
}

impl From<Refusal> for Failed {
    fn from(why: Refusal) -> Self {
        Self { code: why.code.into(), message: why.message.into(), failure: Failure::Plain }
    }
}

impl From<Rejection> for Failed {
    fn from(why: Rejection) -> Self {
        Self { code: why.code().into(), message: why.to_string().into(), failure: Failure::Plain }
    }
}

const QUARANTINED: Refusal = Refusal {
    code: "program-quarantined",
    message: "the class's program panicked; it runs nothing until a person has looked",
};
const PANICKED: Refusal = Refusal {
    code: "program-panicked",
    message: "the program or a hook panicked; the class runs nothing until a person has looked",
};
const MISMATCH: Refusal = Refusal {
    code: "commitment-mismatch",
    message: "the token's state is not what its commitment says; it is frozen until a person has looked",
};
const TOKEN_BURNED: Refusal = Refusal { code: "token-burned", message: "the token was burned" };
const TOKEN_EXISTS: Refusal = Refusal { code: "token-exists", message: "a token of that id was minted before" };
const TOKEN_MISSING: Refusal = Refusal { code: "token-missing", message: "no such token of the class exists" };
const IDENTITY_MISSING: Refusal =
    Refusal { code: "identity-missing", message: "the operation names nobody in a role that it needs" };
const UNSUPPORTED: Refusal =
    Refusal { code: "unsupported-operation", message: "the class's program does not know this operation" };

/// Whoever is given something.
struct Receiver<'a> {
    account: AccountIx,
    name: &'a str,
    /// The account is opened with the operation.
    opened: bool,
    state: Option<&'a TokenState>,
}

/// Who and what takes part in an operation.
struct Parties<'a> {
    initiator: Option<AccountIx>,
    token: Option<&'a TokenState>,
    receiver: Option<Receiver<'a>>,
}

impl State {
    /// In this order: a name that is free, a known program that supports the standard, rules that hold.
    pub(crate) fn decide_create_class(&self, spec: &ClassSpec) -> Result<Event, Rejection> {
        let decimals_ok =
            spec.decimals <= if spec.standard == Standard::Ft { crate::exchange::MAX_DECIMALS } else { 0 };
        if !spec.name_ok() || !decimals_ok {
            return Err(Rejection::NameInvalid);
        }
        if self.class_by_id(&spec.id).is_some() || self.token_by_id(&spec.id).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        let program = program::by_id(&spec.program).ok_or(Rejection::UnknownProgram)?;
        if !program.standards().contains(&spec.standard) {
            return Err(Rejection::UnsupportedStandard);
        }
        spec.rules.check(spec.standard)?;
        u32::try_from(self.issued.classes.len().max(self.tokens.len())).map_err(|_| Rejection::TooMany)?;
        Ok(Event::ClassCreated { spec: spec.clone(), request: None })
    }

    /// In this order: a known class, rules that hold, a maximum that is not exceeded already, a commitment configuration that
    /// is the one in force or has a higher version.
    pub(crate) fn decide_change_class(&self, class: ClassIx, rules: &ClassRules) -> Result<Event, Rejection> {
        let row = self.class(class).ok_or(Rejection::UnknownClass)?;
        rules.check(row.spec.standard)?;
        if rules.metadata.max_supply.is_some_and(|most| most < self.supply(class)) {
            return Err(Rejection::RuleInvalid);
        }
        let old = &row.spec.rules.commitment;
        if rules.commitment != *old && rules.commitment.version <= old.version {
            return Err(Rejection::RuleInvalid);
        }
        if row.spec.rules == *rules {
            return Err(Rejection::Stale);
        }
        Ok(Event::ClassChanged { class, rules: rules.clone(), request: None })
    }

    /// Resuming lets a quarantined program run again, too.
    pub(crate) fn decide_pause_class(&self, class: ClassIx, paused: bool, reason: &str) -> Result<Event, Rejection> {
        let row = self.class(class).ok_or(Rejection::UnknownClass)?;
        if paused && row.paused {
            return Err(Rejection::AlreadyPaused);
        }
        if !paused && !row.paused && row.quarantined.is_none() {
            return Err(Rejection::NotPaused);
        }
        Ok(Event::ClassPaused { class, paused, reason: reason.into(), request: None })
    }

    /// The answer to an operation that was executed before. One that failed did nothing, so the same again is tried again.
    pub(crate) fn operation_done(&self, operation: &Operation) -> Option<Decision> {
        let before = self.issued.operation(&operation.tx_id)?;
        if !self.issued.has_content(operation) {
            return Some(Decision::Refused(Rejection::OperationReused));
        }
        let answer = Answer { position: before.position, subject: Subject::Event, refused: None };
        before.completed.then_some(Decision::Replayed(answer))
    }

    /// An operation that fails is an event too; refused is only what cannot be kept, and what comes while all is paused.
    pub(crate) fn decide_operate(&self, operation: &Operation) -> Result<Event, Rejection> {
        if !operation.is_valid() {
            return Err(Rejection::OperationInvalid);
        }
        if self.paused {
            return Err(Rejection::Paused);
        }
        Ok(self.run(operation).unwrap_or_else(|Failed { code, message, failure }| Event::OperationFailed {
            operation: operation.clone().into(),
            code,
            message,
            failure,
        }))
    }

    fn run(&self, operation: &Operation) -> Result<Event, Failed> {
        let ix = self.class_by_id(&operation.class).ok_or(Rejection::UnknownClass)?;
        let class = self.class(ix).ok_or(Rejection::UnknownClass)?;
        if class.paused {
            return Err(Rejection::ClassPaused.into());
        }
        if class.quarantined.is_some() {
            return Err(QUARANTINED.into());
        }
        let program = program::by_id(&class.spec.program).ok_or(Rejection::UnknownProgram)?;
        if !program.standards().contains(&class.spec.standard) {
            return Err(Rejection::UnsupportedStandard.into());
        }
        if !program.operations().contains(&operation.kind) {
            return Err(UNSUPPORTED.into());
        }
        let parties = self.parties(ix, class, operation)?;
        self.check_states(operation, &parties)?;
        let (effect, warnings) = self.ask(ix, class, program, operation, &parties)?;
        let (posting, changes) = self.changes(ix, class, operation, &parties, effect)?;
        let opened = parties.receiver.filter(|receiver| receiver.opened && posting_gives(&posting, &changes, receiver));
        Ok(Event::Operated {
            operation: operation.clone().into(),
            class: ix,
            opened: opened.map(|receiver| receiver.name.into()),
            posting,
            changes,
            warnings,
        })
    }

    /// Gets the token that changes, and who is given something.
    fn parties<'a>(&'a self, ix: ClassIx, class: &Class, operation: &'a Operation) -> Result<Parties<'a>, Failed> {
        use OperationKind::*;
        let fungible = class.token.is_some();
        let initiator = self.ledger.account_by_name(&operation.initiator);
        let role = match operation.kind {
            Mint => Some(IdentityRole::Issuer),
            Transfer => Some(IdentityRole::Recipient),
            Approve => Some(IdentityRole::Approved),
            Burn | Freeze | Unfreeze | UpdateMetadata => None,
        };
        let receiver = match role {
            Some(role) => Some(self.receiver(ix, fungible, operation.identity(role).ok_or(IDENTITY_MISSING)?)?),
            None => None,
        };
        let by_id = || -> Result<Option<&TokenState>, Failed> {
            let id = operation.token.as_deref().ok_or(TOKEN_MISSING)?;
            Ok(self.issued_token(ix, id))
        };
        let token = match operation.kind {
            Mint if fungible => receiver.as_ref().and_then(|receiver| receiver.state),
            Mint => match by_id()? {
                Some(_) => return Err(TOKEN_EXISTS.into()),
                None => None,
            },
            Transfer if fungible => {
                let own = initiator.and_then(|initiator| self.issued.owned(ix, initiator));
                Some(own.ok_or(Rejection::InsufficientFunds)?)
            }
            _ => Some(by_id()?.ok_or(TOKEN_MISSING)?),
        };
        Ok(Parties { initiator, token, receiver })
    }

    fn receiver<'a>(&'a self, ix: ClassIx, fungible: bool, name: &'a str) -> Result<Receiver<'a>, Failed> {
        let Some(account) = self.ledger.account_by_name(name) else {
            self.decide_open_account(None, name)?;
            let account = AccountIx::from_row(self.ledger.accounts());
            return Ok(Receiver { account, name, opened: true, state: None });
        };
        let state = if fungible { self.issued.owned(ix, account) } else { None };
        Ok(Receiver { account, name, opened: false, state })
    }

    /// In this order: the states are what their commitments say, the token is there, nothing is frozen.
    fn check_states(&self, operation: &Operation, parties: &Parties<'_>) -> Result<(), Failed> {
        let others = parties.receiver.as_ref().and_then(|receiver| receiver.state);
        for state in parties.token.into_iter().chain(others) {
            if !self.verify_token(state) {
                let failure = Failure::Tampered { class: state.class, token: self.issued_id(state).into() };
                return Err(Failed { failure, ..MISMATCH.into() });
            }
        }
        let Some(token) = parties.token else { return Ok(()) };
        let owner = token.owner.ok_or(TOKEN_BURNED)?;
        let frozen = |state: &TokenState| state.frozen || state.stopped;
        if operation.kind != OperationKind::Unfreeze && (frozen(token) || others.is_some_and(frozen)) {
            return Err(Rejection::TokenFrozen.into());
        }
        let takes = matches!(operation.kind, OperationKind::Transfer | OperationKind::Burn | OperationKind::Approve);
        if takes && self.ledger.is_frozen(self.ledger.resolve(owner)) {
            return Err(Rejection::AccountFrozen.into());
        }
        Ok(())
    }

    /// The program validates, the hooks are asked, the program executes. A panic ends the operation and stops the class.
    fn ask(
        &self,
        ix: ClassIx,
        class: &Class,
        program: &dyn Program,
        operation: &Operation,
        parties: &Parties<'_>,
    ) -> Result<(Effect, Vec<Warning>), Failed> {
        let is = |account: Option<AccountIx>| {
            let account = account.map(|account| self.ledger.resolve(account));
            account.is_some() && account == parties.initiator
        };
        let context = Context {
            class: &class.spec,
            operation,
            supply: self.supply(ix),
            token: parties.token.map(|state| self.view(state)),
            by_owner: parties.token.is_some_and(|token| is(token.owner)),
            by_approved: parties.token.is_some_and(|token| is(token.approved)),
        };
        let asked = || -> Result<(Effect, Vec<Warning>), Refusal> {
            program.validate(&context)?;
            let mut warnings = Vec::new();
            for used in class.spec.rules.ordered_hooks() {
                match hook::by_id(&used.hook).map(|hook| hook.check(&context)) {
                    Some(Verdict::Block(why)) => return Err(why),
                    Some(Verdict::Warn(why)) => warnings.push(Warning {
                        hook: used.hook.clone(),
                        code: why.code.into(),
                        reason: why.message.into(),
                    }),
                    Some(Verdict::Allow) => {}
                    // A later build does not have it any more: what it would have said is not known.
                    None => {
                        return Err(Refusal {
                            code: "unknown-hook",
                            message: "the class names a hook that is not here",
                        });
                    }
                }
            }
            Ok((program.execute(&context)?, warnings))
        };
        // What was asked saw only shared state, so a panic in it leaves nothing half done.
        match catch_unwind(AssertUnwindSafe(asked)) {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Failed { failure: Failure::Quarantined { class: ix }, ..PANICKED.into() }),
        }
    }

    fn view<'a>(&'a self, state: &'a TokenState) -> TokenView<'a> {
        let book = self.issued_book(state);
        TokenView {
            id: self.issued_id(state),
            owner: state.owner.and_then(|owner| self.ledger.name(owner)),
            free: book.free,
            held: book.held,
            frozen: state.frozen,
            version: state.version,
            metadata: &state.metadata,
        }
    }

    /// What the program asked for, checked against the books: no program can make them wrong.
    fn changes(
        &self,
        ix: ClassIx,
        class: &Class,
        operation: &Operation,
        parties: &Parties<'_>,
        effect: Effect,
    ) -> Result<(Posting, Vec<TokenChange>), Failed> {
        let (token, receiver) = (parties.token, parties.receiver.as_ref());
        let to = || receiver.ok_or(Failed::from(IDENTITY_MISSING));
        let subject = || token.ok_or(Failed::from(TOKEN_MISSING));
        let change = |state: TokenState, free: Amount, held: Amount| {
            let opened = receiver.map(|receiver| receiver.name).unwrap_or_default();
            self.seal(class, TokenChange { state, free, held }, opened)
        };
        let after = |state: TokenState| {
            let book = self.issued_book(&state);
            change(state, book.free, book.held)
        };
        let none = Posting::Nothing;
        match (effect, class.token) {
            (Effect::Mint(amount), Some(token)) => {
                let to = to()?;
                if amount.is_zero() {
                    return Err(Rejection::AmountZero.into());
                }
                if !self.ledger.fits(token, amount) {
                    return Err(Rejection::Overflow.into());
                }
                let (state, free, held) = self.received(ix, class, to, token, amount, &operation.metadata)?;
                Ok((Posting::Minted { token, to: to.account, amount }, vec![change(state, free, held)]))
            }
            (Effect::Transfer(amount), Some(token)) => {
                let (from, to) = (subject()?, to()?);
                let owner = from.owner.ok_or(TOKEN_BURNED)?;
                if amount.is_zero() {
                    return Err(Rejection::AmountZero.into());
                }
                if owner == to.account {
                    return Err(Rejection::SameAccount.into());
                }
                let book = self.issued_book(from);
                let left = book.free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
                let debit = change(next(class, from), left, book.held);
                let (state, free, held) = self.received(ix, class, to, token, amount, &[])?;
                let posting = Posting::Moved { token, from: owner, to: to.account, amount };
                Ok((posting, vec![debit, change(state, free, held)]))
            }
            (Effect::Burn(amount), Some(token)) => {
                let from = subject()?;
                let owner = from.owner.ok_or(TOKEN_BURNED)?;
                if amount.is_zero() {
                    return Err(Rejection::AmountZero.into());
                }
                let book = self.issued_book(from);
                let left = book.free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
                let posting = Posting::Burned { token, from: owner, amount };
                Ok((posting, vec![change(next(class, from), left, book.held)]))
            }
            (Effect::Mint(_), None) => {
                let id = operation.token.clone().filter(|_| token.is_none()).ok_or(TOKEN_EXISTS)?;
                let metadata = operation.metadata.clone();
                Ok((none, vec![after(TokenState { id, metadata, ..first(ix, class, to()?.account) })]))
            }
            (Effect::Transfer(_), None) => {
                let (from, to) = (subject()?, to()?);
                if from.owner.map(|owner| self.ledger.resolve(owner)) == Some(to.account) {
                    return Err(Rejection::SameAccount.into());
                }
                Ok((none, vec![after(TokenState { owner: Some(to.account), approved: None, ..next(class, from) })]))
            }
            (Effect::Burn(_), None) => {
                Ok((none, vec![after(TokenState { owner: None, approved: None, ..next(class, subject()?) })]))
            }
            (Effect::Freeze(frozen), _) => {
                let token = subject()?;
                if frozen == (token.frozen || token.stopped) {
                    return Err(if frozen { Rejection::TokenFrozen } else { Rejection::NotPaused }.into());
                }
                Ok((none, vec![after(TokenState { frozen, stopped: false, ..next(class, token) })]))
            }
            (Effect::Metadata, _) => {
                let metadata = operation.metadata.clone();
                Ok((none, vec![after(TokenState { metadata, ..next(class, subject()?) })]))
            }
            (Effect::Approve, None) => {
                let approved = Some(to()?.account);
                Ok((none, vec![after(TokenState { approved, ..next(class, subject()?) })]))
            }
            (Effect::Approve, Some(_)) => Err(UNSUPPORTED.into()),
        }
    }

    /// The receiver's token of a fungible class with so much more.
    fn received(
        &self,
        ix: ClassIx,
        class: &Class,
        to: &Receiver<'_>,
        token: TokenIx,
        amount: Amount,
        metadata: &[(Box<str>, Box<str>)],
    ) -> Result<(TokenState, Amount, Amount), Failed> {
        let state = match to.state {
            Some(state) => next(class, state),
            None => TokenState { metadata: metadata.to_vec(), ..first(ix, class, to.account) },
        };
        let book = self.ledger.book(to.account, token);
        Ok((state, book.free.checked_add(amount).ok_or(Rejection::Overflow)?, book.held))
    }

    /// Commits to the state with what it will have.
    fn seal(&self, class: &Class, mut change: TokenChange, opened: &str) -> TokenChange {
        let config = class.configs.last().expect("a class has a configuration from the start");
        let sealed = self.sealed(class, &change.state, opened, change.free, change.held);
        change.state.commitment = sealed.commitment(config);
        change
    }
}

fn posting_gives(posting: &Posting, changes: &[TokenChange], receiver: &Receiver<'_>) -> bool {
    let posted = match posting {
        Posting::Minted { to, .. } | Posting::Moved { to, .. } => *to == receiver.account,
        Posting::Nothing | Posting::Burned { .. } => false,
    };
    let named = |change: &TokenChange| {
        change.state.owner == Some(receiver.account) || change.state.approved == Some(receiver.account)
    };
    posted || changes.iter().any(named)
}

fn latest(class: &Class) -> u32 {
    u32::try_from(class.configs.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

/// The first state of an owner's token, not committed to yet.
pub(super) fn first(ix: ClassIx, class: &Class, owner: AccountIx) -> TokenState {
    TokenState {
        class: ix,
        id: "".into(),
        owner: Some(owner),
        approved: None,
        frozen: false,
        stopped: false,
        version: 1,
        config: latest(class),
        metadata: Vec::new(),
        previous: [0; 32],
        commitment: [0; 32],
    }
}

/// The state after this one, not committed to yet.
pub(super) fn next(class: &Class, state: &TokenState) -> TokenState {
    TokenState {
        version: state.version.saturating_add(1),
        config: latest(class),
        previous: state.commitment,
        ..state.clone()
    }
}

#[cfg(test)]
pub(super) mod tests;
