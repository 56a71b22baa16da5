//! What the network paid beyond the books: payments that were adopted after a restore and that nothing asked for. A client
//! that repeats its lost request asks for just what was paid; that payment is its payout, and nothing is sent again.

use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Address, Amount, BlockRef, Rejection, State, TxId};

/// More than that are not adopted before a person has cleared some: a forgotten one could be paid twice.
pub(super) const MAX_UNMATCHED: usize = 4_096;

impl State {
    /// Payments that were adopted after a restore and that nothing asked for yet, oldest first.
    pub fn unmatched(&self) -> impl DoubleEndedIterator<Item = (DispatchId, &Unmatched)> {
        self.unmatched.iter().map(|(id, row)| (*id, row))
    }

    /// The adopted payment that a payout without signed bytes is: of the same asset, amount and destination.
    pub fn paid_before(&self, payout: &Payout) -> Option<(DispatchId, &Unmatched)> {
        let asked = (payout.order.asset, payout.order.amount, &payout.order.destination);
        self.unmatched().find(|(_, paid)| (paid.asset, paid.amount, &paid.to) == asked)
    }

    /// What the network took of `asset` from `wallet` beyond the books, in base units of the asset.
    pub fn taken_ahead(&self, wallet: WalletIx, asset: AssetIx) -> Amount {
        self.ahead.get(&(wallet, asset)).copied().unwrap_or_default()
    }

    /// In this order: waiting, paid by an adopted transaction, which no reorg took. A fact of the network: no pause and no
    /// frozen account undoes it.
    pub(crate) fn decide_settle_paid(&self, id: PayoutId) -> Result<Event, Rejection> {
        let payout = self.payout(id).ok_or(Rejection::UnknownPayout)?;
        if !matches!(payout.stage, PayoutStage::Waiting(_)) {
            return Err(Rejection::Stale);
        }
        let (dispatch, paid) = self.paid_before(payout).ok_or(Rejection::Stale)?;
        let network = self.asset(paid.asset).and_then(|asset| self.network(asset.network));
        if network.is_some_and(|row| row.recent_final.iter().any(|sent| sent.orphaned && sent.tx == paid.tx)) {
            return Err(Rejection::NotFinal);
        }
        let (tx, block, fee) = (paid.tx, paid.block, payout.success_fee);
        Ok(Event::PayoutPaidBefore { payout: id, dispatch, tx, block, fee })
    }

    /// In this order: a reason, a payment that waits for its order.
    pub(crate) fn decide_clear_unmatched(
        &self,
        request: Request,
        network: NetworkIx,
        tx: TxId,
        reason: &str,
    ) -> Result<Event, Rejection> {
        if !super::config::text_ok(reason) {
            return Err(Rejection::NameInvalid);
        }
        let here = |paid: &Unmatched| self.asset(paid.asset).is_some_and(|asset| asset.network == network);
        let found = self.unmatched().find(|(_, paid)| paid.tx == tx && here(paid));
        let (dispatch, _) = found.ok_or(Rejection::UnknownFinal)?;
        Ok(Event::UnmatchedCleared { request, dispatch, network, tx, reason: reason.into() })
    }

    /// The operator bore it while nobody had asked for it; now its account pays.
    pub(crate) fn apply_paid_before(&mut self, id: PayoutId, dispatch: DispatchId, fee: Amount) -> Subject {
        self.unmatched.remove(&dispatch).expect("decide saw the payment");
        let row = self.payouts.get(&id).expect("decide saw the payout");
        let (token, amount) = (self.token_of(row.order.asset), row.amount);
        self.ledger.take_expense_back(token, amount);
        self.end_payout(id, true, fee);
        Subject::Payout(id)
    }

    /// The operator bears what left, until somebody asks for it.
    pub(super) fn bear_lost(
        &mut self,
        dispatch: DispatchId,
        wallet: WalletIx,
        (asset, amount): (AssetIx, Amount),
        to: Option<&Address>,
        (tx, block): (TxId, BlockRef),
        at: Time,
    ) {
        self.take_now_or_later(wallet, asset, amount);
        let (token, scaled) = (self.token_of(asset), self.scaled(asset, amount));
        self.ledger.expense(token, scaled);
        if let Some(to) = to {
            let row = Unmatched { wallet, asset, amount, to: to.clone(), tx, block, at };
            self.unmatched.insert(dispatch, row);
        }
    }

    /// Takes what the network took from `wallet`, and from no other. What its books do not have yet was paid from a deposit
    /// that they have not seen: it counts as brought, and is taken from what the wallet is credited next.
    pub(super) fn take_now_or_later(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        let taken = self.take_at_most(wallet, asset, amount);
        let rest = amount.checked_sub(taken).expect("no more is taken than asked");
        if rest.is_zero() {
            return;
        }
        let (token, scaled) = (self.token_of(asset), self.scaled(asset, rest));
        self.ledger.deposit_equity(token, scaled);
        crate::ledger::add(self.ahead.entry((wallet, asset)).or_default(), rest);
    }

    /// After a credit: what the network had taken of it before.
    pub(crate) fn take_what_is_ahead(&mut self, wallet: WalletIx, asset: AssetIx) {
        let ahead = self.taken_ahead(wallet, asset);
        if ahead.is_zero() {
            return;
        }
        let taken = self.take_at_most(wallet, asset, ahead);
        let (token, scaled) = (self.token_of(asset), self.scaled(asset, taken));
        self.ledger.expense(token, scaled);
        match ahead.checked_sub(taken).filter(|rest| !rest.is_zero()) {
            Some(rest) => drop(self.ahead.insert((wallet, asset), rest)),
            None => drop(self.ahead.remove(&(wallet, asset))),
        }
    }
}
