//! Payouts: never two that count, never anything released without proof.

use std::collections::BTreeMap;

use tokengine_chain::evm::tx::Signed;
use tokengine_core::*;

use super::{Violation, final_enough, hold};
use crate::counts::Tally;
use crate::net::World;

/// How a payout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing was ever sent for it, or nothing that counts.
    Refunded,
    /// This transaction paid it.
    Paid(TxId),
    /// Inside the ledger.
    Inside,
}

#[derive(Clone, Debug)]
pub(super) struct Paid {
    pub(super) order: PayoutOrder,
    pub(super) end: Option<End>,
    /// Every attempt ever signed for it, with the slot.
    pub(super) attempts: Vec<(DispatchId, AttemptKind, TxId)>,
    open: Option<DispatchId>,
}

#[derive(Clone, Debug)]
struct Slot {
    network: NetworkIx,
    wallet: WalletIx,
    nonce: u64,
    purpose: Purpose,
    attempts: Vec<(AttemptKind, TxId)>,
    ended: bool,
}

/// All payouts and slots there ever were.
#[derive(Default)]
pub(super) struct Payouts {
    pub(super) payouts: BTreeMap<PayoutId, Paid>,
    slots: BTreeMap<DispatchId, Slot>,
    nonces: BTreeMap<(WalletIx, u64), DispatchId>,
    signed: BTreeMap<(NetworkIx, TxId), DispatchId>,
}

impl Payouts {
    pub(super) fn is_signed(&self, network: usize, tx: &TxId) -> bool {
        u16::try_from(network).is_ok_and(|network| self.signed.contains_key(&(NetworkIx(network), *tx)))
    }

    /// Whether a transaction is one of ours, and what it was for.
    pub(super) fn purpose_of(&self, network: NetworkIx, tx: &TxId) -> Option<&Purpose> {
        self.signed.get(&(network, *tx)).and_then(|slot| self.slots.get(slot)).map(|slot| &slot.purpose)
    }

    pub(super) fn take(&mut self, event: &Event, state: &State, world: &World, tally: &Tally) -> Result<(), Violation> {
        match event {
            Event::PayoutHeld { payout, order, .. } => {
                tally.hit("payout held");
                self.begin(*payout, order, None)
            }
            Event::PayoutSettledInside { payout, order, .. } => {
                tally.hit("payout settled-inside");
                self.begin(*payout, order, Some(End::Inside))
            }
            Event::PayoutWaiting { why, .. } => {
                tally.hit(format!("payout waiting:{}", why.name()));
                Ok(())
            }
            Event::PayoutCancelled { payout, .. } => {
                tally.hit("payout cancelled");
                let row = self.payout(*payout)?;
                hold!("I4 refund-by-proof", row.open.is_none(), "{payout:?} is cancelled while {:?} is open", row.open);
                self.end(*payout, End::Refunded)
            }
            Event::CancelRequested { .. } => {
                tally.hit("payout cancel-requested");
                Ok(())
            }
            Event::DispatchOpened { dispatch, wallet, nonce, purpose, .. } => {
                tally.hit(match purpose {
                    Purpose::Payout(_) => "payout dispatched",
                    Purpose::Sweep { .. } => "sweep dispatched",
                    Purpose::TopUp { .. } => "top-up dispatched",
                    Purpose::Noop => "filler dispatched",
                });
                self.open(*dispatch, (*wallet, *nonce), purpose, state)
            }
            Event::AttemptSigned { dispatch, attempt } => self.sign(*dispatch, attempt, state, tally),
            Event::AttemptSent { .. } => {
                tally.hit("payout sent");
                Ok(())
            }
            Event::DispatchSeen { sighting, .. } => {
                tally.hit(if sighting.success { "payout seen" } else { "payout seen-reverted" });
                Ok(())
            }
            Event::DispatchUnseen { .. } => {
                tally.hit("payout unseen");
                Ok(())
            }
            Event::DispatchFinal { dispatch, sighting, .. } => self.finish(*dispatch, sighting, state, world, tally),
            Event::DispatchDead { dispatch, by, block } => {
                tally.hit("payout dead");
                let slot = self.slot(*dispatch)?.clone();
                hold!(
                    "I4 death-certificate",
                    !slot.attempts.iter().any(|(_, tx)| tx == by),
                    "{dispatch:?} is buried by an attempt of its own"
                );
                let policy = state.network(slot.network).map(|row| row.policy.payout_finality);
                final_enough(
                    world,
                    slot.network,
                    block,
                    policy.unwrap_or(Finality::Finalized),
                    "I4 death-certificate",
                )?;
                let there = world.place(super::row_of(slot.network), by).is_some();
                hold!("I4 death-certificate", there, "{dispatch:?} is buried by {by}, which is nowhere");
                let wanted_back = match slot.purpose {
                    Purpose::Payout(payout) => state.payout(payout).filter(|row| row.cancel).map(|_| payout),
                    _ => None,
                };
                self.close(*dispatch, None)?;
                wanted_back.map_or(Ok(()), |payout| self.end(payout, End::Refunded))
            }
            Event::DispatchAdopted { .. } => {
                tally.hit("payout adopted");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, payout: PayoutId, order: &PayoutOrder, end: Option<End>) -> Result<(), Violation> {
        let row = Paid { order: order.clone(), end, attempts: Vec::new(), open: None };
        hold!("payout-once", self.payouts.insert(payout, row).is_none(), "{payout:?} began before");
        Ok(())
    }

    fn payout(&mut self, payout: PayoutId) -> Result<&mut Paid, Violation> {
        self.payouts.get_mut(&payout).ok_or_else(|| Violation::new("payout-known", format!("{payout:?} never began")))
    }

    fn slot(&mut self, dispatch: DispatchId) -> Result<&mut Slot, Violation> {
        self.slots
            .get_mut(&dispatch)
            .ok_or_else(|| Violation::new("dispatch-known", format!("{dispatch:?} never began")))
    }

    fn end(&mut self, payout: PayoutId, how: End) -> Result<(), Violation> {
        let row = self.payout(payout)?;
        hold!("payout-ends-once", row.end.is_none(), "{payout:?} ended as {:?} before, and now as {how:?}", row.end);
        row.end = Some(how);
        Ok(())
    }

    fn open(
        &mut self,
        dispatch: DispatchId,
        (wallet, nonce): (WalletIx, u64),
        purpose: &Purpose,
        state: &State,
    ) -> Result<(), Violation> {
        let network = state.wallet(wallet).map_or(NetworkIx(0), |wallet| wallet.network);
        let before = self.nonces.insert((wallet, nonce), dispatch);
        hold!("I3 one-use-a-nonce", before.is_none(), "nonce {nonce} of {wallet:?} is {before:?}'s and {dispatch:?}'s");
        if let Purpose::Payout(payout) = purpose {
            let row = self.payout(*payout)?;
            hold!(
                "I4 no-new-set-before-death",
                row.open.is_none(),
                "{payout:?} has {:?} and gets {dispatch:?}",
                row.open
            );
            hold!("I4 no-new-set-before-death", row.end.is_none(), "{payout:?} has ended and gets {dispatch:?}");
            row.open = Some(dispatch);
        }
        let slot = Slot { network, wallet, nonce, purpose: purpose.clone(), attempts: Vec::new(), ended: false };
        self.slots.insert(dispatch, slot);
        Ok(())
    }

    fn sign(&mut self, dispatch: DispatchId, attempt: &Attempt, state: &State, tally: &Tally) -> Result<(), Violation> {
        let slot = self.slot(dispatch)?;
        tally.hit(match (attempt.kind, slot.attempts.is_empty()) {
            (AttemptKind::Act, true) => "payout signed",
            (AttemptKind::Act, false) => "payout outbid",
            (AttemptKind::Cancel, _) => "payout cancel-signed",
        });
        let decoded = Signed::decode(&attempt.raw);
        let signed = decoded.map_err(|error| Violation::new("signed-bytes", format!("{dispatch:?}: {error}")))?;
        let from = state.wallet(slot.wallet).map(|wallet| wallet.address.clone());
        hold!(
            "I3 attempts-exclude",
            signed.draft.nonce == slot.nonce && Some(&signed.from) == from.as_ref() && signed.tx == attempt.tx,
            "{dispatch:?} is nonce {} of {from:?}, and its attempt {} is nonce {} of {}",
            slot.nonce,
            attempt.tx,
            signed.draft.nonce,
            signed.from
        );
        slot.attempts.push((attempt.kind, attempt.tx));
        let (network, purpose) = (slot.network, slot.purpose.clone());
        self.signed.insert((network, attempt.tx), dispatch);
        if let Purpose::Payout(payout) = purpose {
            let row = self.payout(payout)?;
            hold!("I4 sign-only-open", row.end.is_none(), "{payout:?} has ended and is signed for");
            row.attempts.push((dispatch, attempt.kind, attempt.tx));
        }
        Ok(())
    }

    fn finish(
        &mut self,
        dispatch: DispatchId,
        sighting: &Sighting,
        state: &State,
        world: &World,
        tally: &Tally,
    ) -> Result<(), Violation> {
        let slot = self.slot(dispatch)?.clone();
        let attempt = usize::try_from(sighting.attempt).ok().and_then(|at| slot.attempts.get(at)).copied();
        let Some((kind, tx)) = attempt else {
            return Err(Violation::new("attempt-known", format!("{dispatch:?} ends with {sighting:?}")));
        };
        tally.hit(match (kind, sighting.success) {
            (AttemptKind::Act, true) => "payout final",
            (AttemptKind::Act, false) => "payout final-reverted",
            (AttemptKind::Cancel, _) => "payout final-cancelled",
        });
        let policy = state.network(slot.network).map(|row| row.policy.payout_finality);
        final_enough(
            world,
            slot.network,
            &sighting.block,
            policy.unwrap_or(Finality::Finalized),
            "I5 release-after-finality",
        )?;
        // The block may have gone since; then there is nothing to compare with, and the end of the run tells.
        let place = world.place(super::row_of(slot.network), &tx);
        if let Some(place) = place.filter(|place| place.block.hash == sighting.block.hash) {
            hold!(
                "outcome-is-the-networks",
                place.success == sighting.success,
                "{dispatch:?} with {tx} ended with success {} and the network says {}",
                sighting.success,
                place.success
            );
        }
        self.close(dispatch, Some((kind, tx, sighting.success)))
    }

    fn close(&mut self, dispatch: DispatchId, how: Option<(AttemptKind, TxId, bool)>) -> Result<(), Violation> {
        let slot = self.slot(dispatch)?;
        hold!("dispatch-ends-once", !slot.ended, "{dispatch:?} ended before");
        slot.ended = true;
        let Purpose::Payout(payout) = slot.purpose else { return Ok(()) };
        let row = self.payout(payout)?;
        row.open = None;
        match how {
            Some((AttemptKind::Act, tx, true)) => self.end(payout, End::Paid(tx)),
            Some(_) => self.end(payout, End::Refunded),
            // Dead: signed again, or rolled back by an event of its own.
            None => Ok(()),
        }
    }
}
