//! After a restore: what the journal does not have is found on the network before anything new is signed.

use std::path::Path;

use tokengine_core::*;

use crate::world::*;

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

#[test]
fn a_payout_that_a_restored_journal_does_not_have_is_adopted_and_not_paid_again() {
    let mut world = World::new();
    let alice = world.funded();
    world.stop_workers();
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.close();
    let backup = tempfile::tempdir().expect("a folder");
    copy(world.folder.path(), backup.path());
    // The payout happens, and then the disk is lost.
    world.open();
    world.start_workers();
    world.until_ended(payout);
    world.close();
    world.folder = backup;
    world.open();
    assert!(world.look(move |state| state.payout(payout).is_some()), "the backup was made before it was paid");
    world.start_workers();
    world.until("it searches", |state| state.recovery().is_some());
    world.anvil.mine(8).expect("mined");
    world.until_ended(payout);
    world.until("the search has ended", |state| state.recovery().is_none());
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
    assert_eq!(world.free(&alice, USD), 1_000_000_000 - 1_000 - 10);
    let again = world.withdraw(&alice, USD, 2_000, &World::nobody(2));
    world.until_ended(again);
    world.books_balance();
}

#[test]
fn f3_a_foreign_use_of_our_key_freezes_the_wallet() {
    let mut world = World::new();
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    world.anvil.impersonate(&hot).expect("impersonated");
    let thief = World::nobody(6);
    let hash = world.anvil.send(&hot, &thief, ETHER).expect("sent");
    world.anvil.wait_success(&hash).expect("stolen");
    world.until("the wallet is frozen", |state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some()));
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.anvil.mine(8).expect("mined");
    world.until("the loss is booked", |state| state.wallet(HOT).is_some_and(|wallet| wallet.next_nonce == Some(1)));
    world.until("it waits", move |state| {
        state.payout(payout).is_some_and(|row| row.stage == PayoutStage::Waiting(Wait::Paused))
    });
    assert_eq!(world.anvil.nonce(&hot, "latest").expect("a nonce"), 1, "nothing was signed");
    world.books_balance();
    world.ok(Command::ThawWallet { wallet: HOT, reason: "the key was found".into() });
    world.until_ended(payout);
}

/// A payout of 1,000 to nobody(1) waits in the pool; then the same nonce is used by what `foreign` says, and is final.
fn nonce_taken_by(foreign: impl FnOnce(&World) -> serde_json::Value) -> (World, PayoutId) {
    let mut world = World::new();
    let alice = world.funded();
    let hot = world.wallet_address(HOT);
    world.anvil.set_automine(false).expect("set");
    let payout = world.withdraw(&alice, USD, 1_000, &World::nobody(1));
    world.until("it is sent", |state| state.dispatches().any(|(_, d)| d.attempts.iter().any(|a| a.sent_at.is_some())));
    world.anvil.impersonate(&hot).expect("impersonated");
    let mut transaction = foreign(&world);
    for (field, value) in [
        ("from", hot.as_str()),
        ("nonce", "0x0"),
        ("gas", "0x30d40"),
        ("maxFeePerGas", "0x174876e800"),
        ("maxPriorityFeePerGas", "0x174876e800"),
    ] {
        transaction[field] = value.into();
    }
    let hash = world.anvil.send_transaction(transaction).expect("sent");
    world.anvil.mine(8).expect("mined");
    world.anvil.set_automine(true).expect("set");
    world.anvil.wait_success(&hash).expect("it took the nonce");
    world.until("the wallet is frozen", |state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some()));
    (world, payout)
}

#[test]
fn e11_a_payout_whose_nonce_is_proven_to_be_used_by_another_is_paid_with_a_new_one() {
    let (world, payout) = nonce_taken_by(|_| serde_json::json!({"to": World::nobody(6), "value": "0x1"}));
    world.until("it waits again", move |state| {
        state.payout(payout).is_some_and(|row| matches!(row.stage, PayoutStage::Waiting(_)))
    });
    world.ok(Command::ThawWallet { wallet: HOT, reason: "the key was found".into() });
    world.until_ended(payout);
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000);
    world.books_balance();
}

#[test]
fn a_nonce_used_elsewhere_for_the_very_same_payment_is_that_payment_and_a_person_is_called() {
    let (world, payout) = nonce_taken_by(|world| {
        let to = World::nobody(1);
        let args = [tokengine_testkit::Arg::from(&to), tokengine_testkit::Arg::Uint(1_000)];
        let data = world.artifact.call("transfer(address,uint256)", &args).expect("encoded");
        serde_json::json!({"to": world.token, "data": data})
    });
    world.until_ended(payout);
    assert!(world.look(|state| state.wallet(HOT).is_some_and(|wallet| wallet.frozen.is_some())), "a person is called");
    world.ok(Command::ThawWallet { wallet: HOT, reason: "it was ours".into() });
    world.books_balance();
    assert_eq!(world.anvil.erc20_balance(&world.token, &World::nobody(1)).expect("a balance"), 1_000, "paid once");
}
