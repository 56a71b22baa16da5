//! What happened to classes and tokens becomes what is. Programs and hooks are not asked again: their answer is in the event.

use super::class::{Class, ClassRules, ClassSpec, Standard};
use super::decide::{first, next};
use super::operation::Operation;
use super::state::{Failure, Posting, TokenChange};
use crate::State;
use crate::ids::*;
use crate::model::Stop;

impl State {
    pub(crate) fn apply_class_created(&mut self, spec: &ClassSpec, position: Position, at: Time) {
        let token = (spec.standard == Standard::Ft).then(|| {
            let token = TokenIx::from_row(self.tokens.len());
            self.apply_token_listed(&spec.id, spec.decimals);
            self.ledger.guard(token);
            token
        });
        self.issued.add_class(Class {
            configs: vec![spec.rules.commitment.clone()],
            spec: spec.clone(),
            token,
            paused: false,
            quarantined: None,
            count: 0,
            history: vec![(position, at)],
        });
    }

    fn class_mut(&mut self, class: ClassIx) -> &mut Class {
        self.issued.classes.get_mut(class.row()).expect("decide saw the class")
    }

    pub(crate) fn apply_class_changed(&mut self, class: ClassIx, rules: &ClassRules, position: Position, at: Time) {
        let row = self.class_mut(class);
        if row.spec.rules.commitment != rules.commitment {
            row.configs.push(rules.commitment.clone());
        }
        row.spec.rules = rules.clone();
        row.history.push((position, at));
    }

    pub(crate) fn apply_class_paused(&mut self, class: ClassIx, paused: bool, position: Position, at: Time) {
        let row = self.class_mut(class);
        row.paused = paused;
        if !paused {
            row.quarantined = None;
        }
        row.history.push((position, at));
    }

    pub(crate) fn apply_operated(
        &mut self,
        operation: &Operation,
        class: ClassIx,
        opened: Option<&str>,
        posting: Posting,
        changes: &[TokenChange],
        position: Position,
    ) {
        if let Some(name) = opened {
            self.apply_account_opened(name);
        }
        match posting {
            Posting::Nothing => {}
            Posting::Minted { token, to, amount } => self.ledger.issue(to, token, amount),
            Posting::Moved { token, from, to, amount } => self.ledger.transfer(from, to, token, amount),
            Posting::Burned { token, from, amount } => self.ledger.retire(from, token, amount),
        }
        // The event has the states with their commitments.
        self.ledger.take_changed();
        for TokenChange { state, .. } in changes {
            if !state.id.is_empty() {
                let count = &mut self.class_mut(class).count;
                if state.version == 1 {
                    *count = count.saturating_add(1);
                }
                if state.owner.is_none() {
                    *count = count.saturating_sub(1);
                }
            }
            self.set_token(state.clone());
        }
        self.issued.remember(operation, position, true);
    }

    pub(crate) fn apply_operation_failed(
        &mut self,
        operation: &Operation,
        message: &str,
        failure: &Failure,
        position: Position,
        at: Time,
    ) {
        match failure {
            Failure::Plain => {}
            Failure::Tampered { class, token } => {
                let state = self.issued_token(*class, token).expect("decide saw the token");
                let stopped = super::state::TokenState { stopped: true, ..state.clone() };
                self.set_token(stopped);
            }
            Failure::Quarantined { class } => {
                self.class_mut(*class).quarantined = Some(Stop { reason: message.into(), since: at });
            }
        }
        self.issued.remember(operation, position, false);
    }

    /// Whatever else changed a balance of an issued token: its state is committed to anew.
    pub(crate) fn commit_changed(&mut self) {
        for (account, token) in self.ledger.take_changed() {
            let ix = self.issued.class_of(token).expect("only tokens of classes are guarded");
            let class = self.class(ix).expect("decide saw the class");
            let mut state = match self.issued.owned(ix, account) {
                Some(state) => next(class, state),
                None => first(ix, class, account),
            };
            let config = class.configs.last().expect("a class has a configuration from the start");
            state.commitment = self.issued_sealed(class, &state).commitment(config);
            self.set_token(state);
        }
    }
}
