//! Payouts from hold to outcome, and transfers.

use super::Writer;
use super::books::Posting;
use crate::column::bind;
use crate::model::{Change, EntryKind, PayoutState};
use crate::{Error, sql};
use tokengine_core::*;

/// What ending an open payout needs.
pub(super) struct OpenPayout {
    account: AccountIx,
    asset: AssetIx,
    token_amount: Amount,
    pub(super) success_fee: Amount,
    pub(super) failure_fee: Amount,
    held: Amount,
    pub(super) cancel_requested: bool,
    pub(super) gas: Amount,
}

/// What proves an outcome on the network.
#[derive(Clone, Copy)]
pub(super) struct Proof<'a> {
    pub(super) dispatch: DispatchId,
    pub(super) tx: &'a TxId,
    pub(super) block: &'a BlockRef,
}

fn authority(authority: &Authority) -> String {
    match authority {
        Authority::Key(key) => format!("key:{key}"),
        Authority::Signature { signer, .. } => format!("signature:{signer}"),
        Authority::Operator => "operator".to_owned(),
    }
}

impl Writer<'_> {
    pub(super) fn payout_step(&self, payout: PayoutId, step: &str) -> Result<(), Error> {
        self.execute(sql::INSERT_PAYOUT_STEP, bind![payout, self.catalog.position, step]).map(drop)
    }

    #[allow(clippy::too_many_arguments)]
    fn insert_payout(
        &self,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: &PayoutOrder,
        (amount, success_fee, failure_fee, held): (Amount, Amount, Amount, Amount),
        inside: Option<AccountIx>,
    ) -> Result<(), Error> {
        let (at, position) = (self.at, self.catalog.position);
        let (state, wait) = match inside {
            None => (PayoutState::Waiting, Some(Wait::Turn)),
            Some(_) => (PayoutState::Settled, None),
        };
        let ended = inside.map(|_| (at, position));
        self.execute(
            sql::INSERT_PAYOUT,
            bind![
                payout,
                order.account,
                order.asset,
                order.amount,
                amount,
                order.destination,
                order.max_fee,
                order.external_id,
                order.nonce,
                order.expiry,
                authority(&order.authority),
                transfer,
                success_fee,
                failure_fee,
                held,
                state,
                wait,
                inside,
                inside.map(|_| success_fee),
                at,
                position,
                ended.map(|(at, _)| at),
                ended.map(|(_, position)| position),
            ],
        )?;
        if let Some(transfer) = transfer {
            self.change(
                "a transfer that was never asked for",
                sql::HOLD_TRANSFER,
                bind![transfer, payout, at, position],
            )?;
        }
        Ok(())
    }

    pub(super) fn payout_held(
        &mut self,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: &PayoutOrder,
        amounts: (Amount, Amount, Amount, Amount),
    ) -> Result<(), Error> {
        self.insert_payout(payout, transfer, order, amounts, None)?;
        self.payout_step(payout, "held")?;
        let held = amounts.3;
        self.post(Posting {
            account: order.account,
            token: self.token_of(order.asset)?,
            kind: EntryKind::PayoutHeld,
            reference: Some(payout.0),
            free: Change::down(held),
            held: Change::up(held),
        })
    }

    pub(super) fn payout_settled(
        &mut self,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: &PayoutOrder,
        to: AccountIx,
        (amount, fee): (Amount, Amount),
    ) -> Result<(), Error> {
        self.insert_payout(payout, transfer, order, (amount, fee, Amount::ZERO, Amount::ZERO), Some(to))?;
        self.payout_step(payout, PayoutState::Settled.name())?;
        let token = self.token_of(order.asset)?;
        let all = amount.checked_add(fee).ok_or_else(|| self.unfit("an amount that does not fit"))?;
        let reference = Some(payout.0);
        let held = Change::NONE;
        let (kind, free) = (EntryKind::PayoutSettled, Change::down(all));
        self.post(Posting { account: order.account, token, kind, reference, free, held })?;
        let (kind, free) = (EntryKind::PayoutReceived, Change::up(amount));
        self.post(Posting { account: to, token, kind, reference, free, held })
    }

    pub(super) fn open_payout(&self, payout: PayoutId) -> Result<OpenPayout, Error> {
        let row = self.find(sql::READ_PAYOUT, bind![payout], |columns| {
            let (account, asset) = (columns.take()?, columns.take()?);
            let _: Amount = columns.take()?;
            Ok(OpenPayout {
                account,
                asset,
                token_amount: columns.take()?,
                success_fee: columns.take()?,
                failure_fee: columns.take()?,
                held: columns.take()?,
                cancel_requested: columns.take()?,
                gas: columns.take()?,
            })
        })?;
        row.ok_or_else(|| self.unfit("a payout that is not open"))
    }

    /// The hold ends: what was paid left, the fee was taken, the rest is free again.
    pub(super) fn end_payout(
        &mut self,
        payout: PayoutId,
        row: &OpenPayout,
        state: PayoutState,
        (fee, gas): (Amount, Amount),
        proof: Option<Proof<'_>>,
    ) -> Result<(), Error> {
        let (paid, kind) = match state {
            PayoutState::Committed => (row.token_amount, EntryKind::PayoutCommitted),
            PayoutState::Failed => (Amount::ZERO, EntryKind::PayoutFailed),
            PayoutState::Settled => (row.token_amount, EntryKind::PayoutSettled),
            _ => (Amount::ZERO, EntryKind::PayoutCancelled),
        };
        self.execute(
            sql::END_PAYOUT,
            bind![
                payout,
                state,
                proof.map(|proof| proof.dispatch),
                fee,
                gas,
                proof.map(|proof| *proof.tx),
                proof.map(|proof| proof.block.height),
                proof.map(|proof| proof.block.hash),
                self.at,
                self.catalog.position,
            ],
        )?;
        self.payout_step(payout, state.name())?;
        let rest = row.held.checked_sub(paid).and_then(|rest| rest.checked_sub(fee));
        let rest = rest.ok_or_else(|| self.unfit("a hold that does not cover amount and fee"))?;
        self.post(Posting {
            account: row.account,
            token: self.token_of(row.asset)?,
            kind,
            reference: Some(payout.0),
            free: Change::up(rest),
            held: Change::down(row.held),
        })
    }

    pub(super) fn payout_waiting(&mut self, payout: PayoutId, why: Wait) -> Result<(), Error> {
        self.change("a payout that is not open", sql::SET_WAIT, bind![payout, why])?;
        self.payout_step(payout, PayoutState::Waiting.name())
    }

    pub(super) fn payout_cancelled(&mut self, payout: PayoutId) -> Result<(), Error> {
        let row = self.open_payout(payout)?;
        self.end_payout(payout, &row, PayoutState::Cancelled, (Amount::ZERO, row.gas), None)
    }

    /// Its destination became a wallet of ours: paid to that one's account, or given back.
    pub(super) fn payout_ended_inside(
        &mut self,
        payout: PayoutId,
        to: Option<AccountIx>,
        fee: Amount,
    ) -> Result<(), Error> {
        let row = self.open_payout(payout)?;
        let Some(to) = to else {
            return self.end_payout(payout, &row, PayoutState::Cancelled, (fee, row.gas), None);
        };
        self.end_payout(payout, &row, PayoutState::Settled, (fee, row.gas), None)?;
        self.execute(sql::SET_RECEIVED_BY, bind![payout, to])?;
        let (token, kind, free) = (self.token_of(row.asset)?, EntryKind::PayoutReceived, Change::up(row.token_amount));
        let reference = Some(payout.0);
        self.post(Posting { account: to, token, kind, reference, free, held: Change::NONE })
    }

    /// A transaction that was adopted before anybody asked for it is its payment.
    pub(super) fn payout_paid_before(
        &mut self,
        payout: PayoutId,
        dispatch: DispatchId,
        tx: &TxId,
        block: &BlockRef,
        fee: Amount,
    ) -> Result<(), Error> {
        let row = self.open_payout(payout)?;
        let proof = Proof { dispatch, tx, block };
        self.change("a transaction that was never adopted", sql::LINK_DISPATCH, bind![dispatch, payout])?;
        let spent: Option<Amount> = self.find_one(sql::DISPATCH_GAS, bind![dispatch])?;
        let gas = row.gas.checked_add(spent.unwrap_or_default()).ok_or_else(|| self.unfit("gas that does not fit"))?;
        self.end_payout(payout, &row, PayoutState::Committed, (fee, gas), Some(proof))
    }

    pub(super) fn cancel_requested(&mut self, payout: PayoutId) -> Result<(), Error> {
        self.change("a payout that is not open", sql::SET_CANCEL, bind![payout])?;
        self.payout_step(payout, "cancel-requested")
    }

    pub(super) fn transfer_requested(
        &mut self,
        transfer: TransferId,
        network: NetworkIx,
        tx: &TxId,
        order: &PayoutOrder,
    ) -> Result<(), Error> {
        self.execute(
            sql::INSERT_TRANSFER,
            bind![
                transfer,
                order.account,
                network,
                tx,
                order.asset,
                order.amount,
                order.destination,
                order.max_fee,
                order.external_id,
                self.at,
                self.catalog.position,
            ],
        )?;
        // Asking for a transfer says that the transaction pays us.
        self.claimed(network, tx, Some(order.account))
    }

    pub(super) fn transfer_failed(&mut self, transfer: TransferId, why: Rejection) -> Result<(), Error> {
        let (at, position) = (self.at, self.catalog.position);
        self.change("a transfer that was never asked for", sql::FAIL_TRANSFER, bind![transfer, why, at, position])
    }
}
