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

/// Of one wallet and asset so many are told apart; beyond, the two oldest count as one.
const MAX_GIVEN: usize = 256;

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
        // A surplus that was less than the rest of it was something else.
        let given = self.given.get(&(*wallet, *asset)).into_iter().flatten();
        let held = given.filter(|given| given.holds(block.height, pending.seen)).map(|given| given.amount);
        let sum = held.fold(Amount::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Amount::MAX));
        booked.given = if sum >= rest { rest } else { Amount::ZERO };
        booked
    }

    /// After the credit was posted as if all of it were new: what was booked before is not held twice.
    pub(crate) fn take_out_booked(
        &mut self,
        (wallet, asset): (WalletIx, AssetIx),
        from: &[(SuspenseId, Amount)],
        given: Amount,
        (height, seen): (u64, Position),
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
            self.take_given((wallet, asset), given, (height, seen));
        }
    }

    /// From what may have been the deposit first, oldest first.
    fn take_given(&mut self, at: (WalletIx, AssetIx), mut rest: Amount, (height, seen): (u64, Position)) {
        let Some(rows) = self.given.get_mut(&at) else { return };
        for held in [true, false] {
            for row in rows.iter_mut().filter(|row| row.holds(height, seen) == held) {
                let taken = row.amount.min(rest);
                crate::ledger::take(&mut row.amount, taken);
                crate::ledger::take(&mut rest, taken);
            }
        }
        rows.retain(|row| !row.amount.is_zero());
        if rows.is_empty() {
            self.given.remove(&at);
        }
    }

    /// A person gave a surplus away: a deposit that turns out to have been it is not credited once more.
    pub(super) fn remember_given(&mut self, item: &Suspense) {
        let places = self.assets[item.asset.row()].places;
        let Some(amount) = item.amount.scale_down_exact(places) else { return };
        let rows = self.given.entry((item.wallet, item.asset)).or_default();
        rows.push(Given { amount, height: item.height, booked: item.booked });
        if rows.len() > MAX_GIVEN {
            let oldest = rows.remove(0);
            let row = &mut rows[0];
            row.amount = row.amount.checked_add(oldest.amount).unwrap_or(Amount::MAX);
            row.height = row.height.max(oldest.height);
            row.booked = row.booked.min(oldest.booked);
        }
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

impl Given {
    /// Whether a deposit in a block of that height, seen then, may have been in it.
    fn holds(&self, height: u64, seen: Position) -> bool {
        self.height >= height && self.booked < seen
    }
}
