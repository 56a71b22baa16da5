//! What the wallets hold less than the books. Payouts of the asset stop until it was brought, which the reconciler sees, or
//! until a person books the loss.

use super::rows::Shortage;
use crate::event::Event;
use crate::ids::*;
use crate::model::*;
use crate::{Amount, BlockRef, Rejection, State};

impl State {
    /// What was found missing of an asset in a wallet, when it was last compared.
    pub fn shortage(&self, asset: AssetIx, wallet: WalletIx) -> Option<&Shortage> {
        self.shortages.get(&(asset, wallet))
    }

    /// Everything that is missing.
    pub fn shortages(&self) -> impl Iterator<Item = (AssetIx, WalletIx, &Shortage)> {
        self.shortages.iter().map(|((asset, wallet), row)| (*asset, *wallet, row))
    }

    /// What is missing may change; of nothing missing the last word is taken back.
    pub(crate) fn decide_find_shortage(
        &self,
        wallet: WalletIx,
        asset: AssetIx,
        missing: Amount,
        block: BlockRef,
    ) -> Result<Event, Rejection> {
        self.wallet_asset(wallet, asset)?;
        let known = self.shortage(asset, wallet).map_or(Amount::ZERO, |row| row.missing);
        if known == missing {
            return Err(Rejection::Stale);
        }
        Ok(Event::ShortageFound { wallet, asset, missing, block })
    }

    pub(crate) fn decide_clear_shortage(&self, asset: AssetIx, block: BlockRef) -> Result<Event, Rejection> {
        self.asset(asset).ok_or(Rejection::UnknownAsset)?.short.as_ref().ok_or(Rejection::Stale)?;
        Ok(Event::ShortageCleared { asset, block })
    }

    /// In this order: a reason, a shortage that was found, an amount, no more than is missing, no more than is in the books.
    pub(crate) fn decide_write_off(
        &self,
        request: Request,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        reason: &str,
    ) -> Result<Event, Rejection> {
        if !super::config::text_ok(reason) {
            return Err(Rejection::NameInvalid);
        }
        self.wallet_asset(wallet, asset)?;
        let short = self.shortage(asset, wallet).ok_or(Rejection::NoShortage)?;
        if amount.is_zero() {
            return Err(Rejection::AmountZero);
        }
        let booked = self.wallet(wallet).map_or(Amount::ZERO, |row| row.holding(asset).amount);
        if amount > short.missing.min(booked) {
            return Err(Rejection::AboveShortage);
        }
        Ok(Event::ShortageWrittenOff { request, wallet, asset, amount, reason: reason.into() })
    }

    pub(crate) fn apply_shortage_found(
        &mut self,
        wallet: WalletIx,
        asset: AssetIx,
        missing: Amount,
        block: BlockRef,
        at: Time,
    ) {
        if missing.is_zero() {
            // Whether another wallet lacks something only a whole comparison knows; it clears the asset.
            self.shortages.remove(&(asset, wallet));
            return;
        }
        self.shortages.insert((asset, wallet), Shortage { missing, height: block.height, at });
        let address = self.wallet(wallet).map(|wallet| wallet.address.to_string()).unwrap_or_default();
        let reason = format!("wallet {address} holds {missing} base units less than the books");
        let since = self.assets[asset.row()].short.as_ref().map_or(at, |stop| stop.since);
        self.assets[asset.row()].short = Some(Stop { reason: reason.into(), since });
    }

    pub(crate) fn apply_shortage_cleared(&mut self, asset: AssetIx) {
        self.assets[asset.row()].short = None;
        self.shortages.retain(|(short, _), _| *short != asset);
    }

    /// The loss is the operator's. With the last of it the asset is not short any more.
    pub(crate) fn apply_written_off(&mut self, wallet: WalletIx, asset: AssetIx, amount: Amount) {
        self.take_holding(wallet, asset, amount);
        let (token, scaled) = (self.token_of(asset), self.scaled(asset, amount));
        self.ledger.expense(token, scaled);
        let row = self.shortages.get_mut(&(asset, wallet)).expect("decide saw the shortage");
        row.missing = row.missing.checked_sub(amount).expect("decide saw that so much is missing");
        if row.missing.is_zero() {
            self.shortages.remove(&(asset, wallet));
        }
        if self.shortages.range((asset, WalletIx(0))..=(asset, WalletIx(u32::MAX))).next().is_none() {
            self.assets[asset.row()].short = None;
        }
    }
}
