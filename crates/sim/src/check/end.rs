//! At rest: everything funded is settled or refunded, the networks' wallets are what the books say, and nothing was paid
//! twice.

use std::collections::BTreeMap;

use tokengine_chain::Asset;
use tokengine_core::*;

use super::payouts::End;
use super::{Checker, Violation, hold, row_of};
use crate::net::{Flow, World};

/// What still waits, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled(pub String);

impl Checker {
    /// The first thing that still waits for something.
    pub fn unsettled(&self, world: &World) -> Option<Unsettled> {
        let state = &self.state;
        let some = |what: String| Some(Unsettled(what));
        if let Some(stop) = state.recovery() {
            return some(format!("recovery goes on: {}", stop.reason));
        }
        for (ix, row) in state.networks() {
            if let Some(stop) = &row.halted {
                return some(format!("{ix:?} is halted: {}", stop.reason));
            }
            let (head, there) = (row.head().map_or(0, |head| head.height), world.head(row_of(ix)).height);
            if there > head + 6 {
                return some(format!("{ix:?} is searched up to {head} of {there}"));
            }
        }
        if let Some((ix, row)) = state.assets().find(|(_, row)| row.stopped.is_some() || row.short.is_some()) {
            return some(format!("{ix:?} is stopped: {:?} {:?}", row.stopped, row.short));
        }
        if let Some(pending) = state.pending_deposits().next() {
            return some(format!("a deposit is pending: {:?}", pending.deposit));
        }
        if let Some((network, tx, claim)) = state.claims().next() {
            return some(format!("a claim is open: {network:?} {tx} {claim:?}"));
        }
        if let Some((id, row)) = state.transfers().next() {
            return some(format!("{id:?} is open: {row:?}"));
        }
        if let Some((id, row)) = state.payouts().next() {
            return some(format!("{id:?} is {:?}, cancel {}, {:?}", row.stage, row.cancel, row.order));
        }
        if let Some((id, row)) = state.dispatches().next() {
            return some(format!(
                "{id:?} is open: {:?} nonce {} {:?} {:?}",
                row.wallet, row.nonce, row.purpose, row.seen
            ));
        }
        state.networks().find_map(|(ix, _)| self.uncredited(ix, world))
    }

    /// A deposit on the best chain that nobody was credited.
    fn uncredited(&self, network: NetworkIx, world: &World) -> Option<Unsettled> {
        let deposits = self.deposits_of(network, world);
        let missing = deposits.iter().find(|(key, _)| !self.credits.contains_key(key));
        missing.map(|(key, flow)| Unsettled(format!("{key:?} is not credited: {flow:?}")))
    }

    /// What the best chain paid to us from outside, and a complete search finds.
    fn deposits_of(&self, network: NetworkIx, world: &World) -> BTreeMap<DepositKey, Flow> {
        let Some(row) = self.state.network(network) else { return BTreeMap::new() };
        // Where not every node traces, what moves inside contracts is found by comparing balances.
        let traced = world.settings(row_of(network)).endpoints.iter().all(|endpoint| endpoint.traces);
        let flows = world.flows(row_of(network), row.starts_after).into_iter();
        let ours = |address: &Address| self.state.wallet_at(network, address).is_some();
        let is_deposit = |flow: &Flow| {
            let found = traced || !matches!(flow.locator, Locator::Trace(_));
            found && flow.amount > 0 && flow.is_final && ours(&flow.to) && !flow.from.as_ref().is_some_and(ours)
        };
        let listed = |flow: &Flow| self.asset_of(network, &flow.asset).is_some();
        let keyed = |flow: Flow| (DepositKey { network, tx: flow.tx, locator: flow.locator.clone() }, flow);
        flows.filter(|flow| is_deposit(flow) && listed(flow)).map(keyed).collect()
    }

    fn asset_of(&self, network: NetworkIx, asset: &Asset) -> Option<AssetIx> {
        match asset {
            Asset::Native => self.state.network(network)?.native,
            Asset::Contract(contract) => {
                let is =
                    |row: &tokengine_core::Asset| row.network == network && row.contract.as_ref() == Some(contract);
                self.state.assets().find(|(_, row)| is(row)).map(|(ix, _)| ix)
            }
        }
    }

    /// What the networks show is what the books say.
    ///
    /// # Errors
    /// The first difference. While something is under way, or the reconciler has not come round, differences are right.
    pub fn at_rest(&self, world: &World) -> Result<(), Violation> {
        for (ix, _) in self.state.networks() {
            self.credits_are_there(ix, world)?;
        }
        self.payouts_are_paid(world)?;
        for (ix, wallet) in self.state.wallets() {
            for (asset, row) in self.state.assets().filter(|(_, row)| row.network == wallet.network) {
                let kind = row.contract.clone().map_or(Asset::Native, Asset::Contract);
                let there = world.balance(row_of(wallet.network), &wallet.address, &kind);
                let books = wallet.holding(asset);
                hold!(
                    "I1 wallets-are-the-books",
                    books.amount.base_units() == there,
                    "{ix:?} ({:?} {}) has {there} of {asset:?}, and {:?} by the books",
                    wallet.role,
                    wallet.address,
                    books
                );
            }
        }
        Ok(())
    }

    /// Every credit that stands is a payment that stands, and none is two.
    fn credits_are_there(&self, network: NetworkIx, world: &World) -> Result<(), Violation> {
        let Some(row) = self.state.network(network) else { return Ok(()) };
        let flows = world.flows(row_of(network), row.starts_after).into_iter();
        let flows: BTreeMap<(TxId, Locator), Flow> =
            flows.map(|flow| ((flow.tx, flow.locator.clone()), flow)).collect();
        for (key, credit) in self.credits.iter().filter(|(key, _)| key.network == network) {
            let Some(flow) = flows.get(&(key.tx, key.locator.clone())) else {
                return Err(Violation::new(
                    "I5 credit-is-there",
                    format!("{key:?} is credited, and not on the best chain"),
                ));
            };
            let wallet = self.state.wallet(credit.wallet).map(|wallet| &wallet.address);
            let same = credit.amount.base_units() == flow.arrived
                && Some(&flow.to) == wallet
                && self.asset_of(network, &flow.asset) == Some(credit.asset);
            hold!("I2 credit-is-the-payment", same, "{key:?} is credited as {credit:?}, and was {flow:?}");
        }
        Ok(())
    }

    /// Every payout was paid once or refunded, and nothing else ever left a wallet.
    fn payouts_are_paid(&self, world: &World) -> Result<(), Violation> {
        for (id, paid) in &self.payouts.payouts {
            let Some(end) = paid.end else { continue };
            let network = self.state.asset(paid.order.asset).map(|asset| row_of(asset.network)).unwrap_or_default();
            let counted: Vec<TxId> = paid
                .attempts
                .iter()
                .filter(|(_, kind, tx)| {
                    *kind == AttemptKind::Act && world.place(network, tx).is_some_and(|place| place.success)
                })
                .map(|(_, _, tx)| *tx)
                .collect();
            let right = match end {
                End::Paid(tx) => counted == [tx],
                End::Refunded | End::Inside => counted.is_empty(),
            };
            hold!(
                "paid-once",
                right,
                "{id:?} ended as {end:?}, and the network has {counted:?} of {:?}",
                paid.attempts
            );
        }
        for (ix, wallet) in self.state.wallets() {
            for used in world.used(row_of(wallet.network), &wallet.address) {
                let known = self.payouts.purpose_of(wallet.network, &used.tx).is_some();
                hold!(
                    "I3 nothing-unjournaled",
                    known,
                    "nonce {} of {ix:?} was used by {}, which is in no journal",
                    used.nonce,
                    used.tx
                );
            }
        }
        Ok(())
    }
}
