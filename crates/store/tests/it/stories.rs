//! What a person reads: one deposit's, one payout's, one transfer's story, step by step.

use crate::compare::all;
use crate::world::*;
use tokengine_core::*;
use tokengine_store::{
    Change, ClaimFilter, ClaimState, DepositFilter, DepositState, DispatchState, EntryKind, Page, PayoutState,
    Reference, Step, SuspenseState, TransferFilter, TransferState,
};

fn words(history: &[Step]) -> Vec<&str> {
    history.iter().map(|step| &*step.step).collect()
}

fn fingerprint(world: &World, key: &DepositKey) -> Fingerprint {
    key.fingerprint(&world.state.network(key.network).expect("listed").id)
}

#[test]
fn a_payout_tells_every_step_and_proves_its_outcome() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 10_000);
    let payout = world.hold(alice, USD_A, 1_000);
    world.ok(Command::WaitPayout { payout, why: Wait::Fee });
    let first = world.open(HOT_A, Purpose::Payout(payout));
    let attempt = world.attempt(AttemptKind::Act, 100);
    world.ok(Command::SignAttempt { dispatch: first, attempt });
    world.ok(Command::MarkSent { dispatch: first, attempt: 0 });
    let foreign = world.tx();
    let block = world.head(A);
    world.ok(Command::BuryDispatch { dispatch: first, by: foreign, block, depth: DEEP });
    world.ok(Command::ThawWallet { wallet: HOT_A, reason: "looked at".into() });
    let second = world.open(HOT_A, Purpose::Payout(payout));
    for fee_cap in [100, 200] {
        let attempt = world.attempt(AttemptKind::Act, fee_cap);
        world.ok(Command::SignAttempt { dispatch: second, attempt });
    }
    world.ok(Command::MarkSent { dispatch: second, attempt: 1 });
    world.scan(A, 0, 3);
    let sighting = world.sighting(A, 1, true);
    world.ok(Command::SeeDispatch { dispatch: second, sighting: sighting.clone() });
    world.ok(Command::FinishDispatch { dispatch: second, sighting, gas: Amount::new(777), depth: DEEP });

    let reader = store_of(&world).reader().expect("opens");
    let story = reader.payout(payout).expect("readable").expect("held");
    assert_eq!(
        words(&story.history),
        [
            "held",
            "waiting",
            "opened",
            "signed",
            "sent",
            "dead",
            "opened",
            "signed",
            "signed",
            "sent",
            "seen",
            "committed"
        ]
    );
    assert_eq!(story.history[1].detail["why"], "fee");
    assert_eq!(story.history[5].detail["by"], foreign.to_string());
    assert!(story.history.windows(2).all(|pair| pair[0].position < pair[1].position && pair[0].at < pair[1].at));
    let [dead, done] = &story.dispatches[..] else { panic!("two slots") };
    assert_eq!((dead.state, dead.tx, dead.gas), (DispatchState::Dead, Some(foreign), None));
    assert_eq!((done.state, done.gas), (DispatchState::Done, Some(Amount::new(777))));
    assert_eq!((dead.attempts.len(), done.attempts.len()), (1, 2));
    assert_eq!(story.payout.state, PayoutState::Committed);
    assert_eq!(story.payout.tx, Some(done.attempts[1].tx), "the attempt that counted");
    assert_eq!(story.payout.block.map(|(height, _)| height), Some(103));
    assert_eq!((story.payout.gas, story.payout.fee), (Amount::new(777), Some(story.payout.success_fee)));

    // 10,000 of 6 decimals came in; 1,000 and the fee went out.
    let unit = 1_000_000_000_000;
    let history = reader.history(alice, &Page::first(10)).expect("readable").items;
    let kinds: Vec<_> = history.iter().map(|entry| (entry.kind, entry.reference)).collect();
    let [_, _, (EntryKind::Deposit, Reference::Deposit(_))] = kinds[..] else { panic!("{kinds:?}") };
    assert_eq!(kinds[0], (EntryKind::PayoutCommitted, Reference::Payout(payout)));
    assert_eq!(kinds[1], (EntryKind::PayoutHeld, Reference::Payout(payout)));
    assert_eq!(history[1].free_change, Change::down(story.payout.held));
    assert_eq!(history[1].held_change, Change::up(story.payout.held));
    assert_eq!(history[0].held, Amount::ZERO);
    let fee = story.payout.success_fee.base_units();
    assert_eq!(history[0].free, Amount::new(9_000 * unit - fee));
    assert_eq!(history[2].free, Amount::new(10_000 * unit));
}

#[test]
fn a_reverted_and_a_cancelled_payout_say_which_they_are() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 10_000);
    let mut ended = Vec::new();
    for (cancel, kind, success, state) in [
        (false, AttemptKind::Act, false, PayoutState::Failed),
        (true, AttemptKind::Cancel, true, PayoutState::Cancelled),
        (true, AttemptKind::Act, false, PayoutState::Failed),
        (true, AttemptKind::Act, true, PayoutState::Committed),
    ] {
        let payout = world.hold(alice, USD_A, 100);
        let dispatch = world.open(HOT_A, Purpose::Payout(payout));
        let attempt = world.attempt(AttemptKind::Act, 100);
        world.ok(Command::SignAttempt { dispatch, attempt });
        if cancel {
            let authority = world.signed(alice);
            world.ok(Command::CancelPayout { request: None, payout, authority });
            let attempt = world.attempt(AttemptKind::Cancel, 200);
            world.ok(Command::SignAttempt { dispatch, attempt });
        }
        let counted = u32::from(kind == AttemptKind::Cancel);
        let sighting = world.sighting(A, counted, success);
        world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(5), depth: DEEP });
        ended.push((payout, state));
    }
    let reader = store_of(&world).reader().expect("opens");
    for (payout, state) in ended {
        let row = reader.payout(payout).expect("readable").expect("held").payout;
        let fee = if state == PayoutState::Committed { row.success_fee } else { row.failure_fee };
        assert_eq!((row.state, row.fee), (state, Some(fee)), "{payout}");
    }
}

#[test]
fn a_reorg_is_seen_in_the_story_of_a_deposit_and_of_a_payout() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 10_000);
    let payout = world.hold(alice, USD_A, 100);
    let dispatch = world.open(HOT_A, Purpose::Payout(payout));
    let attempt = world.attempt(AttemptKind::Act, 100);
    world.ok(Command::SignAttempt { dispatch, attempt });
    let old = world.head(A);
    world.scan(A, 0, 2);
    let key = DepositKey { network: A, tx: world.tx(), locator: Locator::Log(1) };
    let deposit = world.incoming(key.clone(), USD_A, HOT_A, "ALICE", 500);
    world.ok(Command::SeeDeposit { deposit: deposit.clone() });
    let sighting = world.sighting(A, 0, true);
    world.ok(Command::SeeDispatch { dispatch, sighting });
    world.ok(Command::RewindScan { network: A, to: old });

    let mut store = store_of(&world);
    let reader = store.reader().expect("opens");
    let row = reader.deposit(fingerprint(&world, &key)).expect("readable").expect("seen");
    assert_eq!((row.state, row.orphaned), (DepositState::Confirming, true));
    assert_eq!(row.account, Some(alice), "whose it is going to be");
    assert_eq!(reader.payout(payout).expect("readable").expect("held").payout.state, PayoutState::Signed);

    world.scan(A, 9, 4);
    let again = Incoming { block: world.head(A), ..deposit };
    world.credit(again);
    world.feed(&mut store);
    let row = reader.deposit(fingerprint(&world, &key)).expect("readable").expect("seen");
    assert_eq!((row.state, row.orphaned, row.block.height), (DepositState::Credited, false, 104));
    assert_eq!((row.account, row.confirmations), (Some(alice), Some(100)));
    let history = reader.deposit_history(row.fingerprint).expect("readable");
    assert_eq!(words(&history), ["seen", "orphaned", "reblocked", "credited"]);
    let story = reader.payout(payout).expect("readable").expect("held");
    assert_eq!(words(&story.history), ["held", "opened", "signed", "seen", "unseen"]);
    assert_eq!(story.history[4].detail["to"]["height"], 100, "the rewind that did it");
}

#[test]
fn what_a_deep_reorg_takes_is_owed_and_what_lay_in_suspense_is_gone() {
    let mut world = World::new();
    let old = world.head(A);
    world.scan(A, 0, 2);
    let (alice, credited) = world.customer("ALICE", USD_A, 10_000);
    let key = DepositKey { network: A, tx: world.tx(), locator: Locator::Log(1) };
    let mut stranger = world.incoming(key.clone(), USD_A, HOT_A, "ROUTER", 300);
    stranger.from_contract = true;
    world.credit(stranger);
    let request = world.request();
    let to = AccountIx(0);
    let (token, amount) = (USD, Amount::new(4_000 * 1_000_000_000_000));
    world.ok(Command::Move { request, token, from: alice, to, amount, authority: MoveAuthority::Owner });
    world.ok(Command::RewindScan { network: A, to: old });
    world.scan(A, 9, 9);
    let mut store = store_of(&world);
    let reader = store.reader().expect("opens");
    let open = reader.suspense(Some(SuspenseState::Open), &Page::first(9)).expect("readable").items;
    assert_eq!(open.iter().map(|item| item.deposit).collect::<Vec<_>>(), [Some(fingerprint(&world, &key))]);
    for key in [&credited, &key] {
        world.ok(Command::ReverseDeposit { key: key.clone() });
    }
    world.feed(&mut store);
    for key in [&credited, &key] {
        let row = reader.deposit(fingerprint(&world, key)).expect("readable").expect("seen");
        assert_eq!(row.state, DepositState::Reversed);
    }
    assert!(reader.suspense(Some(SuspenseState::Open), &Page::first(9)).expect("readable").items.is_empty());
    assert_eq!(reader.suspense_item(open[0].id).expect("readable").expect("kept").state, SuspenseState::Reversed);
    let account = reader.account(alice).expect("readable").expect("open");
    assert!(account.frozen);
    let books = reader.books(alice).expect("readable");
    assert_eq!(books, [(USD, Book::default(), amount)], "nothing left, and what was moved away is owed");
}

#[test]
fn a_joined_account_s_lists_go_on_under_the_other() {
    let mut world = World::new();
    let (alice, key) = world.customer("ALICE", USD_A, 10_000);
    let payout = world.hold(alice, USD_A, 100);
    world.ok(Command::CancelPayout { request: None, payout, authority: world.signed(alice) });
    let name: Box<str> = world.state.account_name(alice).expect("open").into();
    let shop = AccountIx(1);
    let (request, authority, expiry) = (world.request(), world.signed(shop), world.now.plus_ms(90));
    world.ok(Command::LinkName { request, account: shop, name: name.clone(), authority, nonce: 3, expiry });

    let reader = store_of(&world).reader().expect("opens");
    assert_eq!(reader.account(alice).expect("readable").expect("kept").joined, Some(shop));
    assert_eq!(reader.account_names(shop).expect("readable"), [Box::from("shop"), name]);
    let deposits = all(|page| reader.deposits(&DepositFilter { account: Some(shop), ..Default::default() }, page));
    assert_eq!(deposits.iter().map(|deposit| &deposit.key).collect::<Vec<_>>(), [&key]);
    let payouts =
        all(|page| reader.payouts(&tokengine_store::PayoutFilter { account: Some(shop), ..Default::default() }, page));
    assert_eq!(payouts.iter().map(|payout| payout.id).collect::<Vec<_>>(), [payout]);
    let entry = &reader.history(shop, &Page::first(5)).expect("readable").items[0];
    assert_eq!((entry.kind, entry.reference), (EntryKind::Join, Reference::Account(alice)));
    let old = all(|page| reader.history(alice, page));
    let kinds: Vec<_> = old.iter().map(|entry| entry.kind).collect();
    use EntryKind::*;
    assert_eq!(kinds, [Join, PayoutCancelled, PayoutHeld, Deposit]);
}

#[test]
fn a_transfer_waits_for_its_deposit_and_then_is_its_payout() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 10);
    let key = DepositKey { network: A, tx: world.tx(), locator: Locator::Log(1) };
    let order = world.order(alice, USD_B, 1_000_000_000_000_000);
    let request = world.request();
    world.ok(Command::RequestTransfer { request, network: A, tx: key.tx, order, trace: None });
    let mut store = store_of(&world);
    let reader = store.reader().expect("opens");
    let by_tx = TransferFilter { tx: Some((A, key.tx)), ..TransferFilter::default() };
    let transfer = reader.transfers(&by_tx, &Page::first(1)).expect("readable").items.remove(0);
    assert_eq!((transfer.state, transfer.payout), (TransferState::Waiting, None));
    let claims = ClaimFilter { account: Some(alice), ..ClaimFilter::default() };
    let claim = reader.claims(&claims, &Page::first(1)).expect("readable").items.remove(0);
    assert_eq!((claim.state, claim.tx), (ClaimState::Open, key.tx), "it says that the transaction pays us");

    world.credit(world.incoming(key.clone(), USD_A, HOT_A, "ALICE", 50_000));
    world.ok(Command::HoldTransfer { transfer: transfer.id, deposit: key });
    world.ok(Command::CloseClaim { network: A, tx: claim.tx, outcome: ClaimOutcome::Found });
    world.feed(&mut store);
    let transfer = reader.transfer(transfer.id).expect("readable").expect("asked for");
    assert_eq!(transfer.state, TransferState::Held);
    let payout = reader.payout(transfer.payout.expect("held")).expect("readable").expect("there").payout;
    assert_eq!((payout.transfer, payout.state), (Some(transfer.id), PayoutState::Waiting));
    let claim = reader.claims(&claims, &Page::first(1)).expect("readable").items.remove(0);
    assert_eq!(claim.state, ClaimState::Found);
}

#[test]
fn a_payout_to_a_deposit_address_of_ours_is_an_entry_on_either_side() {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 10_000);
    let shop = AccountIx(1);
    let (address, key) = (address("SHOP"), "path".into());
    let role = Role::Deposit(shop);
    world.ok(Command::ListWallet { request: None, network: A, address: address.clone(), role, key });
    let order = PayoutOrder { destination: address, ..world.order(alice, USD_A, 1_000) };
    let request = world.request();
    world.ok(Command::HoldPayout { request, order, trace: None });
    let reader = store_of(&world).reader().expect("opens");
    let row = reader.payout(PayoutId(1)).expect("readable").expect("settled").payout;
    assert_eq!((row.state, row.received_by, row.held), (PayoutState::Settled, Some(shop), Amount::ZERO));
    let out = &reader.history(alice, &Page::first(1)).expect("readable").items[0];
    let all = row.token_amount.checked_add(row.success_fee).expect("fits");
    assert_eq!((out.kind, out.free_change), (EntryKind::PayoutSettled, Change::down(all)));
    let inward = &reader.history(shop, &Page::first(1)).expect("readable").items[0];
    assert_eq!((inward.kind, inward.free_change), (EntryKind::PayoutReceived, Change::up(row.token_amount)));
    assert_eq!((out.position, out.reference), (inward.position, inward.reference));
}

/// The core keeps an example of every kind of event there is.
#[test]
fn every_kind_of_event_has_a_detail_and_shows_neither_signatures_nor_hashes_of_secrets() {
    let golden = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/golden/events.txt"));
    let golden = golden.expect("the core keeps it");
    let mut records = Vec::new();
    for line in golden.lines() {
        let (_, hex) = line.split_once(' ').expect("a name and its bytes");
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
            .collect();
        records.push(Record::decode(&bytes).expect("it always reads"));
    }
    // Lines of older versions are called by their version too.
    let today = golden.lines().filter(|line| line.split(' ').next().is_some_and(|name| !name.contains('.')));
    assert_eq!(today.count(), Event::KINDS.len());
    // Alone, most of them fit nothing; as audit entries all of them can be shown.
    for record in records {
        let detail = tokengine_store::event_detail(&record.event);
        let detail = detail.as_object().unwrap_or_else(|| panic!("{} is an object", record.event.name()));
        assert!(!detail.is_empty(), "{}", record.event.name());
        for hidden in ["hash", "raw", "signature", "digest", "nonce_secret"] {
            assert!(!detail.contains_key(hidden), "{} shows {hidden}", record.event.name());
        }
        let text = serde_json::to_string(detail).expect("plain");
        assert!(!text.contains(&"1e".repeat(32)), "the hash of a key's secret");
        assert!(!text.contains(&"13".repeat(65)), "a signature's bytes");
    }
}
