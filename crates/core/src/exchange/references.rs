//! Whether every number in a state points to a row that is there: a snapshot that was damaged or made elsewhere is refused
//! when it is read, and not found out in the middle of an event.

use super::rows::*;
use crate::ids::*;
use crate::model::*;
use crate::wire::DecodeError;
use crate::{Amount, State};

impl State {
    /// # Errors
    /// [`DecodeError::Invalid`] names the kind of row that points to nothing.
    pub(crate) fn check_references(&self) -> Result<(), DecodeError> {
        self.ledger.check_references(self.tokens.len())?;
        let all = |what, holds: bool| if holds { Ok(()) } else { Err(DecodeError::Invalid { what }) };
        all("an asset", self.assets().all(|(_, asset)| self.asset_refers(asset)))?;
        all("a network", self.networks().all(|(ix, network)| self.network_refers(ix, network)))?;
        all("a wallet", self.wallets().all(|(_, wallet)| self.wallet_refers(wallet)))?;
        all("a pending deposit", self.pending.values().all(|pending| self.deposit_refers(&pending.deposit)))?;
        all("a payout", self.payouts().all(|(id, payout)| self.payout_refers(id, payout)))?;
        all("a slot", self.dispatches().all(|(id, dispatch)| self.dispatch_refers(id, dispatch)))?;
        all("a transfer", self.transfers().all(|(_, transfer)| self.order_refers(&transfer.order)))?;
        let lies = |wallet: WalletIx, asset: AssetIx| {
            let network = self.wallet(wallet).map(|wallet| wallet.network);
            network.is_some() && self.asset(asset).map(|asset| asset.network) == network
        };
        let owned = |item: &Suspense| {
            let token = self.asset(item.asset).map(|asset| asset.token);
            token == Some(item.token) && lies(item.wallet, item.asset)
        };
        all("an amount in suspense", self.suspense.values().all(owned))?;
        all("a surplus that was given away", self.given.keys().all(|(wallet, asset)| lies(*wallet, *asset)))?;
        let paid =
            |row: &Unmatched| lies(row.wallet, row.asset) && self.to_token_units(row.asset, row.amount).is_some();
        all("a payment without an order", self.unmatched.values().all(paid))?;
        let fits = |amount: &Amount, asset| self.to_token_units(asset, *amount).is_some();
        let ahead =
            |((wallet, asset), amount): (&(WalletIx, AssetIx), &Amount)| lies(*wallet, *asset) && fits(amount, *asset);
        all("what was taken ahead of a deposit", self.ahead.iter().all(ahead))?;
        all("a shortage", self.shortages.keys().all(|(asset, wallet)| lies(*wallet, *asset)))
    }

    fn asset_refers(&self, asset: &Asset) -> bool {
        let places = self.token(asset.token).and_then(|token| token.decimals.checked_sub(asset.decimals));
        places == Some(asset.places) && self.network(asset.network).is_some()
    }

    fn network_refers(&self, ix: NetworkIx, network: &Network) -> bool {
        let here = |asset: AssetIx| self.asset(asset).is_some_and(|asset| asset.network == ix);
        let credits = network.recent.iter().all(|credit| {
            let fits = self.to_token_units(credit.asset, credit.amount).is_some();
            let refill = credit.refill.is_none_or(|(cold, _)| self.wallet(cold).is_some());
            fits && refill && here(credit.asset) && self.wallet(credit.wallet).is_some() && credit.key.network == ix
        });
        let finals = network.recent_final.iter().all(|sent| {
            let moved = sent.moved.is_none_or(|(asset, amount)| self.to_token_units(asset, amount).is_some());
            moved && self.wallet(sent.wallet).is_some() && sent.to.is_none_or(|to| self.wallet(to).is_some())
        });
        network.native.is_none_or(here) && credits && finals
    }

    fn wallet_refers(&self, wallet: &Wallet) -> bool {
        let owned = match wallet.role {
            Role::Deposit(account) => self.ledger.exists(account),
            Role::Hot | Role::Cold | Role::Gas | Role::Retiring => true,
        };
        let holds = |(asset, holding): &(AssetIx, Holding)| self.to_token_units(*asset, holding.amount).is_some();
        owned && self.network(wallet.network).is_some() && wallet.holdings.iter().all(holds)
    }

    fn deposit_refers(&self, deposit: &Incoming) -> bool {
        let network = self.network(deposit.key.network).is_some();
        network && self.asset(deposit.asset).is_some() && self.wallet(deposit.wallet).is_some()
    }

    fn order_refers(&self, order: &PayoutOrder) -> bool {
        self.asset(order.asset).is_some() && self.ledger.exists(order.account)
    }

    fn payout_refers(&self, id: PayoutId, payout: &Payout) -> bool {
        let fee = payout.success_fee.max(payout.failure_fee);
        let covered = payout.amount.checked_add(fee).is_some_and(|most| most <= payout.held);
        let sent = match payout.stage {
            PayoutStage::Waiting(_) => true,
            PayoutStage::Dispatched(slot) => {
                self.dispatch(slot).is_some_and(|slot| slot.purpose == Purpose::Payout(id))
            }
        };
        covered && sent && self.order_refers(&payout.order)
    }

    fn dispatch_refers(&self, id: DispatchId, dispatch: &Dispatch) -> bool {
        let Some(wallet) = self.wallet(dispatch.wallet) else { return false };
        let native = self.network(wallet.network).and_then(|network| network.native);
        let reserved = |asset: AssetIx, amount: Amount| wallet.holding(asset).reserved >= amount;
        let purpose = match &dispatch.purpose {
            Purpose::Payout(payout) => {
                self.payout(*payout).is_some_and(|payout| payout.stage == PayoutStage::Dispatched(id))
            }
            Purpose::Sweep { to, asset, amount } => self.wallet(*to).is_some() && reserved(*asset, *amount),
            Purpose::TopUp { to, .. } => self.wallet(*to).is_some(),
            Purpose::Noop => true,
        };
        purpose && native.is_some_and(|native| reserved(native, dispatch.gas_reserve))
    }
}
