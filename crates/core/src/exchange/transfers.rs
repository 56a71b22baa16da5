//! A deposit and a payout asked for in one call. The payout is held in the moment that the deposit's credit allows it.

use super::rows::Transfer;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Rejection, State, TxId};

/// Marks a nonce or an external id that a transfer used before it has a payout.
pub(super) const TRANSFER: u64 = 1 << 63;

impl State {
    pub(crate) fn decide_request_transfer(
        &self,
        request: Request,
        network: NetworkIx,
        tx: TxId,
        order: &PayoutOrder,
        trace: Option<TraceContext>,
        now: Time,
    ) -> Result<Event, Rejection> {
        self.network(network).ok_or(Rejection::UnknownNetwork)?;
        let account = self.check_order(order, now)?;
        self.check_payable(order)?;
        let claims = u32::from(!self.claims.contains_key(&(network, tx)));
        self.room_for_open(Some(account), claims.saturating_add(1))?;
        let order = PayoutOrder { account, ..order.clone() };
        Ok(Event::TransferRequested { request, transfer: self.next_transfer, network, tx, order, trace })
    }

    /// Holds the payout, or ends the transfer with the reason: what is not transient will not become true by waiting.
    pub(crate) fn decide_hold_transfer(
        &self,
        id: TransferId,
        deposit: &DepositKey,
        now: Time,
    ) -> Result<Event, Rejection> {
        let transfer = self.transfers.get(&id).ok_or(Rejection::UnknownTransfer)?;
        if (deposit.network, deposit.tx) != (transfer.network, transfer.tx) {
            return Err(Rejection::UnknownDeposit);
        }
        let settled = self.settled_deposit(deposit).ok_or(Rejection::NotFinal)?;
        let account = self.ledger.resolve(transfer.order.account);
        let failed = |why| Ok(Event::TransferFailed { transfer: id, why });
        if settled.reversed || settled.account != Some(account) {
            return failed(Rejection::DepositElsewhere);
        }
        // What was signed is good until its expiry and no longer, however long the deposit took.
        if self.check_expiry(&transfer.order.authority, transfer.order.expiry, now).is_err() {
            return failed(Rejection::SignatureExpired);
        }
        if self.authorize(account, &transfer.order.authority).is_err() {
            return failed(Rejection::NotAuthorized);
        }
        if self.ledger.is_frozen(account) {
            return failed(Rejection::AccountFrozen);
        }
        match self.hold_payout(transfer.request, account, &transfer.order, Some(id), transfer.trace) {
            Err(why) if !why.is_transient() => failed(why),
            answer => answer,
        }
    }

    pub(crate) fn decide_fail_transfer(&self, transfer: TransferId, why: Rejection) -> Result<Event, Rejection> {
        self.transfers.get(&transfer).ok_or(Rejection::UnknownTransfer)?;
        Ok(Event::TransferFailed { transfer, why })
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_transfer_requested(
        &mut self,
        request: Request,
        transfer: TransferId,
        network: NetworkIx,
        tx: TxId,
        order: &PayoutOrder,
        trace: Option<TraceContext>,
        at: Time,
    ) -> Subject {
        let nonce = self.nonce_fingerprint(order.account, order.nonce);
        self.known_payouts.set(nonce, TRANSFER | transfer.0, order.account);
        if let Some(id) = &order.external_id {
            let external = self.external_fingerprint(order.account, id);
            self.known_payouts.set(external, TRANSFER | transfer.0, order.account);
        }
        self.add_transfer(transfer, Transfer { network, tx, order: order.clone(), request, at, trace });
        self.next_transfer = TransferId(transfer.0.saturating_add(1));
        // Asking for a transfer says that the transaction pays us.
        self.add_claim(network, tx, super::rows::Claim { by: Some(order.account), at, trace });
        Subject::Transfer(transfer)
    }
}
