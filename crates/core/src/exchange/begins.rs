//! Whether what was allowed when its nonce was taken is still allowed when its first bytes are to be signed. Once bytes are
//! signed they may be out, and only the network ends them.

use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Amount, Rejection, State};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What is to be done with a nonce for which nothing is signed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Sign what it is for.
    Act,
    /// Sign nothing: all of its network waits with it, and goes on by itself.
    Wait(Rejection),
    /// Use the nonce up without effect, so that those behind it can go on: what it is for may not be paid now.
    Fill(Rejection),
}

impl State {
    /// Whether a slot may begin for which nothing that acts is signed yet. One with such bytes has begun; one that only a
    /// cancellation was signed for has not.
    pub fn begins(&self, dispatch: &Dispatch) -> Begin {
        // A filler moves nothing, and what is behind it may have to be ended.
        let begun = dispatch.attempts.iter().any(|attempt| attempt.kind == AttemptKind::Act);
        if begun || dispatch.purpose == Purpose::Noop {
            return Begin::Act;
        }
        let Some(network) = self.wallet(dispatch.wallet).and_then(|wallet| self.network(wallet.network)) else {
            return Begin::Wait(Rejection::UnknownWallet);
        };
        if network.halted.is_some() {
            return Begin::Wait(Rejection::NetworkHalted);
        }
        if self.paused || network.paused {
            return Begin::Wait(Rejection::Paused);
        }
        let allowed = match &dispatch.purpose {
            Purpose::Payout(payout) => self.payout(*payout).map_or(Ok(()), |payout| self.may_be_paid(payout)),
            Purpose::Sweep { asset, .. } => self.may_leave(*asset),
            Purpose::TopUp { .. } | Purpose::Noop => Ok(()),
        };
        allowed.map_or_else(Begin::Fill, |()| Begin::Act)
    }

    /// Nothing stops the asset from leaving a wallet.
    pub(super) fn may_leave(&self, asset: AssetIx) -> Result<(), Rejection> {
        let row = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if row.paused || row.stopped.is_some() {
            return Err(Rejection::Paused);
        }
        if row.short.is_some() { Err(Rejection::AssetShort) } else { Ok(()) }
    }

    /// In this order: the asset may leave, the account is not frozen since (by a person, or because what it would pay from
    /// was reversed), no adopted transaction paid just this, and the destination did not become a wallet of ours.
    pub(super) fn may_be_paid(&self, payout: &Payout) -> Result<(), Rejection> {
        self.may_leave(payout.order.asset)?;
        if self.ledger.is_frozen(payout.order.account) {
            return Err(Rejection::AccountFrozen);
        }
        self.guard_out(self.token_of(payout.order.asset), payout.order.account, Amount::ZERO)?;
        if self.paid_before(payout).is_some() {
            return Err(Rejection::PaidBefore);
        }
        match self.own_destination(payout) {
            Some(_) => Err(Rejection::DestinationIsOurs),
            None => Ok(()),
        }
    }

    /// The wallet of ours that a payout's destination has become since it was held.
    pub fn own_destination(&self, payout: &Payout) -> Option<WalletIx> {
        self.wallet_at(self.asset(payout.order.asset)?.network, &payout.order.destination)
    }

    /// A payout whose destination became a wallet of ours since it was held, before it has a nonce. In this order: waiting,
    /// its destination ours, not paused, not frozen.
    pub(crate) fn decide_settle_inside(&self, id: PayoutId) -> Result<Event, Rejection> {
        let payout = self.payout(id).ok_or(Rejection::UnknownPayout)?;
        if !matches!(payout.stage, PayoutStage::Waiting(_)) {
            return Err(Rejection::Stale);
        }
        let wallet = self.own_destination(payout).and_then(|wallet| self.wallet(wallet)).ok_or(Rejection::Stale)?;
        let Role::Deposit(to) = wallet.role else {
            // The house's own: what was asked for cannot be done, and that costs nothing.
            return Ok(Event::PayoutEndedInside { payout: id, to: None, fee: Amount::ZERO });
        };
        if self.paused {
            return Err(Rejection::Paused);
        }
        self.may_leave(payout.order.asset)?;
        if self.ledger.is_frozen(payout.order.account) {
            return Err(Rejection::AccountFrozen);
        }
        let token = self.token_of(payout.order.asset);
        self.guard_out(token, payout.order.account, Amount::ZERO)?;
        self.guard_in(token, self.ledger.resolve(to))?;
        let (to, fee) = (Some(self.ledger.resolve(to)), payout.success_fee);
        Ok(Event::PayoutEndedInside { payout: id, to, fee })
    }

    pub(crate) fn apply_ended_inside(&mut self, id: PayoutId, to: Option<AccountIx>, fee: Amount) -> Subject {
        let row = self.payouts.get(&id).expect("decide saw the payout");
        let (from, token, amount) = (row.order.account, self.token_of(row.order.asset), row.amount);
        self.end_payout(id, false, fee);
        if let Some(to) = to {
            self.ledger.transfer(from, to, token, amount);
        }
        Subject::Payout(id)
    }

    /// In this order: a listed network, another limit than now.
    pub(crate) fn decide_top_up_limit(&self, network: NetworkIx, a_day: Amount) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if row.top_ups.a_day == Some(a_day) {
            return Err(Rejection::Stale);
        }
        Ok(Event::TopUpLimitSet { network, a_day })
    }

    /// What was given to deposit addresses for gas on the UTC day of `now`, in base units of the native coin.
    pub fn topped_up(&self, network: NetworkIx, now: Time) -> Amount {
        let row = self.network(network).map(|row| &row.top_ups);
        row.filter(|row| row.day >= day(now)).map_or(Amount::ZERO, |row| row.given)
    }

    /// Whether the day's limit leaves room for `amount` more.
    pub(super) fn check_top_up(&self, network: NetworkIx, amount: Amount, now: Time) -> Result<(), Rejection> {
        let sum = self.topped_up(network, now).checked_add(amount).ok_or(Rejection::Overflow)?;
        let limit = self.network(network).and_then(|row| row.top_ups.a_day);
        if limit.is_some_and(|limit| sum > limit) { Err(Rejection::TopUpLimit) } else { Ok(()) }
    }

    /// It counts when its nonce is taken: one that comes to nothing has still used the day's room.
    pub(super) fn count_top_up(&mut self, network: NetworkIx, amount: Amount, at: Time) {
        let row = &mut self.networks[network.row()].top_ups;
        if day(at) > row.day {
            (row.day, row.given) = (day(at), Amount::ZERO);
        }
        row.given = row.given.checked_add(amount).unwrap_or(Amount::MAX);
    }
}

fn day(at: Time) -> u64 {
    at.0.checked_div(DAY_MS).unwrap_or_default()
}
