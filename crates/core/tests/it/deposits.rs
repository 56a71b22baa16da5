//! Deposits: credited once, to whom the network's data say, and what a reorg does to them.

use crate::world::*;
use tokengine_core::*;

fn key(n: u64, position: u32) -> DepositKey {
    DepositKey { network: A, tx: tx(n), locator: Locator::Log(position) }
}

#[test]
fn a_deposit_is_credited_once_ever() {
    let mut world = World::new();
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 5_000_000);
    world.credit(deposit.clone());
    let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened");
    assert_eq!(world.free(alice, USD), 5 * ETHER, "6 decimals became 18");
    for (case, command, answer) in [
        ("seen again", Command::SeeDeposit { deposit: deposit.clone() }, Rejection::DepositSettled),
        (
            "credited again",
            Command::CreditDeposit { key: key(1, 0), block: deposit.block, depth: DEEP },
            Rejection::DepositSettled,
        ),
    ] {
        assert_eq!(world.refusal(command), Some(answer), "{case}");
    }
    assert_eq!(world.free(alice, USD), 5 * ETHER);
    let settled = world.state.settled_deposit(&key(1, 0)).expect("remembered");
    assert_eq!((settled.account, settled.reversed), (Some(alice), false));
}

#[test]
fn a13_two_equal_transfers_in_one_transaction_are_two_deposits() {
    let mut world = World::new();
    for position in [0, 1] {
        let deposit = world.incoming(key(1, position), USD_A, HOT_A, "ALICE", 5_000_000);
        world.credit(deposit);
    }
    let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened");
    assert_eq!(world.free(alice, USD), 10 * ETHER);
}

/// Cases I5, A28.
#[test]
fn a_deposit_counts_by_the_policy_of_its_amount() {
    let depth = |confirmations, safe, finalized| Depth { confirmations, safe, finalized, nodes: 1 };
    for (case, amount, depth, answer) in [
        ("a small one waits for its blocks", 1_000, depth(2, false, false), Some(Rejection::NotFinal)),
        ("a small one counts after them", 1_000, depth(3, false, false), None),
        ("a large one does not", 1_001, depth(1_000, true, false), Some(Rejection::NotFinal)),
        ("a large one counts when finalized", 1_001, depth(1, true, true), None),
        (
            "one node's word is not enough for two",
            1_000,
            Depth { nodes: 0, ..depth(9, true, true) },
            Some(Rejection::NotFinal),
        ),
    ] {
        let mut world = World::new();
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", amount);
        let block = deposit.block;
        world.ok(Command::SeeDeposit { deposit });
        assert_eq!(world.refusal(Command::CreditDeposit { key: key(1, 0), block, depth }), answer, "{case}");
    }
}

#[test]
fn d1_what_is_pending_is_not_spendable() {
    let mut world = World::new();
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 5_000_000);
    world.ok(Command::SeeDeposit { deposit });
    assert_eq!(world.state.account_by_name("eip155:1:0xALICE"), None, "no account before the credit");
    assert_eq!(world.holding(HOT_A, USD_A), (0, 0));
}

/// Case I9: what nobody can be credited with lies in suspense.
#[test]
fn who_is_credited_follows_from_the_network() {
    for (case, from, contract, wallet, amount, want) in [
        ("an unknown sender is opened", "CAROL", false, HOT_A, 100, Some("eip155:1:0xCAROL")),
        ("a contract that nobody linked is nobody's", "ROUTER", true, HOT_A, 100, None),
        ("what is below the minimum is nobody's", "CAROL", false, HOT_A, 9, None),
        ("the gas tank is for nobody", "CAROL", false, GAS_A, 100, None),
    ] {
        let mut world = World::new();
        let mut deposit = world.incoming(key(1, 0), USD_A, wallet, from, amount);
        deposit.from_contract = contract;
        world.credit(deposit);
        let got = world.state.account_by_name(&format!("eip155:1:0x{from}"));
        assert_eq!(got.and_then(|account| world.state.account_name(account)), want, "{case}");
        assert_eq!(world.state.suspense().count(), usize::from(want.is_none()), "{case}");
        assert_eq!(world.holding(wallet, USD_A).0, amount, "{case}: every unit is held by someone");
    }
}

#[test]
fn a_deposit_address_credits_its_account_whoever_paid() {
    let mut world = World::new();
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let list = Command::ListWallet {
        request: None,
        network: A,
        address: address("SHOPDEP"),
        role: Role::Deposit(shop),
        key: "m/44'/60'/0'/0/1".into(),
    };
    world.ok(list.clone());
    assert_eq!(world.refusal(list), Some(Rejection::AlreadyListed));
    let wallet = world.state.deposit_wallet(shop, A).expect("listed");
    let mut deposit = world.incoming(key(1, 0), USD_A, wallet, "ROUTER", 7_000_000);
    deposit.from_contract = true;
    world.credit(deposit);
    assert_eq!(world.free(shop, USD), 7 * ETHER);
    assert_eq!(world.state.wallets_to_sweep().map(|(ix, _)| ix).collect::<Vec<_>>(), [wallet]);
}

#[test]
fn own_payments_and_nothing_are_no_deposits() {
    let mut world = World::new();
    for (case, from, amount, answer) in [
        ("a4: an amount of nothing", "EVE", 0, Rejection::AmountZero),
        ("a sweep between our wallets", "GASA", 10, Rejection::OwnPayment),
    ] {
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, from, amount);
        assert_eq!(world.refusal(Command::SeeDeposit { deposit }), Some(answer), "{case}");
    }
}

#[test]
fn a_refill_from_the_cold_wallet_is_nobodys_deposit() {
    let mut world = World::new();
    world.fund(USD_A, COLD_A, 900);
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "COLDA", 500);
    world.credit(deposit);
    assert_eq!((world.holding(COLD_A, USD_A).0, world.holding(HOT_A, USD_A).0), (400, 500));
    assert_eq!(world.state.account_count(), 0);
}

#[test]
fn credits_wait_while_anything_is_paused_or_changed() {
    let pause = |world: &mut World, scope| {
        let request = world.request();
        world.ok(Command::Pause { request, scope, paused: true, reason: "night".into() });
    };
    type Arrange<'a> = &'a dyn Fn(&mut World);
    let cases: [(&str, Arrange<'_>, Rejection); 5] = [
        ("everything is paused", &|w| pause(w, Scope::Everything), Rejection::Paused),
        ("the network is paused", &|w| pause(w, Scope::Network(A)), Rejection::Paused),
        ("the asset is paused", &|w| pause(w, Scope::Asset(USD_A)), Rejection::Paused),
        (
            "a18: its contract changed",
            &|w| drop(w.ok(Command::StopAsset { asset: USD_A, reason: "code".into() })),
            Rejection::Paused,
        ),
        (
            "the network is halted",
            &|w| drop(w.ok(Command::HaltNetwork { network: A, reason: "?".into() })),
            Rejection::NetworkHalted,
        ),
    ];
    for (case, arrange, answer) in cases {
        let mut world = World::new();
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 500);
        let block = deposit.block;
        world.ok(Command::SeeDeposit { deposit });
        arrange(&mut world);
        assert_eq!(
            world.refusal(Command::CreditDeposit { key: key(1, 0), block, depth: DEEP }),
            Some(answer),
            "{case}"
        );
        assert!(world.state.pending_deposit(&key(1, 0)).is_some(), "{case}: it is not lost");
    }
}

#[test]
fn a25_what_does_not_fit_the_ledger_waits_and_is_never_truncated() {
    let mut world = World::new();
    let mut rules = rules();
    rules.max_deposit = Amount::MAX;
    world.ok(Command::ChangeAssetRules { asset: USD_A, rules });
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", u128::MAX / 10);
    let block = deposit.block;
    world.ok(Command::SeeDeposit { deposit });
    let credit = Command::CreditDeposit { key: key(1, 0), block, depth: DEEP };
    assert_eq!(world.refusal(credit), Some(Rejection::Overflow));
}

#[test]
fn d7_a_reorg_takes_what_was_not_final_and_moves_what_comes_again() {
    let mut world = World::new();
    world.scan(A, 0, 101..=103);
    for (n, amount) in [(1, 100), (2, 200)] {
        let mut deposit = world.incoming(key(n, 0), USD_A, HOT_A, "ALICE", amount);
        deposit.block = block(102);
        world.ok(Command::SeeDeposit { deposit });
    }
    world.ok(Command::RewindScan { network: A, to: block(101) });
    assert!(world.state.network(A).expect("listed").halted.is_none(), "within the policy's depth");
    assert!(world.state.pending_deposits().all(|pending| pending.orphaned));
    let credit = |n| Command::CreditDeposit { key: key(n, 0), block: block(102), depth: DEEP };
    assert_eq!(world.refusal(credit(1)), Some(Rejection::Stale), "an orphan is never credited");

    world.scan(A, 1, 102..=102);
    let head = *world.state.network(A).expect("listed").head().expect("started");
    let again = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 100);
    world.ok(Command::SeeDeposit { deposit: again });
    assert_eq!(world.refusal(credit(1)), Some(Rejection::Stale), "not by its old block");
    world.ok(Command::CreditDeposit { key: key(1, 0), block: head, depth: DEEP });
    world.ok(Command::DropDeposit { key: key(2, 0) });
    assert_eq!(world.state.pending_deposits().count(), 0);
    let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened");
    assert_eq!(world.free(alice, USD), 100 * 1_000_000_000_000);
}

/// Case I8: nothing falls below zero; what is not free any more is owed, visibly, by an account that is frozen.
#[test]
fn d7_a_deeper_reorg_halts_reverses_visibly_and_books_the_loss() {
    let mut world = World::funded(1_000_000);
    world.scan(A, 0, 101..=101);
    let alice = world.customer("ALICE", USD_A, 1_000);
    let bob = world.customer("BOB", USD_A, 1_000);
    let unit = 1_000_000_000_000u128;
    // Bob has spent some of it already.
    let order = world.order(bob, USD_B, 400 * unit);
    let order = PayoutOrder { max_fee: Amount::new(ETHER), ..order };
    world.hold(order);
    let (bob_free, equity) = (world.free(bob, USD), world.state.totals(USD).expect("listed").equity_out);
    let keys: Vec<_> =
        world.state.network(A).expect("listed").recent.iter().rev().take(2).map(|c| c.key.clone()).collect();
    world.scan(A, 0, 102..=110);
    world.ok(Command::RewindScan { network: A, to: block(100) });
    assert!(world.state.network(A).expect("listed").halted.is_some(), "deeper than the policy: a person is called");
    assert_eq!(world.refusal(Command::ReverseDeposit { key: keys[0].clone() }), Some(Rejection::NotFinal));

    world.scan(A, 1, 101..=110);
    for key in &keys {
        world.ok(Command::ReverseDeposit { key: key.clone() });
    }
    assert_eq!((world.free(alice, USD), world.free(bob, USD)), (0, 0), "what was free is taken back");
    let owed: Vec<_> = world.state.owed().collect();
    assert_eq!(owed, [(bob, USD, Amount::new(1_000 * unit - bob_free))], "what was spent is owed");
    assert!(world.state.is_frozen(bob) && world.state.is_frozen(alice));
    let loss = world.state.totals(USD).expect("listed").equity_out.checked_sub(equity).expect("grew");
    assert_eq!(loss.base_units(), 1_000 * unit - bob_free, "the operator bears it until it is paid back");
    assert!(world.state.settled_deposit(&keys[0]).expect("remembered").reversed);

    // Should it come again after all, it is a deposit again, once.
    let again = world.incoming(keys[1].clone(), USD_A, HOT_A, "ALICE", 1_000);
    world.ok(Command::SeeDeposit { deposit: again.clone() });
    world.ok(Command::ResumeNetwork { network: A, reason: "looked".into(), from: None });
    world.ok(Command::CreditDeposit { key: keys[1].clone(), block: again.block, depth: DEEP });
    assert_eq!(world.free(alice, USD), 1_000 * unit);
}

#[test]
fn a_credited_deposit_that_a_reorg_moves_stays_credited_once() {
    let mut world = World::new();
    world.scan(A, 0, 101..=101);
    let alice = world.customer("ALICE", USD_A, 1_000);
    let key = world.state.network(A).expect("listed").recent[0].key.clone();
    world.scan(A, 0, 102..=102);
    world.ok(Command::RewindScan { network: A, to: block(100) });
    world.scan(A, 1, 101..=102);
    let again = world.incoming(key.clone(), USD_A, HOT_A, "ALICE", 1_000);
    world.ok(Command::SeeDeposit { deposit: again });
    assert_eq!(world.refusal(Command::ReverseDeposit { key }), Some(Rejection::Stale));
    assert_eq!(world.free(alice, USD), 1_000 * 1_000_000_000_000);
}

#[test]
fn d5_the_scan_follows_the_chain_and_goes_back_only_to_where_it_was() {
    let mut world = World::new();
    for (case, command) in [
        ("a gap", Command::ScanBlocks { network: A, blocks: vec![block(102)] }),
        ("another parent", Command::ScanBlocks { network: A, blocks: vec![block_on(9, 101)] }),
        ("no block", Command::ScanBlocks { network: A, blocks: vec![] }),
        ("a rewind to a block that was never there", Command::RewindScan { network: A, to: block_on(9, 99) }),
        ("a rewind to the head", Command::RewindScan { network: A, to: block(100) }),
    ] {
        assert_eq!(world.refusal(command), Some(Rejection::Stale), "{case}");
    }
    let other = Command::StartNetwork { network: A, genesis: block_on(7, 0), from: block(0) };
    assert_eq!(world.refusal(other), Some(Rejection::ConfigInUse), "a30: another genesis is another network");
}

#[test]
fn claims_open_once_and_close_without_touching_the_scan() {
    let mut world = World::new();
    for _ in 0..3 {
        let request = world.request();
        world.ok(Command::ClaimDeposit { request, network: A, tx: tx(1), by: None, trace: None });
    }
    assert_eq!(world.state.claims().count(), 1);
    let outcome = ClaimOutcome::Refused(ClaimRefusal::NotYours);
    world.ok(Command::CloseClaim { network: A, tx: tx(1), outcome });
    assert_eq!(world.refusal(Command::CloseClaim { network: A, tx: tx(1), outcome }), Some(Rejection::Stale));
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 100);
    world.credit(deposit);
}

#[test]
fn a_claimed_deposit_keeps_the_trace_of_whoever_claimed_it_until_it_is_credited() {
    let mut world = World::new();
    let trace = Some(TraceContext { trace_id: [1; 16], span_id: [2; 8] });
    let request = world.request();
    world.ok(Command::ClaimDeposit { request, network: A, tx: tx(1), by: None, trace });
    for number in [1, 2] {
        let deposit = world.incoming(key(number, 0), USD_A, HOT_A, "ALICE", 100);
        world.ok(Command::SeeDeposit { deposit });
    }
    world.ok(Command::CloseClaim { network: A, tx: tx(1), outcome: ClaimOutcome::Found });
    let kept = |state: &State| -> Vec<_> {
        let mut kept: Vec<_> = state.pending_deposits().map(|row| (row.deposit.key.tx, row.trace)).collect();
        kept.sort_by_key(|(tx, _)| *tx);
        kept
    };
    let mut expected = vec![(tx(1), trace), (tx(2), None)];
    expected.sort_by_key(|(tx, _)| *tx);
    assert_eq!(kept(&world.state), expected);
}

#[test]
fn a_claimed_deposit_is_dropped_when_the_search_finds_another_block_in_its_place() {
    let mut world = World::new();
    let claimed = Incoming { block: block_on(7, 102), ..world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 5_000_000) };
    world.ok(Command::SeeDeposit { deposit: claimed });
    let drop = Command::DropDeposit { key: key(1, 0) };
    assert_eq!(world.refusal(drop.clone()), Some(Rejection::Stale), "its block was not searched yet");
    world.scan(A, 0, 101..=103);
    world.ok(drop);
    assert!(world.state.pending_deposit(&key(1, 0)).is_none());
}

/// A chain of 103 blocks, of which the last two are replaced.
fn forked(see: impl FnOnce(&mut World)) -> World {
    let mut world = World::new();
    world.scan(A, 0, 101..=102);
    see(&mut world);
    world.scan(A, 0, 103..=103);
    world.ok(Command::RewindScan { network: A, to: block(101) });
    world.scan(A, 1, 102..=109);
    world
}

#[test]
fn i2_what_a_transaction_pays_in_its_new_block_is_what_is_credited() {
    let mut world = forked(|world| {
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 1_000_000);
        world.ok(Command::SeeDeposit { deposit });
    });
    // A swap that paid a million there pays less here.
    let less = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 10);
    world.ok(Command::SeeDeposit { deposit: less.clone() });
    world.ok(Command::CreditDeposit { key: key(1, 0), block: less.block, depth: DEEP });
    let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened");
    assert_eq!(world.free(alice, USD), 10 * 1_000_000_000_000);
}

#[test]
fn i2_a_credited_deposit_that_comes_back_as_something_else_is_reversed() {
    let mut world = forked(|world| {
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 1_000_000);
        world.credit(deposit);
    });
    let less = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 10);
    let see = Command::SeeDeposit { deposit: less };
    assert_eq!(world.refusal(see.clone()), Some(Rejection::DepositSettled));
    world.ok(Command::ReverseDeposit { key: key(1, 0) });
    world.ok(see);
    let alice = world.state.account_by_name("eip155:1:0xALICE").expect("opened");
    assert_eq!(world.free(alice, USD), 0);
}

#[test]
fn d5_a_claim_that_races_the_search_cannot_move_a_deposit_to_a_sibling_block() {
    for credited in [false, true] {
        let mut world = World::funded(10_000_000);
        world.scan(A, 0, 101..=102);
        let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 5_000_000);
        let deposit = Incoming { block: *world.state.network(A).expect("listed").head().expect("started"), ..deposit };
        world.ok(Command::SeeDeposit { deposit: deposit.clone() });
        if credited {
            world.ok(Command::CreditDeposit { key: key(1, 0), block: deposit.block, depth: DEEP });
        }
        // The nodes answered from a fork for a moment; the search has not come to that height.
        let sibling = Incoming { block: block_on(7, 103), ..deposit.clone() };
        let refused = if credited { Rejection::DepositSettled } else { Rejection::Stale };
        assert_eq!(world.refusal(Command::SeeDeposit { deposit: sibling.clone() }), Some(refused));
        world.scan(A, 0, 103..=120);
        let block = |world: &World| match credited {
            false => world.state.pending_deposit(&key(1, 0)).expect("pending").deposit.block,
            true => world.state.network(A).expect("listed").recent.iter().next_back().expect("recent").block,
        };
        assert_eq!(block(&world), deposit.block, "it stays where the search found it");
        // A reorg that took it lets it move.
        world.ok(Command::RewindScan { network: A, to: block_at(&world, 101) });
        world.ok(Command::SeeDeposit { deposit: Incoming { block: block_on(7, 102), ..deposit } });
        assert_eq!(block(&world), block_on(7, 102));
    }
}

fn block_at(world: &World, height: u64) -> BlockRef {
    let scanned = &world.state.network(A).expect("listed").scanned;
    *scanned.iter().find(|block| block.height == height).expect("searched")
}

#[test]
fn d5_a_lagging_node_cannot_move_a_deposit_back_to_a_block_that_was_replaced() {
    let mut world = forked(|_| ());
    let mut deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 100);
    deposit.block = BlockRef { parent: block(101).hash, ..block_on(1, 102) };
    world.ok(Command::SeeDeposit { deposit: deposit.clone() });
    deposit.block = block(102);
    assert_eq!(world.refusal(Command::SeeDeposit { deposit }), Some(Rejection::Stale));
    assert_eq!(world.refusal(Command::DropDeposit { key: key(1, 0) }), Some(Rejection::Stale), "it is where it was");
}

#[test]
fn d7_what_was_seen_above_the_block_where_the_search_starts_again_has_to_be_seen_again() {
    let mut world = World::new();
    world.scan(A, 0, 101..=102);
    let pending = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 100);
    world.ok(Command::SeeDeposit { deposit: pending.clone() });
    for n in [2, 3] {
        let deposit = world.incoming(key(n, 0), USD_A, HOT_A, "BOB", 100);
        world.credit(deposit);
    }
    let bob = world.state.account_by_name("eip155:1:0xBOB").expect("opened");
    world.ok(Command::HaltNetwork { network: A, reason: "the chain that was followed is gone".into() });
    world.ok(Command::ResumeNetwork { network: A, reason: "looked".into(), from: Some(block_on(1, 90)) });
    let credit = Command::CreditDeposit { key: key(1, 0), block: pending.block, depth: DEEP };
    assert_eq!(world.refusal(credit), Some(Rejection::Stale), "its block is gone");
    world.scan(A, 1, 91..=102);
    let again = world.incoming(key(2, 0), USD_A, HOT_A, "BOB", 100);
    world.ok(Command::SeeDeposit { deposit: again });
    world.scan(A, 1, 103..=110);
    assert_eq!(world.refusal(Command::ReverseDeposit { key: key(2, 0) }), Some(Rejection::Stale), "it came again");
    world.ok(Command::ReverseDeposit { key: key(3, 0) });
    assert_eq!(world.free(bob, USD), 100 * 1_000_000_000_000);
}

#[test]
fn what_lay_in_suspense_is_remembered_as_its_owners() {
    let mut world = World::new();
    let alice = world.customer("ALICE", USD_A, 1_000);
    let deposit = world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 1);
    world.credit(deposit);
    assert_eq!(world.state.settled_deposit(&key(1, 0)).and_then(|settled| settled.account), None, "below the minimum");
    let item = world.state.suspense().next().expect("there").0;
    let request = world.request();
    world.ok(Command::AssignSuspense { request, item, to: Assign::Account(alice), reason: "hers".into() });
    assert_eq!(world.state.settled_deposit(&key(1, 0)).and_then(|settled| settled.account), Some(alice));
}

#[test]
fn what_was_paid_before_the_first_block_that_counts_is_never_credited() {
    let mut world = World::new();
    for (height, answer) in [(99, Some(Rejection::BeforeStart)), (100, Some(Rejection::BeforeStart)), (101, None)] {
        let deposit = Incoming { block: block(height), ..world.incoming(key(1, 0), USD_A, HOT_A, "ALICE", 5_000_000) };
        assert_eq!(world.refusal(Command::SeeDeposit { deposit }), answer, "{height}");
    }
}

#[test]
fn a14_what_a_funding_transaction_pays_to_a_customers_address_is_the_customers() {
    let mut world = World::new();
    world.ok(Command::OpenAccount { request: None, name: "shop".into() });
    let shop = world.state.account_by_name("shop").expect("opened");
    let role = Role::Deposit(shop);
    world.ok(Command::ListWallet { request: None, network: A, address: address("SHOPDEP"), role, key: "m/1".into() });
    let wallet = world.state.deposit_wallet(shop, A).expect("listed");
    let request = world.request();
    world.ok(Command::AnnounceFunding { request, network: A, tx: tx(1), reason: "batch".into() });
    for (position, wallet) in [(0, HOT_A), (1, wallet)] {
        let deposit = world.incoming(key(1, position), USD_A, wallet, "OPERATOR", 100);
        world.credit(deposit);
    }
    assert_eq!(world.free(shop, USD), 100 * 1_000_000_000_000);
    assert_eq!(world.state.totals(USD).expect("listed").equity_in.base_units(), 100 * 1_000_000_000_000);
}
