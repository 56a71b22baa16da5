//! Every reason a payout waits for, and every step it goes.

use super::*;
use crate::testing::{COIN, GAS, HOT, NET, USD, World, address, block, tx, world};

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
        ("E30 the signer is down", waits(|_, memory| memory.signers_rest.extend([(HOT, Time(9))])), Some(Wait::Signer)),
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
fn what_has_become_ours_is_settled_inside_or_says_once_why_it_waits() {
    let (mut world, memory) = ready();
    let bob = world.account("bob");
    let order = PayoutOrder { destination: address("BOB-IN"), ..world.order("alice", 1_000) };
    let payout = world.hold(order);
    let role = Role::Deposit(bob);
    let listed =
        Command::ListWallet { request: None, network: NET, address: address("BOB-IN"), role, key: "deposits/1".into() };
    world.ok(listed);
    let settle = Command::SettleInside { payout };
    assert_eq!(plan_at(&world, &memory, Time(0)).waits, std::slice::from_ref(&settle));
    let block = block(101);
    world.ok(Command::FindShortage { wallet: HOT, asset: USD, missing: Amount::new(1), block });
    let wait = Command::WaitPayout { payout, why: Wait::Paused };
    assert_eq!(plan_at(&world, &memory, Time(0)).waits, std::slice::from_ref(&wait), "the engine would refuse it");
    world.ok(wait);
    assert_eq!(plan_at(&world, &memory, Time(0)).waits, [], "nothing is asked again in vain");
    world.ok(Command::ClearShortage { asset: USD, block });
    assert_eq!(plan_at(&world, &memory, Time(0)).waits, std::slice::from_ref(&settle));
    world.ok(settle);
    assert!(world.state.payout(payout).is_none(), "it has ended");
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

/// Case F1: a nonce that is taken is signed for, and what is signed is sent as it is.
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
