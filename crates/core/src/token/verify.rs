//! Whether states are what their commitments say.

use super::class::{Class, Standard};
use super::commitment::Sealed;
use super::state::TokenState;
use crate::ids::*;
use crate::ledger::Book;
use crate::wire::DecodeError;
use crate::{Amount, State};

/// A token is not what its commitment says: somebody changed it past the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {token} of class {class} is not what its commitment says")]
pub struct Tampered {
    /// The class's id.
    pub class: Box<str>,
    /// The token's id within it.
    pub token: Box<str>,
}

impl State {
    /// What the token has by the ledger's books; nothing for one of its kind.
    pub fn issued_book(&self, state: &TokenState) -> Book {
        let token = self.class(state.class).and_then(|class| class.token);
        state.owner.zip(token).map(|(owner, token)| self.ledger.book(owner, token)).unwrap_or_default()
    }

    /// A token's id within its class.
    pub fn issued_id<'a>(&'a self, state: &'a TokenState) -> &'a str {
        match state.owner {
            Some(owner) if state.id.is_empty() => self.ledger.name(owner).unwrap_or_default(),
            _ => &state.id,
        }
    }

    /// What the commitment of a state covers, with what it has by the ledger's books.
    pub fn issued_sealed<'a>(&'a self, class: &'a Class, state: &'a TokenState) -> Sealed<'a> {
        let Book { free, held } = self.issued_book(state);
        self.sealed(class, state, "", free, held)
    }

    /// `opened` is the name of the owner if that one's account is only being opened.
    pub(super) fn sealed<'a>(
        &'a self,
        class: &'a Class,
        state: &'a TokenState,
        opened: &'a str,
        free: Amount,
        held: Amount,
    ) -> Sealed<'a> {
        let name = |account| self.ledger.name(account).unwrap_or(opened);
        let owner = state.owner.map(name).unwrap_or_default();
        Sealed {
            class: &class.spec.id,
            token: if state.id.is_empty() { owner } else { &state.id },
            version: state.version,
            previous: &state.previous,
            owner,
            free,
            held,
            frozen: state.frozen,
            metadata: &state.metadata,
            approved: state.approved.map(name).unwrap_or_default(),
        }
    }

    /// Whether the state is what its commitment says, under the configuration it was made with.
    pub fn verify_token(&self, state: &TokenState) -> bool {
        let class = self.class(state.class);
        let config = class.and_then(|class| class.configs.get(usize::try_from(state.config).ok()?));
        let sealed = class.map(|class| self.issued_sealed(class, state));
        sealed.zip(config).is_some_and(|(sealed, config)| sealed.commitment(config) == state.commitment)
    }

    /// After a snapshot was read: every number points to a row, and every state is what its commitment says.
    pub(crate) fn check_issued(&mut self) -> Result<(), DecodeError> {
        let invalid = |what| DecodeError::Invalid { what };
        let listed = |class: &Class| {
            let token = match class.spec.standard {
                Standard::Ft => class.token.is_some_and(|token| self.token(token).is_some()),
                Standard::Nft => class.token.is_none(),
            };
            token && !class.configs.is_empty()
        };
        if !self.issued.classes.iter().all(listed) {
            return Err(invalid("a token class"));
        }
        let exists = |account: Option<AccountIx>| account.is_none_or(|account| self.ledger.exists(account));
        let refers = |state: &TokenState| {
            let fungible = self.class(state.class).map(|class| class.token.is_some());
            let owned = state.owner.is_some() || !state.id.is_empty();
            fungible == Some(state.id.is_empty()) && owned && exists(state.owner) && exists(state.approved)
        };
        if !self.issued.tokens.iter().all(refers) {
            return Err(invalid("an issued token"));
        }
        let tokens: Vec<TokenIx> = self.issued.classes.iter().filter_map(|class| class.token).collect();
        tokens.into_iter().for_each(|token| self.ledger.guard(token));
        self.verify_tokens().map_err(|_| invalid("a commitment"))?;
        self.plant_tree();
        Ok(())
    }

    /// Verifies every state there is.
    ///
    /// # Errors
    /// The first token that is not what its commitment says.
    pub fn verify_tokens(&self) -> Result<(), Tampered> {
        match self.issued.tokens.iter().find(|state| !self.verify_token(state)) {
            Some(state) => {
                let class = self.class(state.class).map(|class| class.spec.id.clone()).unwrap_or_default();
                Err(Tampered { class, token: self.issued_id(state).into() })
            }
            None => Ok(()),
        }
    }
}
