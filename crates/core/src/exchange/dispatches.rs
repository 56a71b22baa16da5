//! The payout rule: one nonce, any number of signed attempts, at most one that counts.
//!
//! Everything that leaves a wallet goes through here: payouts, sweeps, top-ups, fillers. A nonce is bound to its purpose
//! before anything is signed; what is signed is in the journal before it is sent; funds are released by proof alone.

use super::begins::Begin;
use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Address, Amount, BlockRef, Depth, Rejection, State, TxId};

/// A replacement must raise both fee fields by a tenth: nodes refuse less as underpriced.
fn outbids(new: Amount, old: Amount) -> bool {
    let ten = |amount: Amount, times: u128| amount.base_units().saturating_mul(times);
    ten(new, 10) >= ten(old, 11)
}

impl State {
    /// In this order: the wallet's own state, the network's, the purpose, the day's limit, enough of the asset, enough gas.
    pub(crate) fn decide_open_dispatch(
        &self,
        wallet: WalletIx,
        nonce: u64,
        purpose: &Purpose,
        gas_reserve: Amount,
        now: Time,
    ) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        let closes = self.closes_a_lost_nonce(purpose);
        if self.recovery.is_some() && !closes {
            return Err(Rejection::Recovery);
        }
        if row.frozen.is_some() && !closes {
            return Err(Rejection::WalletFrozen);
        }
        if row.next_nonce != Some(nonce) {
            return Err(Rejection::Stale);
        }
        let network = &self.networks[row.network.row()];
        if network.halted.is_some() {
            return Err(Rejection::NetworkHalted);
        }
        if self.paused || network.paused {
            return Err(Rejection::Paused);
        }
        if self.in_flight(wallet) >= usize::from(network.policy.max_in_flight) {
            return Err(Rejection::TooManyInFlight);
        }
        let native = network.native.ok_or(Rejection::UnknownAsset)?;
        let spends = self.check_purpose(row, purpose)?;
        if let Purpose::TopUp { amount, .. } = purpose {
            self.check_top_up(row.network, *amount, now)?;
        }
        let mut gas_left = row.holding(native).available();
        if let Some((asset, amount)) = spends {
            let left = row.holding(asset).available().checked_sub(amount).ok_or(Rejection::WaitLiquidity)?;
            if asset == native {
                gas_left = left;
            }
        }
        gas_left.checked_sub(gas_reserve).ok_or(Rejection::WaitLiquidity)?;
        Ok(Event::DispatchOpened { dispatch: self.next_dispatch, wallet, nonce, purpose: purpose.clone(), gas_reserve })
    }

    /// A filler moves nothing. After a restore it takes the nonces that the lost part of the journal may have signed for, so
    /// that what was signed cannot count any more; of a frozen wallet too.
    fn closes_a_lost_nonce(&self, purpose: &Purpose) -> bool {
        self.recovery.is_some() && *purpose == Purpose::Noop
    }

    /// How many of the wallet's transactions are not in a block yet.
    pub fn in_flight(&self, wallet: WalletIx) -> usize {
        self.dispatches.values().filter(|dispatch| dispatch.wallet == wallet && dispatch.seen.is_none()).count()
    }

    /// Whether the wallet may do this, and what it takes from its holdings.
    fn check_purpose(&self, wallet: &Wallet, purpose: &Purpose) -> Result<Option<(AssetIx, Amount)>, Rejection> {
        let asset_ok = |ix: AssetIx| {
            self.asset(ix).filter(|asset| asset.network == wallet.network).ok_or(Rejection::UnknownAsset)?;
            self.may_leave(ix)
        };
        let ours =
            |ix: WalletIx| self.wallet(ix).filter(|to| to.network == wallet.network).ok_or(Rejection::UnknownWallet);
        match purpose {
            Purpose::Payout(payout) => {
                let payout = self.payout(*payout).ok_or(Rejection::UnknownPayout)?;
                if wallet.role != Role::Hot || !matches!(payout.stage, PayoutStage::Waiting(_)) {
                    return Err(Rejection::Stale);
                }
                asset_ok(payout.order.asset)?;
                self.may_be_paid(payout)?;
                Ok(Some((payout.order.asset, payout.order.amount)))
            }
            Purpose::Sweep { to, asset, amount } => {
                if !matches!(wallet.role, Role::Deposit(_) | Role::Retiring) || ours(*to)?.role != Role::Hot {
                    return Err(Rejection::UnknownWallet);
                }
                asset_ok(*asset)?;
                if amount.is_zero() { Err(Rejection::AmountZero) } else { Ok(Some((*asset, *amount))) }
            }
            Purpose::TopUp { to, amount } => {
                if !matches!(wallet.role, Role::Gas | Role::Hot)
                    || !matches!(ours(*to)?.role, Role::Deposit(_) | Role::Retiring)
                {
                    return Err(Rejection::UnknownWallet);
                }
                let native = self.networks[wallet.network.row()].native.ok_or(Rejection::UnknownAsset)?;
                if amount.is_zero() { Err(Rejection::AmountZero) } else { Ok(Some((native, *amount))) }
            }
            Purpose::Noop => Ok(None),
        }
    }

    pub(crate) fn decide_sign_attempt(&self, id: DispatchId, attempt: &Attempt) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        let wallet = self.wallet(dispatch.wallet).ok_or(Rejection::UnknownWallet)?;
        // In recovery too: what it conflicts with, by its nonce, is all that can have been signed for this slot before.
        if wallet.frozen.is_some() && !self.closes_a_lost_nonce(&dispatch.purpose) {
            return Err(Rejection::WalletFrozen);
        }
        if dispatch.seen.is_some() || self.attempts.contains_key(&attempt.tx) || attempt.sent_at.is_some() {
            return Err(Rejection::Stale);
        }
        // A nonce that was taken before waits with its payment, or is used up; what is sent already may still be replaced.
        if attempt.kind == AttemptKind::Act
            && let Begin::Wait(why) | Begin::Fill(why) = self.begins(dispatch)
        {
            return Err(why);
        }
        if attempt.tip > attempt.fee_cap || attempt.raw.is_empty() {
            return Err(Rejection::RuleInvalid);
        }
        let cancelled =
            matches!(dispatch.purpose, Purpose::Payout(payout) if self.payout(payout).is_some_and(|p| p.cancel));
        if cancelled && attempt.kind == AttemptKind::Act {
            return Err(Rejection::Stale);
        }
        if let Some(last) = dispatch.attempts.last()
            && !(outbids(attempt.fee_cap, last.fee_cap) && outbids(attempt.tip, last.tip))
        {
            return Err(Rejection::WrongConflict);
        }
        if let Some(more) = attempt.max_gas_cost.checked_sub(dispatch.gas_reserve) {
            let native = self.networks[wallet.network.row()].native.ok_or(Rejection::UnknownAsset)?;
            wallet.holding(native).available().checked_sub(more).ok_or(Rejection::WaitLiquidity)?;
        }
        Ok(Event::AttemptSigned { dispatch: id, attempt: attempt.clone() })
    }

    pub(crate) fn decide_mark_sent(&self, id: DispatchId, attempt: u32) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        let row = dispatch.attempt(attempt).ok_or(Rejection::UnknownDispatch)?;
        if row.sent_at.is_some() { Err(Rejection::Stale) } else { Ok(Event::AttemptSent { dispatch: id, attempt }) }
    }

    pub(crate) fn decide_see_dispatch(&self, id: DispatchId, sighting: &Sighting) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        dispatch.attempt(sighting.attempt).ok_or(Rejection::UnknownDispatch)?;
        if dispatch.seen.as_ref() == Some(sighting) {
            return Err(Rejection::Stale);
        }
        Ok(Event::DispatchSeen { dispatch: id, sighting: sighting.clone() })
    }

    pub(crate) fn decide_unsee_dispatch(&self, id: DispatchId) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        if dispatch.seen.is_none() { Err(Rejection::Stale) } else { Ok(Event::DispatchUnseen { dispatch: id }) }
    }

    /// Success ends by the operator's policy; what releases funds takes the network's strongest finality.
    pub(crate) fn decide_finish_dispatch(
        &self,
        id: DispatchId,
        sighting: &Sighting,
        gas: Amount,
        depth: Depth,
    ) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        let attempt = dispatch.attempt(sighting.attempt).ok_or(Rejection::UnknownDispatch)?;
        let policy = &self.networks
            [self.wallets.get(dispatch.wallet.row()).ok_or(Rejection::UnknownWallet)?.network.row()]
        .policy;
        let acted = sighting.success && attempt.kind == AttemptKind::Act;
        let deep = if acted { depth.satisfies(policy.payout_finality) } else { depth.finalized };
        if depth.nodes < policy.nodes_required || !deep {
            return Err(Rejection::NotFinal);
        }
        Ok(Event::DispatchFinal { dispatch: id, sighting: sighting.clone(), gas, depth })
    }

    /// In this order: a nonce of this wallet that something else used, finally, by what enough nodes say.
    pub(crate) fn decide_bury_dispatch(
        &self,
        id: DispatchId,
        by: TxId,
        block: BlockRef,
        depth: Depth,
    ) -> Result<Event, Rejection> {
        let dispatch = self.dispatch(id).ok_or(Rejection::UnknownDispatch)?;
        if dispatch.attempts.iter().any(|attempt| attempt.tx == by) {
            return Err(Rejection::NotProven);
        }
        let network = self.wallets.get(dispatch.wallet.row()).ok_or(Rejection::UnknownWallet)?.network;
        if !depth.finalized || depth.nodes < self.networks[network.row()].policy.nodes_required {
            return Err(Rejection::NotProven);
        }
        Ok(Event::DispatchDead { dispatch: id, by, block })
    }

    pub(crate) fn decide_freeze_wallet(&self, wallet: WalletIx, reason: &str) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        if row.frozen.is_some() {
            Err(Rejection::Stale)
        } else {
            Ok(Event::WalletFrozen { wallet, reason: reason.into() })
        }
    }

    pub(crate) fn decide_thaw_wallet(&self, wallet: WalletIx, reason: &str) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        if row.frozen.is_none() {
            Err(Rejection::NotPaused)
        } else {
            Ok(Event::WalletThawed { wallet, reason: reason.into(), request: None })
        }
    }

    /// A transaction of our key that the journal does not have. If it used the nonce of an open slot and made that slot's very
    /// payment, it ends the slot; an attempt that a restore lost does. A filler's slot ends with whatever used its nonce. If it
    /// is just what a waiting payout asks for, it is that payout; if it went to a wallet of ours, it is a sweep; else it is booked
    /// against the operator, a person is called, and an order for the same is that payment.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn decide_adopt_dispatch(
        &self,
        wallet: WalletIx,
        nonce: u64,
        tx: TxId,
        block: BlockRef,
        success: bool,
        paid: Option<&(AssetIx, Amount, Address)>,
        gas: Amount,
        depth: Depth,
    ) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        let open = self.dispatches.iter().find(|(_, open)| open.wallet == wallet && open.nonce == nonce);
        if row.next_nonce != Some(nonce) && open.is_none() {
            return Err(Rejection::Stale);
        }
        let listed = |ix: AssetIx| self.asset(ix).is_some_and(|asset| asset.network == row.network);
        if paid.is_some_and(|(asset, ..)| !listed(*asset)) {
            return Err(Rejection::UnknownAsset);
        }
        let network = &self.networks[row.network.row()];
        if !depth.finalized || depth.nodes < network.policy.nodes_required {
            return Err(Rejection::NotFinal);
        }
        if open.is_some_and(|(_, open)| open.attempts.iter().any(|attempt| attempt.tx == tx)) {
            return Err(Rejection::NotProven);
        }
        let filler = open.filter(|(_, open)| open.purpose == Purpose::Noop).map(|(id, _)| *id);
        if let (Some((id, open)), None) = (open, filler) {
            if !success || paid.is_none() {
                return Err(Rejection::NotProven);
            }
            if self.payment_of(wallet, &open.purpose).as_ref() != paid {
                return Err(Rejection::NotProven);
            }
            let (dispatch, purpose, lost, to) = (*id, Some(open.purpose.clone()), None, None);
            return Ok(Event::DispatchAdopted { dispatch, wallet, nonce, purpose, tx, block, success, lost, gas, to });
        }
        let purpose = paid.and_then(|(asset, amount, to)| self.match_purpose(row.network, *asset, *amount, to));
        let unmatched = paid.filter(|_| success && purpose.is_none());
        if let Some((asset, amount, _)) = unmatched {
            if self.unmatched.len() >= super::unmatched::MAX_UNMATCHED {
                return Err(Rejection::TooManyOpen);
            }
            let scaled = self.to_token_units(*asset, *amount).ok_or(Rejection::Overflow)?;
            if !self.ledger.fits(self.token_of(*asset), scaled) {
                return Err(Rejection::Overflow);
            }
        }
        let lost = unmatched.map(|(asset, amount, _)| (*asset, *amount));
        let to = unmatched.map(|(.., to)| to.clone());
        let dispatch = filler.unwrap_or(self.next_dispatch);
        Ok(Event::DispatchAdopted { dispatch, wallet, nonce, purpose, tx, block, success, lost, gas, to })
    }

    /// What a slot's success pays to whom; nothing for one that only uses its nonce up.
    fn payment_of(&self, wallet: WalletIx, purpose: &Purpose) -> Option<(AssetIx, Amount, Address)> {
        let (asset, amount) = self.spent_by(wallet, purpose)?;
        let to = match purpose {
            Purpose::Payout(payout) => self.payout(*payout)?.order.destination.clone(),
            Purpose::Sweep { to, .. } | Purpose::TopUp { to, .. } => self.wallet(*to)?.address.clone(),
            Purpose::Noop => return None,
        };
        Some((asset, amount, to))
    }

    fn match_purpose(&self, network: NetworkIx, asset: AssetIx, amount: Amount, to: &Address) -> Option<Purpose> {
        let same = |payout: &Payout| {
            let waits = matches!(payout.stage, PayoutStage::Waiting(_));
            waits && (payout.order.asset, payout.order.amount, &payout.order.destination) == (asset, amount, to)
        };
        if let Some((id, _)) = self.payouts.iter().find(|(_, payout)| same(payout)) {
            return Some(Purpose::Payout(*id));
        }
        self.wallet_at(network, to).map(|to| Purpose::Sweep { to, asset, amount })
    }

    pub(crate) fn apply_dispatch_opened(
        &mut self,
        id: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        purpose: &Purpose,
        gas_reserve: Amount,
        at: Time,
    ) {
        self.next_dispatch = DispatchId(id.0.saturating_add(1));
        if let Some((asset, amount)) = self.spent_by(wallet, purpose) {
            self.reserve(wallet, asset, amount);
        }
        self.reserve_gas(wallet, gas_reserve);
        if let Purpose::TopUp { amount, .. } = purpose {
            let network = self.wallets.get(wallet.row()).expect("decide saw the wallet").network;
            self.count_top_up(network, *amount, at);
        }
        self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").next_nonce = nonce.checked_add(1);
        if let Purpose::Payout(payout) = purpose {
            self.payouts.get_mut(payout).expect("decide saw the payout").stage = PayoutStage::Dispatched(id);
        }
        let row = Dispatch {
            wallet,
            nonce,
            purpose: purpose.clone(),
            gas_reserve,
            attempts: Vec::new(),
            seen: None,
            opened_at: at,
        };
        self.dispatches.insert(id, row);
    }

    /// What a slot's success takes from its wallet, besides gas.
    fn spent_by(&self, wallet: WalletIx, purpose: &Purpose) -> Option<(AssetIx, Amount)> {
        match purpose {
            Purpose::Payout(payout) => self.payouts.get(payout).map(|payout| (payout.order.asset, payout.order.amount)),
            Purpose::Sweep { asset, amount, .. } => Some((*asset, *amount)),
            Purpose::TopUp { amount, .. } => {
                let network = self.wallets.get(wallet.row())?.network;
                self.networks[network.row()].native.map(|native| (native, *amount))
            }
            Purpose::Noop => None,
        }
    }

    fn native_of(&self, wallet: WalletIx) -> AssetIx {
        let network = self.wallets.get(wallet.row()).expect("decide saw the wallet").network;
        self.networks[network.row()].native.expect("decide saw the native asset")
    }

    fn reserve_gas(&mut self, wallet: WalletIx, gas: Amount) {
        self.reserve(wallet, self.native_of(wallet), gas);
    }

    pub(crate) fn apply_attempt_signed(&mut self, id: DispatchId, attempt: &Attempt) {
        self.attempts.insert(attempt.tx, id);
        let row = self.dispatches.get_mut(&id).expect("decide saw the dispatch");
        row.attempts.push(attempt.clone());
        let wallet = row.wallet;
        if let Some(more) = attempt.max_gas_cost.checked_sub(row.gas_reserve) {
            row.gas_reserve = attempt.max_gas_cost;
            self.reserve_gas(wallet, more);
        }
    }

    pub(crate) fn apply_attempt_sent(&mut self, id: DispatchId, attempt: u32, at: Time) {
        let row = self.dispatches.get_mut(&id).expect("decide saw the dispatch");
        let attempt = usize::try_from(attempt).ok().and_then(|attempt| row.attempts.get_mut(attempt));
        attempt.expect("decide saw the attempt").sent_at = Some(at);
    }

    pub(crate) fn apply_dispatch_seen(&mut self, id: DispatchId, sighting: Option<&Sighting>) {
        self.dispatches.get_mut(&id).expect("decide saw the dispatch").seen = sighting.cloned();
    }

    /// Takes the slot out and gives its reservations back.
    fn close_dispatch(&mut self, id: DispatchId) -> Dispatch {
        let row = self.dispatches.remove(&id).expect("decide saw the dispatch");
        for attempt in &row.attempts {
            self.attempts.remove(&attempt.tx);
        }
        if let Some((asset, amount)) = self.spent_by(row.wallet, &row.purpose) {
            self.unreserve(row.wallet, asset, amount);
        }
        let native = self.native_of(row.wallet);
        self.unreserve(row.wallet, native, row.gas_reserve);
        row
    }

    pub(crate) fn apply_dispatch_final(&mut self, id: DispatchId, sighting: &Sighting, gas: Amount) -> Subject {
        let row = self.close_dispatch(id);
        let attempt = row.attempt(sighting.attempt).expect("decide saw the attempt").clone();
        let acted = sighting.success && attempt.kind == AttemptKind::Act;
        let reverted = !sighting.success && attempt.kind == AttemptKind::Act;
        let (moved, to) = self.settle_purpose(row.wallet, &row.purpose, acted, reverted);
        self.pay_gas(row.wallet, gas);
        let recent = RecentFinal {
            dispatch: id,
            tx: attempt.tx,
            raw: attempt.raw,
            block: sighting.block,
            wallet: row.wallet,
            moved,
            to,
            gas,
            success: sighting.success,
            orphaned: false,
            undone: Amount::ZERO,
        };
        let network = self.wallets.get(row.wallet.row()).expect("decide saw the wallet").network;
        self.networks[network.row()].recent_final.push_back(recent);
        subject(&row.purpose)
    }

    /// Posts what the slot's end means: done, reverted, or its nonce used up without effect.
    fn settle_purpose(
        &mut self,
        wallet: WalletIx,
        purpose: &Purpose,
        acted: bool,
        reverted: bool,
    ) -> (Option<(AssetIx, Amount)>, Option<WalletIx>) {
        let spent = self.spent_by(wallet, purpose).filter(|_| acted);
        match purpose {
            Purpose::Payout(payout) => {
                let row = self.payouts.get_mut(payout).expect("a slot's payout is open");
                let (success_fee, failure_fee, cancel) = (row.success_fee, row.failure_fee, row.cancel);
                if acted {
                    let (asset, amount) = (row.order.asset, row.order.amount);
                    self.take_custody(wallet, asset, amount);
                    self.end_payout(*payout, true, success_fee);
                } else if reverted || cancel {
                    self.end_payout(*payout, false, failure_fee);
                } else {
                    row.stage = PayoutStage::Waiting(Wait::Turn);
                }
                (spent, None)
            }
            Purpose::Sweep { to, .. } | Purpose::TopUp { to, .. } => {
                let moved = spent.map(|(asset, amount)| (asset, self.take_at_most(wallet, asset, amount)));
                if let Some((asset, amount)) = moved {
                    self.add_holding(*to, asset, amount);
                }
                (moved, moved.map(|_| *to))
            }
            Purpose::Noop => (None, None),
        }
    }

    pub(crate) fn apply_dispatch_dead(&mut self, id: DispatchId, by: TxId, at: Time) -> Subject {
        let row = self.close_dispatch(id);
        if let Purpose::Payout(payout) = &row.purpose {
            let open = self.payouts.get_mut(payout).expect("a slot's payout is open");
            if open.cancel {
                // Wanted back, and proven not to be paid: nothing of ours was in a block, so it costs nothing.
                self.end_payout(*payout, false, Amount::ZERO);
            } else {
                open.stage = PayoutStage::Waiting(Wait::Turn);
            }
        }
        let wallet = self.wallets.get_mut(row.wallet.row()).expect("decide saw the wallet");
        let reason = format!("its nonce {} was used by {by}, which is not ours: its key is used elsewhere", row.nonce);
        wallet.frozen.get_or_insert(Stop { reason: reason.into(), since: at });
        subject(&row.purpose)
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn apply_dispatch_adopted(
        &mut self,
        id: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        purpose: Option<&Purpose>,
        (tx, block, success): (TxId, BlockRef, bool),
        lost: Option<((AssetIx, Amount), Option<&Address>)>,
        gas: Amount,
        at: Time,
    ) -> Subject {
        let spent = purpose.and_then(|purpose| self.spent_by(wallet, purpose));
        if self.dispatches.contains_key(&id) {
            self.close_dispatch(id);
        } else {
            self.next_dispatch = DispatchId(id.0.saturating_add(1));
            self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").next_nonce = nonce.checked_add(1);
        }
        let (mut moved, mut to) = (None, None);
        match purpose {
            Some(Purpose::Payout(payout)) => {
                let row = self.payouts.get(payout).expect("decide saw the payout");
                let (asset, amount, success_fee, failure_fee) =
                    (row.order.asset, row.order.amount, row.success_fee, row.failure_fee);
                if success {
                    self.take_custody(wallet, asset, amount);
                    moved = Some((asset, amount));
                }
                self.end_payout(*payout, success, if success { success_fee } else { failure_fee });
            }
            Some(Purpose::Sweep { to: into, .. } | Purpose::TopUp { to: into, .. }) if success => {
                if let Some((asset, amount)) = spent {
                    let taken = self.take_at_most(wallet, asset, amount);
                    self.add_holding(*into, asset, taken);
                    (moved, to) = (Some((asset, taken)), Some(*into));
                }
            }
            _ => {}
        }
        if let Some((lost, receiver)) = lost {
            self.bear_lost(id, wallet, lost, receiver, (tx, block), at);
            moved = Some(lost);
            let reason = format!("{tx} with nonce {nonce} is not in the journal and matches no open work");
            let row = self.wallets.get_mut(wallet.row()).expect("decide saw the wallet");
            row.frozen.get_or_insert(Stop { reason: reason.into(), since: at });
        }
        self.pay_gas(wallet, gas);
        let network = self.wallets.get(wallet.row()).expect("decide saw the wallet").network;
        let recent = RecentFinal {
            dispatch: id,
            tx,
            raw: Box::default(),
            block,
            wallet,
            moved,
            to,
            gas,
            success,
            orphaned: false,
            undone: Amount::ZERO,
        };
        self.networks[network.row()].recent_final.push_back(recent);
        purpose.map_or(Subject::Event, subject)
    }
}

fn subject(purpose: &Purpose) -> Subject {
    match purpose {
        Purpose::Payout(payout) => Subject::Payout(*payout),
        Purpose::Sweep { .. } | Purpose::TopUp { .. } | Purpose::Noop => Subject::Event,
    }
}
