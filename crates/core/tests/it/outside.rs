//! What the networks outside would show of our wallets, reckoned from what came in and went out alone: the core's own books
//! are compared with it after every event.

use std::collections::{BTreeMap, BTreeSet};
use tokengine_core::*;

/// Balances of our wallets, and what has crossed the border of custody, in base units of the tokens.
pub struct Outside {
    balances: BTreeMap<(WalletIx, AssetIx), u128>,
    came_in: BTreeMap<TokenIx, u128>,
    went_out: BTreeMap<TokenIx, u128>,
    slots: BTreeMap<DispatchId, Slot>,
    orders: BTreeMap<PayoutId, (AssetIx, u128)>,
    ended: BTreeSet<PayoutId>,
}

struct Slot {
    wallet: WalletIx,
    purpose: Purpose,
    gas: u128,
    attempts: Vec<AttemptKind>,
}

impl Outside {
    pub fn new(state: &State) -> Self {
        let mut balances = BTreeMap::new();
        for (ix, wallet) in state.wallets() {
            for (asset, holding) in &wallet.holdings {
                balances.insert((ix, *asset), holding.amount.base_units());
            }
        }
        let custody = |token| state.totals(token).expect("listed").custody.base_units();
        let came_in = state.tokens().map(|(token, _)| (token, custody(token))).collect();
        let (went_out, slots, orders) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { balances, came_in, went_out, slots, orders, ended: BTreeSet::new() }
    }

    fn balance(&mut self, wallet: WalletIx, asset: AssetIx) -> &mut u128 {
        self.balances.entry((wallet, asset)).or_default()
    }

    fn scaled(state: &State, asset: AssetIx, amount: u128) -> (TokenIx, u128) {
        let scaled = state.to_token_units(asset, Amount::new(amount)).expect("fits");
        (state.asset(asset).expect("listed").token, scaled.base_units())
    }

    fn enters(&mut self, state: &State, wallet: WalletIx, asset: AssetIx, amount: u128) {
        *self.balance(wallet, asset) += amount;
        let (token, amount) = Self::scaled(state, asset, amount);
        *self.came_in.entry(token).or_default() += amount;
    }

    /// Takes at most what is there out of custody, from the first wallets that have it, and says how much that was.
    fn leaves(
        &mut self,
        state: &State,
        from: impl IntoIterator<Item = WalletIx>,
        asset: AssetIx,
        amount: u128,
    ) -> u128 {
        let network = state.asset(asset).expect("listed").network;
        let mut missing = amount;
        for wallet in from.into_iter().filter(|ix| state.wallet(*ix).expect("listed").network == network) {
            let there = self.balance(wallet, asset);
            let taken = missing.min(*there);
            *there -= taken;
            missing -= taken;
        }
        let (token, taken) = Self::scaled(state, asset, amount - missing);
        *self.went_out.entry(token).or_default() += taken;
        amount - missing
    }

    fn moves(&mut self, from: WalletIx, to: WalletIx, asset: AssetIx, amount: u128) {
        let taken = amount.min(*self.balance(from, asset));
        *self.balance(from, asset) -= taken;
        *self.balance(to, asset) += taken;
    }

    fn pays_gas(&mut self, state: &State, wallet: WalletIx, gas: u128) {
        let network = state.wallet(wallet).expect("listed").network;
        let native = state.network(network).expect("listed").native.expect("listed");
        self.leaves(state, [wallet], native, gas);
    }

    fn first_then_house(state: &State, wallet: WalletIx) -> Vec<WalletIx> {
        std::iter::once(wallet).chain(state.house_wallets().map(|(ix, _)| ix)).collect()
    }

    fn pays(&mut self, state: &State, wallet: WalletIx, payout: PayoutId) {
        let (asset, amount) = self.orders[&payout];
        self.leaves(state, Self::first_then_house(state, wallet), asset, amount);
        assert!(self.ended.insert(payout), "I3: {payout} was paid after its end");
    }

    /// What an event means outside, given the state before it and the command that it came from.
    pub fn take_in(&mut self, before: &State, command: &Command, event: &Event) {
        match (command, event) {
            (_, Event::DepositCredited { key, .. }) => {
                let deposit = before.pending_deposit(key).expect("it was pending").deposit.clone();
                let (asset, amount) = (deposit.asset, deposit.amount.base_units());
                let Event::DepositCredited { from_surplus, given_before, .. } = event else { unreachable!() };
                // What the reconciler had found of it came in then.
                let found: u128 = from_surplus.iter().map(|(_, amount)| amount.base_units()).sum();
                self.enters(before, deposit.wallet, asset, amount - found - given_before.base_units());
                // What was paid from it before it was in the books.
                let ahead = before.taken_ahead(deposit.wallet, asset).base_units();
                self.leaves(before, [deposit.wallet], asset, ahead);
                if let Some(ours) = before.wallet_at(key.network, &deposit.from) {
                    self.leaves(before, [ours], asset, amount);
                }
            }
            (Command::BookSurplus { wallet, asset, amount, .. }, _) => {
                self.enters(before, *wallet, *asset, amount.base_units());
            }
            (Command::ReverseDeposit { key }, _) => {
                let recent = &before.network(key.network).expect("listed").recent;
                let credit = recent.iter().find(|credit| credit.key == *key).expect("it is recent");
                let Event::DepositReversed { unswept, .. } = event else { unreachable!() };
                for (tx, amount) in unswept {
                    let finals = &before.network(key.network).expect("listed").recent_final;
                    let sent = finals.iter().find(|sent| sent.tx == *tx && sent.orphaned).expect("it was lost too");
                    self.moves(sent.to.expect("a sweep"), sent.wallet, credit.asset, amount.base_units());
                }
                let from = Self::first_then_house(before, credit.wallet);
                self.leaves(before, from, credit.asset, credit.amount.base_units());
                if let Some((cold, amount)) = credit.refill {
                    self.enters(before, cold, credit.asset, amount.base_units());
                }
            }
            (Command::WriteOffShortage { wallet, asset, amount, .. }, _) => {
                let gone = self.leaves(before, [*wallet], *asset, amount.base_units());
                assert_eq!(gone, amount.base_units(), "no more is written off than was there");
            }
            (_, Event::FinalCleared { wallet, returned: Some((asset, amount)), from, .. }) => match from {
                Some(from) => self.moves(*from, *wallet, *asset, amount.base_units()),
                None => self.enters(before, *wallet, *asset, amount.base_units()),
            },
            (_, Event::PayoutHeld { payout, order, .. }) => {
                let known = self.orders.insert(*payout, (order.asset, order.amount.base_units()));
                assert!(known.is_none(), "{payout} was held twice");
            }
            (
                _,
                Event::PayoutPaidBefore { payout, .. }
                | Event::PayoutEndedInside { payout, .. }
                | Event::PayoutCancelled { payout, .. },
            ) => {
                assert!(self.ended.insert(*payout), "{payout} ended twice")
            }
            (Command::OpenDispatch { wallet, purpose, gas_reserve, .. }, Event::DispatchOpened { dispatch, .. }) => {
                let (wallet, purpose, gas) = (*wallet, purpose.clone(), gas_reserve.base_units());
                self.slots.insert(*dispatch, Slot { wallet, purpose, gas, attempts: Vec::new() });
            }
            (Command::SignAttempt { dispatch, attempt }, _) => {
                let slot = self.slots.get_mut(dispatch).expect("open");
                slot.gas = slot.gas.max(attempt.max_gas_cost.base_units());
                slot.attempts.push(attempt.kind);
            }
            (Command::BuryDispatch { dispatch, .. }, _) => drop(self.slots.remove(dispatch)),
            (Command::FinishDispatch { dispatch, sighting, gas, .. }, _) => {
                let slot = self.slots.remove(dispatch).expect("open");
                let act = slot.attempts[usize::try_from(sighting.attempt).expect("few")] == AttemptKind::Act;
                if sighting.success && act {
                    match slot.purpose {
                        Purpose::Payout(payout) => self.pays(before, slot.wallet, payout),
                        Purpose::Sweep { to, asset, amount } => self.moves(slot.wallet, to, asset, amount.base_units()),
                        Purpose::TopUp { to, amount } => {
                            let network = before.wallet(to).expect("listed").network;
                            let native = before.network(network).expect("listed").native.expect("listed");
                            self.moves(slot.wallet, to, native, amount.base_units());
                        }
                        Purpose::Noop => {}
                    }
                }
                self.pays_gas(before, slot.wallet, gas.base_units());
            }
            (Command::SeeFinal { network, tx, gas, .. }, _) => {
                let finals = &before.network(*network).expect("listed").recent_final;
                let sent = finals.iter().find(|sent| sent.tx == *tx).expect("it is remembered");
                assert!(sent.orphaned, "{tx} was not lost");
                // A lower fee is left to the reconciler, so the books keep the higher one.
                self.pays_gas(before, sent.wallet, gas.base_units().saturating_sub(sent.gas.base_units()));
                if let Some(((asset, _), to)) = sent.moved.zip(sent.to) {
                    let again = sent.undone.base_units();
                    self.leaves(before, [sent.wallet], asset, again);
                    self.enters(before, to, asset, again);
                }
            }
            (Command::AdoptDispatch { wallet, paid, gas, success, .. }, Event::DispatchAdopted { purpose, .. }) => {
                if let (Some((asset, amount, to)), true) = (paid, *success) {
                    let network = before.wallet(*wallet).expect("listed").network;
                    match (purpose, before.wallet_at(network, to)) {
                        (Some(Purpose::Payout(payout)), _) => self.pays(before, *wallet, *payout),
                        (_, Some(to)) => self.moves(*wallet, to, *asset, amount.base_units()),
                        (_, None) => drop(self.leaves(before, [*wallet], *asset, amount.base_units())),
                    }
                }
                self.pays_gas(before, *wallet, gas.base_units());
            }
            _ => {}
        }
    }

    /// The books say of every wallet what the networks say; what came in less what went out is custody; and what is
    /// reserved is what the open slots may still take, to the unit.
    pub fn compare(&self, state: &State) {
        let mut reserved = BTreeMap::<(WalletIx, AssetIx), u128>::new();
        for slot in self.slots.values() {
            let network = state.wallet(slot.wallet).expect("listed").network;
            let native = state.network(network).expect("listed").native.expect("listed");
            let spent = match &slot.purpose {
                Purpose::Payout(payout) => Some(self.orders[payout]),
                Purpose::Sweep { asset, amount, .. } => Some((*asset, amount.base_units())),
                Purpose::TopUp { amount, .. } => Some((native, amount.base_units())),
                Purpose::Noop => None,
            };
            for (asset, amount) in spent.into_iter().chain([(native, slot.gas)]) {
                *reserved.entry((slot.wallet, asset)).or_default() += amount;
            }
        }
        for (ix, _) in state.wallets() {
            for (asset, _) in state.assets() {
                let holding = state.wallet(ix).expect("listed").holding(asset);
                let (books, ours) = (holding.amount.base_units(), self.balances.get(&(ix, asset)).copied());
                assert_eq!(books, ours.unwrap_or_default(), "wallet {ix}, asset {asset}");
                let held = reserved.get(&(ix, asset)).copied().unwrap_or_default();
                assert_eq!(holding.reserved.base_units(), held, "reserved in wallet {ix}, asset {asset}");
            }
        }
        for (token, totals) in state.tokens().map(|(token, _)| (token, state.totals(token).expect("listed"))) {
            let out = self.went_out.get(&token).copied().unwrap_or_default();
            assert_eq!(self.came_in[&token] - out, totals.custody.base_units(), "token {token}");
        }
    }
}
