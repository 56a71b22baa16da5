//! What the payout driver does next. Pure: the state and what is remembered in, jobs out. One job moves one thing by one
//! step of the payout rule; after it everything is looked at anew, so a crash between two steps is just a longer pause.

use std::collections::BTreeMap;

use tokengine_chain::{fees, finality};
use tokengine_core::*;

use super::memory::{Key, Memory};
use crate::Rules;
use crate::rules::ms;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Compare a wallet's nonce with the network.
    Compare(WalletIx),
    /// Bind nonces to payouts, in this order.
    Open {
        /// Who pays.
        wallet: WalletIx,
        /// The first nonce.
        nonce: u64,
        /// What is paid.
        payouts: Vec<PayoutId>,
    },
    /// Take nonces with fillers.
    Fill {
        /// Whose.
        wallet: WalletIx,
        /// The first.
        nonce: u64,
        /// How many.
        count: u64,
    },
    /// Move what lies at a deposit address or in a retiring wallet.
    Sweep {
        /// From where.
        wallet: WalletIx,
        /// What.
        asset: AssetIx,
        /// To where.
        to: WalletIx,
    },
    /// Sign for a nonce: the first time, or a higher offer for what is out already.
    Sign(DispatchId),
    /// Hand signed bytes to the network for the first time.
    Send {
        /// Of which dispatch.
        dispatch: DispatchId,
        /// Which of its attempts.
        attempt: u32,
    },
    /// Find out where it is; hand its bytes out again when it is nowhere.
    Look(DispatchId),
    /// It lies deep enough: prove what it did, and end it.
    Finish(DispatchId),
    /// A deep reorg took away what had ended: the same bytes again.
    Again {
        /// What the network called it.
        tx: TxId,
        /// Its bytes; none if it was found on the network after a restore.
        raw: Box<[u8]>,
        /// How far the network was searched.
        scanned: u64,
    },
}

impl Job {
    /// What it works on.
    pub fn key(&self) -> Key {
        match self {
            Self::Compare(wallet)
            | Self::Open { wallet, .. }
            | Self::Fill { wallet, .. }
            | Self::Sweep { wallet, .. } => Key::Wallet(*wallet),
            Self::Sign(dispatch) | Self::Send { dispatch, .. } | Self::Look(dispatch) | Self::Finish(dispatch) => {
                Key::Dispatch(*dispatch)
            }
            Self::Again { tx, .. } => Key::Again(*tx),
        }
    }
}

/// Jobs, and why payouts that have none wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do; no two of them work on the same thing.
    pub jobs: Vec<Job>,
    /// [`Command::WaitPayout`] for every payout whose reason is another than the books say.
    pub waits: Vec<Command>,
}

/// Everything that can be done now, oldest first.
pub fn plan(state: &State, ix: NetworkIx, memory: &Memory, rules: &Rules, nodes: u8, now: Time) -> Plan {
    let Some(network) = state.network(ix) else { return Plan::default() };
    let mut plan = Plan::default();
    let here = |wallet: WalletIx| state.wallet(wallet).is_some_and(|row| row.network == ix);
    for (id, dispatch) in state.dispatches().filter(|(_, dispatch)| here(dispatch.wallet)) {
        plan.jobs.extend(of_dispatch(state, network, id, dispatch, memory, rules, nodes, now));
    }
    plan.jobs.extend(compare(state, ix, memory, now));
    openings(state, ix, memory, rules, now, &mut plan);
    plan.jobs.extend(super::fill::fillers(state, ix, memory, now));
    plan.jobs.extend(crate::sweep::plan(state, ix, memory, now));
    // Anew as the search goes on, too: that it is back counts only where the search has been.
    let scanned = network.head().map_or(0, |head| head.height);
    let looked = memory.height().map(|height| (height, scanned));
    let gone =
        network.recent_final.iter().filter(|sent| sent.orphaned && memory.again.get(&sent.tx).copied() != looked);
    plan.jobs.extend(gone.map(|sent| Job::Again { tx: sent.tx, raw: sent.raw.clone(), scanned }));
    plan.jobs.retain(|job| !memory.busy.contains(&job.key()));
    plan
}

/// The next step of one nonce in use.
#[allow(clippy::too_many_arguments)]
fn of_dispatch(
    state: &State,
    network: &Network,
    id: DispatchId,
    dispatch: &Dispatch,
    memory: &Memory,
    rules: &Rules,
    nodes: u8,
    now: Time,
) -> Option<Job> {
    let (wallet, known) = (state.wallet(dispatch.wallet)?, memory.of(id));
    if now < known.rests_until {
        return None;
    }
    let new_head = memory.height().is_some() && memory.height() != known.looked;
    if let Some(seen) = &dispatch.seen {
        let depth = finality::depth(&seen.block, &memory.heads?, nodes)?;
        let acted = seen.success && dispatch.attempt(seen.attempt)?.kind == AttemptKind::Act;
        let deep = if acted { depth.satisfies(network.policy.payout_finality) } else { depth.finalized };
        return (deep && new_head).then_some(Job::Finish(id));
    }
    // After a restore, not before what the network has from this wallet is in the books. Then what is bound to a nonce goes
    // on: nothing else can have been signed for it, and what fills the nonces behind it waits for it.
    let recovery = state.recovery().is_some();
    let halted = network.halted.is_some() || (recovery && memory.nonce_fits(dispatch.wallet) != Some(true));
    let signer_rests = memory.signers_rest.get(&dispatch.wallet).is_some_and(|until| now < *until);
    let usable = wallet.frozen.is_none() || (recovery && dispatch.purpose == Purpose::Noop);
    let may_sign = !halted && usable && !signer_rests && memory.suggestion.is_some();
    let Some(last) = dispatch.attempts.last() else {
        // What may not be paid now is signed a filler for, so that those behind it can go on.
        let waits = matches!(state.begins(dispatch), Begin::Wait(_));
        return (may_sign && !waits).then_some(Job::Sign(id));
    };
    let attempt = u32::try_from(dispatch.attempts.len().saturating_sub(1)).ok()?;
    let Some(sent_at) = last.sent_at else {
        return (!halted).then_some(Job::Send { dispatch: id, attempt });
    };
    let cancel = wants_cancel(state, dispatch);
    let late = now.ms_since(sent_at) >= ms(rules.replace_after) && is_first_in_line(state, dispatch);
    if may_sign && (cancel || known.outbid || late) && now >= known.no_bid_before {
        return Some(Job::Sign(id));
    }
    (new_head || now >= known.resend_at).then_some(Job::Look(id))
}

/// Its payout's owner wants it back, and nothing was signed for that yet.
pub(super) fn wants_cancel(state: &State, dispatch: &Dispatch) -> bool {
    let cancelled =
        matches!(dispatch.purpose, Purpose::Payout(payout) if state.payout(payout).is_some_and(|p| p.cancel));
    cancelled && dispatch.attempts.iter().all(|attempt| attempt.kind == AttemptKind::Act)
}

/// No lower nonce of its wallet is still on its way: only then is it its own offer that keeps it out of a block.
fn is_first_in_line(state: &State, dispatch: &Dispatch) -> bool {
    let mut others = state.dispatches().map(|(_, other)| other).filter(|other| other.wallet == dispatch.wallet);
    !others.any(|other| other.seen.is_none() && other.nonce < dispatch.nonce)
}

/// The wallets whose nonce was not compared at this head.
fn compare(state: &State, ix: NetworkIx, memory: &Memory, now: Time) -> Vec<Job> {
    if memory.heads.is_none() {
        return Vec::new();
    }
    let sends = |wallet: &Wallet| match wallet.role {
        Role::Hot | Role::Gas => true,
        Role::Retiring => wallet.next_nonce.is_some() || wallet.holdings.iter().any(|(_, held)| !held.amount.is_zero()),
        Role::Cold | Role::Deposit(_) => false,
    };
    // A restore that is noticed after it was compared has something else to be asked.
    let recovery = state.recovery().is_some();
    let compared = |id: WalletIx, wallet: &Wallet| {
        let asked = !recovery || wallet.next_nonce.is_none() || memory.windows.contains_key(&id);
        asked && memory.nonce_fits(id).is_some()
    };
    let wallets = state.house_wallets().filter(|(id, wallet)| {
        wallet.network == ix && sends(wallet) && !compared(*id, wallet) && !memory.rests(*id, now)
    });
    wallets.map(|(wallet, _)| Job::Compare(wallet)).collect()
}

/// A hot wallet while payouts are dealt out to it.
struct Desk {
    wallet: WalletIx,
    nonce: Option<u64>,
    room: usize,
    frozen: bool,
    signer_rests: bool,
    payouts: Vec<PayoutId>,
    left: BTreeMap<AssetIx, Amount>,
}

impl Desk {
    fn left(&self, asset: AssetIx) -> Amount {
        self.left.get(&asset).copied().unwrap_or_default()
    }

    /// Whether it has the native coin for `gas` after paying.
    fn after(&self, asset: AssetIx, amount: Amount, native: AssetIx, gas: Amount) -> Option<(Amount, Amount)> {
        let rest = self.left(asset).checked_sub(amount)?;
        let gas_left = if asset == native { rest } else { self.left(native) }.checked_sub(gas)?;
        Some((rest, gas_left))
    }
}

/// Its signer did not answer, and what it was asked for is not signed yet: no further nonce is taken before it is.
fn signer_rests(state: &State, wallet: WalletIx, memory: &Memory, now: Time) -> bool {
    let Some(until) = memory.signers_rest.get(&wallet) else { return false };
    let unsigned = |dispatch: &Dispatch| dispatch.wallet == wallet && dispatch.attempts.is_empty();
    now < *until || state.dispatches().any(|(_, dispatch)| unsigned(dispatch))
}

fn desks(state: &State, ix: NetworkIx, memory: &Memory, now: Time) -> Vec<Desk> {
    let max = state.network(ix).map_or(0, |network| usize::from(network.policy.max_in_flight));
    let hot = state.house_wallets().filter(|(_, row)| row.network == ix && row.role == Role::Hot);
    // Not while the network may have used nonces that the books have not, or somebody is at work on it.
    let is_ready = |wallet| {
        let busy = memory.busy.contains(&Key::Wallet(wallet)) || memory.rests(wallet, now);
        memory.nonce_fits(wallet) == Some(true) && !busy
    };
    let desk = |(wallet, row): (WalletIx, &Wallet)| Desk {
        wallet,
        nonce: row.next_nonce.filter(|_| is_ready(wallet)),
        room: max.saturating_sub(state.in_flight(wallet)),
        frozen: row.frozen.is_some(),
        signer_rests: signer_rests(state, wallet, memory, now),
        payouts: Vec::new(),
        left: row.holdings.iter().map(|(asset, holding)| (*asset, holding.available())).collect(),
    };
    hot.map(desk).collect()
}

/// Deals waiting payouts out to wallets, oldest first. One that waits for liquidity or gas does not hold up a smaller one
/// behind it: otherwise one large payout would stop all.
fn openings(state: &State, ix: NetworkIx, memory: &Memory, rules: &Rules, now: Time, plan: &mut Plan) {
    let Some(native) = state.network(ix).and_then(|network| network.native) else { return };
    if state.recovery().is_some() {
        return;
    }
    let mut desks = desks(state, ix, memory, now);
    for (id, payout) in state.payouts() {
        let PayoutStage::Waiting(why) = payout.stage else { continue };
        let Some(asset) = state.asset(payout.order.asset).filter(|asset| asset.network == ix) else { continue };
        if memory.held_back.get(&id).is_some_and(|until| now < *until) {
            continue;
        }
        if state.paid_before(payout).is_some() {
            plan.waits.push(Command::SettlePaid { payout: id });
            continue;
        }
        if let Some(wallet) = state.own_destination(payout) {
            // A house wallet's is given back, and that may be done at any time; an account's is a payment like any other.
            let to_account = state.wallet(wallet).is_some_and(|row| matches!(row.role, Role::Deposit(_)));
            if !to_account || !(state.is_paused() || is_stopped(state, asset, payout)) {
                plan.waits.push(Command::SettleInside { payout: id });
            } else if why != Wait::Paused {
                plan.waits.push(Command::WaitPayout { payout: id, why: Wait::Paused });
            }
            continue;
        }
        let waits = deal(state, asset, payout, &mut desks, memory, rules, native, id);
        if let Some(waits) = waits.filter(|waits| *waits != why) {
            plan.waits.push(Command::WaitPayout { payout: id, why: waits });
        }
    }
    for desk in desks.into_iter().filter(|desk| !desk.payouts.is_empty()) {
        let nonce = desk.nonce.expect("payouts are dealt to ready wallets only");
        plan.jobs.push(Job::Open { wallet: desk.wallet, nonce, payouts: desk.payouts });
    }
}

/// Nothing of the asset leaves any wallet now, or nothing of the account's.
fn is_stopped(state: &State, asset: &Asset, payout: &Payout) -> bool {
    asset.paused || asset.stopped.is_some() || asset.short.is_some() || state.is_frozen(payout.order.account)
}

/// Finds the wallet that pays, or says why none does.
#[allow(clippy::too_many_arguments)]
fn deal(
    state: &State,
    asset: &Asset,
    payout: &Payout,
    desks: &mut [Desk],
    memory: &Memory,
    rules: &Rules,
    native: AssetIx,
    id: PayoutId,
) -> Option<Wait> {
    let network = state.network(asset.network)?;
    if state.is_paused() || network.paused || network.halted.is_some() || is_stopped(state, asset, payout) {
        return Some(Wait::Paused);
    }
    if memory.down {
        return Some(Wait::Network);
    }
    let (what, amount) = (payout.order.asset, payout.order.amount);
    let offer = match fees::first(&rules.fees, memory.suggestion.as_ref()?) {
        Ok(offer) => offer,
        Err(_) => return Some(Wait::Fee),
    };
    let most = if asset.contract.is_some() { rules.gas.token_cap } else { rules.gas.native_cap };
    // A token's transfer is estimated before its nonce is taken, and mostly needs less than the cap.
    let least = if asset.contract.is_some() { most.min(60_000) } else { most.min(21_000) };
    let gas = offer.worst_cost(least, Amount::ZERO)?;
    let mut rich: Vec<&mut Desk> = desks.iter_mut().filter(|desk| desk.left(what) >= amount).collect();
    if rich.is_empty() {
        return Some(Wait::Liquidity);
    }
    rich.retain(|desk| !desk.frozen);
    if rich.is_empty() {
        return Some(Wait::Paused);
    }
    rich.retain(|desk| desk.after(what, amount, native, gas).is_some());
    if rich.is_empty() {
        return Some(Wait::Gas);
    }
    rich.retain(|desk| !desk.signer_rests);
    if rich.is_empty() {
        return Some(Wait::Signer);
    }
    let ready = rich.into_iter().filter(|desk| desk.nonce.is_some() && desk.room > 0);
    let Some(desk) = ready.max_by_key(|desk| desk.room) else { return Some(Wait::Turn) };
    let (rest, gas_left) = desk.after(what, amount, native, gas)?;
    desk.left.insert(what, rest);
    desk.left.insert(native, gas_left);
    desk.room = desk.room.saturating_sub(1);
    desk.payouts.push(id);
    None
}

#[cfg(test)]
mod tests;
