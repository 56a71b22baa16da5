//! The payout rule: one nonce, many attempts, at most one counts, and only proof releases funds.

use crate::world::*;
use tokengine_core::*;

const UNIT: u128 = 1_000_000_000_000;

/// A world with one payout of 100 that has its nonce.
fn dispatched() -> (World, AccountIx, PayoutId, DispatchId) {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    let dispatch = world.open(HOT_A, Purpose::Payout(payout));
    (world, alice, payout, dispatch)
}

#[test]
fn a_payout_that_succeeds_is_committed_with_fee_and_gas() {
    let (mut world, alice, _, dispatch) = dispatched();
    let (coin, free, custody) =
        (world.holding(HOT_A, COIN_A).0, world.free(alice, USD), world.state.totals(USD).expect("listed").custody);
    let (held, usd) = (world.held(alice, USD), world.holding(HOT_A, USD_A).0);
    world.sign(dispatch, AttemptKind::Act, 100);
    world.ok(Command::MarkSent { dispatch, attempt: 0 });
    let fees = world.state.totals(USD).expect("listed").fees.base_units();
    world.finish(dispatch, 0, true, 15_000);
    let fee = 1_000 + (100 * UNIT).div_ceil(1_000);
    assert_eq!(world.held(alice, USD), 0);
    assert_eq!(world.free(alice, USD), free + held - 100 * UNIT - fee);
    assert_eq!(world.state.totals(USD).expect("listed").fees.base_units(), fees + fee);
    assert_eq!(world.holding(HOT_A, USD_A), (usd - 100, 0));
    assert_eq!(world.holding(HOT_A, COIN_A), (coin - 15_000, 0), "gas is the operator's expense");
    assert_eq!(world.state.totals(USD).expect("listed").custody.base_units(), custody.base_units() - 100 * UNIT);
    assert_eq!(world.state.dispatches().count() + world.state.payouts().count(), 0);
}

#[test]
fn e14_a_payout_that_reverts_is_rolled_back_with_the_failure_fee() {
    let (mut world, alice, _, dispatch) = dispatched();
    let (free, held, usd) = (world.free(alice, USD), world.held(alice, USD), world.holding(HOT_A, USD_A).0);
    world.sign(dispatch, AttemptKind::Act, 100);
    let head = *world.state.network(A).expect("listed").head().expect("started");
    let sighting = Sighting { attempt: 0, block: head, success: false };
    world.ok(Command::SeeDispatch { dispatch, sighting: sighting.clone() });
    let shallow = Depth { finalized: false, ..DEEP };
    let early = Command::FinishDispatch { dispatch, sighting: sighting.clone(), gas: Amount::new(9), depth: shallow };
    assert_eq!(world.refusal(early), Some(Rejection::NotFinal), "what releases funds takes the strongest finality");
    world.finish(dispatch, 0, false, 9_000);
    assert_eq!((world.free(alice, USD), world.held(alice, USD)), (free + held - 500, 0), "once, less the failure fee");
    assert_eq!(world.holding(HOT_A, USD_A), (usd, 0), "nothing left the wallet but gas");
    let sighting = Sighting { attempt: 0, block: head, success: false };
    let again = Command::FinishDispatch { dispatch, sighting, gas: Amount::ZERO, depth: DEEP };
    assert_eq!(world.refusal(again), Some(Rejection::UnknownDispatch), "a second end changes nothing");
}

#[test]
fn i3_every_attempt_of_a_payout_has_its_nonce_and_outbids_the_last() {
    let (mut world, _, _, dispatch) = dispatched();
    world.sign(dispatch, AttemptKind::Act, 1_000);
    for (case, cap, tip, answer) in [
        ("f7: only the cap is raised", 1_200, 100, Some(Rejection::WrongConflict)),
        ("f7: only the tip is raised", 1_000, 200, Some(Rejection::WrongConflict)),
        ("f7: by less than a tenth", 1_099, 109, Some(Rejection::WrongConflict)),
        ("a tip above the cap", 2_000, 2_001, Some(Rejection::RuleInvalid)),
        ("both by a tenth", 1_100, 110, None),
    ] {
        let mut attempt = world.attempt(AttemptKind::Act, cap);
        attempt.tip = Amount::new(tip);
        assert_eq!(world.refusal(Command::SignAttempt { dispatch, attempt }), answer, "{case}");
    }
    assert_eq!(world.state.dispatch(dispatch).expect("open").attempts.len(), 2);
}

/// Case F8: of a replacement and its original one is final, whichever.
#[test]
fn whichever_attempt_is_final_ends_the_payout_once() {
    let (mut world, alice, _, dispatch) = dispatched();
    world.sign(dispatch, AttemptKind::Act, 100);
    world.sign(dispatch, AttemptKind::Act, 200);
    let paid = world.free(alice, USD);
    world.finish(dispatch, 0, true, 1);
    assert_eq!(world.held(alice, USD), 0);
    assert!(world.free(alice, USD) >= paid);
    assert_eq!(world.state.dispatches().count(), 0, "f8: the other attempt is excluded");
}

/// Cases I4, E11.
#[test]
fn only_proof_of_death_frees_the_slot_and_the_payout_is_signed_again() {
    let (mut world, alice, payout, dispatch) = dispatched();
    let held = world.held(alice, USD);
    let attempt = world.sign(dispatch, AttemptKind::Act, 100);
    let head = *world.state.network(A).expect("listed").head().expect("started");
    for (case, by, depth, answer) in [
        ("its own transaction", attempt.tx, DEEP, Rejection::NotProven),
        ("not final", tx(5), Depth { finalized: false, ..DEEP }, Rejection::NotProven),
        ("e11: not enough nodes", tx(5), Depth { nodes: 0, ..DEEP }, Rejection::NotProven),
    ] {
        assert_eq!(world.refusal(Command::BuryDispatch { dispatch, by, block: head, depth }), Some(answer), "{case}");
    }
    world.ok(Command::BuryDispatch { dispatch, by: tx(5), block: head, depth: DEEP });
    assert_eq!(world.held(alice, USD), held, "e18: the funds stay locked for the next attempt");
    assert_eq!(world.state.payout(payout).expect("open").stage, PayoutStage::Waiting(Wait::Turn));
    assert!(world.state.wallet(HOT_A).expect("listed").frozen.is_some(), "f3: somebody else uses our key");
    let again = Command::OpenDispatch {
        wallet: HOT_A,
        nonce: 1,
        purpose: Purpose::Payout(payout),
        gas_reserve: Amount::new(1),
    };
    assert_eq!(world.refusal(again.clone()), Some(Rejection::WalletFrozen));
    world.ok(Command::ThawWallet { wallet: HOT_A, reason: "known".into() });
    world.ok(again);
}

#[test]
fn a_cancel_after_signing_waits_for_the_network_to_say_which_counted() {
    for (case, winner, success) in [("the cancel wins", 1, true), ("the payment wins", 0, true)] {
        let (mut world, alice, payout, dispatch) = dispatched();
        let (free, held) = (world.free(alice, USD), world.held(alice, USD));
        world.sign(dispatch, AttemptKind::Act, 100);
        let authority = world.signed(alice);
        world.ok(Command::CancelPayout { request: None, payout, authority: authority.clone() });
        assert_eq!(world.held(alice, USD), held, "{case}: nothing is free before that");
        let act = world.attempt(AttemptKind::Act, 300);
        assert_eq!(world.refusal(Command::SignAttempt { dispatch, attempt: act }), Some(Rejection::Stale), "{case}");
        world.sign(dispatch, AttemptKind::Cancel, 200);
        world.finish(dispatch, winner, success, 1);
        let paid = if winner == 0 { 100 * UNIT + 1_000 + (100 * UNIT) / 1_000 } else { 500 };
        assert_eq!((world.free(alice, USD), world.held(alice, USD)), (free + held - paid, 0), "{case}");
    }
}

#[test]
fn what_is_in_a_block_cannot_be_cancelled() {
    let (mut world, alice, payout, dispatch) = dispatched();
    world.sign(dispatch, AttemptKind::Act, 100);
    let block = *world.state.network(A).expect("listed").head().expect("started");
    world.ok(Command::SeeDispatch { dispatch, sighting: Sighting { attempt: 0, block, success: true } });
    let authority = world.signed(alice);
    let cancel = Command::CancelPayout { request: None, payout, authority };
    assert_eq!(world.refusal(cancel), Some(Rejection::NotCancellable));
}

#[test]
fn e15_a_reorg_brings_a_payout_back_to_sent_with_the_same_bytes() {
    let (mut world, _, _, dispatch) = dispatched();
    let attempt = world.sign(dispatch, AttemptKind::Act, 100);
    world.scan(A, 0, 101..=102);
    world.ok(Command::SeeDispatch { dispatch, sighting: Sighting { attempt: 0, block: block(102), success: true } });
    world.ok(Command::RewindScan { network: A, to: block(101) });
    let row = world.state.dispatch(dispatch).expect("open");
    assert_eq!(row.seen, None);
    assert_eq!(row.attempts.iter().map(|a| a.tx).collect::<Vec<_>>(), [attempt.tx]);
}

/// A payout that ended in block 103, which a reorg then took; the search went on far beyond what it remembers.
fn lost_final() -> (World, TxId) {
    let (mut world, _, _, dispatch) = dispatched();
    let attempt = world.sign(dispatch, AttemptKind::Act, 100);
    world.scan(A, 0, 101..=103);
    world.finish(dispatch, 0, true, 7);
    world.ok(Command::RewindScan { network: A, to: block(102) });
    world.scan(A, 1, 103..=300);
    (world, attempt.tx)
}

#[test]
fn a_final_payout_that_a_reorg_took_is_remembered_until_it_is_in_a_block_again() {
    let (mut world, tx) = lost_final();
    let lost = |world: &World| {
        let row = world.state.network(A).expect("listed");
        row.recent_final.iter().filter(|sent| sent.orphaned).map(|sent| sent.tx).collect::<Vec<_>>()
    };
    assert_eq!(lost(&world), [tx], "however long ago");
    let head = *world.state.network(A).expect("listed").head().expect("started");
    let see = |network, tx, block, success| Command::SeeFinal { network, tx, block, success, gas: Amount::new(9) };
    for (case, command, answer) in [
        ("no such network", see(NetworkIx(9), tx, head, true), Rejection::UnknownNetwork),
        ("on another network", see(B, tx, head, true), Rejection::Stale),
        ("another transaction", see(A, super::world::tx(77), head, true), Rejection::Stale),
        ("a block that was not searched yet", see(A, tx, block_on(1, 301), true), Rejection::Stale),
        ("a block of another chain", see(A, tx, block_on(2, 300), true), Rejection::Stale),
        ("it reverted there", see(A, tx, head, false), Rejection::Stale),
    ] {
        assert_eq!(world.refusal(command), Some(answer), "{case}");
        assert_eq!(lost(&world), [tx], "{case}");
    }
    let coin = world.holding(HOT_A, COIN_A).0;
    world.ok(see(A, tx, head, true));
    assert_eq!(lost(&world), []);
    assert_eq!(world.holding(HOT_A, COIN_A).0, coin - 2, "9 instead of 7 for gas");
    assert_eq!(world.refusal(see(A, tx, head, true)), Some(Rejection::Stale), "once");
    world.scan(A, 1, 301..=500);
    let row = world.state.network(A).expect("listed");
    assert!(row.recent_final.iter().all(|sent| sent.tx != tx), "like any other, it is forgotten when it is deep");
}

#[test]
fn a_fee_that_is_lower_after_a_reorg_is_not_given_back_by_the_books() {
    let (mut world, tx) = lost_final();
    let head = *world.state.network(A).expect("listed").head().expect("started");
    let coin = world.holding(HOT_A, COIN_A).0;
    world.ok(Command::SeeFinal { network: A, tx, block: head, success: true, gas: Amount::new(3) });
    assert_eq!(world.holding(HOT_A, COIN_A).0, coin);
}

#[test]
fn a_payout_takes_one_wallet_with_enough_and_its_gas() {
    let mut world = World::new();
    world.fund(USD_A, HOT_A, 1_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let large = world.order(alice, USD_A, 500_000);
    let payout = world.hold(large);
    let open =
        |nonce, purpose, gas| Command::OpenDispatch { wallet: HOT_A, nonce, purpose, gas_reserve: Amount::new(gas) };
    let purpose = || Purpose::Payout(payout);
    assert_eq!(world.refusal(open(0, purpose(), 21_000)), Some(Rejection::WaitLiquidity), "no coin for gas");
    world.fund(COIN_A, HOT_A, 50_000);
    for (case, command, answer) in [
        ("another nonce than the next", open(1, purpose(), 21_000), Rejection::Stale),
        ("more gas than the coin there is", open(0, purpose(), 50_001), Rejection::WaitLiquidity),
        ("no such payout", open(0, Purpose::Payout(PayoutId(99)), 1), Rejection::UnknownPayout),
        (
            "a top-up of a hot wallet",
            open(0, Purpose::TopUp { to: HOT_A, amount: Amount::new(1) }, 1),
            Rejection::UnknownWallet,
        ),
    ] {
        assert_eq!(world.refusal(command), Some(answer), "{case}");
    }
    world.ok(open(0, purpose(), 21_000));
    assert_eq!(world.holding(HOT_A, USD_A).1, 500_000);
    assert_eq!(world.holding(HOT_A, COIN_A).1, 21_000);
    let next = world.order(alice, USD_A, 400_000);
    let next = world.hold(next);
    world.ok(open(1, Purpose::Payout(next), 21_000));
    let last = world.order(alice, USD_A, 50_000);
    let last = world.hold(last);
    assert_eq!(
        world.refusal(open(2, Purpose::Payout(last), 21_000)),
        Some(Rejection::WaitLiquidity),
        "reserved is reserved"
    );
}

#[test]
fn a_wallet_has_a_bounded_number_in_flight() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    for _ in 0..3 {
        let order = world.order(alice, USD_A, 100);
        let payout = world.hold(order);
        world.open(HOT_A, Purpose::Payout(payout));
    }
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    let fourth =
        Command::OpenDispatch { wallet: HOT_A, nonce: 3, purpose: Purpose::Payout(payout), gas_reserve: Amount::ZERO };
    assert_eq!(world.refusal(fourth), Some(Rejection::TooManyInFlight));
}

#[test]
fn a_sweep_moves_between_our_wallets_and_no_account_changes() {
    let mut world = World::funded(10_000_000);
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let role = Role::Deposit(shop);
    world.ok(Command::ListWallet { request: None, network: A, address: address("SHOPDEP"), role, key: "m/1".into() });
    let wallet = world.state.deposit_wallet(shop, A).expect("listed");
    let key = DepositKey { network: A, tx: tx(1), locator: Locator::Log(0) };
    let deposit = world.incoming(key, USD_A, wallet, "PAYER", 7_000);
    world.credit(deposit);
    world.ok(Command::ReadyWallet { wallet, next_nonce: 0 });
    world.fund(COIN_A, GAS_A, 1_000_000);

    let top_up = world.open(GAS_A, Purpose::TopUp { to: wallet, amount: Amount::new(100_000) });
    world.sign(top_up, AttemptKind::Act, 10);
    world.finish(top_up, 0, true, 21_000);
    assert_eq!((world.holding(GAS_A, COIN_A).0, world.holding(wallet, COIN_A).0), (879_000, 100_000));

    let (free, hot) = (world.free(shop, USD), world.holding(HOT_A, USD_A).0);
    let sweep = world.open(wallet, Purpose::Sweep { to: HOT_A, asset: USD_A, amount: Amount::new(7_000) });
    world.sign(sweep, AttemptKind::Act, 10);
    world.finish(sweep, 0, true, 60_000);
    assert_eq!((world.holding(wallet, USD_A), world.holding(HOT_A, USD_A).0), ((0, 0), hot + 7_000));
    assert_eq!(world.holding(wallet, COIN_A).0, 40_000, "f11: gas came from the top-up");
    assert_eq!(world.free(shop, USD), free);
}

#[test]
fn nothing_new_is_signed_in_recovery_and_what_is_found_is_adopted() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    world.ok(Command::StartRecovery { reason: "restored".into() });
    let open = Command::OpenDispatch {
        wallet: HOT_A,
        nonce: 0,
        purpose: Purpose::Payout(payout),
        gas_reserve: Amount::new(1),
    };
    assert_eq!(world.refusal(open), Some(Rejection::Recovery));
    let adopt = |nonce, tx, amount, to: &str| Command::AdoptDispatch {
        wallet: HOT_A,
        nonce,
        tx,
        block: block(100),
        success: true,
        paid: Some((USD_A, Amount::new(amount), address(to))),
        gas: Amount::new(5),
        depth: DEEP,
    };
    assert_eq!(world.refusal(adopt(1, tx(1), 100, "DEST")), Some(Rejection::Stale), "in the order of nonces");
    world.ok(adopt(0, tx(1), 100, "DEST"));
    assert!(world.state.payout(payout).is_none(), "it was paid before the restore: committed, not paid again");
    assert_eq!(world.held(alice, USD), 0);
    let equity = world.state.totals(USD).expect("listed").equity_out;
    world.ok(adopt(1, tx(2), 50, "STRANGER"));
    assert_eq!(world.state.totals(USD).expect("listed").equity_out.checked_sub(equity), Some(Amount::new(50 * UNIT)));
    assert!(world.state.wallet(HOT_A).expect("listed").frozen.is_some(), "a person looks at what matches nothing");
    world.ok(Command::EndRecovery { reason: "searched".into() });
}

#[test]
fn in_recovery_a_lost_nonce_is_taken_by_a_filler_or_by_what_was_signed_for_it_and_paid_once() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    world.ok(Command::StartRecovery { reason: "restored".into() });
    world.ok(Command::FreezeWallet { wallet: HOT_A, reason: "looked at".into() });
    let (first, second) = (world.open(HOT_A, Purpose::Noop), world.open(HOT_A, Purpose::Noop));
    world.sign(first, AttemptKind::Act, 10); // F4: it may be signed while nothing else is, and of a frozen wallet
    world.finish(first, 0, true, 7);
    let adopt = |tx, paid: Option<(u128, &str)>| Command::AdoptDispatch {
        wallet: HOT_A,
        nonce: 1,
        tx,
        block: block(100),
        success: true,
        paid: paid.map(|(amount, to)| (USD_A, Amount::new(amount), address(to))),
        gas: Amount::new(5),
        depth: DEEP,
    };
    let own = world.sign(second, AttemptKind::Act, 10).tx;
    assert_eq!(world.refusal(adopt(own, None)), Some(Rejection::NotProven), "our own attempt is no adopted one");
    world.ok(adopt(tx(9), Some((100, "DEST"))));
    assert!(world.state.payout(payout).is_none(), "what the lost journal had signed paid it: it is not paid again");
    assert_eq!((world.held(alice, USD), world.state.dispatches().count()), (0, 0));
    let third = world.open(HOT_A, Purpose::Noop);
    let lost = Command::AdoptDispatch {
        wallet: HOT_A,
        nonce: 2,
        tx: tx(10),
        block: block(100),
        success: true,
        paid: None,
        gas: Amount::new(5),
        depth: DEEP,
    };
    world.ok(lost);
    assert!(world.state.dispatch(third).is_none(), "a lost cancel ends the filler too");
    world.ok(Command::EndRecovery { reason: "searched".into() });
    let noop = Command::OpenDispatch { wallet: HOT_A, nonce: 3, purpose: Purpose::Noop, gas_reserve: Amount::new(1) };
    assert_eq!(world.refusal(noop), Some(Rejection::WalletFrozen), "only in recovery");
}

#[test]
fn a_payout_of_an_account_that_was_frozen_since_waits() {
    let mut world = World::funded(10_000_000);
    let alice = world.customer("ALICE", USD_A, 1_000_000);
    let order = world.order(alice, USD_A, 100);
    let payout = world.hold(order);
    let freeze = |frozen| Command::FreezeAccount { account: alice, frozen, reason: "court".into() };
    let (purpose, gas_reserve) = (Purpose::Payout(payout), Amount::new(21_000));
    let open = Command::OpenDispatch { wallet: HOT_A, nonce: 0, purpose, gas_reserve };
    world.ok(freeze(true));
    assert_eq!(world.refusal(open.clone()), Some(Rejection::AccountFrozen));
    world.ok(freeze(false));
    world.ok(open);
}

#[test]
fn d7_nothing_new_is_signed_while_the_network_is_halted() {
    let (mut world, _, _, dispatch) = dispatched();
    world.ok(Command::HaltNetwork { network: A, reason: "a deep reorg".into() });
    let attempt = world.attempt(AttemptKind::Act, 100);
    let sign = Command::SignAttempt { dispatch, attempt };
    assert_eq!(world.refusal(sign.clone()), Some(Rejection::NetworkHalted));
    world.ok(Command::ResumeNetwork { network: A, reason: "looked".into(), from: None });
    world.ok(sign);
    world.ok(Command::HaltNetwork { network: A, reason: "again".into() });
    world.sign(dispatch, AttemptKind::Act, 200);
}

#[test]
fn a_payout_that_is_wanted_back_ends_when_its_nonce_is_proven_dead() {
    let (mut world, alice, payout, dispatch) = dispatched();
    let all = world.free(alice, USD) + world.held(alice, USD);
    world.sign(dispatch, AttemptKind::Act, 100);
    world.ok(Command::CancelPayout { request: None, payout, authority: Authority::Operator });
    world.ok(Command::BuryDispatch { dispatch, by: tx(4711), block: block(100), depth: DEEP });
    assert!(world.state.payout(payout).is_none());
    assert_eq!((world.free(alice, USD), world.held(alice, USD)), (all, 0), "nothing of ours cost anything");
}

#[test]
fn what_a_found_transaction_moved_has_to_be_listed_on_its_network() {
    let mut world = World::funded(10_000_000);
    let block = *world.state.network(A).expect("listed").head().expect("started");
    for (asset, answer) in
        [(AssetIx(99), Some(Rejection::UnknownAsset)), (USD_B, Some(Rejection::UnknownAsset)), (USD_A, None)]
    {
        let (paid, gas) = (Some((asset, Amount::new(5), address("DEST"))), Amount::new(7));
        let (tx, success, depth) = (tx(9), true, DEEP);
        let adopt = Command::AdoptDispatch { wallet: HOT_A, nonce: 0, tx, block, success, paid, gas, depth };
        assert_eq!(world.refusal(adopt), answer, "{asset}");
    }
}

#[test]
fn b15_what_a_wallet_sent_before_it_was_cold_is_no_refill() {
    let mut world = World::funded(10_000_000);
    let (request, address, role) = (None, address("NEW"), Role::Hot);
    world.ok(Command::ListWallet { request, network: A, address, role, key: "new".into() });
    let new = world.state.wallets().last().expect("listed").0;
    world.ok(Command::ChangeWalletRole { wallet: HOT_A, role: Role::Retiring });
    let dispatch = world.open(HOT_A, Purpose::Sweep { to: new, asset: USD_A, amount: Amount::new(4_000_000) });
    let cold = Command::ChangeWalletRole { wallet: HOT_A, role: Role::Cold };
    assert_eq!(world.refusal(cold.clone()), Some(Rejection::ConfigInUse), "it has something on its way");
    let sent = world.sign(dispatch, AttemptKind::Act, 100);
    world.finish(dispatch, 0, true, 5);
    world.ok(cold);
    let key = DepositKey { network: A, tx: sent.tx, locator: Locator::Log(0) };
    let deposit = world.incoming(key, USD_A, new, "HOTA", 4_000_000);
    assert_eq!(world.refusal(Command::SeeDeposit { deposit }), Some(Rejection::OwnPayment));
    assert_eq!((world.holding(HOT_A, USD_A).0, world.holding(new, USD_A).0), (6_000_000, 4_000_000));
}

#[test]
fn a_lost_attempt_that_made_the_slots_very_payment_ends_the_slot_as_paid() {
    let (mut world, alice, payout, dispatch) = dispatched();
    world.sign(dispatch, AttemptKind::Act, 100);
    let (held, usd) = (world.held(alice, USD), world.holding(HOT_A, USD_A).0);
    let adopt = |amount, to: &str, success, depth| Command::AdoptDispatch {
        wallet: HOT_A,
        nonce: 0,
        tx: tx(77),
        block: block(100),
        success,
        paid: Some((USD_A, Amount::new(amount), address(to))),
        gas: Amount::new(5),
        depth,
    };
    for (case, command, answer) in [
        ("another amount", adopt(99, "DEST", true, DEEP), Rejection::NotProven),
        ("another destination", adopt(100, "OTHER", true, DEEP), Rejection::NotProven),
        ("it was reverted", adopt(100, "DEST", false, DEEP), Rejection::NotProven),
        ("not final", adopt(100, "DEST", true, Depth { finalized: false, ..DEEP }), Rejection::NotFinal),
    ] {
        assert_eq!(world.refusal(command), Some(answer), "{case}");
        assert_eq!(world.held(alice, USD), held, "{case}");
    }
    world.ok(adopt(100, "DEST", true, DEEP));
    assert!(world.state.payout(payout).is_none() && world.state.dispatch(dispatch).is_none());
    assert_eq!((world.held(alice, USD), world.holding(HOT_A, USD_A)), (0, (usd - 100, 0)));
    assert_eq!(world.holding(HOT_A, COIN_A).1, 0, "no gas stays reserved");
    assert_eq!(world.state.wallet(HOT_A).and_then(|wallet| wallet.next_nonce), Some(1));
}
