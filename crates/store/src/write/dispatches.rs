//! Slots, their attempts, and what their end means for a payout. The engine's own rules, read from its events.

use super::Writer;
use super::payouts::Proof;
use crate::column::bind;
use crate::model::{DispatchPurpose, DispatchState, PayoutState};
use crate::{Error, sql};
use tokengine_core::*;

/// What ending an open slot needs.
struct OpenDispatch {
    wallet: WalletIx,
    nonce: u64,
    payout: Option<PayoutId>,
    gas_reserve: Amount,
}

/// How a slot ended, for its row.
struct End<'a> {
    state: DispatchState,
    attempt: Option<u32>,
    success: Option<bool>,
    tx: &'a TxId,
    block: &'a BlockRef,
    gas: Option<Amount>,
}

impl Writer<'_> {
    fn dispatch(&self, id: DispatchId) -> Result<OpenDispatch, Error> {
        let row = self.find(sql::READ_DISPATCH, bind![id], |columns| {
            Ok(OpenDispatch {
                wallet: columns.take()?,
                nonce: columns.take()?,
                payout: columns.take()?,
                gas_reserve: columns.take()?,
            })
        })?;
        row.ok_or_else(|| self.unfit("a transaction slot that is not open"))
    }

    pub(super) fn dispatch_is_open(&self, id: DispatchId) -> Result<bool, Error> {
        Ok(self.find(sql::READ_DISPATCH, bind![id], |columns| columns.take::<WalletIx>())?.is_some())
    }

    /// Where the slot stands is where its payout stands.
    fn follow(&self, payout: Option<PayoutId>, dispatch: DispatchId, step: &str) -> Result<(), Error> {
        let Some(payout) = payout else { return Ok(()) };
        self.execute(sql::FOLLOW_DISPATCH, bind![payout, dispatch])?;
        self.payout_step(payout, step)
    }

    pub(super) fn dispatch_opened(
        &mut self,
        dispatch: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        purpose: &Purpose,
        gas_reserve: Amount,
    ) -> Result<(), Error> {
        self.insert_dispatch(dispatch, wallet, nonce, Some(purpose), gas_reserve)?;
        match purpose {
            Purpose::Payout(payout) => self.payout_step(*payout, PayoutState::Opened.name()),
            Purpose::Sweep { .. } | Purpose::TopUp { .. } | Purpose::Noop => Ok(()),
        }
    }

    pub(super) fn insert_dispatch(
        &mut self,
        dispatch: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        purpose: Option<&Purpose>,
        gas_reserve: Amount,
    ) -> Result<(), Error> {
        let network: Option<NetworkIx> = self.find_one(sql::WALLET_ACCOUNT, bind![wallet])?;
        let network = network.ok_or_else(|| self.unfit("a wallet that is not listed"))?;
        let (kind, payout, to, asset, amount) = match purpose {
            Some(Purpose::Payout(payout)) => (DispatchPurpose::Payout, Some(*payout), None, None, None),
            Some(Purpose::Sweep { to, asset, amount }) => {
                (DispatchPurpose::Sweep, None, Some(*to), Some(*asset), Some(*amount))
            }
            Some(Purpose::TopUp { to, amount }) => {
                let native = self.network(network)?.native;
                (DispatchPurpose::TopUp, None, Some(*to), native, Some(*amount))
            }
            Some(Purpose::Noop) => (DispatchPurpose::Noop, None, None, None, None),
            None => (DispatchPurpose::Unknown, None, None, None, None),
        };
        let (at, position) = (self.at, self.catalog.position);
        self.execute(
            sql::INSERT_DISPATCH,
            bind![dispatch, network, wallet, nonce, kind, payout, to, asset, amount, gas_reserve, at, position],
        )?;
        if let Some(payout) = payout {
            self.change("a payout that is not open", sql::SET_DISPATCH, bind![payout, dispatch])?;
        }
        Ok(())
    }

    pub(super) fn attempt_signed(&mut self, id: DispatchId, attempt: &Attempt) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        let Attempt { tx, kind, max_gas_cost, fee_cap, tip, signed_at, .. } = attempt;
        self.execute(sql::INSERT_ATTEMPT, bind![id, tx, kind, max_gas_cost, fee_cap, tip, signed_at])?;
        if *max_gas_cost > row.gas_reserve {
            self.execute(sql::SET_GAS_RESERVE, bind![id, max_gas_cost])?;
        }
        self.follow(row.payout, id, PayoutState::Signed.name())
    }

    pub(super) fn attempt_sent(&mut self, id: DispatchId, attempt: u32) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        self.change("an attempt that was never signed", sql::MARK_SENT, bind![id, attempt, self.at])?;
        self.follow(row.payout, id, PayoutState::Sent.name())
    }

    pub(super) fn dispatch_seen(&mut self, id: DispatchId, sighting: &Sighting) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        let Sighting { attempt, block, success } = sighting;
        self.execute(sql::SEE_DISPATCH, bind![id, attempt, success, block.height, block.hash])?;
        self.follow(row.payout, id, PayoutState::Seen.name())
    }

    pub(super) fn dispatch_unseen(&mut self, id: DispatchId) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        self.unsee(id, row.payout)
    }

    fn unsee(&self, id: DispatchId, payout: Option<PayoutId>) -> Result<(), Error> {
        self.execute(sql::UNSEE_DISPATCH, bind![id])?;
        self.follow(payout, id, "unseen")
    }

    /// A reorg took the blocks above `height`.
    pub(super) fn unsee_above(&mut self, network: NetworkIx, height: u64) -> Result<(), Error> {
        let mut gone: Vec<(DispatchId, Option<PayoutId>)> = Vec::new();
        let mut statement = self.transaction.prepare_cached(sql::SEEN_ABOVE)?;
        let mut rows = statement.query(bind![network, height])?;
        while let Some(row) = rows.next()? {
            let mut columns = crate::column::Columns::new(row);
            gone.push((columns.take()?, columns.take()?));
        }
        gone.into_iter().try_for_each(|(id, payout)| self.unsee(id, payout))
    }

    fn end_dispatch(&self, id: DispatchId, end: &End<'_>) -> Result<(), Error> {
        let End { state, attempt, success, tx, block, gas } = end;
        let (at, position) = (self.at, self.catalog.position);
        self.execute(
            sql::END_DISPATCH,
            bind![id, state, attempt, success, block.height, block.hash, tx, gas, at, position],
        )
        .map(drop)
    }

    pub(super) fn dispatch_final(&mut self, id: DispatchId, sighting: &Sighting, gas: Amount) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        let attempt: Option<(TxId, AttemptKind)> =
            self.find(sql::READ_ATTEMPT, bind![id, sighting.attempt], |columns| {
                Ok((columns.take()?, columns.take()?))
            })?;
        let (tx, kind) = attempt.ok_or_else(|| self.unfit("an attempt that was never signed"))?;
        let state = match (kind, sighting.success) {
            (AttemptKind::Act, true) => DispatchState::Done,
            (AttemptKind::Act, false) => DispatchState::Reverted,
            (AttemptKind::Cancel, _) => DispatchState::Void,
        };
        let (number, success, block) = (Some(sighting.attempt), Some(sighting.success), &sighting.block);
        self.end_dispatch(id, &End { state, attempt: number, success, tx: &tx, block, gas: Some(gas) })?;
        match row.payout {
            Some(payout) => self.settle(payout, state, gas, Proof { dispatch: id, tx: &tx, block }),
            None => Ok(()),
        }
    }

    /// What the slot's end means for its payout: paid, failed, cancelled, or its turn again.
    fn settle(&mut self, payout: PayoutId, slot: DispatchState, gas: Amount, proof: Proof<'_>) -> Result<(), Error> {
        let row = self.open_payout(payout)?;
        let gas = row.gas.checked_add(gas).ok_or_else(|| self.unfit("gas that does not fit"))?;
        let (state, fee) = match slot {
            DispatchState::Done => (PayoutState::Committed, row.success_fee),
            DispatchState::Reverted => (PayoutState::Failed, row.failure_fee),
            _ if row.cancel_requested => (PayoutState::Cancelled, row.failure_fee),
            _ => {
                self.execute(sql::WAIT_PAYOUT, bind![payout, Wait::Turn, gas])?;
                return self.payout_step(payout, DispatchState::Void.name());
            }
        };
        self.end_payout(payout, &row, state, (fee, gas), Some(proof))
    }

    pub(super) fn dispatch_dead(&mut self, id: DispatchId, by: &TxId, block: &BlockRef) -> Result<(), Error> {
        let row = self.dispatch(id)?;
        let state = DispatchState::Dead;
        self.end_dispatch(id, &End { state, attempt: None, success: None, tx: by, block, gas: None })?;
        if let Some(payout) = row.payout {
            let open = self.open_payout(payout)?;
            if open.cancel_requested {
                // Wanted back, and proven not to be paid: nothing of ours was in a block, so it costs nothing.
                let (costs, proof) = ((Amount::ZERO, open.gas), Proof { dispatch: id, tx: by, block });
                self.end_payout(payout, &open, PayoutState::Cancelled, costs, Some(proof))?;
            } else {
                self.execute(sql::WAIT_PAYOUT, bind![payout, Wait::Turn, open.gas])?;
                self.payout_step(payout, state.name())?;
            }
        }
        let reason = format!("its nonce {} was used by {by}, which is not ours: its key is used elsewhere", row.nonce);
        self.freeze_wallet(row.wallet, &reason)
    }

    /// A transaction of our own that the journal did not have: its slot begins and ends with this event.
    pub(super) fn dispatch_adopted(
        &mut self,
        id: DispatchId,
        wallet: WalletIx,
        purpose: Option<&Purpose>,
        (tx, block, success): (&TxId, &BlockRef, bool),
        lost: bool,
        gas: Amount,
    ) -> Result<(), Error> {
        let state = if success { DispatchState::Done } else { DispatchState::Reverted };
        let end = End { state, attempt: None, success: Some(success), tx, block, gas: Some(gas) };
        self.end_dispatch(id, &end)?;
        if lost {
            let reason = format!("{tx} is not in the journal and matches no open work");
            self.freeze_wallet(wallet, &reason)?;
        }
        match purpose {
            Some(Purpose::Payout(payout)) => self.settle(*payout, state, gas, Proof { dispatch: id, tx, block }),
            _ => Ok(()),
        }
    }
}
