//! `requested -> held`, and what may still be taken back. From there on the dispatch tells the rest.

use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Amount, Rejection, State};

/// A payout that was checked: what it comes to in the token.
pub(super) struct Checked {
    pub(super) amount: Amount,
    pub(super) success_fee: Amount,
    pub(super) failure_fee: Amount,
    pub(super) held: Amount,
}

/// What a payout would cost now; fees in base units of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The amount in base units of the token.
    pub amount: Amount,
    /// Taken when it succeeds.
    pub success_fee: Amount,
    /// Taken when it fails on its network.
    pub failure_fee: Amount,
    /// What is on hold until it ends: the amount and the larger fee.
    pub held: Amount,
}

impl State {
    pub(super) fn nonce_fingerprint(&self, account: AccountIx, nonce: u128) -> Fingerprint {
        Fingerprint::of(
            "payout-nonce",
            &[self.ledger.name(account).unwrap_or_default().as_bytes(), &nonce.to_le_bytes()],
        )
    }

    /// The account's names that fingerprints were made under: its own, and those of accounts joined to it. What they have
    /// used stays used.
    pub(super) fn names_ever(&self, account: AccountIx) -> impl Iterator<Item = AccountIx> {
        std::iter::once(account).chain(self.ledger.joined(account))
    }

    pub(super) fn nonce_used(&self, account: AccountIx, nonce: u128) -> bool {
        let used = |account| self.known_payouts.get(self.nonce_fingerprint(account, nonce)).is_some();
        self.names_ever(account).any(used)
    }

    fn external_id(&self, account: AccountIx, external_id: &str) -> Option<u64> {
        let known = |account| self.known_payouts.get(self.external_fingerprint(account, external_id));
        self.names_ever(account).find_map(known).map(|(payout, _)| payout)
    }

    pub(super) fn external_fingerprint(&self, account: AccountIx, external_id: &str) -> Fingerprint {
        Fingerprint::of(
            "payout-external-id",
            &[self.ledger.name(account).unwrap_or_default().as_bytes(), external_id.as_bytes()],
        )
    }

    /// The payout that has this external id, however long ago it was; nothing while it is a transfer's that has no payout.
    pub fn payout_by_external_id(&self, account: AccountIx, external_id: &str) -> Option<PayoutId> {
        self.external_id(account, external_id).filter(|id| id & super::transfers::TRANSFER == 0).map(PayoutId)
    }

    /// What a payout of `amount` base units of `asset` would cost.
    ///
    /// # Errors
    /// The asset is unknown, or the sum does not fit.
    pub fn quote(&self, asset: AssetIx, amount: Amount) -> Result<Quote, Rejection> {
        let row = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        let amount = amount.scale_up(row.places).ok_or(Rejection::Overflow)?;
        let success_fee = row.rules.fees.on_success(amount).ok_or(Rejection::Overflow)?;
        let failure_fee = row.rules.fees.failure;
        let held = amount.checked_add(success_fee.max(failure_fee)).ok_or(Rejection::Overflow)?;
        Ok(Quote { amount, success_fee, failure_fee, held })
    }

    /// In this order: not expired, known asset and account, the right to take it, not frozen, never asked before.
    pub(super) fn check_order(&self, order: &PayoutOrder, now: Time) -> Result<AccountIx, Rejection> {
        self.check_expiry(&order.authority, order.expiry, now)?;
        self.asset(order.asset).ok_or(Rejection::UnknownAsset)?;
        let account = self.open_account(order.account)?;
        self.authorize(account, &order.authority)?;
        if self.ledger.is_frozen(account) {
            return Err(Rejection::AccountFrozen);
        }
        if self.nonce_used(account, order.nonce) {
            return Err(Rejection::NonceUsed);
        }
        if order.external_id.as_ref().is_some_and(|id| self.external_id(account, id).is_some()) {
            return Err(Rejection::ExternalIdUsed);
        }
        Ok(account)
    }

    /// In this order: an amount, payouts on and not paused or halted, within limits, a destination that can be paid, the fee
    /// within what was signed.
    pub(super) fn check_payable(&self, order: &PayoutOrder) -> Result<Checked, Rejection> {
        let asset = self.asset(order.asset).ok_or(Rejection::UnknownAsset)?;
        let network = &self.networks[asset.network.row()];
        if order.amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        if !asset.rules.payouts {
            return Err(Rejection::PayoutsOff);
        }
        if self.paused || network.paused || asset.paused || asset.stopped.is_some() {
            return Err(Rejection::Paused);
        }
        if !asset.is_probed() {
            return Err(Rejection::AssetNotProbed);
        }
        if network.halted.is_some() {
            return Err(Rejection::NetworkHalted);
        }
        if asset.short.is_some() {
            return Err(Rejection::AssetShort);
        }
        if order.amount < asset.rules.min_payout {
            return Err(Rejection::BelowMinimum);
        }
        if order.amount > asset.rules.max_payout {
            return Err(Rejection::AboveMaximum);
        }
        if asset.contract.as_ref() == Some(&order.destination) {
            return Err(Rejection::DestinationIsAsset);
        }
        let Quote { amount, success_fee, failure_fee, held } = self.quote(order.asset, order.amount)?;
        if success_fee.max(failure_fee) > order.max_fee {
            return Err(Rejection::FeeAboveMaximum);
        }
        Ok(Checked { amount, success_fee, failure_fee, held })
    }

    pub(crate) fn decide_hold_payout(
        &self,
        request: Request,
        order: &PayoutOrder,
        trace: Option<TraceContext>,
        now: Time,
    ) -> Result<Event, Rejection> {
        let account = self.check_order(order, now)?;
        self.hold_payout(request, account, order, None, trace)
    }

    pub(super) fn hold_payout(
        &self,
        request: Request,
        account: AccountIx,
        order: &PayoutOrder,
        transfer: Option<TransferId>,
        trace: Option<TraceContext>,
    ) -> Result<Event, Rejection> {
        let order = PayoutOrder { account, ..order.clone() };
        let checked = self.check_payable(&order)?;
        let Checked { amount, success_fee, failure_fee, held } = checked;
        let asset = &self.assets[order.asset.row()];
        let inside = match self.wallet_at(asset.network, &order.destination).and_then(|wallet| self.wallet(wallet)) {
            None => None,
            Some(Wallet { role: Role::Deposit(to), .. }) => Some(self.ledger.resolve(*to)),
            Some(_) => return Err(Rejection::DestinationIsHouse),
        };
        let free = self.ledger.book(account, asset.token).free;
        let payout = self.next_payout;
        if let Some(to) = inside {
            let need = amount.checked_add(success_fee).ok_or(Rejection::Overflow)?;
            free.checked_sub(need).ok_or(Rejection::InsufficientFunds)?;
            self.guard_out(asset.token, account, need)?;
            self.guard_in(asset.token, to)?;
            return Ok(Event::PayoutSettledInside { request, payout, transfer, order, to, amount, fee: success_fee });
        }
        free.checked_sub(held).ok_or(Rejection::InsufficientFunds)?;
        self.guard_out(asset.token, account, held)?;
        Ok(Event::PayoutHeld { request, payout, transfer, order, amount, success_fee, failure_fee, held, trace })
    }

    pub(crate) fn decide_wait_payout(&self, payout: PayoutId, why: Wait) -> Result<Event, Rejection> {
        match self.payout(payout).ok_or(Rejection::UnknownPayout)?.stage {
            PayoutStage::Waiting(now) if now != why => Ok(Event::PayoutWaiting { payout, why }),
            _ => Err(Rejection::Stale),
        }
    }

    /// Before anything has its nonce the hold ends at once; afterwards only the network can say which attempt counts.
    pub(crate) fn decide_cancel_payout(
        &self,
        request: Option<Request>,
        payout: PayoutId,
        authority: &Authority,
    ) -> Result<Event, Rejection> {
        let row = self.payout(payout).ok_or(Rejection::UnknownPayout)?;
        if *authority != Authority::Operator {
            self.authorize(row.order.account, authority)?;
        }
        match row.stage {
            // It is paid already: it settles as that.
            PayoutStage::Waiting(_) if self.paid_before(row).is_some() => Err(Rejection::NotCancellable),
            PayoutStage::Waiting(_) => Ok(Event::PayoutCancelled { request, payout }),
            PayoutStage::Dispatched(_) if row.cancel => Err(Rejection::NotCancellable),
            PayoutStage::Dispatched(dispatch) if self.dispatch(dispatch).is_some_and(|d| d.seen.is_some()) => {
                Err(Rejection::NotCancellable)
            }
            PayoutStage::Dispatched(_) => Ok(Event::CancelRequested { request, payout }),
        }
    }

    fn remember_order(&mut self, order: &PayoutOrder, payout: PayoutId, transfer: Option<TransferId>) {
        let nonce = self.nonce_fingerprint(order.account, order.nonce);
        self.known_payouts.set(nonce, payout.0, order.account);
        if let Some(id) = &order.external_id {
            let external = self.external_fingerprint(order.account, id);
            self.known_payouts.set(external, payout.0, order.account);
        }
        self.next_payout = self.next_payout.max(PayoutId(payout.0.saturating_add(1)));
        if let Some(transfer) = transfer {
            self.remove_transfer(transfer);
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_payout_held(
        &mut self,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: &PayoutOrder,
        (amount, success_fee, failure_fee, held): (Amount, Amount, Amount, Amount),
        trace: Option<TraceContext>,
        at: Time,
    ) -> Subject {
        self.remember_order(order, payout, transfer);
        self.ledger.hold(order.account, self.token_of(order.asset), held);
        let stage = PayoutStage::Waiting(Wait::Turn);
        let row = Payout {
            order: order.clone(),
            transfer,
            amount,
            success_fee,
            failure_fee,
            held,
            held_at: at,
            stage,
            cancel: false,
            trace,
        };
        self.payouts.insert(payout, row);
        Subject::Payout(payout)
    }

    pub(crate) fn apply_payout_inside(
        &mut self,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: &PayoutOrder,
        to: AccountIx,
        (amount, fee): (Amount, Amount),
    ) -> Subject {
        self.remember_order(order, payout, transfer);
        let token = self.token_of(order.asset);
        self.ledger.charge(order.account, token, fee);
        self.ledger.transfer(order.account, to, token, amount);
        Subject::Payout(payout)
    }

    /// The hold ends: `paid` left custody, `fee` is the operator's, the rest is the account's again.
    pub(super) fn end_payout(&mut self, payout: PayoutId, paid: bool, fee: Amount) {
        let row = self.payouts.remove(&payout).expect("decide saw the payout");
        let paid = if paid { row.amount } else { Amount::ZERO };
        self.ledger.settle_hold(row.order.account, self.token_of(row.order.asset), row.held, paid, fee);
    }

    pub(crate) fn apply_payout_cancelled(&mut self, payout: PayoutId) -> Subject {
        self.end_payout(payout, false, Amount::ZERO);
        Subject::Payout(payout)
    }
}
