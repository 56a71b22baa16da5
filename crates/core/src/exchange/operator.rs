//! The operator's hand, and what the reconciler found.

use crate::event::Event;
use crate::ids::*;
use crate::model::*;
use crate::{Amount, Rejection, State};

impl State {
    pub(crate) fn decide_pause(
        &self,
        request: Request,
        scope: Scope,
        paused: bool,
        reason: &str,
    ) -> Result<Event, Rejection> {
        let now = match scope {
            Scope::Everything => self.paused,
            Scope::Network(network) => self.network(network).ok_or(Rejection::UnknownNetwork)?.paused,
            Scope::Asset(asset) => self.asset(asset).ok_or(Rejection::UnknownAsset)?.paused,
        };
        if now == paused {
            return Err(if paused { Rejection::AlreadyPaused } else { Rejection::NotPaused });
        }
        Ok(Event::PauseSet { request, scope, paused, reason: reason.into() })
    }

    pub(crate) fn apply_pause_set(&mut self, scope: Scope, paused: bool) {
        match scope {
            Scope::Everything => self.paused = paused,
            Scope::Network(network) => self.networks[network.row()].paused = paused,
            Scope::Asset(asset) => self.assets[asset.row()].paused = paused,
        }
    }

    pub(crate) fn decide_assign_suspense(
        &self,
        request: Request,
        item: SuspenseId,
        to: Assign,
        reason: &str,
    ) -> Result<Event, Rejection> {
        let row = self.suspense.get(&item).ok_or(Rejection::UnknownSuspense)?;
        if !super::config::text_ok(reason) {
            return Err(Rejection::NameInvalid);
        }
        let to = match to {
            Assign::Account(account) => {
                let account = self.open_account(account)?;
                self.guard_in(row.token, account)?;
                Assign::Account(account)
            }
            Assign::Equity => Assign::Equity,
        };
        Ok(Event::SuspenseAssigned { request, item, to, reason: reason.into() })
    }

    /// Only what lies here because its sender was a contract that nobody had linked: linking it is the proof.
    pub(crate) fn decide_claim_suspense(
        &self,
        request: Request,
        item: SuspenseId,
        account: AccountIx,
        authority: &Authority,
    ) -> Result<Event, Rejection> {
        let account = self.open_account(account)?;
        self.authorize(account, authority)?;
        let row = self.suspense.get(&item).ok_or(Rejection::UnknownSuspense)?;
        let sender =
            row.deposit.as_ref().zip(row.from.as_ref()).filter(|_| row.reason == SuspenseReason::SenderIsContract);
        let sender = sender.and_then(|(key, from)| Some(format!("{}:{from}", self.network(key.network)?.id)));
        let owner = sender.and_then(|name| self.ledger.account_by_name(&name));
        if owner != Some(account) {
            return Err(Rejection::SenderNotLinked);
        }
        self.guard_in(row.token, account)?;
        Ok(Event::SuspenseAssigned {
            request,
            item,
            to: Assign::Account(account),
            reason: "claimed by its sender".into(),
        })
    }

    pub(crate) fn apply_suspense_assigned(&mut self, item: SuspenseId, to: Assign) {
        let row = self.remove_suspense(item).expect("decide saw the item");
        if row.reason == SuspenseReason::Surplus {
            self.remember_given(&row);
        }
        let account = match to {
            Assign::Account(account) => Some(account),
            Assign::Equity => None,
        };
        self.ledger.assign_suspense(account, row.token, row.amount);
        let Some(key) = row.deposit else { return };
        if let Some(account) = account {
            self.remember_owner(&key, account);
        }
        if let Some(credit) = self.recent_mut(&key) {
            credit.account = account;
            credit.suspense = None;
        }
    }

    pub(crate) fn decide_settle_owed(
        &self,
        request: Request,
        account: AccountIx,
        token: TokenIx,
        amount: Amount,
    ) -> Result<Event, Rejection> {
        let account = self.open_account(account)?;
        if amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        let owed = self.ledger.owed(account, token);
        owed.checked_sub(amount).ok_or(Rejection::AboveOwed)?;
        self.ledger.book(account, token).free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
        self.guard_out(token, account, amount)?;
        Ok(Event::OwedSettled { request, account, token, amount })
    }

    pub(crate) fn decide_start_recovery(&self, reason: &str) -> Result<Event, Rejection> {
        if self.recovery.is_some() {
            Err(Rejection::Stale)
        } else {
            Ok(Event::RecoveryStarted { reason: reason.into() })
        }
    }

    pub(crate) fn decide_end_recovery(&self, reason: &str) -> Result<Event, Rejection> {
        if self.recovery.is_none() { Err(Rejection::Stale) } else { Ok(Event::RecoveryEnded { reason: reason.into() }) }
    }
}
