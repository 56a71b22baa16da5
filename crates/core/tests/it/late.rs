//! What comes out only afterwards: shortages that a person books, surpluses that were deposits, payments that a deep reorg
//! took for good, destinations that became ours, and what may begin after its nonce was taken.

use crate::world::*;
use tokengine_core::*;

fn short(world: &mut World, missing: u128) -> Option<Rejection> {
    let missing = Amount::new(missing);
    world.refusal(Command::FindShortage { wallet: HOT_A, asset: USD_A, missing, block: block(100) })
}

fn write_off(world: &mut World, amount: u128, reason: &str) -> Option<Rejection> {
    let (request, amount) = (world.request(), Amount::new(amount));
    let reason = reason.into();
    world.refusal(Command::WriteOffShortage { request, wallet: HOT_A, asset: USD_A, amount, reason })
}

#[test]
fn a9_a_person_writes_off_no_more_than_was_found_missing_and_the_asset_goes_on() {
    let mut world = World::funded(1_000);
    assert_eq!(write_off(&mut world, 5, "clawed back"), Some(Rejection::NoShortage));
    assert_eq!(short(&mut world, 30), None);
    assert_eq!(short(&mut world, 30), Some(Rejection::Stale), "it is known");
    assert_eq!(short(&mut world, 40), None, "it grew");
    for (case, amount, reason, answer) in [
        ("without a reason", 5, "", Some(Rejection::NameInvalid)),
        ("nothing", 0, "clawed back", Some(Rejection::AmountZero)),
        ("more than is missing", 41, "clawed back", Some(Rejection::AboveShortage)),
        ("a part", 15, "clawed back", None),
        ("more than is left", 26, "clawed back", Some(Rejection::AboveShortage)),
    ] {
        assert_eq!(write_off(&mut world, amount, reason), answer, "{case}");
    }
    assert!(world.state.asset(USD_A).expect("listed").short.is_some(), "a part is still missing");
    assert_eq!(write_off(&mut world, 25, "clawed back"), None);
    assert!(world.state.asset(USD_A).expect("listed").short.is_none());
    assert_eq!(world.state.shortages().count(), 0);
    assert_eq!(world.holding(HOT_A, USD_A), (960, 0));
    let loss = world.state.totals(USD).expect("listed").equity_out;
    assert_eq!(loss, Amount::new(40_000_000_000_000), "the operator bears it");
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn what_was_brought_back_is_no_shortage_any_more() {
    let mut world = World::funded(1_000);
    assert_eq!(short(&mut world, 30), None);
    assert_eq!(short(&mut world, 0), None, "of this wallet");
    assert_eq!(write_off(&mut world, 1, "clawed back"), Some(Rejection::NoShortage));
    world.ok(Command::ClearShortage { asset: USD_A, block: block(100) });
    assert!(world.state.asset(USD_A).expect("listed").short.is_none());
}

fn late(world: &mut World, tx_number: u64, from: &str, amount: u128) -> Event {
    let key = DepositKey { network: A, tx: tx(tx_number), locator: Locator::Log(0) };
    let deposit = world.incoming(key, USD_A, HOT_A, from, amount);
    world.credit(deposit)
}

#[test]
fn a_deposit_that_was_booked_as_a_surplus_is_not_held_twice() {
    const SCALE: u128 = 1_000_000_000_000;
    for (case, surplus, height, rest_in_suspense, held) in [
        ("all of it", 500, 101, 0, 500),
        ("a part of it", 300, 101, 0, 500),
        ("it and something else", 700, 101, 200, 700),
        ("a surplus of before", 500, 100, 500, 1_000),
    ] {
        let mut world = World::new();
        world.surplus(HOT_A, USD_A, surplus, height);
        late(&mut world, 7, "ALICE", 500);
        let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened by her deposit");
        assert_eq!(world.free(alice, USD), 500 * SCALE, "{case}");
        let totals = *world.state.totals(USD).expect("listed");
        assert_eq!(totals.suspense, Amount::new(rest_in_suspense * SCALE), "{case}");
        assert_eq!(world.holding(HOT_A, USD_A), (held, 0), "{case}");
        assert_eq!(totals.custody, Amount::new(held * SCALE), "{case}");
        assert_eq!(world.replayed().digest(), world.state.digest(), "{case}");
    }
}

#[test]
fn a_deposit_whose_surplus_was_given_away_waits_for_a_person_against_the_operator() {
    let mut world = World::new();
    let bob = world.customer("BOB", USD_A, 1_000);
    world.surplus(HOT_A, USD_A, 500, 101);
    let item = world.state.suspense().next().expect("booked").0;
    let (request, reason) = (world.request(), "ticket 7".into());
    world.ok(Command::AssignSuspense { request, item, to: Assign::Account(bob), reason });
    late(&mut world, 7, "BOB", 500);
    assert_eq!(world.free(bob, USD), 1_500_000_000_000_000, "once");
    assert_eq!(world.holding(HOT_A, USD_A), (1_500, 0));
    let (item, row) = world.state.suspense().next().map(|(id, row)| (id, row.clone())).expect("visible");
    assert_eq!((row.reason, row.amount), (SuspenseReason::AlreadyBooked, Amount::new(500_000_000_000_000)));
    let (request, reason) = (world.request(), "it was that one".into());
    world.ok(Command::AssignSuspense { request, item, to: Assign::Equity, reason });
    let totals = world.state.totals(USD).expect("listed");
    assert_eq!(totals.equity_in, totals.equity_out, "and nobody has lost anything");
    late(&mut world, 8, "BOB", 500);
    assert_eq!(world.free(bob, USD), 2_000_000_000_000_000, "the next one is new");
}

#[test]
fn a_surplus_that_may_be_a_deposit_seen_since_is_not_booked() {
    let mut world = World::new();
    let as_of = world.state.position();
    let key = DepositKey { network: A, tx: tx(7), locator: Locator::Log(0) };
    let deposit = world.incoming(key.clone(), USD_A, HOT_A, "ALICE", 500);
    let (amount, at) = (Amount::new(500), deposit.block);
    world.ok(Command::SeeDeposit { deposit });
    let book = Command::BookSurplus { wallet: HOT_A, asset: USD_A, amount, block: at, as_of };
    assert_eq!(world.refusal(book.clone()), Some(Rejection::Stale), "it waits");
    world.ok(Command::CreditDeposit { key, block: at, depth: DEEP });
    assert_eq!(world.refusal(book), Some(Rejection::Stale), "it is credited");
    world.surplus(HOT_A, USD_A, 5, 101);
}

/// A payout that was final, and that a deep reorg took.
fn lost_payout(world: &mut World, success: bool) -> (AccountIx, TxId) {
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    world.scan(A, 0, 101..=110);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    let dispatch = world.open(HOT_A, Purpose::Payout(payout));
    let attempt = world.sign(dispatch, AttemptKind::Act, 100);
    world.finish(dispatch, 0, success, 500);
    world.ok(Command::RewindScan { network: A, to: block(103) });
    world.scan(A, 1, 104..=120);
    (alice, attempt.tx)
}

fn clear(world: &mut World, tx: TxId, proof: Option<(TxId, BlockRef, Depth)>, paid: bool) -> Option<Rejection> {
    let (request, reason) = (world.request(), "it will not come back".into());
    world.refusal(Command::ClearFinal { request, network: A, tx, proof, paid, reason })
}

#[test]
fn d7_a_payment_that_a_deep_reorg_took_for_good_is_cleared_by_a_person_and_never_paid_again_by_itself() {
    let shallow = Depth { finalized: false, ..DEEP };
    for (case, proof, paid, answer, in_suspense) in [
        ("another transaction used its nonce", Some((tx(5), block(110), DEEP)), false, None, 100),
        ("one that is not final", Some((tx(5), block(110), shallow)), false, Some(Rejection::NotProven), 0),
        ("a replacement made the same payment", Some((tx(5), block(110), DEEP)), true, None, 0),
        ("by the operator's word", None, false, None, 100),
    ] {
        let mut world = World::funded(10_000);
        let (alice, lost) = lost_payout(&mut world, true);
        let (before, free) = (world.holding(HOT_A, USD_A).0, world.free(alice, USD));
        assert_eq!(clear(&mut world, tx(99), None, false), Some(Rejection::UnknownFinal), "{case}");
        assert_eq!(clear(&mut world, lost, proof, paid), answer, "{case}");
        let items: Vec<_> = world.state.suspense().map(|(_, item)| (item.reason, item.amount)).collect();
        let expected = (in_suspense > 0).then_some((SuspenseReason::Unpaid, Amount::new(100_000_000_000_000)));
        assert_eq!(items, expected.into_iter().collect::<Vec<_>>(), "{case}");
        assert_eq!(world.holding(HOT_A, USD_A).0, before + in_suspense, "{case}");
        assert_eq!((world.free(alice, USD), world.state.payouts().count()), (free, 0), "{case}");
        if answer.is_none() {
            assert_eq!(clear(&mut world, lost, proof, paid), Some(Rejection::UnknownFinal), "{case}: once");
        }
        assert_eq!(world.replayed().digest(), world.state.digest(), "{case}");
    }
}

#[test]
fn e15_one_that_reverted_and_then_did_not_is_told_apart() {
    for (was, is, answer) in [
        (true, true, None),
        (false, false, None),
        (true, false, Some(Rejection::Stale)),
        (false, true, Some(Rejection::Stale)),
    ] {
        let mut world = World::funded(10_000);
        let (_, tx) = lost_payout(&mut world, was);
        let block = *world.state.network(A).and_then(|row| row.head()).expect("searched");
        let see = Command::SeeFinal { network: A, tx, block, success: is, gas: Amount::new(500) };
        assert_eq!(world.refusal(see), answer, "{was} {is}");
        let orphans = world.state.network(A).expect("listed").recent_final.iter().filter(|sent| sent.orphaned).count();
        assert_eq!(orphans, usize::from(answer.is_some()), "it stays on the list");
    }
}

#[test]
fn a_refill_that_a_reorg_took_is_in_the_cold_wallet_again_and_nobody_lost_anything() {
    let mut world = World::new();
    world.fund(USD_A, COLD_A, 1_000);
    world.scan(A, 0, 101..=110);
    let key = DepositKey { network: A, tx: tx(7), locator: Locator::Log(0) };
    let deposit = world.incoming(key.clone(), USD_A, HOT_A, "COLDA", 400);
    world.credit(deposit);
    assert_eq!((world.holding(COLD_A, USD_A).0, world.holding(HOT_A, USD_A).0), (600, 400));
    world.ok(Command::RewindScan { network: A, to: block(105) });
    world.scan(A, 1, 106..=120);
    world.ok(Command::ReverseDeposit { key });
    assert_eq!((world.holding(COLD_A, USD_A).0, world.holding(HOT_A, USD_A).0), (1_000, 0));
    let totals = world.state.totals(USD).expect("listed");
    assert_eq!((totals.equity_out, totals.custody), (Amount::ZERO, totals.equity_in));
}

#[test]
fn a_payout_whose_destination_became_ours_settles_inside_or_comes_back() {
    for (case, role, fee) in [("an account's", true, 1_100_000_000_000), ("the house's", false, 0)] {
        let mut world = World::funded(10_000_000);
        let (alice, bob) = (world.customer("ALICE", USD_A, 1_000), world.customer("BOB", USD_A, 10));
        let rules = AssetRules { fees: Fees { success: Amount::new(1_100_000_000_000), ..Fees::default() }, ..rules() };
        world.ok(Command::ChangeAssetRules { asset: USD_A, rules });
        let (free, bobs) = (world.free(alice, USD), world.free(bob, USD));
        let order = world.order(alice, USD_A, 100);
        let payout = world.hold(order);
        assert_eq!(world.refusal(Command::SettleInside { payout }), Some(Rejection::Stale), "{case}");
        let role = if role { Role::Deposit(bob) } else { Role::Cold };
        let (request, address, key) = (None, address("DEST"), "m/9".into());
        world.ok(Command::ListWallet { request, network: A, address, role, key });
        let open = Command::OpenDispatch {
            wallet: HOT_A,
            nonce: 0,
            purpose: Purpose::Payout(payout),
            gas_reserve: Amount::new(9),
        };
        assert_eq!(world.refusal(open), Some(Rejection::DestinationIsOurs), "{case}");
        world.ok(Command::SettleInside { payout });
        let paid = if fee > 0 { 100_000_000_000_000 } else { 0 };
        assert_eq!((world.free(alice, USD), world.held(alice, USD)), (free - paid - fee, 0), "{case}");
        assert_eq!(world.free(bob, USD), bobs + paid, "{case}");
        assert_eq!(world.refusal(Command::SettleInside { payout }), Some(Rejection::UnknownPayout), "{case}: once");
    }
}

#[test]
fn e31_a_nonce_that_was_taken_before_is_not_signed_for_what_may_not_be_paid_now() {
    type Stop = fn(&mut World, AccountIx);
    let cases: &[(&str, Stop, Begin)] = &[
        ("all is paused", |world, _| pause_scope(world, Scope::Everything), Begin::Wait(Rejection::Paused)),
        ("the network", |world, _| pause_scope(world, Scope::Network(A)), Begin::Wait(Rejection::Paused)),
        ("the asset", |world, _| pause_scope(world, Scope::Asset(USD_A)), Begin::Fill(Rejection::Paused)),
        ("it is short", |world, _| assert_eq!(short(world, 5), None), Begin::Fill(Rejection::AssetShort)),
        (
            "the account is frozen",
            |world, account| {
                let (frozen, reason) = (true, "looked at".into());
                world.ok(Command::FreezeAccount { account, frozen, reason });
            },
            Begin::Fill(Rejection::AccountFrozen),
        ),
        (
            "the destination became ours",
            |world, account| {
                let (request, address, key) = (None, address("DEST"), "m/9".into());
                world.ok(Command::ListWallet { request, network: A, address, role: Role::Deposit(account), key });
            },
            Begin::Fill(Rejection::DestinationIsOurs),
        ),
    ];
    for (case, stop, begin) in cases {
        let (Begin::Wait(why) | Begin::Fill(why)) = begin else { panic!("{case}") };
        let mut world = World::funded(10_000_000);
        let alice = world.customer("ALICE", USD_A, 1_000_000);
        let [first, second] = [1, 2].map(|_| world.order(alice, USD_A, 100));
        let payouts = [world.hold(first), world.hold(second)];
        let slots = payouts.map(|payout| world.open(HOT_A, Purpose::Payout(payout)));
        world.sign(slots[0], AttemptKind::Act, 100);
        stop(&mut world, alice);
        let begins = |world: &World, slot| world.state.begins(world.state.dispatch(slot).expect("open"));
        assert_eq!(begins(&world, slots[1]), *begin, "{case}");
        let attempt = world.attempt(AttemptKind::Act, 100);
        assert_eq!(world.refusal(Command::SignAttempt { dispatch: slots[1], attempt }), Some(*why), "{case}");
        // What has begun may be out: only a conflicting attempt can end it.
        assert_eq!(begins(&world, slots[0]), Begin::Act, "{case}");
        world.sign(slots[0], AttemptKind::Act, 200);
        // The nonce may be used up, so that those behind it go on; the payout waits again.
        world.sign(slots[1], AttemptKind::Cancel, 100);
        world.finish(slots[1], 0, true, 7);
        let stage = world.state.payout(payouts[1]).expect("open").stage;
        assert_eq!(stage, PayoutStage::Waiting(Wait::Turn), "{case}");
    }
}

fn pause_scope(world: &mut World, scope: Scope) {
    let request = world.request();
    world.ok(Command::Pause { request, scope, paused: true, reason: "looked at".into() });
}

#[test]
fn f11_what_deposit_addresses_are_given_for_gas_in_a_day_is_bounded_by_the_books() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let mut world = World::funded(1_000);
    let alice = world.customer("ALICE", USD_A, 100);
    let (request, role) = (None, Role::Deposit(alice));
    world.ok(Command::ListWallet { request, network: A, address: address("IN"), role, key: "m/1".into() });
    let to = world.state.deposit_wallet(alice, A).expect("listed");
    let top_up = |world: &mut World, amount| {
        let nonce = world.state.wallet(HOT_A).and_then(|row| row.next_nonce).expect("ready");
        let purpose = Purpose::TopUp { to, amount: Amount::new(amount) };
        world.refusal(Command::OpenDispatch { wallet: HOT_A, nonce, purpose, gas_reserve: Amount::new(9) })
    };
    let limit = |a_day| Command::LimitTopUps { network: A, a_day: Amount::new(a_day) };
    world.ok(limit(1_000));
    assert_eq!(world.refusal(limit(1_000)), Some(Rejection::Stale));
    for (case, later, amount, answer) in [
        ("within it", 0, 600, None),
        ("beyond it", 0, 401, Some(Rejection::TopUpLimit)),
        ("up to it", 0, 400, None),
        ("the day is spent", 0, 1, Some(Rejection::TopUpLimit)),
        ("the next day", DAY_MS, 1_000, None),
    ] {
        world.now = world.now.plus_ms(later);
        assert_eq!(top_up(&mut world, amount), answer, "{case}");
    }
    assert_eq!(world.state.topped_up(A, world.now), Amount::new(1_000));
    assert_eq!(world.state.topped_up(A, world.now.plus_ms(DAY_MS)), Amount::ZERO);
    assert_eq!(world.replayed().topped_up(A, world.now), Amount::new(1_000), "after a restart");
}

#[test]
fn a_transfer_whose_signature_expired_before_its_deposit_counted_ends() {
    for (case, later, answer) in [("in time", 59_999, None), ("too late", 60_000, Some(Rejection::SignatureExpired))] {
        let mut world = World::funded(10_000_000);
        let alice = world.customer("ALICE", USD_A, 3_000_000);
        let order = world.order(alice, USD_B, 1_000);
        let request = world.request();
        world.ok(Command::RequestTransfer { request, network: A, tx: tx(7), order, trace: None });
        late(&mut world, 7, "ALICE", 500);
        world.now = world.now.plus_ms(later);
        let deposit = DepositKey { network: A, tx: tx(7), locator: Locator::Log(0) };
        let event = world.ok(Command::HoldTransfer { transfer: TransferId(1), deposit });
        match answer {
            None => assert!(matches!(event, Event::PayoutHeld { .. }), "{case}: {event:?}"),
            Some(why) => assert_eq!(event, Event::TransferFailed { transfer: TransferId(1), why }, "{case}"),
        }
    }
}

#[test]
fn an_account_has_so_many_claims_and_transfers_open_and_no_more() {
    let mut world = World::funded(10_000_000);
    let (alice, bob) = (world.customer("ALICE", USD_A, 3_000_000), world.customer("BOB", USD_A, 3_000_000));
    let claim = |world: &mut World, n: u64, by| {
        let request = world.request();
        world.refusal(Command::ClaimDeposit { request, network: A, tx: tx(n), by: Some(by), trace: None })
    };
    for n in 1..u64::from(MAX_OPEN) {
        assert_eq!(claim(&mut world, n, alice), None, "{n}");
    }
    let (order, request) = (world.order(alice, USD_B, 1_000), world.request());
    let transfer = |order| Command::RequestTransfer { request, network: A, tx: tx(900), order, trace: None };
    assert_eq!(world.refusal(transfer(order.clone())), Some(Rejection::TooManyOpen), "it would claim too");
    assert_eq!(claim(&mut world, 901, alice), None);
    assert_eq!(claim(&mut world, 902, alice), Some(Rejection::TooManyOpen));
    assert_eq!(claim(&mut world, 1, alice), None, "what is claimed already takes no room");
    assert_eq!(claim(&mut world, 902, bob), None, "of another account");
    let outcome = ClaimOutcome::Refused(ClaimRefusal::NotFound);
    for n in [1, 2] {
        world.ok(Command::CloseClaim { network: A, tx: tx(n), outcome });
    }
    assert_eq!(world.refusal(transfer(order)), None, "there is room again");
    let mut bytes = Vec::new();
    world.state.encode(&mut bytes);
    world.state = State::decode(&bytes, 3).expect("just written");
    assert_eq!(claim(&mut world, 903, alice), Some(Rejection::TooManyOpen), "after a restart");
}

#[test]
fn d7_a_halted_network_does_not_resume_above_what_would_never_be_searched_again() {
    let from = |fork, height| Some(block_on(fork, height));
    for (case, from, answer, orphans) in [
        ("where it stood", None, None, 0),
        ("at a block that was searched", from(0, 106), None, 1),
        ("below what counts", from(3, 104), None, 2),
        ("between", from(3, 107), Some(Rejection::ResumeTooHigh), 0),
        ("above all", from(3, 500), Some(Rejection::ResumeTooHigh), 0),
    ] {
        let mut world = World::new();
        world.scan(A, 0, 101..=105);
        late(&mut world, 1, "ALICE", 100);
        world.scan(A, 0, 106..=109);
        late(&mut world, 2, "ALICE", 100);
        world.ok(Command::HaltNetwork { network: A, reason: "gone".into() });
        let from = from.map(|from| {
            let scanned = &world.state.network(A).expect("listed").scanned;
            scanned.iter().find(|block| block.height == from.height && from.hash == block.hash).copied().unwrap_or(from)
        });
        let resume = Command::ResumeNetwork { network: A, reason: "looked".into(), from };
        assert_eq!(world.refusal(resume), answer, "{case}");
        let recent = &world.state.network(A).expect("listed").recent;
        assert_eq!(recent.iter().filter(|credit| credit.orphaned).count(), orphans, "{case}");
        assert_eq!(recent.len(), 2, "{case}");
        let head = world.state.network(A).and_then(|row| row.head()).map(|head| head.height).expect("searched");
        world.scan(A, 3, head + 1..=head + 1);
        assert_eq!(world.state.network(A).expect("listed").recent.len(), 2, "{case}: none is forgotten");
    }
}

#[test]
fn settling_more_than_is_owed_says_so() {
    let mut world = World::new();
    let account = world.customer("ALICE", USD_A, 100);
    let request = world.request();
    let settle = Command::SettleOwed { request, account, token: USD, amount: Amount::new(1) };
    assert_eq!(world.refusal(settle), Some(Rejection::AboveOwed));
}

#[test]
fn a_given_surplus_does_not_swallow_a_pending_deposit_that_the_comparison_already_knew() {
    let mut world = World::new();
    let bob = world.customer("BOB", USD_A, 1_000);
    // An old surplus, given to bob (a person's decision).
    world.surplus(HOT_A, USD_A, 1, 101);
    let item = world.state.suspense().next().expect("booked").0;
    let (request, reason) = (world.request(), "ticket 1".into());
    world.ok(Command::AssignSuspense { request, item, to: Assign::Account(bob), reason });
    // Alice's deposit is seen, and is still waiting (paused, or a deep tier): every comparison counts it.
    let key = DepositKey { network: A, tx: tx(7), locator: Locator::Log(0) };
    let deposit = world.incoming(key.clone(), USD_A, HOT_A, "ALICE", 500);
    world.ok(Command::SeeDeposit { deposit: deposit.clone() });
    // Another surplus, found after that and beside it, given to bob as well.
    world.surplus(HOT_A, USD_A, 500, 5_000);
    let item = world.state.suspense().next().expect("booked").0;
    let (request, reason) = (world.request(), "ticket 2".into());
    world.ok(Command::AssignSuspense { request, item, to: Assign::Account(bob), reason });
    world.ok(Command::CreditDeposit { key, block: deposit.block, depth: DEEP });
    let alice = world.state.account_by_name("eip155:1:0xALICE");
    let items: Vec<_> = world.state.suspense().map(|(_, item)| (item.reason, item.amount)).collect();
    assert_eq!((alice.map(|a| world.free(a, USD)), items), (Some(500_000_000_000_000), vec![]));
}

fn swept_then_reorged() -> (World, WalletIx, DepositKey, Incoming, Attempt) {
    let mut world = World::funded(1_000);
    world.scan(A, 0, 101..=110);
    let bob = world.customer("BOB", USD_A, 1_000);
    let request = world.request();
    world.ok(Command::ListWallet {
        request: Some(request),
        network: A,
        address: address("DEP"),
        role: Role::Deposit(bob),
        key: "m/0".into(),
    });
    let dep = world.state.wallet_at(A, &address("DEP")).expect("listed");
    world.ok(Command::ReadyWallet { wallet: dep, next_nonce: 0 });
    world.fund(COIN_A, dep, 1_000_000);
    let key = DepositKey { network: A, tx: tx(777), locator: Locator::Log(0) };
    let deposit = world.incoming(key.clone(), USD_A, dep, "BOB", 500);
    world.credit(deposit.clone());
    let dispatch = world.open(dep, Purpose::Sweep { to: HOT_A, asset: USD_A, amount: Amount::new(500) });
    let attempt = world.sign(dispatch, AttemptKind::Act, 100);
    world.finish(dispatch, 0, true, 500);
    world.ok(Command::RewindScan { network: A, to: block(103) });
    world.scan(A, 1, 104..=130);
    world.ok(Command::ReverseDeposit { key: key.clone() });
    (world, dep, key, deposit, attempt)
}

#[test]
fn a_frozen_accounts_slot_that_was_filled_may_not_be_paid_by_a_replacement() {
    let mut world = World::funded(10_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    let dispatch = world.open(HOT_A, Purpose::Payout(payout));
    world.ok(Command::FreezeAccount { account: alice, frozen: true, reason: "stolen".into() });
    let act = world.attempt(AttemptKind::Act, 100);
    assert_eq!(world.refusal(Command::SignAttempt { dispatch, attempt: act }), Some(Rejection::AccountFrozen));
    world.sign(dispatch, AttemptKind::Cancel, 100);
    let act = world.attempt(AttemptKind::Act, 200);
    assert_eq!(world.refusal(Command::SignAttempt { dispatch, attempt: act }), Some(Rejection::AccountFrozen));
}

#[test]
fn a_lost_sweep_of_a_reversed_deposit_is_moved_back_once() {
    let (mut world, dep, _, _, attempt) = swept_then_reorged();
    // On the network neither the deposit nor its sweep happened.
    assert_eq!((world.holding(dep, USD_A).0, world.holding(HOT_A, USD_A).0), (0, 2_000));
    assert_eq!(clear(&mut world, attempt.tx, Some((tx(5), block(110), DEEP)), false), None);
    assert_eq!((world.holding(dep, USD_A).0, world.holding(HOT_A, USD_A).0), (0, 2_000));
    assert_eq!(world.state.suspense().count(), 0, "it went to nobody else");
    assert_eq!(world.replayed().digest(), world.state.digest());
}

#[test]
fn a_reversed_deposit_and_its_sweep_come_back_in_either_order_and_the_books_are_as_the_network() {
    for sweep_first in [false, true] {
        let (mut world, dep, key, deposit, attempt) = swept_then_reorged();
        let block = *world.state.network(A).and_then(|row| row.head()).expect("searched");
        world.ok(Command::ResumeNetwork { network: A, reason: "looked".into(), from: None });
        let again = Incoming { key, block, ..deposit };
        let see = Command::SeeFinal { network: A, tx: attempt.tx, block, success: true, gas: Amount::new(500) };
        if sweep_first {
            world.ok(see);
            world.credit(again);
        } else {
            world.credit(again);
            world.ok(see);
        }
        assert_eq!((world.holding(dep, USD_A).0, world.holding(HOT_A, USD_A).0), (0, 2_500), "{sweep_first}");
        assert_eq!(world.state.taken_ahead(dep, USD_A), Amount::ZERO);
        assert_eq!(world.replayed().digest(), world.state.digest());
    }
}
