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
        /// Its bytes.
        raw: Box<[u8]>,
    },
}

impl Job {
    /// What it works on.
    pub fn key(&self) -> Key {
        match self {
            Self::Compare(wallet) | Self::Open { wallet, .. } | Self::Sweep { wallet, .. } => Key::Wallet(*wallet),
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
    plan.jobs.extend(crate::sweep::plan(state, ix, memory, now));
    let again = |tx: &TxId| memory.again.get(tx).copied() != memory.height();
    let gone = network.recent_final.iter().filter(|sent| sent.orphaned && !sent.raw.is_empty() && again(&sent.tx));
    plan.jobs.extend(gone.map(|sent| Job::Again { tx: sent.tx, raw: sent.raw.clone() }));
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
    let halted = network.halted.is_some() || state.recovery().is_some();
    let signer_rests = memory.signers_rest.get(&dispatch.wallet).is_some_and(|until| now < *until);
    let may_sign = !halted && wallet.frozen.is_none() && !signer_rests && memory.suggestion.is_some();
    let Some(last) = dispatch.attempts.last() else { return may_sign.then_some(Job::Sign(id)) };
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
    let wallets = state.house_wallets().filter(|(id, wallet)| {
        wallet.network == ix && sends(wallet) && memory.nonce_fits(*id).is_none() && !memory.rests(*id, now)
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
    let stopped = asset.paused || asset.stopped.is_some() || asset.short.is_some();
    let stopped = stopped || state.is_frozen(payout.order.account);
    let frozen = state.is_frozen(payout.order.account);
    if state.is_paused() || network.paused || network.halted.is_some() || stopped || frozen {
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
mod tests {
    use super::*;
    use crate::testing::{COIN, GAS, HOT, NET, USD, World, block, tx, world};

    const RICH: u128 = 10_000_000_000;

    /// A hot wallet with dollars and coin, and a driver that may go.
    fn ready() -> (World, Memory) {
        let mut world = world();
        world.deposit("alice", "HOT", USD, 5_000);
        world.deposit("alice", "HOT", COIN, RICH);
        let memory = world.memory();
        (world, memory)
    }

    fn rules() -> Rules {
        let gas = crate::GasRules { native_cap: 100_000, token_cap: 200_000, margin_percent: 25 };
        Rules { gas, replace_after: std::time::Duration::from_secs(60), ..Rules::default() }
    }

    fn plan_at(world: &World, memory: &Memory, now: Time) -> Plan {
        plan(&world.state, NET, memory, &rules(), 1, now)
    }

    fn jobs(world: &World, memory: &Memory) -> Vec<Job> {
        plan_at(world, memory, Time(0)).jobs
    }

    /// Why a payout of 1,000 waits in a world that is as the test wants it; `None` when it is opened.
    fn waits(change: impl FnOnce(&mut World, &mut Memory)) -> Option<Wait> {
        let (mut world, mut memory) = ready();
        let order = world.order("alice", 1_000);
        let payout = world.hold(order);
        change(&mut world, &mut memory);
        let Plan { jobs, waits } = plan_at(&world, &memory, Time(0));
        match (&jobs[..], &waits[..]) {
            ([.., Job::Open { payouts, .. }], []) if payouts[..] == [payout] => None,
            (_, [Command::WaitPayout { why, .. }]) => Some(*why),
            (_, []) => Some(Wait::Turn),
            other => panic!("{other:?}"),
        }
    }

    fn reserve(world: &mut World, asset: AssetIx, amount: u128) {
        // What the account owns lies elsewhere, so that the hot wallet has less than the books owe.
        world.deposit("alice", "ALICE-IN", asset, amount);
        let account = world.account("alice");
        let order = PayoutOrder { account, asset, ..world.order("alice", amount) };
        let payout = world.hold(order);
        open(world, 0, Purpose::Payout(payout));
    }

    fn open(world: &mut World, nonce: u64, purpose: Purpose) -> DispatchId {
        let gas_reserve = Amount::new(1_000);
        world.ok(Command::OpenDispatch { wallet: HOT, nonce, purpose, gas_reserve });
        world.state.dispatches().next_back().expect("open").0
    }

    #[test]
    fn a_payout_is_opened_or_says_why_it_waits() {
        for (case, reason, expected) in [
            ("nothing stands in its way", waits(|_, _| {}), None),
            ("all is reserved for another", waits(|world, _| reserve(world, USD, 4_500)), Some(Wait::Liquidity)),
            ("the coin is too", waits(|world, _| reserve(world, COIN, RICH - 2_000)), Some(Wait::Gas)),
            (
                "F6 the network's fee is above the cap",
                waits(|_, memory| memory.suggestion.as_mut().expect("known").base_fee = Some(u128::MAX / 2)),
                Some(Wait::Fee),
            ),
            (
                "E30 the signer is down",
                waits(|_, memory| memory.signers_rest.extend([(HOT, Time(9))])),
                Some(Wait::Signer),
            ),
            ("F15 the network is silent", waits(|_, memory| memory.down = true), Some(Wait::Network)),
            (
                "the asset is paused by what was found",
                waits(|world, _| world.ok(Command::StopAsset { asset: USD, reason: "changed".into() })),
                Some(Wait::Paused),
            ),
            (
                "D7 the network is halted",
                waits(|world, _| world.ok(Command::HaltNetwork { network: NET, reason: "deep".into() })),
                Some(Wait::Paused),
            ),
            (
                "the account is frozen",
                waits(|world, _| {
                    let account = world.account("alice");
                    world.ok(Command::FreezeAccount { account, frozen: true, reason: "looked at".into() });
                }),
                Some(Wait::Paused),
            ),
            (
                "F3 the wallet is frozen",
                waits(|world, _| world.ok(Command::FreezeWallet { wallet: HOT, reason: "foreign".into() })),
                Some(Wait::Paused),
            ),
            (
                "F3 nonces that are not ours",
                waits(|_, memory| memory.nonces.get_mut(&HOT).expect("compared").foreign = true),
                Some(Wait::Turn),
            ),
            ("nonces not compared at this head", waits(|_, memory| memory.nonces.clear()), Some(Wait::Turn)),
            (
                "somebody is at work on the wallet",
                waits(|_, memory| memory.busy.extend([Key::Wallet(HOT)])),
                Some(Wait::Turn),
            ),
            (
                "after a restore",
                waits(|world, _| world.ok(Command::StartRecovery { reason: "restored".into() })),
                Some(Wait::Turn),
            ),
        ] {
            assert_eq!(reason, expected, "{case}");
        }
    }

    #[test]
    fn payouts_are_dealt_oldest_first_up_to_the_bound_and_a_large_one_holds_nobody_up() {
        let (mut world, memory) = ready();
        let first = world.order("alice", 4_000);
        let first = world.hold(first);
        world.deposit("bob", "ALICE-IN", USD, 9_000); // liabilities that no hot wallet can pay yet
        let too_large = world.order("alice", 8_000);
        world.hold(too_large);
        let mut small = Vec::new();
        for _ in 0..4 {
            let order = world.order("alice", 100);
            small.push(world.hold(order));
        }
        let Plan { jobs, waits } = plan_at(&world, &memory, Time(0));
        let opened = jobs.iter().find_map(|job| match job {
            Job::Open { wallet: HOT, nonce: 0, payouts } => Some(payouts.clone()),
            _ => None,
        });
        assert_eq!(opened, Some(vec![first, small[0], small[1]]), "three may be in flight");
        assert!(matches!(waits[..], [Command::WaitPayout { why: Wait::Liquidity, .. }]), "{waits:?}");
    }

    fn attempt(n: u64, kind: AttemptKind, fee: u128) -> Attempt {
        Attempt {
            tx: tx(n),
            raw: [1].into(),
            kind,
            max_gas_cost: Amount::new(1_000),
            fee_cap: Amount::new(fee),
            tip: Amount::new(fee),
            signed_at: Time(0),
            sent_at: None,
        }
    }

    #[test]
    fn a_payment_goes_step_by_step() {
        let (mut world, mut memory) = ready();
        let order = world.order("alice", 1_000);
        let payout = world.hold(order);
        let dispatch = open(&mut world, 0, Purpose::Payout(payout));
        assert_eq!(jobs(&world, &memory), [Job::Sign(dispatch)], "F1 its nonce is bound: it is signed");
        world.ok(Command::SignAttempt { dispatch, attempt: attempt(1, AttemptKind::Act, 10) });
        let send = [Job::Send { dispatch, attempt: 0 }];
        assert_eq!(jobs(&world, &memory), send, "E6 journaled bytes are sent");
        world.ok(Command::MarkSent { dispatch, attempt: 0 });
        assert_eq!(jobs(&world, &memory), [Job::Look(dispatch)], "once a head");
        let tracked = |memory: &mut Memory, looked, resend_at| {
            memory.tracked.insert(dispatch, super::super::Tracked { looked, resend_at, ..Default::default() });
        };
        tracked(&mut memory, Some(100), Time(u64::MAX));
        assert_eq!(jobs(&world, &memory), [], "nothing new");
        tracked(&mut memory, Some(100), Time(0));
        assert_eq!(jobs(&world, &memory), [Job::Look(dispatch)], "time to send it again");
        let sent_at = world.state.dispatch(dispatch).expect("open").attempts[0].sent_at.expect("sent");
        let late = sent_at.plus_ms(60_000);
        assert_eq!(plan_at(&world, &memory, late).jobs, [Job::Sign(dispatch)], "F7 a higher offer");

        let sighting = Sighting { attempt: 0, block: block(100), success: true };
        world.ok(Command::SeeDispatch { dispatch, sighting: sighting.clone() });
        assert_eq!(jobs(&world, &memory), [], "one confirmation of two");
        memory.heads = Some(World::heads(101, 90));
        world.compared(&mut memory, "HOT");
        world.compared(&mut memory, "GAS");
        assert_eq!(jobs(&world, &memory), [Job::Finish(dispatch)], "success ends by the operator's policy");
        let reverted = Sighting { success: false, ..sighting };
        world.ok(Command::SeeDispatch { dispatch, sighting: reverted });
        assert_eq!(jobs(&world, &memory), [], "E14 a failure takes the strongest finality");
        memory.heads = Some(World::heads(120, 100));
        world.compared(&mut memory, "HOT");
        world.compared(&mut memory, "GAS");
        assert_eq!(jobs(&world, &memory), [Job::Finish(dispatch)]);
    }

    #[test]
    fn f4_only_the_first_in_line_is_outbid() {
        let (mut world, memory) = ready();
        let dispatches: Vec<DispatchId> = (0..2)
            .map(|nonce| {
                let order = world.order("alice", 1_000);
                let payout = world.hold(order);
                let dispatch = open(&mut world, nonce, Purpose::Payout(payout));
                world.ok(Command::SignAttempt { dispatch, attempt: attempt(nonce, AttemptKind::Act, 10) });
                world.ok(Command::MarkSent { dispatch, attempt: 0 });
                dispatch
            })
            .collect();
        let late = crate::testing::NOW.plus_ms(1_000_000);
        let expected = [Job::Sign(dispatches[0]), Job::Look(dispatches[1])];
        assert_eq!(plan_at(&world, &memory, late).jobs, expected);
    }

    #[test]
    fn a_cancel_is_signed_once_and_a_halt_sends_nothing_new() {
        let (mut world, memory) = ready();
        let order = world.order("alice", 1_000);
        let payout = world.hold(order);
        let dispatch = open(&mut world, 0, Purpose::Payout(payout));
        world.ok(Command::SignAttempt { dispatch, attempt: attempt(1, AttemptKind::Act, 10) });
        world.ok(Command::MarkSent { dispatch, attempt: 0 });
        world.ok(Command::CancelPayout { request: None, payout, authority: Authority::Operator });
        assert_eq!(jobs(&world, &memory), [Job::Sign(dispatch)]);
        world.ok(Command::SignAttempt { dispatch, attempt: attempt(2, AttemptKind::Cancel, 20) });
        assert_eq!(jobs(&world, &memory), [Job::Send { dispatch, attempt: 1 }]);
        world.ok(Command::HaltNetwork { network: NET, reason: "deep".into() });
        assert_eq!(jobs(&world, &memory), [], "D7");
    }

    #[test]
    fn nonces_are_compared_at_every_head_for_the_wallets_that_send() {
        let (world, mut memory) = ready();
        memory.heads = Some(World::heads(101, 90));
        assert_eq!(jobs(&world, &memory), [Job::Compare(HOT), Job::Compare(GAS)]);
        memory.busy.insert(Key::Wallet(HOT));
        assert_eq!(jobs(&world, &memory), [Job::Compare(GAS)], "never two at work on one wallet");
    }
}
