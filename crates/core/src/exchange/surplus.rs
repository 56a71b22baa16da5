//! What the wallets hold more than the books, and the deposits that turn out to be it: they must not count twice.
//!
//! The reconciler books what it cannot explain as suspense. A deposit that is found only afterwards, in a block that the
//! comparison covered, was in that surplus: its credit takes it out of suspense. What a person has given away meanwhile is
//! gone; then the deposit goes to suspense itself, against the operator, until a person says whose it is.

use super::rows::{Given, Pending, Suspense};
use crate::event::Event;
use crate::ids::*;
use crate::model::*;
use crate::{Amount, BlockRef, Rejection, State};

/// What of a deposit was booked before it was seen, in base units of the asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Booked {
    /// Still in suspense, and how much of which item.
    pub(super) from: Vec<(SuspenseId, Amount)>,
    /// A person gave it away.
    pub(super) given: Amount,
}

impl State {
    pub(super) fn wallet_asset(&self, wallet: WalletIx, asset: AssetIx) -> Result<(), Rejection> {
        let wallet = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        let asset = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if wallet.network == asset.network { Ok(()) } else { Err(Rejection::UnknownAsset) }
    }

    /// In this order: a listed wallet and asset of one network, an amount, nothing seen since the comparison, fits.
    pub(crate) fn decide_book_surplus(
        &self,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        block: BlockRef,
        as_of: Position,
    ) -> Result<Event, Rejection> {
        self.wallet_asset(wallet, asset)?;
        if amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        // What was seen after the comparison may be what it found.
        let covers = |at: &BlockRef| at.height <= block.height;
        let seen = self.pending.values().any(|pending| {
            let Incoming { wallet: to, asset: of, block: at, .. } = &pending.deposit;
            (*to, *of) == (wallet, asset) && covers(at) && pending.seen > as_of
        });
        let network = &self.networks[self.assets[asset.row()].network.row()];
        let credited = network.recent.iter().any(|credit| {
            let since = self.settled_deposit(&credit.key).is_some_and(|settled| settled.position > as_of);
            since && (credit.wallet, credit.asset) == (wallet, asset) && covers(&credit.block)
        });
        if seen || credited {
            return Err(Rejection::Stale);
        }
        let row = &self.assets[asset.row()];
        let scaled = amount.scale_up(row.places).filter(|scaled| self.ledger.fits(row.token, *scaled));
        scaled.ok_or(Rejection::Overflow)?;
        Ok(Event::SurplusBooked { wallet, asset, amount, block })
    }

    pub(crate) fn apply_surplus_booked(
        &mut self,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        block: BlockRef,
        booked: Position,
        at: Time,
    ) {
        self.add_holding(wallet, asset, amount);
        let (token, amount) = (self.token_of(asset), self.scaled(asset, amount));
        self.ledger.deposit_suspense(token, amount);
        let (reason, height) = (SuspenseReason::Surplus, block.height);
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

    /// What of a deposit that is about to be credited was booked as a surplus before it was seen.
    pub(super) fn booked_before(&self, pending: &Pending) -> Booked {
        let Incoming { wallet, asset, amount, block, .. } = &pending.deposit;
        let (places, mut rest) = (self.assets[asset.row()].places, *amount);
        let mut booked = Booked::default();
        for id in self.surplus.get(&(*wallet, *asset)).into_iter().flatten() {
            let item = self.suspense.get(id).filter(|item| item.height >= block.height && item.booked < pending.seen);
            let there = item.and_then(|item| item.amount.scale_down_exact(places)).unwrap_or_default().min(rest);
            if !there.is_zero() {
                booked.from.push((*id, there));
                rest = rest.checked_sub(there).expect("no more is taken than is left");
            }
        }
        let given = self.given.get(&(*wallet, *asset));
        let given = given.filter(|given| given.height >= block.height && given.booked < pending.seen);
        booked.given = given.map_or(Amount::ZERO, |given| given.amount.min(rest));
        booked
    }

    /// After the credit was posted as if all of it were new: what was booked before is not held twice.
    pub(crate) fn take_out_booked(
        &mut self,
        (wallet, asset): (WalletIx, AssetIx),
        from: &[(SuspenseId, Amount)],
        given: Amount,
    ) {
        let token = self.token_of(asset);
        for (id, amount) in from {
            let scaled = self.scaled(asset, *amount);
            self.take_holding(wallet, asset, *amount);
            self.ledger.withdraw_suspense(token, scaled);
            let item = self.suspense.get_mut(id).expect("decide saw the item");
            item.amount = item.amount.checked_sub(scaled).expect("decide saw that it is there");
            if item.amount.is_zero() {
                self.remove_suspense(*id);
            }
        }
        if !given.is_zero() {
            self.take_holding(wallet, asset, given);
            let scaled = self.scaled(asset, given);
            self.ledger.expense(token, scaled);
            let row = self.given.get_mut(&(wallet, asset)).expect("decide saw what was given");
            row.amount = row.amount.checked_sub(given).expect("decide saw that it was given");
            if row.amount.is_zero() {
                self.given.remove(&(wallet, asset));
            }
        }
    }

    /// A person gave a surplus away: a deposit that turns out to have been it is not credited once more.
    pub(super) fn remember_given(&mut self, item: &Suspense) {
        let places = self.assets[item.asset.row()].places;
        let Some(amount) = item.amount.scale_down_exact(places) else { return };
        let new = Given { amount: Amount::ZERO, height: item.height, booked: item.booked };
        let row = self.given.entry((item.wallet, item.asset)).or_insert(new);
        row.amount = row.amount.checked_add(amount).unwrap_or(Amount::MAX);
        row.height = row.height.max(item.height);
        row.booked = row.booked.min(item.booked);
    }

    pub(crate) fn add_suspense(&mut self, item: Suspense) -> SuspenseId {
        let id = self.next_suspense;
        self.index_suspense(id, &item);
        self.suspense.insert(id, item);
        self.next_suspense = SuspenseId(id.0.saturating_add(1));
        id
    }

    pub(crate) fn index_suspense(&mut self, id: SuspenseId, item: &Suspense) {
        if item.reason == SuspenseReason::Surplus {
            self.surplus.entry((item.wallet, item.asset)).or_default().insert(id);
        }
    }

    pub(super) fn remove_suspense(&mut self, id: SuspenseId) -> Option<Suspense> {
        let item = self.suspense.remove(&id)?;
        if let Some(items) = self.surplus.get_mut(&(item.wallet, item.asset)) {
            items.remove(&id);
            if items.is_empty() {
                self.surplus.remove(&(item.wallet, item.asset));
            }
        }
        Some(item)
    }
}
