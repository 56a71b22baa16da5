//! Pages: stable while rows come in, in order, never twice, never with a gap.

use crate::compare::all;
use crate::world::*;
use tokengine_core::*;
use tokengine_store::{DepositFilter, DepositState, Page, PayoutFilter, PayoutState, WalletFilter};

#[test]
fn pages_do_not_shift_while_rows_come_in() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 1_000_000);
    for _ in 0..10 {
        world.hold(alice, USD_A, 100);
    }
    let mut store = store_of(&world);
    let reader = store.reader().expect("opens");
    let filter = PayoutFilter { account: Some(alice), ..PayoutFilter::default() };
    let mut page = Page::first(3);
    let (mut payouts, mut entries) = (Vec::new(), Vec::new());
    let mut history = Page::first(3);
    loop {
        let listing = reader.payouts(&filter, &page).expect("readable");
        assert_eq!(listing.position, store.cursor().expect("readable"));
        payouts.extend(listing.items.iter().map(|payout| payout.id.0));
        let Some(next) = listing.next else { break };
        page = Page::after(next, 3);

        let listing = reader.history(alice, &history).expect("readable");
        entries.extend(listing.items.iter().map(|entry| entry.reference));
        history = Page::after(listing.next.expect("there is more"), 3);
        world.hold(alice, USD_A, 100);
        world.feed(&mut store);
    }
    assert_eq!(payouts, (1..=10).rev().collect::<Vec<_>>());
    let expected: Vec<_> = (2..=10).rev().map(|id| tokengine_store::Reference::Payout(PayoutId(id))).collect();
    assert_eq!(entries, expected);
}

#[test]
fn a_page_of_exactly_what_is_there_has_no_next() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 1_000_000);
    for _ in 0..4 {
        world.hold(alice, USD_A, 100);
    }
    let reader = store_of(&world).reader().expect("opens");
    let filter = PayoutFilter { account: Some(alice), ..PayoutFilter::default() };
    let next = |limit| reader.payouts(&filter, &Page::first(limit)).expect("readable").next;
    assert_eq!((next(3), next(4), next(5)), (Some(2), None, None));
    assert_eq!(reader.history(alice, &Page::first(5)).expect("readable").next, None);
    assert_eq!(reader.history(AccountIx(999), &Page::first(5)).expect("readable").items, []);
}

#[test]
fn a_cursor_of_another_account_is_refused() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 1_000);
    let (bob, _) = world.customer("BOB", USD_A, 1_000);
    let reader = store_of(&world).reader().expect("opens");
    let key = reader.history(alice, &Page::first(1)).expect("readable").items[0].id;
    let error = reader.history(bob, &Page::after(key, 1)).expect_err("it is alice's");
    assert_eq!((error.code(), error.is_transient()), ("store-bad-cursor", false));
    assert_eq!(reader.history(alice, &Page::after(key, 1)).expect("readable").items, []);
}

#[test]
fn filters_combine() {
    let mut world = World::new();
    let (alice, first) = world.customer("ALICE", USD_A, 3_000_000);
    let (bob, _) = world.customer("BOB", USD_B, 1_000_000 * 1_000_000_000_000);
    for (account, asset) in [(alice, USD_A), (bob, USD_B), (alice, USD_B)] {
        world.hold(account, asset, 1_000_000);
    }
    world.ok(Command::CancelPayout { request: None, payout: PayoutId(1), authority: world.signed(alice) });
    let reader = store_of(&world).reader().expect("opens");
    let payouts = |account, state, open| {
        let filter = PayoutFilter { account, state, open };
        all(|page| reader.payouts(&filter, page)).into_iter().map(|payout| payout.id.0).collect::<Vec<_>>()
    };
    assert_eq!(payouts(None, None, false), [3, 2, 1]);
    assert_eq!(payouts(Some(alice), None, false), [3, 1]);
    assert_eq!(payouts(Some(alice), None, true), [3]);
    assert_eq!(payouts(Some(alice), Some(PayoutState::Cancelled), false), [1]);
    assert_eq!(payouts(None, Some(PayoutState::Waiting), true), [3, 2]);
    assert_eq!(payouts(Some(bob), Some(PayoutState::Cancelled), false), [0u64; 0]);

    let deposits = |account, tx, state| all(|page| reader.deposits(&DepositFilter { account, tx, state }, page)).len();
    assert_eq!(deposits(Some(alice), Some((A, first.tx)), Some(DepositState::Credited)), 1);
    assert_eq!(deposits(Some(bob), Some((A, first.tx)), None), 0);
    assert_eq!(deposits(None, Some((B, first.tx)), None), 0, "the same transaction id on another network is another");
    assert_eq!(deposits(None, None, Some(DepositState::Equity)), 5);
    let wallets = |network, account| all(|page| reader.wallets(&WalletFilter { network, account }, page)).len();
    assert_eq!((wallets(Some(A), None), wallets(Some(B), None), wallets(None, Some(alice))), (3, 1, 0));
}

#[test]
fn accounts_are_found_by_the_beginning_of_any_name() {
    let mut world = World::new();
    for name in ["till-1", "till-10", "till-2", "tilt", "Till-3"] {
        world.ok(Command::OpenAccount { request: None, name: name.into() });
    }
    let (request, authority, expiry) = (world.request(), world.signed(AccountIx(0)), world.now.plus_ms(50));
    let (account, name) = (AccountIx(0), "eip155:5:0xLINKED".into());
    world.ok(Command::LinkName { request, account, name, authority, nonce: 1, expiry });
    let reader = store_of(&world).reader().expect("opens");
    let found = |prefix: &str| {
        let mut names = Vec::new();
        let mut page = Page::first(2);
        loop {
            let listing = reader.search_accounts(prefix, &page).expect("readable");
            names.extend(listing.items.iter().map(|found| found.by.to_string()));
            match listing.next {
                Some(next) => page = Page::after(next, 2),
                None => return names,
            }
        }
    };
    assert_eq!(found("till-"), ["till-1", "till-10", "till-2"]);
    assert_eq!(found("till-1"), ["till-1", "till-10"]);
    assert_eq!(found("eip155:5:"), ["eip155:5:0xLINKED"]);
    assert_eq!(found("%"), [""; 0], "no character is special");
    assert_eq!(found("").len(), 8);
    let linked = &reader.search_accounts("eip155:5:", &Page::first(1)).expect("readable").items[0];
    assert_eq!((linked.account.id, &*linked.account.name), (AccountIx(0), "desk"));
}

#[test]
fn readers_on_many_threads_see_whole_batches_only() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 1_000_000);
    let (bob, _) = world.customer("BOB", USD_A, 1_000_000);
    let funded = world.records.len();
    for n in 0..600u32 {
        let (from, to) = if n % 2 == 0 { (alice, bob) } else { (bob, alice) };
        let (request, amount) = (world.request(), Amount::new(u128::from(n) + 1));
        world.ok(Command::Move { request, token: USD, from, to, amount, authority: MoveAuthority::Owner });
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = tokengine_store::Store::open(&folder.path().join("store.db")).expect("opens");
    store.apply(&world.records[..funded]).expect("it follows");
    let reader = store.reader().expect("opens");
    let last = world.state.position();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let mut before = Position(0);
                while before < last {
                    let listing = reader.history(alice, &Page::first(200)).expect("readable");
                    assert!(listing.position >= before, "never back");
                    before = listing.position;
                    // The newest entry is of the newest move: the page and the position are of one snapshot.
                    let moves = listing.position.0 - u64::try_from(funded).expect("few");
                    let newest = listing.items.first().expect("funded");
                    assert_eq!(
                        newest.position.0.max(u64::try_from(funded).expect("few")),
                        moves + u64::try_from(funded).expect("few")
                    );
                }
            });
        }
        for records in world.records[funded..].chunks(7) {
            store.apply(records).expect("it follows");
        }
    });
}
