//! Our own transactions that were final and that a deep reorg took away: each stays on the list until it is in a block
//! again, or until a person says that it never will be.

use super::rows::*;
use crate::event::Event;
use crate::ids::*;
use crate::model::*;
use crate::{Amount, BlockRef, Depth, Rejection, State, TxId};

impl State {
    /// A final transaction of ours that a reorg took is in a searched block again, and does there what it did before.
    pub(crate) fn decide_see_final(
        &self,
        network: NetworkIx,
        tx: TxId,
        block: BlockRef,
        success: bool,
        gas: Amount,
    ) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        let lost = row.recent_final.iter().find(|sent| sent.orphaned && sent.tx == tx).ok_or(Rejection::Stale)?;
        // In another block it may do something else: what was paid is unpaid then, or what was given back is paid after
        // all. Neither is booked by a machine; it stays on the list for a person.
        if lost.success != success {
            return Err(Rejection::Stale);
        }
        // A node may be ahead of the search, or show a block that the search does not have.
        let head = row.head().ok_or(Rejection::Stale)?;
        let other = row.scanned.iter().any(|there| there.height == block.height && *there != block);
        if block.height > head.height || other {
            return Err(Rejection::Stale);
        }
        Ok(Event::FinalReblocked { network, tx, block, gas })
    }

    /// In this order: a reason, one that a reorg took, the proof if one is given, fits.
    ///
    /// `paid` says that what used the nonce instead made the same payment, as a replacement of ours does: nothing comes
    /// back then.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn decide_clear_final(
        &self,
        request: Request,
        network: NetworkIx,
        tx: TxId,
        proof: Option<(TxId, BlockRef, Depth)>,
        paid: bool,
        reason: &str,
    ) -> Result<Event, Rejection> {
        if !super::config::text_ok(reason) {
            return Err(Rejection::NameInvalid);
        }
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        let lost = row.recent_final.iter().find(|sent| sent.orphaned && sent.tx == tx);
        let lost = lost.ok_or(Rejection::UnknownFinal)?;
        if let Some((by, _, depth)) = proof
            && (by == tx || !depth.finalized || depth.nodes < row.policy.nodes_required)
        {
            return Err(Rejection::NotProven);
        }
        // What a reversal took back already is where it was.
        let still = |(asset, amount): (AssetIx, Amount)| Some((asset, amount.checked_sub(lost.undone)?));
        let returned = lost.moved.filter(|_| !paid).and_then(still).filter(|(_, amount)| !amount.is_zero());
        let from = lost.to.filter(|_| returned.is_some());
        let returned = match (returned, from) {
            // What a wallet of ours received goes back from there, as far as it is there.
            (Some((asset, amount)), Some(from)) => {
                let there = self.wallet(from).map_or(Amount::ZERO, |row| row.holding(asset).amount);
                Some((asset, amount.min(there)))
            }
            (Some((asset, amount)), None) => {
                let scaled = self.to_token_units(asset, amount).ok_or(Rejection::Overflow)?;
                let fits = self.ledger.fits(self.token_of(asset), scaled);
                if fits { Some((asset, amount)) } else { return Err(Rejection::Overflow) }
            }
            (None, _) => None,
        };
        Ok(Event::FinalCleared {
            request,
            network,
            tx,
            proof: proof.map(|(by, block, _)| (by, block)),
            reason: reason.into(),
            wallet: lost.wallet,
            returned,
            from,
        })
    }

    /// The fee is another one in another block: what it costs more is paid now. What it costs less is a surplus, which
    /// is found and booked like any other, so the books keep what they took.
    pub(crate) fn apply_final_reblocked(&mut self, network: NetworkIx, tx: TxId, block: BlockRef, gas: Amount) {
        let finals = &mut self.networks[network.row()].recent_final;
        let sent =
            finals.iter_mut().find(|sent| sent.orphaned && sent.tx == tx).expect("decide saw the orphaned transaction");
        (sent.block, sent.orphaned) = (block, false);
        let again = sent.moved.zip(sent.to).map(|((asset, _), to)| (sent.wallet, asset, to, sent.undone));
        sent.undone = Amount::ZERO;
        if let Some(more) = gas.checked_sub(sent.gas) {
            sent.gas = gas;
            let wallet = sent.wallet;
            self.pay_gas(wallet, more);
        }
        // The deposit that it swept may be credited again only after it.
        if let Some((from, asset, to, amount)) = again.filter(|(.., amount)| !amount.is_zero()) {
            self.take_now_or_later(from, asset, amount);
            self.add_holding(to, asset, amount);
        }
    }

    /// What it moved did not leave, after all. What left for outside is nobody's until a person says whose: the account
    /// that it was paid for has had its payout, and nothing pays it again by itself.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_final_cleared(
        &mut self,
        network: NetworkIx,
        tx: TxId,
        wallet: WalletIx,
        returned: Option<(AssetIx, Amount)>,
        from: Option<WalletIx>,
        booked: Position,
        at: Time,
    ) {
        self.networks[network.row()].recent_final.retain(|sent| !(sent.orphaned && sent.tx == tx));
        let Some((asset, amount)) = returned else { return };
        // It paid nobody after all: an order for the same is not paid by it.
        self.unmatched.retain(|_, paid| !(paid.tx == tx && paid.wallet == wallet));
        self.add_holding(wallet, asset, amount);
        match from {
            Some(from) => self.take_holding(from, asset, amount),
            None => {
                let (token, amount) = (self.token_of(asset), self.scaled(asset, amount));
                self.ledger.deposit_suspense(token, amount);
                let (reason, height) = (SuspenseReason::Unpaid, 0);
                self.add_suspense(Suspense {
                    token,
                    amount,
                    reason,
                    deposit: None,
                    from: None,
                    wallet,
                    at,
                    asset,
                    height,
                    booked,
                });
            }
        }
    }
}
