//! The operator's hand, and what the reconciler found.

use super::rows::Suspense;
use crate::event::Event;
use crate::ids::*;
use crate::model::*;
use crate::{Amount, BlockRef, Rejection, State};

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
            return Err(if paused { Rejection::AlreadyFinal } else { Rejection::NotPaused });
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
        self.suspense.get(&item).ok_or(Rejection::UnknownSuspense)?;
        if !super::config::text_ok(reason) {
            return Err(Rejection::NameInvalid);
        }
        let to = match to {
            Assign::Account(account) => Assign::Account(self.open_account(account)?),
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
        Ok(Event::SuspenseAssigned {
            request,
            item,
            to: Assign::Account(account),
            reason: "claimed by its sender".into(),
        })
    }

    pub(crate) fn apply_suspense_assigned(&mut self, item: SuspenseId, to: Assign) {
        let row = self.suspense.remove(&item).expect("decide saw the item");
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
        owed.checked_sub(amount).ok_or(Rejection::AboveMaximum)?;
        self.ledger.book(account, token).free.checked_sub(amount).ok_or(Rejection::InsufficientFunds)?;
        Ok(Event::OwedSettled { request, account, token, amount })
    }

    fn wallet_asset(&self, wallet: WalletIx, asset: AssetIx) -> Result<(), Rejection> {
        let wallet = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        let asset = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if wallet.network == asset.network { Ok(()) } else { Err(Rejection::UnknownAsset) }
    }

    pub(crate) fn decide_book_surplus(
        &self,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        block: BlockRef,
    ) -> Result<Event, Rejection> {
        self.wallet_asset(wallet, asset)?;
        if amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        let row = &self.assets[asset.row()];
        let scaled = amount.scale_up(row.places).filter(|scaled| self.ledger.fits(row.token, *scaled));
        scaled.ok_or(Rejection::Overflow)?;
        Ok(Event::SurplusBooked { wallet, asset, amount, block })
    }

    pub(crate) fn apply_surplus_booked(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount, at: Time) {
        self.add_holding(wallet, asset, amount);
        let (token, amount) = (self.token_of(asset), self.scaled(asset, amount));
        self.ledger.deposit_suspense(token, amount);
        let reason = SuspenseReason::Surplus;
        self.add_suspense(Suspense { token, amount, reason, deposit: None, from: None, wallet, at });
    }

    pub(crate) fn decide_find_shortage(
        &self,
        wallet: WalletIx,
        asset: AssetIx,
        missing: Amount,
        block: BlockRef,
    ) -> Result<Event, Rejection> {
        self.wallet_asset(wallet, asset)?;
        if self.assets[asset.row()].short.is_some() {
            return Err(Rejection::Stale);
        }
        Ok(Event::ShortageFound { wallet, asset, missing, block })
    }

    pub(crate) fn decide_clear_shortage(&self, asset: AssetIx, block: BlockRef) -> Result<Event, Rejection> {
        self.asset(asset).ok_or(Rejection::UnknownAsset)?.short.as_ref().ok_or(Rejection::Stale)?;
        Ok(Event::ShortageCleared { asset, block })
    }

    pub(crate) fn apply_shortage_found(&mut self, wallet: WalletIx, asset: AssetIx, missing: Amount, at: Time) {
        let address = self.wallet(wallet).map(|wallet| wallet.address.to_string()).unwrap_or_default();
        let reason = format!("wallet {address} holds {missing} base units less than the books");
        self.assets[asset.row()].short = Some(Stop { reason: reason.into(), since: at });
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
