//! The operator's hand: suspense finds its owner, debts are settled, the reconciler's findings.

use crate::world::*;
use tokengine_core::*;

#[test]
fn a20_a_surplus_goes_to_suspense_and_a_person_assigns_it_with_a_reason() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000);
    let before = world.free(alice, USD);
    world.surplus(HOT_A, USD_A, 50, 100);
    let (item, row) = world.state.suspense().next().map(|(id, row)| (id, row.clone())).expect("booked");
    assert_eq!((row.reason, row.amount), (SuspenseReason::Surplus, Amount::new(50_000_000_000_000)));
    for (reason, answer) in [("", Some(Rejection::NameInvalid)), ("forced send by ticket 7", None)] {
        let request = world.request();
        let assign = Command::AssignSuspense { request, item, to: Assign::Account(alice), reason: reason.into() };
        assert_eq!(world.refusal(assign), answer);
    }
    assert_eq!(world.free(alice, USD), before + 50_000_000_000_000);
    let request = world.request();
    let again = Command::AssignSuspense { request, item, to: Assign::Equity, reason: "x".into() };
    assert_eq!(world.refusal(again), Some(Rejection::UnknownSuspense));
}

#[test]
fn a_shortage_stops_payouts_of_the_asset_and_nothing_else() {
    let mut world = World::funded(10_000_000);
    let short = Command::FindShortage { wallet: HOT_A, asset: USD_A, missing: Amount::new(5), block: block(100) };
    world.ok(short.clone());
    assert_eq!(world.refusal(short), Some(Rejection::Stale), "once is enough");
    assert!(world.state.asset(USD_A).expect("listed").short.is_some());
    assert!(world.state.asset(USD_B).expect("listed").short.is_none());
    let resume = Command::ResumeAsset { asset: USD_A, reason: "x".into() };
    assert_eq!(world.refusal(resume), Some(Rejection::AssetShort), "it is missing still");
    assert_eq!(
        world.state.shortage(USD_A, HOT_A).map(|row| row.missing),
        Some(Amount::new(5)),
        "and to be written off"
    );
    world.customer("ALICE", USD_A, 1_000);
    world.ok(Command::ClearShortage { asset: USD_A, block: block(100) });
    assert!(world.state.asset(USD_A).expect("listed").short.is_none());
}

#[test]
fn an_asset_whose_contract_changed_is_pinned_anew_only_after_a_person_resumed_it() {
    let mut world = World::new();
    let facts = AssetFacts { code: [9; 32], implementation: Some([8; 32]) };
    world.ok(Command::StopAsset { asset: USD_A, reason: "its code changed".into() });
    assert_eq!(world.refusal(Command::PinAsset { asset: USD_A, facts: facts.clone() }), Some(Rejection::Paused));
    world.ok(Command::ResumeAsset { asset: USD_A, reason: "read the new code".into() });
    let alice = world.customer("ALICE", USD_B, ETHER);
    let order = world.order(alice, USD_A, 100);
    let request = world.request();
    assert_eq!(
        world.refusal(Command::HoldPayout { request, order, trace: None }),
        Some(Rejection::AssetNotProbed),
        "not before it is probed"
    );
    world.ok(Command::PinAsset { asset: USD_A, facts });
}

#[test]
fn funding_is_announced_once_and_is_the_operators() {
    let mut world = World::new();
    world.fund(USD_A, HOT_A, 1_000);
    assert_eq!(world.state.account_count(), 0);
    assert_eq!(world.state.totals(USD).expect("listed").equity_in, Amount::new(1_000_000_000_000_000));
}

#[test]
fn a_pause_is_set_once_and_lifted_once() {
    let mut world = World::new();
    for (paused, answer) in
        [(false, Some(Rejection::NotPaused)), (true, None), (true, Some(Rejection::AlreadyPaused)), (false, None)]
    {
        let request = world.request();
        let pause = Command::Pause { request, scope: Scope::Network(B), paused, reason: "x".into() };
        assert_eq!(world.refusal(pause), answer);
    }
}

#[test]
fn what_an_unknown_contract_sent_is_claimed_by_whoever_proves_to_be_it() {
    let mut world = World::new();
    let alice = world.customer("ALICE", USD_A, 1_000);
    let bob = world.customer("BOB", USD_A, 1_000);
    let key = DepositKey { network: A, tx: tx(7), locator: Locator::Log(0) };
    let mut deposit = world.incoming(key, USD_A, HOT_A, "SAFE", 500);
    deposit.from_contract = true;
    world.credit(deposit);
    let item = world.state.suspense().next().map(|(id, _)| id).expect("nobody's yet");
    let claim = |world: &mut World, account| {
        let (request, authority) = (world.request(), world.signed(account));
        world.refusal(Command::ClaimSuspense { request, item, account, authority })
    };
    assert_eq!(claim(&mut world, alice), Some(Rejection::SenderNotLinked));
    let (request, authority, expiry) = (world.request(), world.signed(alice), world.now.plus_ms(9));
    let (account, nonce, name) = (alice, request.key, "eip155:1:0xSAFE".into());
    world.ok(Command::LinkName { request, account, name, authority, nonce, expiry });
    assert_eq!(claim(&mut world, bob), Some(Rejection::SenderNotLinked));
    let before = world.free(alice, USD);
    assert_eq!(claim(&mut world, alice), None);
    assert_eq!(world.free(alice, USD), before + 500_000_000_000_000);
    assert_eq!(claim(&mut world, alice), Some(Rejection::UnknownSuspense), "once");
}

#[test]
fn a_pinned_contract_is_never_quietly_pinned_anew() {
    let mut world = World::new();
    let facts = AssetFacts { code: [9; 32], implementation: None };
    assert_eq!(world.refusal(Command::PinAsset { asset: USD_A, facts }), Some(Rejection::Paused));
}

#[test]
fn a25_debts_beyond_128_bits_do_not_stop_the_engine() {
    const HUGE: u128 = 1 << 126;
    let mut world = World::funded(1_000);
    let max = Amount::MAX;
    let rules = AssetRules { max_deposit: max, max_payout: max, fees: Fees::default(), ..rules() };
    world.ok(Command::ChangeAssetRules { asset: COIN_A, rules });
    let mut height = 100;
    for _ in 0..5 {
        world.scan(A, 0, height + 1..=height + 1);
        world.fund(COIN_A, HOT_A, ETHER);
        let mallory = world.customer("MALLORY", COIN_A, HUGE);
        let key = world.state.network(A).expect("listed").recent.back().expect("credited").key.clone();
        let order = world.order(mallory, COIN_A, HUGE);
        let payout = world.hold(order);
        let dispatch = world.open(HOT_A, Purpose::Payout(payout));
        world.sign(dispatch, AttemptKind::Act, 100);
        world.finish(dispatch, 0, true, 1);
        let to = world.state.network(A).expect("listed").scanned.iter().rev().nth(1).copied().expect("there");
        world.ok(Command::RewindScan { network: A, to });
        world.scan(A, 0, height + 1..=height + 10);
        height += 10;
        world.ok(Command::ReverseDeposit { key });
        world.ok(Command::ResumeNetwork { network: A, reason: "looked".into(), from: None });
        world.ok(Command::FreezeAccount { account: mallory, frozen: false, reason: "again".into() });
    }
    assert_eq!(world.state.owed().map(|(.., owed)| owed).collect::<Vec<_>>(), [Amount::MAX]);
}
