//! What the wallets hold, kept in step with the ledger's custody: every change here has its posting there.

use crate::ids::*;
use crate::ledger::{add, take};
use crate::{Amount, State};

impl State {
    /// Base units of the asset as base units of its token; `None` when that does not fit.
    pub fn to_token_units(&self, asset: AssetIx, amount: Amount) -> Option<Amount> {
        amount.scale_up(self.asset(asset)?.places)
    }

    pub(super) fn scaled(&self, asset: AssetIx, amount: Amount) -> Amount {
        self.to_token_units(asset, amount).expect("what is held was scaled when it was credited")
    }

    pub(super) fn token_of(&self, asset: AssetIx) -> TokenIx {
        self.assets[asset.row()].token
    }

    /// What `wallet` can use of `asset` for something new.
    pub fn available(&self, wallet: WalletIx, asset: AssetIx) -> Amount {
        self.wallet(wallet).map_or(Amount::ZERO, |wallet| wallet.holding(asset).available())
    }

    fn holding_mut(&mut self, wallet: WalletIx, asset: AssetIx) -> &mut super::rows::Holding {
        self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").holding_mut(asset)
    }

    pub(super) fn add_holding(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        add(&mut self.holding_mut(wallet, asset).amount, amount);
        if matches!(self.wallet(wallet).map(|wallet| wallet.role), Some(crate::Role::Deposit(_))) {
            self.to_sweep.insert(wallet);
        }
    }

    pub(super) fn take_holding(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        take(&mut self.holding_mut(wallet, asset).amount, amount);
        self.swept(wallet);
    }

    fn swept(&mut self, wallet: WalletIx) {
        let row = self.wallets.get(wallet.row()).expect("decide saw the wallet");
        if row.holdings.iter().all(|(_, holding)| holding.amount.is_zero()) {
            self.to_sweep.remove(&wallet);
        }
    }

    pub(super) fn reserve(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        add(&mut self.holding_mut(wallet, asset).reserved, amount);
    }

    pub(super) fn unreserve(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        take(&mut self.holding_mut(wallet, asset).reserved, amount);
    }

    /// Takes at most what is there: what the network took is a fact, whatever the books say. The reconciler sees the rest.
    pub(super) fn take_at_most(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) -> Amount {
        let holding = self.holding_mut(wallet, asset);
        let taken = amount.min(holding.amount);
        take(&mut holding.amount, taken);
        // Others' reservations may now stand on nothing; `available` never goes below zero, and the reconciler stops the asset.
        self.swept(wallet);
        taken
    }

    /// Takes what the network paid out of `wallet`: a fact. Where a reversal or a restore left its books with less, the other
    /// house wallets of the network give; what none has, somebody brought whom the books have not seen: the operator.
    pub(super) fn take_custody(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        let network = self.wallets.get(wallet.row()).expect("decide saw the wallet").network;
        let mut missing = amount;
        let house = self.house_wallets.clone();
        for from in std::iter::once(wallet).chain(house) {
            if missing.is_zero() {
                return;
            }
            if self.wallets.get(from.row()).is_some_and(|row| row.network == network) {
                let taken = self.take_at_most(from, asset, missing);
                missing = missing.checked_sub(taken).expect("no more is taken than asked");
            }
        }
        let (token, scaled) = (self.token_of(asset), self.scaled(asset, missing));
        self.ledger.deposit_equity(token, scaled);
    }

    /// Gas leaves the wallet at the operator's cost.
    pub(super) fn pay_gas(&mut self, wallet: WalletIx, gas: Amount) {
        let network = self.wallets.get(wallet.row()).expect("decide saw the wallet").network;
        if let Some(native) = self.networks[network.row()].native {
            let paid = self.take_at_most(wallet, native, gas);
            let (token, scaled) = (self.token_of(native), self.scaled(native, paid));
            self.ledger.expense(token, scaled);
        }
    }
}
